package codec

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// AppendManifest appends the answer of describe.
func AppendManifest(dst []byte, m *spec.Manifest) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("name")
	w.Text(m.Name)
	w.Key("abi")
	w.Int(int64(m.ABI))
	w.Key("version")
	w.Text(m.Version)
	w.TextField("description", m.Description)
	w.Key("capabilities")
	w.Open('[')
	for _, capability := range m.Capabilities {
		w.Text(string(capability))
	}
	w.Close(']')
	w.TextsField("operations", m.Operations)
	if len(m.URLs) > 0 {
		w.Key("urls")
		w.Open('[')
		for i := range m.URLs {
			w.Open('{')
			w.Key("name")
			w.Text(m.URLs[i].Name)
			w.Key("url")
			w.Text(m.URLs[i].URL)
			w.TextField("override_path", m.URLs[i].OverridePath)
			w.Close('}')
		}
		w.Close(']')
	}
	w.Key("hosts")
	w.Texts(m.Hosts)
	if m.Credential != nil {
		w.Key("credential")
		w.Open('{')
		w.Key("env")
		w.Texts(m.Credential.Env)
		w.TextField("header", m.Credential.Header)
		w.TextField("scheme", m.Credential.Scheme)
		w.TextsField("hosts", m.Credential.Hosts)
		w.Close('}')
	}
	if len(m.RateLimits) > 0 {
		w.Key("rate_limits")
		w.Open('[')
		for i := range m.RateLimits {
			rateLimit(&w, &m.RateLimits[i])
		}
		w.Close(']')
	}
	if m.API != (spec.API{}) {
		w.Key("api")
		w.Open('{')
		w.TextField("generation", m.API.Generation)
		w.TextField("checked", m.API.Checked)
		w.TextField("retires", m.API.Retires)
		w.Close('}')
	}
	w.IntField("listing_lag_ms", m.ListingLagMS)
	if len(m.GPUs) > 0 {
		w.Key("gpus")
		w.Open('[')
		for i := range m.GPUs {
			w.Open('{')
			w.Key("canonical")
			w.Text(m.GPUs[i].Canonical)
			w.Key("native")
			w.Text(m.GPUs[i].Native)
			w.FloatField("memory_gb", m.GPUs[i].MemoryGB)
			w.Close('}')
		}
		w.Close(']')
	}
	if len(m.Lacks) > 0 {
		w.Key("lacks")
		w.Open('[')
		for i := range m.Lacks {
			w.Open('{')
			w.Key("capability")
			w.Text(string(m.Lacks[i].Capability))
			w.Key("reason")
			w.Text(m.Lacks[i].Reason)
			w.Close('}')
		}
		w.Close(']')
	}
	w.Close('}')
	return w.Buf
}

func rateLimit(w *jsonx.Writer, limit *spec.RateLimit) {
	w.Open('{')
	w.TextField("method", limit.Method)
	w.TextField("path", limit.Path)
	w.Key("requests")
	w.Int(int64(limit.Requests))
	w.Key("window_ms")
	w.Int(limit.WindowMS)
	w.IntField("burst", int64(limit.Burst))
	w.Close('}')
}
