package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// quiet is a world in which nothing is wrong: one session that lives, one that
// went idle in its time, one whose end was asked for.
func quiet() (l *ledger, machines map[string]bool, stored map[string]session, told map[string][]event) {
	l, stored, told = newLedger(), map[string]session{}, map[string][]event{}
	machines = map[string]bool{"m1": true}
	start := time.Now()
	put := func(id, machine, state string, k known, reason string) {
		k.ID, k.Machine, k.Topic, k.touched = id, machine, "compute:"+machine, start
		l.add(&k)
		s := session{ID: id, State: state, Topic: k.Topic}
		s.Compute = &struct {
			ID string `json:"id"`
		}{machine}
		stored[id] = s
		names := []string{"provisioning", "status"}
		if reason != "" {
			names = append(names, "terminating", "terminated")
		}
		for i, name := range names {
			e := event{Topic: k.Topic, Seq: uint64(i + 1), Name: name, Time: start.Add(time.Minute)}
			if name == "terminating" {
				e.Data, _ = json.Marshal(map[string]string{"reason": reason}) // of strings: cannot fail
			}
			told[k.Topic] = append(told[k.Topic], e)
			l.saw(e)
		}
	}
	put("live", "m1", "live", known{TTL: time.Hour}, "")
	put("idle", "m2", "ended", known{TTL: time.Minute}, "idle_timeout")
	put("asked", "m3", "ended", known{asked: true}, "stopped")
	return l, machines, stored, told
}

func TestAudit_IsSilentWhenNothingIsWrong(t *testing.T) {
	if c := audited(func(*ledger, map[string]bool, map[string]session, map[string][]event) {}); !c.clean() {
		t.Fatalf("%+v", c)
	}
}

func audited(wrong func(*ledger, map[string]bool, map[string]session, map[string][]event)) counts {
	l, machines, stored, told := quiet()
	wrong(l, machines, stored, told)
	return l.audit(machines, stored, told)
}

func TestAudit_FindsEachKindOfHarm(t *testing.T) {
	type world = func(*ledger, map[string]bool, map[string]session, map[string][]event)
	for name, c := range map[string]struct {
		wrong world
		want  counts
	}{
		"a machine that nobody holds":   {func(_ *ledger, m map[string]bool, _ map[string]session, _ map[string][]event) { m["m9"] = true }, counts{Leaked: 1}},
		"a machine of an ended session": {func(_ *ledger, m map[string]bool, _ map[string]session, _ map[string][]event) { m["m2"] = true }, counts{Leaked: 1}},
		"a session without its machine": {func(_ *ledger, m map[string]bool, _ map[string]session, _ map[string][]event) { delete(m, "m1") }, counts{KilledLive: 1}},
		"two sessions of one machine":   {func(_ *ledger, _ map[string]bool, s map[string]session, _ map[string][]event) { s["other"] = s["live"] }, counts{Doubled: 1}},
		"a session that is forgotten":   {func(_ *ledger, _ map[string]bool, s map[string]session, _ map[string][]event) { delete(s, "idle") }, counts{LostEvents: 1}},
		"an idle end before its time": {func(l *ledger, _ map[string]bool, _ map[string]session, _ map[string][]event) {
			l.touched(l.sessions["idle"], time.Now().Add(2*time.Second))
		}, counts{KilledLive: 1}},
		"an end that nobody asked for": {func(l *ledger, _ map[string]bool, _ map[string]session, _ map[string][]event) {
			l.sessions["asked"].asked = false
		}, counts{KilledLive: 1}},
		"a gap between events": {func(_ *ledger, _ map[string]bool, _ map[string]session, t map[string][]event) {
			t["compute:m1"] = t["compute:m1"][1:]
		}, counts{LostEvents: 1}},
		"an event that was seen and is gone": {func(l *ledger, _ map[string]bool, _ map[string]session, _ map[string][]event) {
			l.saw(event{Topic: "compute:m1", Seq: 3, Name: "heartbeat"})
		}, counts{LostEvents: 1}},
		"two events under one number": {func(l *ledger, _ map[string]bool, _ map[string]session, _ map[string][]event) {
			l.saw(event{Topic: "compute:m1", Seq: 2, Name: "ready"})
			l.saw(event{Topic: "compute:m1", Seq: 2, Name: "status"})
		}, counts{LostEvents: 2}},
		"two ends": {func(_ *ledger, _ map[string]bool, _ map[string]session, t map[string][]event) {
			t["compute:m3"] = append(t["compute:m3"], event{Seq: 5, Name: "terminated"})
		}, counts{LostEvents: 1}},
	} {
		got := audited(c.wrong)
		why := got.Why
		got.Why = nil
		if got.Leaked != c.want.Leaked || got.KilledLive != c.want.KilledLive || got.Doubled != c.want.Doubled || got.LostEvents != c.want.LostEvents {
			t.Errorf("%s: %+v %q", name, got, why)
		}
	}
}
