package orchestrator

import (
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
)

// OnExit tells what becomes of a session's machine when the client is closed.
type OnExit string

// What may become of it. A process that dies without closing leaves it alone.
const (
	Keep      OnExit = "keep"
	Stop      OnExit = "stop"
	Terminate OnExit = "terminate"
)

// SpawnParams asks for a session: a machine and how long it is to be kept.
type SpawnParams struct {
	compute.SpawnParams
	UserID         string            `json:"user_id" maxlen:"256" doc:"Whom the session is for; orchestrator.list filters by it."`
	Tags           map[string]string `json:"tags" doc:"Words of the caller's own, kept with the session."`
	IdleTTLMS      *int64            `json:"idle_ttl_ms" min:"0" max:"31536000000" default:"1800000" doc:"The session ends when it was not touched for so long, ms. 0: never."`
	MaxLifetimeMS  int64             `json:"max_lifetime_ms" min:"0" max:"31536000000" default:"0" doc:"The session ends so long after its machine was rented, ms. 0: never. Waiting for capacity does not count."`
	ReadyTimeoutMS *int64            `json:"ready_timeout_ms" min:"0" max:"86400000" default:"900000" doc:"The session ends when its machine is not ready so long after it was rented, ms. 0: never."`
	MaxCost        float64           `json:"max_cost" min:"0.000001" doc:"The session ends when it has cost so much, USD; absent, and not 0, for no limit. Needs a cloud that tells its price."`
	OnExit         OnExit            `json:"on_exit" enum:"keep,stop,terminate" default:"keep" doc:"What becomes of the machine when the client is closed. A process that dies leaves it to the next one."`
}

// SessionParams names a session.
type SessionParams struct {
	ID         string `json:"id" required:"true" minlen:"1" maxlen:"256" doc:"Identifier of the session, or of its machine."`
	Credential bool   `json:"credential" doc:"Answers the machine's credential in auth, where it has one; an error where it cannot be made again."`
}

// TouchParams tells of activity.
type TouchParams struct {
	ID []string `json:"id" required:"true" maxlen:"10000" single:"true" doc:"Identifier of the session or of its machine, or a list of them."`
}

// Touched is the result of orchestrator.touch.
type Touched struct {
	At      string   `json:"touched_at" doc:"The activity's time, RFC 3339 UTC."`
	Missing []string `json:"missing,omitempty" doc:"Identifiers of a list that are no living sessions."`
}

// StopParams ends a session.
type StopParams struct {
	ID     string `json:"id" required:"true" minlen:"1" maxlen:"256" doc:"Identifier of the session, or of its machine."`
	WaitMS *int64 `json:"wait_ms" min:"0" max:"3600000" default:"60000" doc:"How long to wait until the cloud says that the machine is gone, ms. The session ends all the same when it passes."`
	Forget bool   `json:"forget" doc:"Ends the session in the store without the cloud's word that its machine is gone. Only of one that is ending already, that cannot be read, or whose machine no credential of now shows."`
}

// ListParams filters sessions.
type ListParams struct {
	State  []string `json:"state" single:"true" enum:"intended,live,ending,ended" doc:"States to list. Default: all but ended."`
	UserID string   `json:"user_id" doc:"Sessions of this user."`
	After  string   `json:"after" doc:"Continues after this identifier: next of an earlier page."`
	Limit  int      `json:"limit" min:"1" max:"10000" default:"1000" doc:"Sessions of one page."`
}

// SessionList is a page of sessions in the order of their identifiers.
type SessionList struct {
	Items []Session `json:"items"`
	Next  string    `json:"next,omitempty" doc:"Pass it as after for the next page; absent on the last one."`
}

// Session is one tracked machine.
type Session struct {
	ID            string            `json:"id" doc:"Identifier of the session."`
	State         string            `json:"state" enum:"intended,live,ending,ended" doc:"intended: being rented. live: there is a machine. ending: it is being given back. ended: the cloud said that it is gone, or the session was forgotten."`
	Topic         string            `json:"topic,omitempty" doc:"Topic of its events, compute:<machine id>; absent until the machine is known."`
	Compute       *spec.Compute     `json:"compute,omitempty" doc:"The machine as it was last seen."`
	Auth          *spec.Auth        `json:"auth,omitempty" doc:"Its credential, on the answer of spawn and where asked for."`
	UserID        string            `json:"user_id,omitempty" doc:"Whom it is for."`
	Tags          map[string]string `json:"tags,omitempty" doc:"The caller's words."`
	IdleTTLMS     int64             `json:"idle_ttl_ms" doc:"Idle time after which it ends, ms; 0 never."`
	MaxLifetimeMS int64             `json:"max_lifetime_ms" doc:"Age at which it ends, ms; 0 never."`
	MaxCost       float64           `json:"max_cost,omitempty" doc:"Cost at which it ends, USD."`
	OnExit        OnExit            `json:"on_exit" enum:"keep,stop,terminate" doc:"What becomes of the machine when the client is closed."`
	CreatedAt     string            `json:"created_at" doc:"When it began, RFC 3339 UTC."`
	TouchedAt     string            `json:"touched_at" doc:"Last activity, RFC 3339 UTC."`
	ReadyAt       string            `json:"ready_at,omitempty" doc:"When the machine became ready."`
	EndsAt        string            `json:"ends_at,omitempty" doc:"When it ends if nothing touches it, as far as that is known."`
	EndedAt       string            `json:"ended_at,omitempty" doc:"When the cloud said that the machine is gone, or the session was forgotten."`
	Reason        string            `json:"reason,omitempty" doc:"Why it ended or is ending: idle_timeout, max_lifetime, cost_cap, never_ready, stopped, shutdown, vanished, preempted, failed, not_rented, forgotten."`
	Error         *spec.Error       `json:"error,omitempty" doc:"What went wrong last, such as a terminate the cloud refuses."`
	Spent         *float64          `json:"spent,omitempty" doc:"What it has cost until now in USD, from price and time, and never less than billed."`
	Billed        *float64          `json:"billed,omitempty" doc:"What the cloud had charged when it was last asked, USD: every cost event of a session with max_cost, and some minutes after the end of any. Absent where the cloud tells no bill of a machine."`
	Attempts      []compute.Attempt `json:"attempts,omitempty" doc:"What was tried to rent it; on the answer of spawn."`
}
