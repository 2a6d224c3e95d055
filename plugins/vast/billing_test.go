package vast

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	simvast "github.com/exatlas/atlas/sim/vast"
)

const question = "2026-09-03T09:00:00Z"

func (r *rig) bill(q spec.BillRequest) *spec.Bill {
	r.Helper()
	bill, err := getBill(r.env, &q)
	if err != nil {
		r.Fatalf("%v (%s)", err, err.Hint)
	}
	return bill
}

// metered is what the simulator's own meter says of each machine.
func (r *rig) metered() map[string]float64 {
	sums := map[string]float64{}
	for _, item := range r.Bill().Items {
		id, _, _ := strings.Cut(item.ID, "/")
		sums[id] += item.USD
	}
	return sums
}

func TestBill_IsWhatTheCloudsMeterSays(t *testing.T) {
	for _, daily := range []bool{false, true} {
		r := newRig(t, simvast.Options{DailyCharges: daily})
		first := r.spawn(request())
		other := request()
		other.RequestID, other.Name = "0123456789abcdef0124", "another"
		second := r.spawn(other)
		r.Clock.Advance(time.Hour)
		if err := r.Server.Do(second.ID, "traffic"); err != nil {
			t.Fatal(err)
		}
		r.Clock.Advance(39 * time.Hour)
		if _, err := terminate(r.env, &spec.IDRequest{ID: first.ID}); err != nil {
			t.Fatal(err)
		}
		r.Clock.Advance(5 * time.Hour)
		metered := r.metered()
		for _, id := range []string{first.ID, second.ID} {
			bill := r.bill(spec.BillRequest{ID: id, From: "2026-09-01T12:00:00Z", To: "2026-09-03T11:00:00+02:00"})
			if metered[id] < 1 || math.Abs(bill.AmountUSD-metered[id]) > 0.0016 {
				t.Errorf("%s: %+v, the meter says %f", id, bill, metered[id])
			}
			if bill.From != "2026-09-01T00:00:00Z" || bill.To != question {
				t.Errorf("%+v", bill)
			}
		}
		whole := r.bill(spec.BillRequest{ID: first.ID})
		if math.Abs(whole.AmountUSD-metered[first.ID]) > 0.0016 || whole.From+whole.To != "" {
			t.Errorf("without a range: %+v", whole)
		}
		later := r.bill(spec.BillRequest{ID: first.ID, From: "2026-09-02T23:59:59Z", To: question})
		if want := metered[first.ID] * 28 / 40; math.Abs(later.AmountUSD-want) > 0.0016 {
			t.Errorf("from its second day on: %+v, want %f", later, want)
		}
		if none := r.bill(spec.BillRequest{ID: "1", From: "2026-09-01T12:00:00Z", To: question}); none.AmountUSD != 0 {
			t.Errorf("of nobody's machine: %+v", none)
		}
	}
}

// A range of whole days holds what other machines have cost on them. It is not the
// machine's, though the two follow each other within one day.
func TestBill_OfADayHoldsNothingOfAnotherMachine(t *testing.T) {
	r := newRig(t, simvast.Options{})
	var ids []string
	for i := range 3 {
		s := request()
		s.RequestID = requestID[:19] + string(rune('a'+i))
		m := r.spawn(s)
		r.Clock.Advance(time.Duration(i+1) * time.Hour)
		if _, err := terminate(r.env, &spec.IDRequest{ID: m.ID}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	metered := r.metered()
	for i, id := range ids {
		bill := r.bill(spec.BillRequest{ID: id, From: "2026-09-01T12:00:00Z", To: "2026-09-01T18:00:00Z"})
		if metered[id] < 0.2 || math.Abs(bill.AmountUSD-metered[id]) > 0.0006 {
			t.Errorf("machine %d: %+v, the meter says %f", i, bill, metered[id])
		}
	}
}

func charge(source, amount string) string {
	return `{"type":"instance","source":"` + source + `","amount":` + amount + `}`
}

func page(next string, rows ...string) string {
	return `{"success":true,"count":1,"total":3,"next_token":` + next + `,"results":[` + strings.Join(rows, ",") + `]}`
}

func TestBill_IsReadUpToTheEndOfTheMachinesRows(t *testing.T) {
	mine, others, alike := charge("instance-7", "2.5"), charge("instance-71", "9"), charge("volume-7", "9")
	for name, row := range map[string]struct {
		pages []string
		usd   float64
	}{
		"on the second page":        {[]string{page(`"t1"`, others), page(`"t2"`, "null", mine, alike)}, 2.5},
		"in rows over a page's end": {[]string{page(`"t1"`, others, mine), page(`"t2"`, mine, others)}, 5},
		"in rows of whole pages":    {[]string{page(`"t1"`, mine), page(`"t2"`, mine), page(`"t3"`, others)}, 5},
		"on the last page":          {[]string{page(`"t1"`, others), page(`null`, mine)}, 2.5},
		"on none":                   {[]string{page(`"t1"`, others), page(`null`)}, 0},
		"as text":                   {[]string{page(`null`, charge("instance-7", `"0.107"`))}, 0.107},
	} {
		env, cloud := scripted(t)
		for _, one := range row.pages {
			cloud.answers = append(cloud.answers, say(200, one))
		}
		bill, err := getBill(env, &spec.BillRequest{ID: "7", From: "2026-09-01T01:00:00+02:00", To: question})
		if err != nil || bill.AmountUSD != row.usd || len(cloud.answers) != 0 {
			t.Errorf("%s: %+v %v, %d pages unread", name, bill, err, len(cloud.answers))
		}
		for i, one := range cloud.sent {
			held(t, one.method, one.path, one.body)
			if !strings.Contains(one.path, "latest_first=true") || strings.Contains(one.path, "after_token=t1") != (i == 1) ||
				!strings.Contains(one.path, "%7B%22gte%22%3A1788134400%2C%22lte%22%3A1788566399%7D") { // 08-31 to the end of 09-04
				t.Errorf("%s: request %d: %s", name, i, one.path)
			}
		}
	}
}

func TestBill_OfTooManyContractsIsGivenUp(t *testing.T) {
	env, cloud := scripted(t)
	for i := range maxPages + 5 {
		cloud.answers = append(cloud.answers, say(200, page(`"t`+string(rune('a'+i))+`"`, charge("instance-71", "9"))))
	}
	if _, err := getBill(env, &spec.BillRequest{ID: "7"}); err == nil || err.Kind != spec.KindProvider || !strings.Contains(err.Hint, "from") || len(cloud.sent) != maxPages {
		t.Errorf("%v after %d requests", err, len(cloud.sent))
	}
	env, cloud = scripted(t, say(200, page(`"t"`, charge("instance-71", "9"))), say(200, page(`"t"`, charge("instance-71", "9"))))
	if _, err := getBill(env, &spec.BillRequest{ID: "7"}); err == nil || len(cloud.sent) != 2 {
		t.Errorf("pages that do not advance: %v after %d requests", err, len(cloud.sent))
	}
}

func TestBill_ThatCannotBeReadIsNone(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `{}`, `{"results":null}`, `{"results":{}}`, `{"results":[5]}`, `{"results":[{"amount":1}]}`, `{"results":[{"source":"instance-7"}]}`,
		page(`null`, charge("instance-7", "-1")), page(`null`, charge("instance-7", `"much"`)), page(`null`, charge("instance-7", `"NaN"`)), page(`null`, charge("instance-7", "null")),
		page(`null`, charge("instance-7", "2e9")), page(`null`, charge("instance-7", "6e8"), charge("instance-7", "6e8")), page(`null`, charge("instance-7", "1"))[:80],
		`{"success":false,"msg":"Host users do not have instance charges","count":0,"total":0,"results":[],"next_token":null}`,
	} {
		env, _ := scripted(t, say(200, body))
		if bill, err := getBill(env, &spec.BillRequest{ID: "7", To: question}); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s: %+v %v", body, bill, err)
		}
	}
	// What was read before a page that fails is no bill either.
	env, _ := scripted(t, say(200, page(`"t1"`, charge("instance-7", "1"))), say(500, "<html>"))
	if bill, err := getBill(env, &spec.BillRequest{ID: "7", To: question}); err == nil {
		t.Errorf("%+v", bill)
	}
	for _, q := range []spec.BillRequest{{}, {ID: "x"}, {ID: "7", From: "yesterday"}, {ID: "7", To: "1969-12-31T00:00:00Z"}, {ID: "7", From: "2026-09-05T00:00:00Z", To: question}} {
		env, cloud := scripted(t)
		if _, err := getBill(env, &q); err == nil || err.Kind != spec.KindValidation || len(cloud.sent) != 0 {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestBill_OfAKeyWithoutTheRightSaysSo(t *testing.T) {
	for key, kind := range map[string]spec.Kind{"forbidden-1": spec.KindForbidden, "invalid-1": spec.KindUnauthorized, "": spec.KindUnauthorized} {
		r := newRig(t, simvast.Options{})
		r.key = "Bearer " + key
		if _, err := getBill(r.env, &spec.BillRequest{ID: "7", To: question}); err == nil || err.Kind != kind || kind == spec.KindForbidden && !strings.Contains(err.Hint, "billing_read") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
