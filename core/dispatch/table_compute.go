package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
)

// cloudKinds are what any call to a cloud may answer.
func cloudKinds(more ...spec.Kind) []spec.Kind {
	return append(more, spec.KindUnauthorized, spec.KindForbidden, spec.KindRateLimited, spec.KindProvider, spec.KindTransport, spec.KindPlugin)
}

const exampleCompute = `{"id":"7h9k2m4n6p","provider":"runpod","status":"running","native_status":"RUNNING","name":"atlas-5f3a…","request_id":"5f3a…","gpu_type":"rtx_4090","gpu_native":"NVIDIA GeForce RTX 4090","gpu_count":1,"cost_per_hour":0.44,"cloud_type":"secure","region":"US-KS-2","image":"ghcr.io/me/server:1","ports":[{"internal":8000,"protocol":"http","url":"https://7h9k2m4n6p-8000.proxy.runpod.net"}],"created_at":"2026-06-01T12:00:00Z"}`

func addCompute(t *Table, s *Services) {
	add(t, "compute.spawn", Doc{
		Summary: "Rents one machine.",
		Text: "Candidates are the GPUs in order and, for each, the cloud's tiers: secure, then community. The next one is tried after kind capacity, or forbidden, which a cloud may say of one kind of machine alone; of several clouds the next is asked also where one is busy or broken, or has a wrong key or no credit. " +
			"A create whose answer was lost is looked up before anything is sent again; where that decides nothing, the error has unknown_outcome and its hint names the machine. " +
			"A call cancelled in the middle gives back the machine it may have rented. " +
			"Kind budget: max_price_per_hour or bid_per_hour alone is in the way, and the message says the least that would do; where something within it was not to be had either, the kind is capacity and the message says both.",
		Errors: cloudKinds(spec.KindCapacity, spec.KindFunds, spec.KindBudget, spec.KindUnsupported),
		Params: `{"provider":"runpod","gpu":["h100","a100_80g"],"image":"ghcr.io/me/server:1","ports":[{"internal":8000,"protocol":"http"}],"auth":"bearer"}`,
		Result: `{"id":"7h9k2m4n6p","provider":"runpod","status":"provisioning","name":"atlas-5f3a…","request_id":"5f3a…","gpu_type":"h100","gpu_native":"NVIDIA H100 80GB HBM3","gpu_count":1,"ports":[{"internal":8000,"protocol":"http"}],"auth":{"scheme":"bearer","token":"kX9fP…","hash":"4c1…","header":"Authorization: Bearer kX9fP…"},"attempts":[{"gpu":"h100","gpu_native":"NVIDIA H100 80GB HBM3","cloud_type":"secure","request_id":"5f3a…","outcome":"rented"}]}`,
	}, s.spawn)
	add(t, "compute.get", Doc{
		Summary: "Tells the state of one machine.",
		Errors:  cloudKinds(spec.KindNotFound),
		Params:  `{"provider":"runpod","id":"7h9k2m4n6p"}`,
		Result:  exampleCompute,
	}, func(ctx context.Context, p *compute.IDParams) (*spec.Compute, error) { return s.Compute.Get(ctx, p) })
	add(t, "compute.list", Doc{
		Summary: "Lists the account's machines.",
		Text:    "Filters are applied to the normalized answer, so they work alike on every cloud.",
		Errors:  cloudKinds(),
		Params:  `{"provider":"runpod","status":"running"}`,
		Result:  `{"items":[` + exampleCompute + `]}`,
	}, func(ctx context.Context, p *compute.ListParams) (*spec.ComputeList, error) {
		return s.Compute.List(ctx, p)
	})
	add(t, "compute.stop", Doc{
		Ends:    true,
		Summary: "Pauses a machine: its GPUs are given back, its volume is kept and goes on costing.",
		Errors:  cloudKinds(spec.KindNotFound, spec.KindConflict, spec.KindUnsupported),
		Params:  `{"provider":"runpod","id":"7h9k2m4n6p"}`,
		Result:  `{"id":"7h9k2m4n6p","provider":"runpod","status":"stopped","gpu_count":1,"ports":[]}`,
	}, func(ctx context.Context, p *compute.IDParams) (*spec.Compute, error) { return s.Compute.Stop(ctx, p) })
	add(t, "compute.start", Doc{
		Summary: "Resumes a stopped machine.",
		Text:    "Kind capacity: its place has no free GPUs now. Kind funds: the account that let it stop for want of money has none yet.",
		Errors:  cloudKinds(spec.KindNotFound, spec.KindConflict, spec.KindCapacity, spec.KindFunds, spec.KindUnsupported),
		Params:  `{"provider":"runpod","id":"7h9k2m4n6p"}`,
		Result:  `{"id":"7h9k2m4n6p","provider":"runpod","status":"provisioning","gpu_count":1,"ports":[]}`,
	}, func(ctx context.Context, p *compute.IDParams) (*spec.Compute, error) { return s.Compute.Start(ctx, p) })
	add(t, "compute.terminate", Doc{
		Ends:    true,
		Summary: "Gives a machine back.",
		Text: "A machine that is not there is given back already: that is success, and found is false. It is false of an identifier that was never this account's, too: " +
			"look at it where the id, the provider or the key may be wrong. compute.list shows what the account has.",
		Errors: cloudKinds(spec.KindConflict),
		Params: `{"provider":"runpod","id":"7h9k2m4n6p"}`,
		Result: `{"id":"7h9k2m4n6p","provider":"runpod","status":"terminated","gpu_count":0,"ports":[],"found":true}`,
	}, func(ctx context.Context, p *compute.IDParams) (*compute.Terminated, error) {
		return s.Compute.Terminate(ctx, p)
	})
	add(t, "compute.await_ready", Doc{
		Summary: "Waits until a machine runs, its ports are known and, with a probe, its service answers.",
		Text: "A machine that failed, was stopped or is gone ends the wait at once, with kind provider, conflict or not_found. " +
			"Where this client has neither seen nor rented the machine, its cloud's word that there is none counts only once a new machine would show, some 5 to 15 seconds later: another process may have rented it just now. " +
			"When the time is up the error is of kind timeout and the machine is left as it is.",
		Errors: cloudKinds(spec.KindNotFound, spec.KindConflict),
		Params: `{"provider":"runpod","id":"7h9k2m4n6p","timeout_ms":600000,"probe":{"port":8000,"path":"/health"}}`,
		Result: exampleCompute,
	}, func(ctx context.Context, p *compute.AwaitParams) (*spec.Compute, error) {
		return s.Compute.AwaitReady(ctx, p)
	})
	add(t, "compute.logs", Doc{
		Summary: "Reads a machine's log.",
		Text:    "Pass the cursor of a page to read on without loss or repetition.",
		Errors:  cloudKinds(spec.KindNotFound, spec.KindUnsupported),
		Params:  `{"provider":"runpod","id":"7h9k2m4n6p","tail":100}`,
		Result:  `{"lines":[{"time":"2026-06-01T12:02:03Z","source":"container","line":"Model loaded."}],"cursor":"2026-06-01T12:02:03Z/000000000001"}`,
	}, func(ctx context.Context, p *compute.LogsParams) (*spec.LogsPage, error) {
		return s.Compute.Logs(ctx, p)
	})
	add(t, "compute.bill", Doc{
		Summary: "Tells what the cloud has charged for a machine.",
		Text:    "The cloud's own bill, which may lag behind by hours; orchestrator.get tells what a session has cost by its price and time until now.",
		Errors:  cloudKinds(spec.KindUnsupported),
		Params:  `{"provider":"runpod","id":"7h9k2m4n6p","from":"2026-06-01T00:00:00Z"}`,
		Result:  `{"amount_usd":12.34,"from":"2026-06-01T00:00:00Z","to":"2026-06-02T00:00:00Z"}`,
	}, func(ctx context.Context, p *compute.BillParams) (*spec.Bill, error) { return s.Compute.Bill(ctx, p) })
}

func (s *Services) spawn(ctx context.Context, p *compute.SpawnParams) (*compute.Spawned, error) {
	return s.Compute.Spawn(ctx, p)
}
