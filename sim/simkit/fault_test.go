package simkit

import (
	"fmt"
	"testing"
)

func TestFault_FiresOnTheRequestsItsRuleNames(t *testing.T) {
	rows := []struct {
		rule Fault
		want string // numbers of the requests it fires on, of ten
	}{
		{Fault{}, "[1 2 3 4 5 6 7 8 9 10]"},
		{Fault{Count: 2}, "[1 2]"},
		{Fault{Nth: 4}, "[4]"},
		{Fault{Nth: 4, Count: 3}, "[4 5 6]"},
		{Fault{Every: 3}, "[3 6 9]"},
		{Fault{Every: 3, Count: 2}, "[3 6]"},
		{Fault{Every: 3, Nth: 2}, "[2 5 8]"},
	}
	for _, row := range rows {
		fs := &Faults{}
		row.rule.Effect, row.rule.Method, row.rule.Path = LostAnswer, "POST", "/v2/pods"
		if _, err := fs.Add(row.rule); err != nil {
			t.Fatal(err)
		}
		var fired []int
		for i := 1; i <= 10; i++ {
			fs.plan([]byte("GET"), []byte("/v2/pods"))       // another method
			fs.plan([]byte("POST"), []byte("/v2/pods/x/ac")) // another path
			if p, _ := fs.plan([]byte("POST"), []byte("/v2/pods")); p.fault != nil {
				fired = append(fired, i)
			}
		}
		if got := fmt.Sprint(fired); got != row.want {
			t.Errorf("nth %d every %d count %d fires on %s, want %s", row.rule.Nth, row.rule.Every, row.rule.Count, got, row.want)
		}
		if seen := fs.List()[0].Seen; seen != 10 {
			t.Errorf("it counted %d matching requests, want 10", seen)
		}
	}
}

func TestFault_OfAnUnknownEffectIsRefused(t *testing.T) {
	fs := &Faults{}
	for _, f := range []Fault{{Effect: "explode"}, {Effect: Status}, {Effect: Status, Status: 99}, {Effect: Slow}, {Effect: Drip}, {Effect: Reset, Nth: -1},
		{Effect: Reset, Method: "post"}, {Effect: Reset, Path: "v2/pods"}, {Effect: Reset, Path: "http://127.0.0.1/v2/pods"}} {
		if _, err := fs.Add(f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}

// TestFault_CountsWhatAnotherRuleDecides holds the counting to the requests that
// match: a rule that fires on every third does so whatever stands before it.
func TestFault_CountsWhatAnotherRuleDecides(t *testing.T) {
	fs := &Faults{}
	for _, f := range []Fault{{Every: 2, Effect: Status, Status: 500}, {Every: 3, Effect: Status, Status: 502}, {Nth: 4, Effect: Reset}} {
		if _, err := fs.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for range 9 {
		effect := "-"
		if p, _ := fs.plan([]byte("GET"), []byte("/")); p.fault != nil {
			effect = fmt.Sprint(p.fault.Effect, p.fault.Status)
		}
		got = append(got, effect)
	}
	// The fourth request is the first rule's, so the third rule takes the next.
	if want := "[- status500 status502 status500 reset0 status500 - status500 status502]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	for _, f := range fs.List() {
		if f.Seen != 9 {
			t.Errorf("rule %d counted %d of 9 requests", f.ID, f.Seen)
		}
	}
}

func TestMatchPath_TakesAStarForAnyText(t *testing.T) {
	rows := []struct {
		pattern, path string
		want          bool
	}{
		{"/v2/pods", "/v2/pods", true}, {"/v2/pods", "/v2/pods/a", false}, {"/v2/pods/*", "/v2/pods/a/action", true},
		{"/v2/pods/*/action", "/v2/pods/a/action", true}, {"/v2/pods/*/action", "/v2/pods/a", false}, {"*", "/x", true},
		{"*/run", "/jobs/v2/e/run", true}, {"/a*b*c", "/aXbYc", true}, {"/a*b*c", "/ac", false}, {"/aa*a", "/aa", false},
	}
	for _, row := range rows {
		if got := MatchPath(row.pattern, row.path); got != row.want {
			t.Errorf("%q on %q: %v", row.pattern, row.path, got)
		}
	}
}
