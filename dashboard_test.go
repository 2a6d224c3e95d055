package atlas_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/exatlas/atlas"
)

// TestDashboard_GoesWithTheClient mounts one page, serves another, and closes the
// client under both.
func TestDashboard_GoesWithTheClient(t *testing.T) {
	ctx := context.Background()
	c := open(t, `{"store":{"url":"memory:"}}`)
	handler := c.Dashboard.Handler(atlas.DashboardOptions{Access: func(*http.Request) atlas.DashboardAccess { return atlas.DashboardView }})
	defer handler.Close()
	ask := func(path string) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", path, nil))
		return w.Code
	}
	if code := ask("/api/sessions/ses-none"); code != http.StatusNotFound {
		t.Errorf("a session that is not there: %d", code)
	}
	served, err := c.Dashboard.Serve(ctx, atlas.DashboardParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Dashboard.Serve(ctx, atlas.DashboardParams{}); atlas.KindOf(err) != atlas.KindConflict {
		t.Errorf("served twice: %v", err)
	}
	if outcome := c.Close(-1); outcome != atlas.OK {
		t.Fatalf("close: %d", outcome)
	}
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+served.Listen+"/", nil)
	if response, err := http.DefaultClient.Do(r); err == nil {
		_ = response.Body.Close()
		t.Error("it is still served")
	}
	if code := ask("/api/sessions/ses-none"); code != http.StatusBadGateway {
		t.Errorf("after the client's end: %d", code)
	}
	if _, err := c.Dashboard.Serve(ctx, atlas.DashboardParams{}); err == nil {
		t.Error("a closed client serves")
	}
}
