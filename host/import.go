package host

import (
	"context"
	"strconv"

	"github.com/tetratelabs/wazero/api"
)

// hostFunction is a function that guests import.
type hostFunction struct {
	name            string
	params, results []api.ValueType
	body            api.GoModuleFunc
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
