package vast

import (
	"strconv"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	chargesPage = 500 // contracts of a page; Vast's largest
	maxPages    = 20  // of charges; the host keeps their pace of one a second
	aDay        = 86_400
	farOff      = 4_102_444_800 // 2100: where nobody said what time it is
	maxUSD      = 1e9           // beyond what any machine can have cost
)

// getBill looks up what Vast has charged for a machine: GPUs, disk and traffic.
// Vast cannot be asked for one contract, so all of the days asked for are read,
// the newest first, up to the machine's. One that has not been charged for, or
// never was, has none.
func getBill(env sdk.Env, request *spec.BillRequest) (*spec.Bill, *spec.Error) {
	if err := checkID("id", request.ID); err != nil {
		return nil, err
	}
	bill := &spec.Bill{}
	from, to, err := days(request, bill)
	if err != nil {
		return nil, err
	}
	filter := `{"day":{"gte":` + strconv.FormatInt(from, 10) + `,"lte":` + strconv.FormatInt(to, 10) + `},"type":{"in":["instance"]}}`
	token, found := "", false
	for range maxPages {
		var query rest.Query
		query.Add("select_filters", filter)
		query.Add("latest_first", "true")
		query.AddInt("limit", chargesPage)
		query.Add("after_token", token)
		response, err := ask(env, sdk.Request{Method: "GET", URL: api(env, "/api/v0/charges/") + query.String()})
		if err != nil {
			return nil, err
		}
		page, ok := readCharges(response.Body, "instance-"+request.ID)
		bill.AmountUSD += page.usd
		if !ok || bill.AmountUSD > maxUSD || page.next != "" && page.next == token {
			return nil, rest.Unreadable(&response, "list of charges")
		}
		// A contract may have a row for each day. They stand together, so there are
		// no more once another's has followed.
		found = found || page.found
		if page.next == "" || found && !page.open {
			return bill, nil
		}
		token = page.next
	}
	return nil, &spec.Error{Kind: spec.KindProvider, Message: "the machine is not among the account's newest " + strconv.Itoa(maxPages*chargesPage) + " charges",
		Hint: "ask with from: the time at which the machine was rented"}
}

// days are the whole days that a bill is asked for, in Unix seconds: Vast charges
// by the day, and a range that began within one might leave it out. The last one
// is the day after the question, whatever the clocks. The bill tells what it is
// for.
func days(request *spec.BillRequest, bill *spec.Bill) (from, to int64, err *spec.Error) {
	to = farOff
	if request.From != "" {
		at, err := moment("from", request.From)
		if err != nil {
			return 0, 0, err
		}
		from = at - at%aDay
		bill.From = stamp(from)
	}
	if request.To != "" {
		at, err := moment("to", request.To)
		if err != nil {
			return 0, 0, err
		}
		to = at - at%aDay + 2*aDay - 1
		bill.To = stamp(at)
	}
	if to < from {
		return 0, 0, invalid("from lies in the future")
	}
	return from, to, nil
}

func moment(field, text string) (seconds int64, err *spec.Error) {
	at, fault := time.Parse(time.RFC3339, text)
	if fault != nil || at.Unix() < 0 {
		return 0, invalid(field + " is no time in RFC 3339 after 1970")
	}
	return at.Unix(), nil
}

func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// charges is what a page says of one contract.
type charges struct {
	usd   float64
	found bool
	open  bool   // the page ends with a row of the contract, so the next may begin with one
	next  string // the token of the next page
}

// readCharges adds up the rows of a contract on one page. A page that is not
// wholly readable is not ok: a smaller sum would pass for the bill.
func readCharges(text, source string) (page charges, ok bool) {
	listed, whole := false, true
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "results":
			listed = r.Kind() == jsonx.Array
			for more := r.Array(); more; more = r.NextElement() {
				if r.Kind() == jsonx.Null {
					r.Skip()
					continue
				}
				row := r.Raw()
				owner := jsonx.New(jsonx.Field(row, "source"))
				of := owner.Text()
				page.open = of == source
				if !page.open {
					whole = whole && of != "" && jsonx.IsObject(row)
					continue
				}
				amount := jsonx.New(jsonx.Field(row, "amount"))
				usd, ok := amount.Float()
				whole = whole && ok && usd >= 0 && usd <= maxUSD
				page.usd += usd
				page.found = true
			}
		case "next_token":
			page.next = r.Text()
		default:
			r.Skip()
		}
	}
	return page, r.Done() && listed && whole
}
