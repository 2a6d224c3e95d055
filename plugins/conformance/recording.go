package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// Recording is what a cloud said when it was asked: the content of a file
// NAME.conformance.json.
type Recording struct {
	Provider string `json:"provider"`
	Cases    []Case `json:"cases"`
}

// Case is one operation with the exchanges it takes. A plan for Record has no
// exchanges yet; there a text "$NAME" in a request stands for the identifier
// that the case NAME has answered.
type Case struct {
	Name       string          `json:"name"` // unique, such as "get a running machine"
	Operation  string          `json:"operation"`
	Request    json.RawMessage `json:"request"`
	IncludeRaw bool            `json:"include_raw,omitempty"`
	Exchanges  []Exchange      `json:"exchanges,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"` // expected; absent where Error is
	Error      spec.Kind       `json:"error,omitempty"` // expected kind
}

// Exchange is one HTTP request and its answer.
type Exchange struct {
	Request Asked  `json:"request"`
	Answer  Answer `json:"answer"`
}

// Asked is a request. URL is the manifest's, never an operator's.
type Asked struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Body   Body   `json:"body,omitzero"`
}

// Answer is an answer. Header names are in lower case.
type Answer struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    Body              `json:"body,omitzero"`
}

// Body is JSON, or {"text": …} for whatever is no JSON object or array.
type Body struct{ text string }

// IsZero reports whether the body is empty.
func (b Body) IsZero() bool { return b.text == "" }

// MarshalJSON writes JSON as it is and wraps other text.
func (b Body) MarshalJSON() ([]byte, error) {
	if trimmed := strings.TrimSpace(b.text); trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid([]byte(trimmed)) && !wrapped(trimmed) {
		return []byte(trimmed), nil
	}
	return json.Marshal(map[string]string{"text": b.text})
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (b *Body) UnmarshalJSON(data []byte) error {
	if wrapped(string(data)) {
		var w struct{ Text string }
		err := json.Unmarshal(data, &w)
		b.text = w.Text
		return err
	}
	var flat bytes.Buffer
	err := json.Compact(&flat, data)
	b.text = flat.String()
	return err
}

// wrapped reports whether JSON is an object of the one member text.
func wrapped(text string) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || len(members) != 1 {
		return false
	}
	one, ok := members["text"]
	return ok && len(one) > 0 && one[0] == '"'
}

// ReadRecording reads a recording or a plan from a file.
func ReadRecording(path string) (*Recording, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := ParseRecording(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// ParseRecording reads a recording or a plan strictly.
func ParseRecording(data []byte) (*Recording, error) {
	r := &Recording{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("neither a plan nor a recording: %w", err)
	}
	known := spec.Operations()
	seen := map[string]bool{}
	for i := range r.Cases {
		c := &r.Cases[i]
		switch {
		case c.Name == "" || seen[c.Name]:
			return nil, fmt.Errorf("case %d: its name %q is empty or there twice", i+1, c.Name)
		case !slices.Contains(known, c.Operation):
			return nil, fmt.Errorf("case %q: there is no operation %q; there are %s", c.Name, c.Operation, strings.Join(known, ", "))
		case len(c.Request) == 0 || c.Request[0] != '{':
			return nil, fmt.Errorf("case %q: its request is no object", c.Name)
		case c.Error != "" && !spec.KnownKind(c.Error):
			return nil, fmt.Errorf("case %q: there is no error kind %q", c.Name, c.Error)
		}
		seen[c.Name] = true
	}
	if r.Provider == "" {
		return nil, errors.New("it names no provider")
	}
	return r, nil
}

// linked tells of a "$NAME" in a plan that names no case before it.
func (r *Recording) linked() error {
	before := map[string]bool{}
	for _, c := range r.Cases {
		var asked spec.IDRequest
		_ = json.Unmarshal(c.Request, &asked) // an id of another type is no name
		if name, ok := strings.CutPrefix(asked.ID, "$"); ok && !before[name] {
			return fmt.Errorf("case %q: its id is %q, and no case before it is named %q", c.Name, asked.ID, name)
		}
		before[c.Name] = true
	}
	return nil
}

// Encode writes a recording as it is kept in a file.
func (r *Recording) Encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
