package runpod

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/plugins/sdk"
)

func TestMain(m *testing.M) { leak.Main(m) }

// says is a cloud that answers everything alike.
type says struct {
	status int
	body   string
}

func (s says) Do(sdk.Request) (sdk.Response, *spec.Error) {
	return sdk.Response{Status: s.status, Body: s.body, Lookup: func(string) string { return "" }}, nil
}

func TestTerminate_IsDoneOnlyWhereRunPodSaysSo(t *testing.T) {
	for _, row := range []struct {
		says
		done bool
	}{
		{says{204, ""}, true},
		{says{200, ""}, true},
		{says{202, "\n"}, true},
		{says{404, `{"title":"Not Found","status":404,"detail":"resource not found"}`}, true},
		{says{404, ""}, false},
		{says{200, "<html><body>We are down for maintenance</body></html>"}, false},
		{says{200, `{"success":false}`}, false},
		{says{200, `{"id":"p1","status":"RUNNING"}`}, false},
	} {
		_, err := terminate(sdk.Env{HTTP: row.says}, &spec.IDRequest{ID: "p1"})
		if row.done != (err == nil) {
			t.Errorf("%+v: %v", row.says, err)
		}
		if err != nil && (err.Kind != spec.KindProvider || !err.Retryable || !strings.Contains(err.Message, "confirm")) {
			t.Errorf("%+v: %+v", row.says, err)
		}
	}
}
