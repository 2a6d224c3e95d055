package safego

import (
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestFromPanic_QuotesTheRuntimeAndNothingElse(t *testing.T) {
	const key = "sk-canary"
	for name, row := range map[string]struct {
		panics func()
		says   string
	}{
		"runtime error": {func() { var none []int; _ = none[len(key)] }, "index out of range"},
		"text":          {func() { panic("bad header " + key) }, "string"},
		"error":         {func() { panic(errors.New(key)) }, "*errors.errorString"},
		"value":         {func() { panic(struct{ key string }{key}) }, "struct"},
	} {
		var got *spec.Error
		func() {
			defer func() { got = FromPanic(recover(), debug.Stack()) }()
			row.panics()
		}()
		if got.Kind != spec.KindInternal || !strings.Contains(got.Message, row.says) || len(got.Details) == 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(got.Message+string(got.Details), key) {
			t.Errorf("%s: the error quotes the value: %+v", name, got)
		}
	}
}

func TestGo_HandsAPanicToItsOwner(t *testing.T) {
	var all sync.WaitGroup
	var got *spec.Error
	Go(&all, func(e *spec.Error) { got = e }, func() { panic("a defect") })
	Go(&all, nil, func() { panic("nobody's") })
	all.Wait()
	if got == nil || got.Kind != spec.KindInternal {
		t.Errorf("%+v", got)
	}
}
