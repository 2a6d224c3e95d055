package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
)

// Orchestrator is core/orchestrator's service.
type Orchestrator interface {
	Spawn(context.Context, *orchestrator.SpawnParams) (*orchestrator.Session, error)
	Touch(context.Context, *orchestrator.TouchParams) (*orchestrator.Touched, error)
	Get(context.Context, *orchestrator.SessionParams) (*orchestrator.Session, error)
	List(context.Context, *orchestrator.ListParams) (*orchestrator.SessionList, error)
	Stop(context.Context, *orchestrator.StopParams) (*orchestrator.Session, error)
	Reap(context.Context, *orchestrator.ReapParams) (*orchestrator.ReapReport, error)
	Shutdown(context.Context, *orchestrator.ShutdownParams) (*orchestrator.Shutdown, error)
}

const exampleSession = `{"id":"ses-4f0c…","state":"live","topic":"compute:7h9k2m4n6p","compute":` + exampleCompute + `,"user_id":"u-1","idle_ttl_ms":900000,"max_lifetime_ms":0,"on_exit":"keep","created_at":"2026-06-01T12:00:00.000Z","touched_at":"2026-06-01T12:00:09.000Z","ends_at":"2026-06-01T12:15:09.000Z","spent":0.001}`

func addOrchestrator(t *Table, s *Services) {
	add(t, "orchestrator.spawn", Doc{
		Summary: "Rents a machine as a session that is given back by itself.",
		Text: "What is about to be rented is written into the store before the create is sent, so a crash at any moment leaves nothing that bills for ever: the next process that opens the store adopts the machine. " +
			"The session ends when it was not touched for idle_ttl_ms, at max_lifetime_ms, at max_cost, when its machine does not become ready in ready_timeout_ms, or by orchestrator.stop. " +
			"api_key is refused here: a session outlives the process, and credentials are never stored. An application with a key for each customer names them in providers.runpod.accounts and rents at runpod:acme. " +
			"Its events are on the topic compute:<machine id> from number 1 on, in the store: provisioning, status, ready, heartbeat, cost, adopted, taken_over, preempted, vanished, terminating, terminate_failed, terminated. docs/sessions.md tells all.",
		Errors: cloudKinds(spec.KindCapacity, spec.KindFunds, spec.KindBudget, spec.KindUnsupported, spec.KindConflict),
		Params: `{"provider":"runpod","gpu":"rtx_4090","image":"ghcr.io/me/server:1","ports":[{"internal":8000,"protocol":"http"}],"auth":"bearer","user_id":"u-1","idle_ttl_ms":900000}`,
		Result: exampleSession,
	}, func(ctx context.Context, p *orchestrator.SpawnParams) (*orchestrator.Session, error) {
		return s.Orchestrator.Spawn(ctx, p)
	})
	add(t, "orchestrator.touch", Doc{
		Summary: "Tells that a session is in use: its idle time starts anew.",
		Text:    "Cheap: call it as often as something happens. A session of another process on the same store can be touched too. Of a single session that does not live any more it is an error, conflict or not_found; of a list, missing names them.",
		Errors:  []spec.Kind{spec.KindNotFound, spec.KindConflict},
		Params:  `{"id":"7h9k2m4n6p"}`,
		Result:  `{"touched_at":"2026-06-01T12:00:09.000Z"}`,
	}, func(ctx context.Context, p *orchestrator.TouchParams) (*orchestrator.Touched, error) {
		return s.Orchestrator.Touch(ctx, p)
	})
	add(t, "orchestrator.get", Doc{
		Summary: "Tells of one session, whichever process watches over it.",
		Text:    "With credential, auth holds the machine's credential again: it is made from the session's identifier and the store's key, and was never stored. Where that key is another one now, the kind is conflict.",
		Errors:  []spec.Kind{spec.KindNotFound, spec.KindConflict},
		Params:  `{"id":"7h9k2m4n6p"}`,
		Result:  exampleSession,
	}, func(ctx context.Context, p *orchestrator.SessionParams) (*orchestrator.Session, error) {
		return s.Orchestrator.Get(ctx, p)
	})
	add(t, "orchestrator.list", Doc{
		Summary: "Lists the sessions of the store.",
		Errors:  []spec.Kind{},
		Params:  `{"user_id":"u-1"}`,
		Result:  `{"items":[` + exampleSession + `]}`,
	}, func(ctx context.Context, p *orchestrator.ListParams) (*orchestrator.SessionList, error) {
		return s.Orchestrator.List(ctx, p)
	})
	add(t, "orchestrator.stop", Doc{
		Ends:    true,
		Summary: "Ends a session and gives its machine back, whichever process watches over it.",
		Text: "Waits until the cloud says that the machine is gone, at most wait_ms; state tells how far it came. The end is written down before the answer, so it happens even if this process dies. " +
			"With forget, a session whose machine cannot be given back ends at once, in the store alone, with the reason forgotten: the machine may go on costing, and its last event says confirmed: false. It is refused, kind conflict, while the machine can be given back; stop such a session first. A forgotten machine that a later credential shows under this store's mark is given back by the reaper.",
		Errors: []spec.Kind{spec.KindNotFound, spec.KindConflict},
		Params: `{"id":"7h9k2m4n6p"}`,
		Result: `{"id":"ses-4f0c…","state":"ended","reason":"stopped","ended_at":"2026-06-01T12:20:01.000Z","idle_ttl_ms":900000,"max_lifetime_ms":0,"on_exit":"keep","created_at":"2026-06-01T12:00:00.000Z","touched_at":"2026-06-01T12:00:09.000Z"}`,
	}, func(ctx context.Context, p *orchestrator.StopParams) (*orchestrator.Session, error) {
		return s.Orchestrator.Stop(ctx, p)
	})
	add(t, "orchestrator.reap", Doc{
		Ends:    true,
		Summary: "Gives machines back that sessions rented and no session holds.",
		Text:    "It runs by itself too, one process for each account. A machine is touched only if its name or request id carries this store's mark, or name_prefix as given; never while something cannot be told.",
		Errors:  cloudKinds(),
		Params:  `{"provider":"runpod","dry_run":true}`,
		Result:  `{"items":[{"provider":"runpod","dry_run":true,"listed":3,"owned":1,"young":0,"reaped":[{"id":"9x8…","name":"atlas-k3f9qa5f3a…","status":"running"}],"failed":[]}]}`,
	}, func(ctx context.Context, p *orchestrator.ReapParams) (*orchestrator.ReapReport, error) {
		return s.Orchestrator.Reap(ctx, p)
	})
	add(t, "orchestrator.shutdown", Doc{
		Ends:    true,
		Summary: "Does what on_exit says of this process's sessions, before the client is closed, and tells which are left.",
		Text:    "Closing the client does the same in the time it is given. What is left is ended by the next process that opens the store.",
		Errors:  []spec.Kind{},
		Params:  `{"timeout_ms":60000}`,
		Result:  `{"ended":12,"left":[]}`,
	}, func(ctx context.Context, p *orchestrator.ShutdownParams) (*orchestrator.Shutdown, error) {
		return s.Orchestrator.Shutdown(ctx, p)
	})
}
