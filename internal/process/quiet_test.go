package process

import (
	"testing"
	"time"
)

func TestQuiet_CountsOnlyWhileThisProcessRuns(t *testing.T) {
	const limit = 160 * time.Second
	start := time.Unix(0, 0)
	for name, row := range map[string]struct {
		pauses []time.Duration // before each look
		over   bool
	}{
		"in time":                       {repeat(10*time.Second, 3), false},
		"stopped for an hour":           {[]time.Duration{time.Hour}, false},
		"stopped shortly before it":     {append(repeat(10*time.Second, 15), time.Hour), false},
		"silent after a stop, too":      {append(repeat(10*time.Second, 15), time.Hour, 10*time.Second), true},
		"silent for the whole of it":    {repeat(10*time.Second, 16), true},
		"silent, and looked at often":   {repeat(time.Second, 160), true},
		"silent, and late all the time": {repeat(30*time.Second, 16), true},
		"stopped again and again":       {repeat(time.Hour, 15), false},
		"a moment less than the limit":  {append(repeat(10*time.Second, 15), 9*time.Second), false},
		"a little late at every moment": {repeat(11*time.Second, 16), true},
	} {
		now, over := start, false
		q := newQuiet(limit, now)
		for _, pause := range row.pauses {
			now = now.Add(pause)
			over = q.over(now)
		}
		if over != row.over {
			t.Errorf("%s: over is %v", name, over)
		}
		q.heard(now)
		if q.over(now.Add(limit / 2)) {
			t.Errorf("%s: over though something was heard", name)
		}
	}
}

func repeat(d time.Duration, n int) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}
