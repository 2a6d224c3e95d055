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
	objects(&w, "urls", m.URLs, namedURL)
	w.Key("hosts")
	w.Texts(m.Hosts)
	if m.Credential != nil {
		w.Key("credential")
		credential(&w, m.Credential)
	}
	objects(&w, "rate_limits", m.RateLimits, rateLimit)
	if m.API != (spec.API{}) {
		w.Key("api")
		generation(&w, &m.API)
	}
	w.IntField("listing_lag_ms", m.ListingLagMS)
	objects(&w, "gpus", m.GPUs, gpuName)
	objects(&w, "lacks", m.Lacks, lack)
	w.Close('}')
	return w.Buf
}

// objects appends a member that holds a list, where the list is not empty.
func objects[T any](w *jsonx.Writer, name string, list []T, item func(*jsonx.Writer, *T)) {
	if len(list) == 0 {
		return
	}
	w.Key(name)
	w.Open('[')
	for i := range list {
		item(w, &list[i])
	}
	w.Close(']')
}

func namedURL(w *jsonx.Writer, u *spec.NamedURL) {
	w.Open('{')
	w.Key("name")
	w.Text(u.Name)
	w.Key("url")
	w.Text(u.URL)
	w.TextField("override_path", u.OverridePath)
	w.Close('}')
}

func credential(w *jsonx.Writer, c *spec.Credential) {
	w.Open('{')
	w.Key("env")
	w.Texts(c.Env)
	w.TextField("header", c.Header)
	w.TextField("scheme", c.Scheme)
	w.TextsField("hosts", c.Hosts)
	w.Close('}')
}

func generation(w *jsonx.Writer, api *spec.API) {
	w.Open('{')
	w.TextField("generation", api.Generation)
	w.TextField("checked", api.Checked)
	w.TextField("retires", api.Retires)
	w.Close('}')
}

func gpuName(w *jsonx.Writer, gpu *spec.ManifestGPU) {
	w.Open('{')
	w.Key("canonical")
	w.Text(gpu.Canonical)
	w.Key("native")
	w.Text(gpu.Native)
	w.FloatField("memory_gb", gpu.MemoryGB)
	w.Close('}')
}

func lack(w *jsonx.Writer, l *spec.Lack) {
	w.Open('{')
	w.Key("capability")
	w.Text(string(l.Capability))
	w.Key("reason")
	w.Text(l.Reason)
	w.Close('}')
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
