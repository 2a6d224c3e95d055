package fly

import (
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// phase is what was last done to a machine; its state follows from that and from
// the time.
type phase uint8

const (
	phaseHeld      phase = iota // created, and not launched
	phaseUp                     // launched or started
	phaseStuck                  // starting for ever
	phaseDown                   // stopped
	phaseSuspended              //
	phaseFailed                 //
	phaseGone                   // destroyed
)

// machine is one machine.
type machine struct {
	id, name, region string
	instance         string // its version
	ip               string
	seq              int64
	app              *app
	config           []byte // as answers have it
	overview         []byte // the part of it that an organization's listing has
	image            string
	metadata         map[string]string
	env              map[string]string
	services         []service
	size             size
	volumes          []*volume
	claim            simkit.Claim

	phase       phase
	created     time.Time // end of created
	settled     time.Time // end of starting, stopping or destroying
	createdAt   time.Time
	updatedAt   time.Time
	events      []event // newest last
	unreachable bool    // its host does not answer
	lease       lease
}

// service is one service of a machine.
type service struct {
	internal string
	ports    []string
}

// event is one line of a machine's history.
type event struct {
	id, kind, status, source string
	at                       time.Time
}

// state derives the state at an instant.
func (m *machine) state(now time.Time) string {
	before := now.Before(m.settled)
	switch m.phase {
	case phaseHeld:
		return "created"
	case phaseStuck:
		return "starting"
	case phaseDown:
		if before {
			return "stopping"
		}
		return "stopped"
	case phaseSuspended:
		return "suspended"
	case phaseFailed:
		return "failed"
	case phaseGone:
		if before {
			return "destroying"
		}
		return "destroyed"
	}
	switch {
	case now.Before(m.created):
		return "created"
	case before:
		return "starting"
	}
	return "started"
}

// append appends the machine's JSON. Answers about a machine whose host does not
// answer have no config.
func (m *machine) append(b []byte, now time.Time) []byte {
	b = m.appendHead(b, now)
	b = append(append(b, `,"image_ref":{"registry":"registry-1.docker.io","repository":`...), simkit.AppendString(nil, m.image)...)
	b = append(b, `,"tag":"latest","digest":"sha256:0","labels":{}},"config":`...)
	if m.unreachable {
		b = append(append(b, `null,"incomplete_config":`...), m.overview...)
		b = append(b, `,"host_status":"unreachable","events":[`...)
	} else {
		b = append(append(b, m.config...), `,"host_status":"ok","events":[`...)
	}
	list := m.events
	if m.phase == phaseUp && m.state(now) == "started" {
		list = append(list[:len(list):len(list)], event{id: m.instance + "-up", kind: "start", status: "started", source: "flyd", at: m.settled})
	}
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		b = append(append(b, `{"id":"`...), e.id...)
		b = append(append(b, `","type":"`...), e.kind...)
		b = append(append(b, `","status":"`...), e.status...)
		b = append(append(b, `","source":"`...), e.source...)
		b = simkit.AppendInt(append(b, `","timestamp":`...), e.at.UnixMilli())
		b = append(b, '}')
		if i > 0 {
			b = append(b, ',')
		}
	}
	return append(b, "]}"...)
}

// appendHead appends what every view has, and leaves the object open.
func (m *machine) appendHead(b []byte, now time.Time) []byte {
	b = append(append(b, `{"id":"`...), m.id...)
	b = simkit.AppendString(append(b, `","name":`...), m.name)
	b = append(append(b, `,"state":"`...), m.state(now)...)
	b = append(append(b, `","region":"`...), m.region...)
	b = append(append(b, `","instance_id":"`...), m.instance...)
	b = append(append(b, `","version":"`...), m.instance...)
	b = append(append(b, `","private_ip":"`...), m.ip...)
	b = simkit.AppendTime(append(b, `","created_at":`...), m.createdAt)
	return simkit.AppendTime(append(b, `,"updated_at":`...), m.updatedAt)
}

// appendOverview appends the machine as an organization's listing has it.
func (m *machine) appendOverview(b []byte, now time.Time) []byte {
	b = m.appendHead(b, now)
	b = append(append(b, `,"app_name":"`...), m.app.name...)
	b = append(append(b, `","config":`...), m.overview...)
	return append(b, '}')
}

// fix encodes the config. In answers autostop is a boolean, or a word for
// suspend.
func (m *machine) fix(config *fastjson.Value) {
	var arena fastjson.Arena
	for _, s := range config.GetArray("services") {
		switch textOf(s, "autostop") {
		case "off":
			s.Set("autostop", arena.NewFalse())
		case "stop":
			s.Set("autostop", arena.NewTrue())
		}
	}
	guest := arena.NewObject()
	guest.Set("cpu_kind", arena.NewString(m.size.kind))
	guest.Set("cpus", arena.NewNumberInt(m.size.cpus))
	guest.Set("memory_mb", arena.NewNumberInt(m.size.memory))
	config.Del("size")
	config.Set("guest", guest)
	m.config = config.MarshalTo(nil)
	overview := arena.NewObject()
	overview.Set("image", arena.NewString(m.image))
	overview.Set("guest", guest)
	if metadata := config.Get("metadata"); metadata != nil {
		overview.Set("metadata", metadata)
	}
	m.overview = overview.MarshalTo(nil)
}

// note adds a line to the history.
func (m *machine) note(kind, status string, now time.Time) {
	m.updatedAt = now
	m.events = append(m.events, event{id: m.instance + "-" + padded(int64(len(m.events)), 2), kind: kind, status: status, source: "user", at: now})
}
