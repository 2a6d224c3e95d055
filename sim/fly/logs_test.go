package fly

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

func TestLogs_PagesCursorsLatenessAndTokens(t *testing.T) {
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s, err := Start(Options{Options: simkit.Options{ManualClock: true, Start: start}, LogTokenUses: 20, Logs: []AppLog{
		{App: "my-api", EveryMS: 10, LateEvery: 10, LateMS: 500, Lines: []LogLine{{Message: "old", AgeMS: 60_000, Region: "ams", Instance: "m1"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(header, path string) (int, []string, string) {
		t.Helper()
		r, _ := http.NewRequest("GET", s.URL()+path, nil)
		r.Header.Set("Authorization", header)
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		var d struct {
			Data []struct{ Attributes struct{ Message string } }
			Meta struct {
				NextToken string `json:"next_token"`
			}
		}
		text, _ := io.ReadAll(a.Body)
		_ = json.Unmarshal(text, &d)
		var lines []string
		for _, one := range d.Data {
			lines = append(lines, one.Attributes.Message)
		}
		return a.StatusCode, lines, d.Meta.NextToken
	}
	const path = "/api/v1/apps/my-api/logs"
	for header, want := range map[string]int{"FlyV1 fm2_a": 200, "Bearer fm2_a": 401, "Bearer FlyV1 fm2_a": 401, "Bearer fo1_a": 200, "FlyV1 fo1_a": 401, "": 401, "FlyV1 fm2_invalid": 401} {
		if status, _, _ := get(header, path); status != want {
			t.Errorf("%q: %d, want %d", header, status, want)
		}
	}
	if status, _, _ := get("FlyV1 fm2_a", "/api/v1/apps/other/logs"); status != 404 {
		t.Errorf("another app: %d", status)
	}
	s.Advance(2 * time.Second)
	_, lines, next := get("FlyV1 fm2_a", path+"?next_token="+"1")
	if len(lines) != 100 || lines[0] != "old" || lines[10] != "line 9" {
		t.Errorf("%d lines: %q", len(lines), lines[:12])
	}
	if _, more, _ := get("FlyV1 fm2_a", path+"?next_token="+next); len(more) < 60 || more[0] != "line 99" {
		t.Errorf("%d lines: %q", len(more), more)
	}
	if _, one, _ := get("FlyV1 fm2_a", path+"?next_token=1&instance=m1"); len(one) != 1 {
		t.Errorf("%q", one)
	}
	if err := s.Do("my-api", "log:by hand"); err != nil {
		t.Fatal(err)
	}
	_, lines, _ = get("FlyV1 fm2_a", path)
	if last := lines[len(lines)-1]; len(lines) != 100 || last != "by hand" && last != "line 200" {
		t.Errorf("%d lines up to %q", len(lines), last)
	}
	for range 20 {
		get("FlyV1 fm2_b", path)
	}
	if status, _, _ := get("FlyV1 fm2_b", path); status != 401 {
		t.Errorf("a worn token: %d", status)
	}
}
