package simkit

import (
	"math"
	"testing"
	"time"
)

func usd(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s: %.9f USD, want %.9f", what, got, want)
	}
}

func TestMeter_BillsEverySecondOfVirtualTimeAtItsPrice(t *testing.T) {
	m := &Meter{}
	start := instant()
	m.Rate("pod", "machine", "a", 3.6, start)
	usd(t, "after 90 s", m.Bill("", start.Add(90*time.Second)).TotalUSD, 0.09)
	m.Rate("pod", "machine", "a", 0, start.Add(100*time.Second)) // stopped
	usd(t, "an hour later", m.Bill("", start.Add(time.Hour)).TotalUSD, 0.1)
	m.Rate("pod", "machine", "a", 7.2, start.Add(time.Hour)) // started at another price
	usd(t, "and 50 s more", m.Bill("", start.Add(time.Hour+50*time.Second)).TotalUSD, 0.2)
	bill := m.Bill("a", start.Add(time.Hour+50*time.Second))
	if bill.Items[0].Seconds != 150 || bill.RateNowUSD != 7.2 {
		t.Errorf("%d seconds at %v an hour now, want 150 at 7.2", bill.Items[0].Seconds, bill.RateNowUSD)
	}
	if other := m.Bill("b", start.Add(time.Hour)); len(other.Items) != 0 || other.TotalUSD != 0 {
		t.Errorf("another account's bill has %v", other.Items)
	}
}

func TestMeter_CountsASecondThatHasBegun(t *testing.T) {
	m := &Meter{}
	m.Rate("pod", "machine", "a", 3600, instant())
	usd(t, "at once", m.Bill("", instant()).TotalUSD, 0)
	usd(t, "after a millisecond", m.Bill("", instant().Add(time.Millisecond)).TotalUSD, 1)
	usd(t, "after a second", m.Bill("", instant().Add(time.Second)).TotalUSD, 1)
}

func TestMeter_PlanCostsAsTheClockPassesThroughIt(t *testing.T) {
	m := &Meter{}
	from := instant().Add(10 * time.Second)
	m.Plan("job", "job", "a", 3600, from, from.Add(20*time.Second))
	for _, row := range []struct{ after, want float64 }{{0, 0}, {10, 0}, {15, 5}, {30, 20}, {300, 20}} {
		usd(t, "plan", m.Bill("", instant().Add(time.Duration(row.after)*time.Second)).TotalUSD, row.want)
	}
	m.Plan("cut", "job", "a", 3600, from, from.Add(20*time.Second))
	m.Rate("cut", "job", "a", 0, from.Add(3*time.Second))
	usd(t, "a plan cut short", m.Bill("", instant().Add(time.Hour)).TotalUSD, 23)
	m.Plan("unborn", "job", "a", 3600, from, from.Add(20*time.Second))
	m.Rate("unborn", "job", "a", 0, instant())
	usd(t, "a plan cut before it began", m.Bill("", instant().Add(time.Hour)).TotalUSD, 23)
}

func TestMeter_ChargesWhatTimeIsNotTheMeasureOf(t *testing.T) {
	m := &Meter{}
	at := instant()
	for range 2 {
		m.Charge("pod/traffic", "traffic", "a", 0.25, at)
	}
	m.Charge("pod/traffic", "traffic", "a", 0.5, at.Add(time.Hour))
	bill := m.Bill("a", at.Add(time.Hour))
	usd(t, "all", bill.TotalUSD, 1)
	usd(t, "rate", bill.RateNowUSD, 0)
	sum := 0.0
	for _, s := range m.Stretches("a", at.Add(time.Hour)) {
		sum += float64(s.Between(at, at.Add(time.Hour))) * s.Rate / 3600
	}
	usd(t, "of the first hour", sum, 0.5)
}

func TestSegment_SecondsOfAdjoiningWindowsAddUp(t *testing.T) {
	s := Segment{From: instant().Add(500 * time.Millisecond), To: instant().Add(10*time.Second + 300*time.Millisecond)}
	sum := int64(0)
	for i := range 12 {
		sum += s.Between(instant().Add(time.Duration(i)*time.Second), instant().Add(time.Duration(i+1)*time.Second))
	}
	if whole := s.Between(instant(), instant().Add(time.Hour)); sum != whole || whole != 10 {
		t.Errorf("windows add up to %d seconds, the whole is %d, want 10", sum, whole)
	}
}
