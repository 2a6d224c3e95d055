package vast

import (
	"fmt"
	"math"
	"net/url"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// september is the beginning of a day of the month in which the simulators of
// these tests begin.
func september(day int) int64 { return time.Date(2026, 9, day, 0, 0, 0, 0, time.UTC).Unix() }

// chargesOf is the path for some days, with more filters and parameters.
func chargesOf(first, last int, filters, also string) string {
	return "/api/v0/charges/?select_filters=" + url.QueryEscape(fmt.Sprintf(`{"day":{"gte":%d,"lte":%d}%s}`, september(first), september(last), filters)) + also
}

func source(id int64) string { return fmt.Sprintf("instance-%d", id) }

// two rents an instance for an hour, and another one a day later for 36.
func (c *cloud) two() (first, second int64) {
	c.Helper()
	first = c.rent("")
	c.Advance(time.Hour)
	c.ask(200, "DELETE", fmt.Sprintf("/api/v0/instances/%d/", first), "")
	c.Advance(24 * time.Hour)
	second = c.rent("")
	c.Advance(36 * time.Hour)
	return first, second
}

func TestCharges_AreWhatEachInstanceHasCostOnTheDaysAskedFor(t *testing.T) {
	c := start(t, Options{})
	first, second := c.two()
	all := c.ask(200, "GET", chargesOf(1, 30, "", ""), "")
	all.Wants(t, "success", "true", "count", "2", "total", "2", "next_token", "<nil>", "results.0.source", source(second), "results.1.source", source(first), "results.2", "<nil>")
	if sum := all.Num("results.0.amount") + all.Num("results.1.amount"); math.Abs(sum-c.Bill().TotalUSD) > 0.0011 || sum < 1 {
		t.Errorf("%f, and the meter says %f", sum, c.Bill().TotalUSD)
	}
	if all.Int("results.0.start") != september(2) || all.Int("results.0.end") != september(4) || all.Int("results.1.start") != september(1) || all.Int("results.1.end") != september(1) {
		t.Errorf("rows begin with their first day and end with their last: %v", all.V)
	}
	all.Wants(t, "results.0.description", fmt.Sprintf("Instance %d Charges - 3 days", second), "results.1.description", fmt.Sprintf("Instance %d Charges - 1 day", first),
		"results.0.items.0.type", "gpu", "results.0.items.1.type", "disk", "results.0.items.2", "<nil>")

	day := c.ask(200, "GET", chargesOf(3, 3, "", ""), "")
	if day.Count("results") != 1 || math.Abs(day.Num("results.0.amount")-all.Num("results.0.amount")*24/36) > 0.002 {
		t.Errorf("the second one's one whole day: %v", day.V)
	}
	c.ask(200, "GET", chargesOf(5, 30, "", ""), "").Wants(t, "count", "0", "total", "0")
	c.ask(200, "GET", chargesOf(1, 30, `,"type":{"in":["instance","volume"]}`, "&format=tree"), "").Wants(t, "count", "2")
	c.ask(200, "GET", chargesOf(1, 30, `,"type":{"in":["volume","serverless"]}`, ""), "").Wants(t, "count", "0")
	c.Key = "key-2"
	c.ask(200, "GET", chargesOf(1, 30, "", ""), "").Wants(t, "count", "0", "total", "0") // another account's
}

func TestCharges_HoldTraffic(t *testing.T) {
	c := start(t, Options{})
	id := c.rent("")
	c.Advance(time.Hour)
	before := c.Bill()
	for range 2 {
		if err := c.Do(fmt.Sprint(id), "traffic"); err != nil {
			t.Fatal(err)
		}
	}
	after := c.Bill()
	if got := after.TotalUSD - before.TotalUSD; math.Abs(got-0.44) > 1e-9 || after.RateNowUSD != before.RateNowUSD {
		t.Errorf("200 GB and 20 GB cost %f, and the rate went from %f to %f", got, before.RateNowUSD, after.RateNowUSD)
	}
	d := c.ask(200, "GET", chargesOf(1, 30, "", ""), "")
	d.Wants(t, "results.0.items.2.type", "bwd", "results.0.items.2.description", "200.0 GB Downloaded at $0.002/GB", "results.0.items.2.amount", "0.4",
		"results.0.items.3.type", "bwu", "results.0.items.3.description", "20.0 GB Uploaded at $0.002/GB", "results.0.items.3.amount", "0.04")
	if got := d.Num("results.0.amount"); math.Abs(got-after.TotalUSD) > 0.0006 {
		t.Errorf("%f, and the meter says %f", got, after.TotalUSD)
	}
}

func TestCharges_ComeInPagesOfInstances(t *testing.T) {
	for _, daily := range []bool{false, true} {
		c := start(t, Options{DailyCharges: daily})
		first, second := c.two()
		rows := map[int64]int{first: 1, second: 1} // each instance's on its page
		if daily {
			rows[second] = 3
		}
		for _, row := range []struct {
			order string
			ids   []int64
		}{{"", []int64{second, first}}, {"&latest_first=true", []int64{second, first}}, {"&latest_first=false", []int64{first, second}}} {
			token := ""
			for i, id := range row.ids {
				page := c.ask(200, "GET", chargesOf(1, 30, "", "&limit=1"+row.order+token), "")
				page.Wants(t, "count", "1", "total", "2")
				if page.Count("results") != rows[id] || page.Text("results.0.source") != source(id) {
					t.Errorf("daily %v%s: page %d is %v", daily, row.order, i, page.V)
				}
				if last := i == len(row.ids)-1; (page.At("next_token") == nil) != last {
					t.Errorf("daily %v%s: page %d is followed by %v", daily, row.order, i, page.At("next_token"))
				}
				token = "&after_token=" + url.QueryEscape(page.Text("next_token"))
			}
		}
		if daily {
			d := c.ask(200, "GET", chargesOf(1, 30, "", ""), "")
			d.Wants(t, "results.0.start", fmt.Sprint(float64(september(4))), "results.0.end", fmt.Sprint(float64(september(4))), "results.2.start", fmt.Sprint(float64(september(2))))
		}
	}
}

func TestCharges_OfAWrongQuestionAreRefused(t *testing.T) {
	c := start(t, Options{})
	for _, filters := range []string{"", "?select_filters=%7B%7D", "?select_filters=%7B%22day%22:%7B%22gte%22:1%7D%7D", "?select_filters=%7B%22day%22:%7B%22gte%22:1,%22lte%22:%22x%22%7D%7D"} {
		c.ask(400, "GET", "/api/v0/charges/"+filters, "").Wants(t, "success", "false", "error", "<nil>", "msg", "Must provide both 'day' gte and lte filters for instance charges")
	}
	c.ask(400, "GET", "/api/v0/charges/?select_filters=x", "")
	c.ask(400, "GET", chargesOf(1, 30, "", "&limit=0"), "").Wants(t, "error", "invalid_request")
	c.ask(400, "GET", chargesOf(1, 30, "", "&after_token=x"), "").Wants(t, "error", "invalid_token", "msg", "Invalid pagination token")
	if response, _ := c.Get("POST", "/api/v0/charges/", "{}"); response.StatusCode != 405 {
		t.Errorf("a POST was answered %d", response.StatusCode)
	}
	c.Key = "invalid-1"
	c.ask(404, "GET", chargesOf(1, 30, "", ""), "").Wants(t, "error", "auth_error", "msg", "Invalid user key")
	c.Key = ""
	c.ask(403, "GET", chargesOf(1, 30, "", ""), "").Wants(t, "error", "auth_error", "msg", "This action requires login.")
	c.Key = "forbidden-1"
	c.ask(403, "GET", chargesOf(1, 30, "", ""), "").Wants(t, "success", "false")
}

func TestCharges_KeepThePaceOfTheirEndpoint(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		c := start(t, Options{Options: simkit.Options{RateLimits: true}, JSONLimits: asJSON})
		c.ask(200, "GET", chargesOf(1, 30, "", ""), "")
		response, text := c.Get("GET", chargesOf(1, 30, "", ""), "")
		held(t, "GET", "/api/v0/charges/", response.StatusCode, text)
		want := "API requests too frequent: endpoint threshold=1.0"
		if asJSON {
			want = `{"detail":"API requests too frequent endpoint threshold=1.0"}`
		}
		if response.StatusCode != 429 || string(text) != want {
			t.Errorf("%d %s", response.StatusCode, text)
		}
		c.Advance(time.Second)
		c.ask(200, "GET", chargesOf(1, 30, "", ""), "")
	}
}
