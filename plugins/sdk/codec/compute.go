package codec

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// AppendCompute appends a compute.
func AppendCompute(dst []byte, c *spec.Compute) []byte {
	w := jsonx.Writer{Buf: dst}
	compute(&w, c)
	return w.Buf
}

// AppendComputePage appends the answer of list_compute and find_compute.
func AppendComputePage(dst []byte, list *spec.ComputePage) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("items")
	w.Open('[')
	for i := range list.Items {
		compute(&w, &list.Items[i])
	}
	w.Close(']')
	w.TextField("next", list.Next)
	w.Close('}')
	return w.Buf
}

func compute(w *jsonx.Writer, c *spec.Compute) {
	w.Open('{')
	w.Key("id")
	w.Text(c.ID)
	w.Key("provider")
	w.Text(c.Provider)
	w.Key("status")
	w.Text(string(c.Status))
	w.TextField("native_status", c.NativeStatus)
	w.TextField("name", c.Name)
	w.TextField("request_id", c.RequestID)
	w.TextField("gpu_type", c.GPUType)
	w.TextField("gpu_native", c.GPUNative)
	w.Key("gpu_count")
	w.Int(int64(c.GPUCount))
	number(w, "cost_per_hour", c.CostPerHour)
	w.TextField("cloud_type", string(c.CloudType))
	w.BoolField("spot", c.Spot)
	w.TextField("region", c.Region)
	w.TextField("image", c.Image)
	w.TextField("public_ip", c.PublicIP)
	w.Key("ports")
	w.Open('[')
	for i := range c.Ports {
		port(w, &c.Ports[i])
	}
	w.Close(']')
	if c.SSH != nil {
		w.Key("ssh")
		w.Open('{')
		w.Key("host")
		w.Text(c.SSH.Host)
		w.Key("port")
		w.Int(int64(c.SSH.Port))
		w.Key("username")
		w.Text(c.SSH.Username)
		w.Close('}')
	}
	if c.Auth != nil {
		w.Key("auth")
		w.Open('{')
		w.Key("scheme")
		w.Text(c.Auth.Scheme)
		w.Key("token")
		w.Text(c.Auth.Token)
		w.TextField("hash", c.Auth.Hash)
		w.TextField("header", c.Auth.Header)
		w.Close('}')
	}
	w.TextsField("actions", c.Actions)
	w.MapField("metadata", c.Metadata)
	w.TextField("created_at", c.CreatedAt)
	w.TextField("started_at", c.StartedAt)
	w.RawField("raw", c.Raw)
	w.Close('}')
}

func port(w *jsonx.Writer, p *spec.Port) {
	w.Open('{')
	w.Key("internal")
	w.Int(int64(p.Internal))
	w.IntField("external", int64(p.External))
	w.Key("protocol")
	w.Text(string(p.Protocol))
	w.TextField("host", p.Host)
	w.TextField("url", p.URL)
	w.BoolField("symmetric", p.Symmetric)
	w.Close('}')
}

// number writes a number that may be unknown.
func number(w *jsonx.Writer, name string, value *float64) {
	if value != nil {
		w.Key(name)
		w.Float(*value)
	}
}

// AppendBill appends the answer of get_bill.
func AppendBill(dst []byte, bill *spec.Bill) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("amount_usd")
	w.Float(bill.AmountUSD)
	w.TextField("from", bill.From)
	w.TextField("to", bill.To)
	w.Close('}')
	return w.Buf
}

// AppendLogsPage appends the answer of get_logs.
func AppendLogsPage(dst []byte, page *spec.LogsPage) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("lines")
	w.Open('[')
	for i := range page.Lines {
		line := &page.Lines[i]
		w.Open('{')
		w.TextField("time", line.Time)
		w.TextField("source", line.Source)
		w.Key("line")
		w.Text(line.Line)
		w.Close('}')
	}
	w.Close(']')
	w.TextField("cursor", page.Cursor)
	w.Close('}')
	return w.Buf
}
