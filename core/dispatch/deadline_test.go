package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlines_AreSharedByCallsThatFollowClosely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, end := context.WithCancel(context.Background())
		defer end()
		var l deadlines
		began := time.Now()
		first, cancelFirst := l.within(base, time.Second)
		shared := l.last
		time.Sleep(3 * time.Millisecond)
		second, cancelSecond := l.within(base, time.Second)
		if l.last != shared {
			t.Error("the second has a timer of its own")
		}
		cancelFirst()
		cancelFirst()
		if !errors.Is(first.Err(), context.Canceled) || second.Err() != nil || shared.calls != 1 {
			t.Errorf("%v, %v, %d calls", first.Err(), second.Err(), shared.calls)
		}
		<-second.Done()
		if took := time.Since(began); took < 1003*time.Millisecond || took > 1003*time.Millisecond+lateness || !errors.Is(second.Err(), context.DeadlineExceeded) {
			t.Errorf("%v after %v", second.Err(), took)
		}
		cancelSecond()
		third, cancelThird := l.within(base, time.Second)
		defer cancelThird()
		if l.last == shared || third.Err() != nil {
			t.Error("the third is given a deadline that is over")
		}
	})
}

// TestDeadlines_AreNeverEarlyAndHardlyLate mixes long and short ones.
func TestDeadlines_AreNeverEarlyAndHardlyLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, end := context.WithCancel(context.Background())
		var l deadlines
		for _, given := range []time.Duration{time.Millisecond, 50 * time.Millisecond, time.Hour, 8 * time.Millisecond, 50 * time.Millisecond, 24 * time.Hour, 50 * time.Millisecond} {
			ctx, cancel := l.within(base, given)
			began := time.Now()
			<-ctx.Done()
			if took := time.Since(began); took < given || took > given+min(given/8, lateness) || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("%v: %v after %v", given, ctx.Err(), took)
			}
			cancel()
		}
		left, cancel := l.within(base, time.Hour)
		old := l.last
		other, cancelOther := l.within(base, time.Minute)
		if old.ctx.Err() != nil {
			t.Error("a deadline ended under its call")
		}
		cancel()
		if !errors.Is(left.Err(), context.Canceled) || old.ctx.Err() == nil {
			t.Error("a deadline without calls is kept")
		}
		end()
		<-other.Done()
		if !errors.Is(other.Err(), context.Canceled) {
			t.Error(other.Err())
		}
		cancelOther()
	})
}
