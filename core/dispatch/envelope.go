package dispatch

import (
	"reflect"
	"strings"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// Request is the envelope of every call.
type Request struct {
	ID            string   `json:"id" doc:"1 to 128 bytes, unique among the calls in flight; needed for atlas_submit, atlas_cancel and detach_after_ms."`
	Method        string   `json:"method" required:"true" doc:"Name of the method."`
	Params        spec.Raw `json:"params" doc:"Its params, an object."`
	DeadlineMS    int64    `json:"deadline_ms" min:"1" max:"86400000" doc:"The call ends with kind timeout after so many ms."`
	DetachAfterMS int64    `json:"detach_after_ms" min:"1" max:"86400000" doc:"atlas_call only: the call goes on in the background after so many ms."`
}

// envelopePlan decodes requests.
func envelopePlan() *strict.Plan { return strict.Compile(reflect.TypeFor[Request]()) }

const maxIDBytes = 128

// parse reads the envelope and binds the params.
func (d *Dispatcher) parse(data []byte) (*Request, invoke, *spec.Error) {
	r := new(Request)
	if err := d.envelope.Decode(data, r, "request"); err != nil {
		return r, nil, err
	}
	if len(r.ID) > maxIDBytes {
		r.ID = ""
		return r, nil, &spec.Error{Kind: spec.KindValidation, Message: "request.id: longer than 128 bytes"}
	}
	if r.DetachAfterMS > 0 && r.ID == "" {
		return r, nil, &spec.Error{Kind: spec.KindValidation, Message: "request.id: missing; detach_after_ms needs it", Hint: "give the request an id"}
	}
	m, known := d.table.methods[r.Method]
	if !known {
		e := &spec.Error{Kind: spec.KindValidation, Message: "request.method: no such method", Hint: "docs/methods.md lists them"}
		if near := d.near(r.Method); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		return r, nil, e
	}
	params := []byte(r.Params)
	if len(params) == 0 || string(params) == "null" {
		params = []byte("{}")
	}
	run, err := m.bind(m.plan, params)
	r.Params = nil // nothing large is held while the call waits
	return r, run, err
}

// near names the methods that a name nobody knows is most likely meant for: the
// nearest one, or, of a last part alone such as spawn, those that end in it.
func (d *Dispatcher) near(name string) string {
	if near := strict.Nearest(name, d.table.names); near != "" {
		return near
	}
	var list []string
	for _, known := range d.table.names {
		if name != "" && strings.HasSuffix(known, "."+name) {
			list = append(list, known)
		}
	}
	return strings.Join(list, " or ")
}

// answer puts an answer or a completion together. prefix is what stands before
// the id.
func answer(prefix, id string, result []byte, e *spec.Error) []byte {
	name := []byte(`"result":`)
	if e != nil {
		name, result = []byte(`"error":`), encodeError(e)
	}
	out := make([]byte, 0, len(prefix)+len(id)+len(result)+32)
	out = append(append(out, '{'), prefix...)
	if id != "" {
		out = append(out, `"id":`...)
		out = appendString(out, id)
		out = append(out, ',')
	}
	out = append(out, name...)
	return append(append(out, result...), '}')
}

// Document is the document of a failure outside any request.
func Document(e *spec.Error) []byte { return answer("", "", nil, e) }

func encodeError(e *spec.Error) []byte {
	out, err := json.MarshalWithOption(e, json.DisableHTMLEscape())
	if err != nil { // raw or details that are no JSON: the rest still says what happened
		bare := *e
		bare.Raw, bare.Details = nil, nil
		if out, err = json.MarshalWithOption(&bare, json.DisableHTMLEscape()); err != nil {
			return []byte(`{"kind":"internal","message":"an error could not be encoded","retryable":false}`)
		}
	}
	return out
}

func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			out, err := json.MarshalWithOption(s, json.DisableHTMLEscape())
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, out...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
