package host

import (
	"context"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/api"
	wasi "github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/exatlas/atlas/core/spec"
)

// hostFunction is a function that guests import.
type hostFunction struct {
	name            string
	params, results []api.ValueType
	body            api.GoModuleFunc
}

// foreign is the error of a module that imports a function that guests are not given, or
// takes it for one of another type; nil: there are none.
func (e *engine) foreign() *spec.Error {
	modules := map[string]map[string]api.FunctionDefinition{}
	for _, name := range []string{extismModule, atlasModule, wasi.ModuleName} {
		modules[name] = e.runtime.Module(name).ExportedFunctionDefinitions()
	}
	for _, f := range e.compiled.ImportedFunctions() {
		from, name, _ := f.Import()
		what := "the plugin imports " + clean(name, 64) + " of " + clean(from, 64)
		have, ok := modules[from][name]
		if !ok {
			return &spec.Error{Kind: spec.KindPlugin, Message: what + "; Atlas has no such function",
				Hint: "docs/plugin-abi.md lists what there is of " + extismModule + ", " + atlasModule + " and " + wasi.ModuleName + "; some library or setting of the plugin's build needs more"}
		}
		if want := typeOf(have); typeOf(f) != want {
			return &spec.Error{Kind: spec.KindPlugin, Message: what + " with the type " + clean(typeOf(f), 100) + "; it is " + want, Hint: "build the plugin with an SDK or PDK that follows docs/plugin-abi.md"}
		}
	}
	return nil
}

// typeOf writes a function's type as docs/plugin-abi.md does.
func typeOf(f api.FunctionDefinition) string {
	list := func(types []api.ValueType) string {
		names := make([]string, len(types))
		for n, t := range types {
			names[n] = api.ValueTypeName(t)
		}
		return strings.Join(names, ", ")
	}
	results := list(f.ResultTypes())
	if len(f.ResultTypes()) != 1 {
		results = "(" + results + ")"
	}
	return "(" + list(f.ParamTypes()) + ") -> " + results
}

// misuse is what a host function panics with when a guest breaks the rules. The
// engine hands it back as the error of the entry.
type misuse struct{ text string }

func (m *misuse) Error() string { return m.text }

func refuse(text string) { panic(&misuse{text}) }

// entered returns the instance that calls a host function, and the call it was
// entered for.
func entered(ctx context.Context) (*instance, *call) {
	i := ctx.(*guestContext).instance
	if i.call == nil {
		refuse("no call is in progress")
	}
	return i, i.call
}

// view returns the guest's memory from pointer on, length bytes. It is valid
// until the guest runs again.
func (i *instance) view(pointer, length uint64) []byte {
	if i.memory == nil {
		refuse("it has no memory")
	}
	b, ok := i.memory.Read(uint32(pointer), uint32(length))
	if !ok {
		refuse("a range at " + utoa(uint64(uint32(pointer))) + " of " + utoa(uint64(uint32(length))) + " bytes lies outside its memory")
	}
	return b
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

var (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

func types(list ...api.ValueType) []api.ValueType { return list }

func boolToInt(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func signed(n int32) uint64 { return uint64(uint32(n)) }
