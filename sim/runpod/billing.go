package runpod

import (
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// billingView is one of the billing pages. Owner is the query parameter and
// record field that names the resource; empty: records are per bucket alone.
type billingView struct {
	owner, unique string
	amounts       []string          // beside totalAmount, in order
	of            map[string]string // kind of the meter's item -> amount
}

// billingViews are the pages by the path's last part; "" is GET /v2/billing.
func billingViews() map[string]*billingView {
	return map[string]*billingView{
		"pods": {"podId", "uniquePodCount", []string{"gpuAmount", "cpuAmount", "diskAmount"},
			map[string]string{"pod_gpu": "gpuAmount", "pod_cpu": "cpuAmount", "pod_disk": "diskAmount"}},
		"serverless": {"serverlessId", "uniqueServerlessCount", []string{"gpuAmount", "cpuAmount", "diskAmount", "feeAmount"}, map[string]string{"job": "gpuAmount"}},
		"network-volumes": {"networkVolumeId", "uniqueNetworkVolumeCount", []string{"standardAmount", "highPerformanceAmount"},
			map[string]string{"network_volume_standard": "standardAmount", "network_volume_high_performance": "highPerformanceAmount"}},
		"clusters":  {"clusterId", "uniqueClusterCount", []string{"gpuAmount", "diskAmount", "networkingAmount"}, nil},
		"endpoints": {"", "", nil, nil},
		"": {"", "", []string{"podGpuAmount", "podCpuAmount", "podDiskAmount", "serverlessGpuAmount", "serverlessCpuAmount", "serverlessDiskAmount", "serverlessFeeAmount",
			"storageStandardAmount", "storageHighPerformanceAmount", "endpointAmount", "clusterGpuAmount", "clusterDiskAmount", "clusterNetworkingAmount"},
			map[string]string{"pod_gpu": "podGpuAmount", "pod_cpu": "podCpuAmount", "pod_disk": "podDiskAmount", "job": "serverlessGpuAmount",
				"network_volume_standard": "storageStandardAmount", "network_volume_high_performance": "storageHighPerformanceAmount"}},
	}
}

// sums are the amounts of one record, by name.
type sums struct {
	from, to time.Time
	owner    string
	amount   map[string]float64
	total    float64
}

func (s *sums) add(amount string, usd float64) {
	if s.amount == nil {
		s.amount = map[string]float64{}
	}
	s.amount[amount] += usd
	s.total += usd
}

func (s *sums) append(b []byte, view *billingView) []byte {
	b = simkit.AppendFloat(append(b, `"totalAmount":`...), s.total)
	for _, name := range view.amounts {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = simkit.AppendFloat(b, s.amount[name])
	}
	return b
}

func (c *Cloud) routeBilling(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	page := ""
	if len(parts) == 2 {
		page = parts[1]
	}
	view := c.billing[page]
	if view == nil || len(parts) > 2 || len(parts) == 2 && page == "" {
		problem(ctx, 404, "resource not found")
		return
	}
	if !ctx.IsGet() {
		notAllowed(ctx, "GET")
		return
	}
	w, wrong := readWindow(ctx, c.Clock.Now())
	if wrong != "" {
		invalid(ctx, wrong)
		return
	}
	filter := ""
	if view.owner != "" {
		filter = string(ctx.QueryArgs().Peek(view.owner))
	}
	records, total, owners := view.collect(c.Meter.Stretches(a.Name, c.Clock.Now()), w, filter)
	b := []byte(`{"records":[`)
	for i, r := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRange(append(b, '{'), r.from, r.to)
		if view.owner != "" {
			b = append(append(append(b, `,"`...), view.owner...), `":`...)
			b = simkit.AppendString(b, r.owner)
		}
		b = append(r.append(append(b, ','), view), '}')
	}
	b = appendRange(append(b, `],"metadata":{"query":{`...), w.from, w.to)
	b = simkit.AppendString(append(b, `,"bucketSize":`...), w.size)
	if view.owner != "" {
		b = append(append(append(b, `,"`...), view.owner...), `":`...)
		b = appendOrNull(b, filter)
	}
	b = simkit.AppendInt(append(b, `},"recordCount":`...), len(records))
	if view.unique != "" {
		b = append(append(append(b, `,"`...), view.unique...), `":`...)
		b = simkit.AppendInt(b, owners)
	}
	b = total.append(append(b, `,"totals":{`...), view)
	answer(ctx, 200, append(b, `}}}`...))
}

func appendRange(b []byte, from, to time.Time) []byte {
	b = simkit.AppendTime(append(b, `"startTime":`...), from)
	return simkit.AppendTime(append(b, `,"endTime":`...), to)
}

// collect spreads the stretches over buckets and owners. Records without cost
// are left out.
func (v *billingView) collect(all []simkit.Stretch, w window, filter string) (records []*sums, total sums, owners int) {
	seen := map[string]bool{}
	for from := w.from; from.Before(w.to); {
		to := w.next(from)
		if to.After(w.to) {
			to = w.to
		}
		by := map[string]*sums{}
		for _, s := range all {
			amount, owner := v.of[s.Kind], ""
			if v.owner != "" {
				owner, _, _ = strings.Cut(s.ID, "/")
			}
			seconds := s.Between(from, to)
			if amount == "" || seconds == 0 || filter != "" && owner != filter {
				continue
			}
			r := by[owner]
			if r == nil {
				r = &sums{from: from, to: to, owner: owner}
				by[owner] = r
				records = append(records, r)
				seen[owner] = true
			}
			usd := float64(seconds) * s.Rate / 3600
			r.add(amount, usd)
			total.add(amount, usd)
		}
		from = to
	}
	return records, total, len(seen)
}

// window is the time a billing page covers, cut into buckets.
type window struct {
	from, to time.Time
	size     string
}

// readWindow reads startTime, endTime, lastN and bucketSize.
func readWindow(ctx *fasthttp.RequestCtx, now time.Time) (w window, wrong string) {
	args := ctx.QueryArgs()
	w = window{to: now, size: "day"}
	if text := args.Peek("bucketSize"); text != nil {
		switch w.size = string(text); w.size {
		case "hour", "day", "week", "month", "year":
		default:
			return w, "query.bucketSize: value must be one of 'hour', 'day', 'week', 'month', 'year'"
		}
	}
	var err error
	if text := args.Peek("endTime"); text != nil {
		if w.to, err = time.Parse(time.RFC3339, string(text)); err != nil {
			return w, "query.endTime: not an RFC 3339 time"
		}
	}
	w.from = w.to.AddDate(0, 0, -30)
	if text := args.Peek("lastN"); text != nil {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 || n > 1000 {
			return w, "query.lastN: must be an integer from 1 to 1000"
		}
		w.from = w.start(w.to)
		for range n - 1 {
			w.from = w.start(w.from.Add(-time.Second))
		}
	}
	if text := args.Peek("startTime"); text != nil {
		if w.from, err = time.Parse(time.RFC3339, string(text)); err != nil {
			return w, "query.startTime: not an RFC 3339 time"
		}
	}
	if w.to.Sub(w.from) > 20*366*24*time.Hour || w.size == "hour" && w.to.Sub(w.from) > 366*24*time.Hour {
		return w, "query.startTime: the range is too long for its buckets"
	}
	return w, ""
}

// start is the beginning of the bucket an instant lies in, UTC.
func (w window) start(at time.Time) time.Time {
	at = at.UTC()
	y, m, d := at.Date()
	switch w.size {
	case "hour":
		return at.Truncate(time.Hour)
	case "day":
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "week":
		return time.Date(y, m, d-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "month":
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
}

// next is the beginning of the bucket after an instant's.
func (w window) next(at time.Time) time.Time {
	s := w.start(at)
	switch w.size {
	case "hour":
		return s.Add(time.Hour)
	case "day":
		return s.AddDate(0, 0, 1)
	case "week":
		return s.AddDate(0, 0, 7)
	case "month":
		return s.AddDate(0, 1, 0)
	}
	return s.AddDate(1, 0, 0)
}
