package sdk

import "github.com/exatlas/atlas/core/spec"

// Env is what a call of an operation runs with.
type Env struct {
	HTTP       Doer
	URLs       URLs
	IncludeRaw bool              // whether answers keep the cloud's own JSON, with secrets redacted
	Config     map[string]string // the operator's settings of the provider, never a credential
}

// URLs are the manifest's addresses after the operator's settings. There are a
// handful, so they are a list.
type URLs []spec.NamedURL

// Get returns the address of that name without a slash at its end, "" where the
// host gave none.
func (u URLs) Get(name string) string {
	for i := range u {
		if u[i].Name == name {
			text := u[i].URL
			for len(text) > 0 && text[len(text)-1] == '/' {
				text = text[:len(text)-1]
			}
			return text
		}
	}
	return ""
}

// Provider is one cloud. A nil function is an operation it lacks. Stop, Start
// and Terminate may return nil where the cloud does not answer with the compute.
// A Provider is not changed after it is built, and serves many calls at once.
type Provider struct {
	Manifest     func() spec.Manifest
	Spawn        func(Env, *spec.SpawnRequest) (*spec.Compute, *spec.Error)
	Get          func(Env, *spec.IDRequest) (*spec.Compute, *spec.Error)
	List         func(Env, *spec.ListRequest) (*spec.ComputePage, *spec.Error)
	Find         func(Env, *spec.FindRequest) (*spec.ComputePage, *spec.Error)
	Stop         func(Env, *spec.IDRequest) (*spec.Compute, *spec.Error)
	Start        func(Env, *spec.IDRequest) (*spec.Compute, *spec.Error)
	Terminate    func(Env, *spec.IDRequest) (*spec.Compute, *spec.Error)
	RunJob       func(Env, *spec.RunJobRequest) (*spec.Job, *spec.Error)
	GetJob       func(Env, *spec.JobRequest) (*spec.Job, *spec.Error)
	CancelJob    func(Env, *spec.JobRequest) (*spec.Job, *spec.Error)
	StreamJob    func(Env, *spec.JobRequest) (*spec.JobChunks, *spec.Error)
	ListGPUTypes func(Env, *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error)
	SearchOffers func(Env, *spec.OffersRequest) (*spec.OfferList, *spec.Error)
	GetLogs      func(Env, *spec.LogsRequest) (*spec.LogsPage, *spec.Error)
	GetBill      func(Env, *spec.BillRequest) (*spec.Bill, *spec.Error)
	CleanUp      func(Env, *spec.CleanUpRequest) *spec.Error
}

// Operations lists the operations the provider has, in the order of
// spec.Operations.
func (p *Provider) Operations() []string {
	var list []string
	for _, op := range spec.Operations() {
		if p.has(op) {
			list = append(list, op)
		}
	}
	return list
}

func (p *Provider) has(op string) bool {
	switch op {
	case spec.OpSpawn:
		return p.Spawn != nil
	case spec.OpGet:
		return p.Get != nil
	case spec.OpList:
		return p.List != nil
	case spec.OpFind:
		return p.Find != nil
	case spec.OpStop:
		return p.Stop != nil
	case spec.OpStart:
		return p.Start != nil
	case spec.OpTerminate:
		return p.Terminate != nil
	case spec.OpRunJob:
		return p.RunJob != nil
	case spec.OpGetJob:
		return p.GetJob != nil
	case spec.OpCancelJob:
		return p.CancelJob != nil
	case spec.OpStreamJob:
		return p.StreamJob != nil
	case spec.OpListGPUTypes:
		return p.ListGPUTypes != nil
	case spec.OpSearchOffers:
		return p.SearchOffers != nil
	case spec.OpGetLogs:
		return p.GetLogs != nil
	case spec.OpGetBill:
		return p.GetBill != nil
	case spec.OpCleanUp:
		return p.CleanUp != nil
	}
	return false
}
