package spec

// Call is one provider operation as the core asks for it and the host carries
// it out.
type Call struct {
	Provider   string
	Operation  string
	Request    Raw    // the operation's request, encoded
	Key        Secret // the account's credential; never enters the guest
	IncludeRaw bool   // whether answers keep the cloud's own JSON
}

// Context is the second half of an operation's input: what the host tells the
// guest beside the request. It holds no secret.
type Context struct {
	URLs       map[string]string `json:"urls,omitempty"` // the manifest's addresses by name, after the operator's settings
	IncludeRaw bool              `json:"include_raw,omitempty"`
	Config     map[string]string `json:"config,omitempty"` // the operator's public settings of the provider
}
