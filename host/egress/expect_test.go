package egress

import (
	"testing"
	"time"
)

// TestConn_LooksForTheAnswerOfANearServerOnly holds the conditions under which a
// call spends time on looking for an answer rather than sleeping.
func TestConn_LooksForTheAnswerOfANearServerOnly(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		near, parallel bool
		waiting        int32
		asked          time.Time
		want           bool
	}{
		"a near server":                {true, true, 1, now.Add(time.Hour), true},
		"a far one":                    {false, true, 1, now.Add(time.Hour), false},
		"one processor":                {true, false, 1, now.Add(time.Hour), false},
		"another call waits":           {true, true, 2, now.Add(time.Hour), false},
		"a near server that is slower": {true, true, 1, now.Add(-patience), false},
	} {
		one := &conn{client: &Client{parallel: c.parallel}, near: c.near, asked: c.asked}
		one.client.waiting.Store(c.waiting)
		if got := one.expects(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestConn_KnowsHowNearItsServerIs lets a wait end at once, and after longer
// than any near server takes.
func TestConn_KnowsHowNearItsServerIs(t *testing.T) {
	one := &conn{client: &Client{}}
	one.waits()
	if n := one.client.waiting.Load(); n != 1 || one.asked.IsZero() {
		t.Errorf("%d wait, since %v", n, one.asked)
	}
	one.asked = time.Now().Add(time.Hour)
	one.waited()
	if n := one.client.waiting.Load(); n != 0 || !one.near {
		t.Errorf("%d wait; near: %v", n, one.near)
	}
	one.waits()
	one.asked = time.Now().Add(-nearBy)
	if one.waited(); one.near {
		t.Error("an answer after 250 us comes from nearby")
	}
}
