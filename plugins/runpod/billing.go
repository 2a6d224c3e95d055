package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxUSD is beyond what any pod can have cost.
const maxUSD = 1e9

// getBill adds up what RunPod has charged for a pod, in buckets of a day. A pod
// that has not been charged for, or never was, has no records.
func getBill(env sdk.Env, request *spec.BillRequest) (*spec.Bill, *spec.Error) {
	if request.ID == "" {
		return nil, invalid("id is empty")
	}
	var query rest.Query
	query.Add("podId", request.ID)
	query.Add("startTime", request.From)
	query.Add("bucketSize", "day")
	response, err := ask(env, "GET", address(env, "api", defaultAPI)+"/v2/billing/pods"+query.String(), nil)
	if err != nil {
		return nil, err
	}
	bill, ok := toBill(response.Body, request.ID)
	if !ok {
		return nil, rest.Unreadable(&response, "bill of a pod")
	}
	return &bill, nil
}

// toBill reads a page of records. One that is not wholly readable is none: a
// smaller sum would pass for the bill.
func toBill(text, id string) (bill spec.Bill, ok bool) {
	listed, whole := false, true
	r := jsonx.New(text)
	for member := r.Object(); member; member = r.NextMember() {
		switch r.Key() {
		case "records":
			listed = r.Kind() == jsonx.Array
			for element := r.Array(); element; element = r.NextElement() {
				if r.Kind() == jsonx.Null {
					r.Skip()
					continue
				}
				whole = addRecord(&bill, r.Raw(), id) && whole
			}
		case "metadata":
			meta := jsonx.Field(r.Raw(), "query")
			from, to := jsonx.New(jsonx.Field(meta, "startTime")), jsonx.New(jsonx.Field(meta, "endTime"))
			bill.From, bill.To = from.Text(), to.Text()
		default:
			r.Skip()
		}
	}
	return bill, r.Done() && listed && whole && bill.AmountUSD <= maxUSD
}

// addRecord adds a record of the pod's; others' are passed over.
func addRecord(bill *spec.Bill, text, id string) bool {
	if !jsonx.IsObject(text) {
		return false
	}
	owner, amount := jsonx.New(jsonx.Field(text, "podId")), jsonx.New(jsonx.Field(text, "totalAmount"))
	if owner.Text() != id {
		return true
	}
	usd, ok := amount.Float()
	if !ok || !(usd >= 0 && usd <= maxUSD) {
		return false
	}
	bill.AmountUSD += usd
	return true
}
