package spec

import (
	"errors"
	"fmt"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestError_SaysWhatHappenedAndWhatToDoInOneLine(t *testing.T) {
	for want, e := range map[string]*Error{
		"runpod: spawn_compute: 402 insufficient balance (add credit)": {Provider: "runpod", Operation: "spawn_compute", Status: 402, Message: "insufficient balance", Hint: "add credit"},
		"compute.get: params.idd: unknown field (did you mean id?)":    {Operation: "compute.get", Message: "params.idd: unknown field", Hint: "did you mean id?"},
		"the client is closed": {Message: "the client is closed"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := AsError(fmt.Errorf("renting: %w", e)); got != e {
			t.Errorf("wrapped: %v", got)
		}
	}
	if got := AsError(errors.New("disk full")).Error(); got != "disk full" {
		t.Errorf("got %q", got)
	}
}
