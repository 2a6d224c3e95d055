package spec

// Call is one provider operation as the core asks for it and the host carries
// it out.
type Call struct {
	Provider   string
	Operation  string
	Request    Raw    // the operation's request, encoded
	Key        Secret // the account's credential; never enters the guest
	IncludeRaw bool   // whether answers keep the cloud's own JSON
	HTTP       HTTP   // how its requests are sent; never enters the guest
}

// HTTP is how requests to a cloud are sent. A zero field leaves the default.
type HTTP struct {
	TimeoutMS int64 `json:"timeout_ms" min:"100" max:"600000" doc:"What one attempt may take until its answer is there, ms; a job that runs synchronously is waited for in shorter calls then. Default: 30000 for what is safe to repeat (GET, HEAD, DELETE), 120000 for the rest (POST, PUT, PATCH), of which some clouds answer a create or a synchronous job late."`
	Attempts  int   `json:"attempts" min:"1" max:"10" doc:"How often what is safe to repeat is sent at most; a create is sent again only where it certainly did not arrive, or after a 429. Default: 4, and 3 where answers do not come in time, so that a cloud that hangs fails after about 90 s."`
}

// Over fills the zero fields of h from below.
func (h HTTP) Over(below HTTP) HTTP {
	if h.TimeoutMS == 0 {
		h.TimeoutMS = below.TimeoutMS
	}
	if h.Attempts == 0 {
		h.Attempts = below.Attempts
	}
	return h
}

// Context is the second half of an operation's input: what the host tells the
// guest beside the request. It holds no secret.
type Context struct {
	URLs       map[string]string `json:"urls,omitempty"` // the manifest's addresses by name, after the operator's settings
	IncludeRaw bool              `json:"include_raw,omitempty"`
	Config     map[string]string `json:"config,omitempty"` // the operator's public settings of the provider
}
