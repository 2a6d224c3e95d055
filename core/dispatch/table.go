package dispatch

import (
	"context"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync/atomic"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// Doc is what the documentation says of a method beside its types.
type Doc struct {
	Summary string      // one sentence
	Text    string      // what a caller must know; may be empty
	Errors  []spec.Kind // kinds it answers beside validation, internal, cancelled and timeout
	Params  string      // an example of params, one line of JSON
	Result  string      // the example's result, shortened
	Ends    bool        // it ends what costs money: calls of it have places of their own
}

// Method is one row of the table.
type Method struct {
	Name   string
	Doc    Doc
	Params reflect.Type
	Result reflect.Type

	plan  *strict.Plan
	calls []atomic.Uint64 // that are over: those that went well, then by the kind of their error, as spec.Kinds
	bind  func(plan *strict.Plan, params []byte) (invoke, *spec.Error)
}

// invoke carries out a call whose params have been decoded and returns the
// encoded result. answered, where not nil, is run once the caller has it.
type invoke func(ctx context.Context) (result []byte, answered func(), err *spec.Error)

// Table is the list of methods by name.
type Table struct {
	methods map[string]*Method
	names   []string
}

func newTable() *Table { return &Table{methods: map[string]*Method{}} }

// Methods lists the rows by name.
func (t *Table) Methods() []*Method {
	out := make([]*Method, 0, len(t.methods))
	for _, name := range t.names {
		out = append(out, t.methods[name])
	}
	return out
}

// add puts a method into the table: its name, its documentation and the
// function that does it.
func add[P, R any](t *Table, name string, doc Doc, do func(context.Context, *P) (*R, error)) {
	params := reflect.TypeFor[P]()
	m := &Method{Name: name, Doc: doc, Params: params, Result: reflect.TypeFor[R](), plan: strict.Compile(params), calls: make([]atomic.Uint64, 1+len(spec.Kinds()))}
	m.plan.Elsewhere(func(field string) string { return t.elsewhere(name, field) })
	m.bind = func(plan *strict.Plan, data []byte) (invoke, *spec.Error) {
		p := new(P)
		if err := plan.Decode(data, p, "params"); err != nil {
			err.Operation = name
			return nil, err
		}
		return func(ctx context.Context) ([]byte, func(), *spec.Error) {
			result, err := do(ctx, p)
			if err != nil {
				return nil, nil, failure(ctx, name, err)
			}
			var answered func()
			if after, ok := any(result).(interface{ answered() }); ok {
				answered = after.answered
			}
			data, fault := encode(name, result)
			return data, answered, fault
		}, nil
	}
	t.methods[name] = m
	t.names = append(t.names, name)
	sort.Strings(t.names)
}

// count counts a call that is over.
func (t *Table) count(method string, e *spec.Error) {
	calls := t.methods[method].calls
	if e == nil {
		calls[0].Add(1)
	} else if n := slices.Index(spec.Kinds(), e.Kind); n >= 0 {
		calls[1+n].Add(1)
	}
}

// elsewhere says of a field that a method has not which methods of the same verb
// have it: who gives compute.spawn a user_id means orchestrator.spawn.
func (t *Table) elsewhere(method, field string) string {
	verb := method[strings.LastIndexByte(method, '.'):]
	var takers []string
	for _, name := range t.names {
		if strings.HasSuffix(name, verb) && t.methods[name].plan.Has(field) {
			takers = append(takers, name)
		}
	}
	switch len(takers) {
	case 0:
		return ""
	case 1:
		return takers[0] + " takes " + field
	}
	return strings.Join(takers, " and ") + " take " + field
}

func encode(name string, result any) ([]byte, *spec.Error) {
	out, err := json.MarshalWithOption(result, json.DisableHTMLEscape())
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindInternal, Operation: name, Message: "the result could not be encoded: " + err.Error()}
	}
	return out, nil
}

// failure completes the error of a method: which method, and what the end of
// the context means.
func failure(ctx context.Context, name string, err error) *spec.Error {
	e := spec.AsError(err)
	if ctx.Err() != nil && (e.Kind == spec.KindInternal || e.Kind == spec.KindUnknown) {
		e = fromContext(ctx)
	}
	if e.Operation == "" {
		e.Operation = name
	}
	return e
}

// fromContext tells a deadline from a cancellation.
func fromContext(ctx context.Context) *spec.Error {
	if ctx.Err() == context.DeadlineExceeded {
		return &spec.Error{Kind: spec.KindTimeout, Message: "the call's deadline passed", Retryable: true}
	}
	return &spec.Error{Kind: spec.KindCancelled, Message: "cancelled"}
}
