package vast

import (
	"strconv"
	"strings"
	"time"
)

// handler answers one method of one route.
type handler func(*Cloud, *request)

// endpoint is a route: method and path after /api/, with {} for a number.
type endpoint struct {
	method, path string
	handle       handler
}

// endpoints lists what is served.
func endpoints() []endpoint {
	return []endpoint{
		{"POST", "v0/bundles", (*Cloud).search},
		{"PUT", "v0/asks/{}", (*Cloud).rent},
		{"GET", "v1/instances", (*Cloud).list},
		{"GET", "v0/instances", (*Cloud).retired},
		{"GET", "v0/instances/{}", (*Cloud).get},
		{"PUT", "v0/instances/{}", (*Cloud).manage},
		{"DELETE", "v0/instances/{}", (*Cloud).destroy},
		{"POST", "v0/instances/{}/ssh", (*Cloud).attach},
		{"PUT", "v0/instances/bid_price/{}", (*Cloud).changeBid},
		{"PUT", "v0/instances/request_logs/{}", (*Cloud).requestLogs},
		{"PUT", "v0/instances/reboot/{}", (*Cloud).reboot},
		{"GET", "v0/gpu_types", (*Cloud).gpuTypes},
		{"GET", "v0/gpu_names/unique", (*Cloud).gpuNames},
		{"GET", "v0/metrics/gpu/current", (*Cloud).metrics},
		{"GET", "v0/charges", (*Cloud).charges},
		{"GET", "v0/users/current", (*Cloud).user},
	}
}

// route calls the handler of a request.
func (c *Cloud) route(r *request) {
	known := false
	for _, e := range endpoints() {
		id, ok := match(strings.Split(e.path, "/"), r.parts)
		if !ok {
			continue
		}
		known = true
		if e.method == string(r.Method()) {
			r.id = id
			if c.shaped(r, e) {
				e.handle(c, r)
			}
			return
		}
	}
	if known {
		page(r.RequestCtx, 405)
		return
	}
	page(r.RequestCtx, 404)
}

func match(pattern, parts []string) (id int64, ok bool) {
	if len(pattern) != len(parts) {
		return 0, false
	}
	for i := range pattern {
		if pattern[i] != "{}" {
			if pattern[i] != parts[i] {
				return 0, false
			}
			continue
		}
		n, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil {
			return 0, false
		}
		id = n
	}
	return id, true
}

// threshold is the least time between two requests to an endpoint.
type threshold struct {
	method, path string
	seconds      float64
	penalty      float64 // what a request that came too early adds
}

// thresholds are the published ones. Offers are limited by the minute; spread
// evenly that is one in six seconds.
func thresholds() []threshold {
	return []threshold{
		{"POST", "/api/v0/bundles/", 6, 0},
		{"PUT", "/api/v0/asks/", 4.5, 12},
		{"GET", "/api/v1/instances/", 1, 0},
		{"PUT", "/api/v0/instances/bid_price/", 5.5, 0},
		{"GET", "/api/v0/instances/", 2, 0},
		{"PUT", "/api/v0/instances/", 1, 0},
		{"DELETE", "/api/v0/instances/", 3, 0},
		{"GET", "/api/v0/metrics/", 3, 0},
		{"GET", "/api/v0/charges/", 1, 0},
	}
}

// tooFrequent refuses what comes before its endpoint's threshold.
func (c *Cloud) tooFrequent(r *request, path string) bool {
	if !c.o.RateLimits {
		if v := c.Limiter.Take(accountName(r), c.Clock.Now()); !v.OK {
			c.refuseFrequent(r, "")
			return true
		}
		return false
	}
	for _, t := range c.limits {
		if t.method != string(r.Method()) || !strings.HasPrefix(path, t.path) {
			continue
		}
		key, now := t.method+t.path+accountName(r), c.Clock.Now()
		if now.Before(c.last[key]) {
			c.last[key] = c.last[key].Add(duration(t.penalty))
			c.refuseFrequent(r, strconv.FormatFloat(t.seconds, 'f', 1, 64))
			return true
		}
		c.last[key] = now.Add(duration(t.seconds))
		return false
	}
	return false
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func accountName(r *request) string {
	if r.account == nil {
		return ""
	}
	return r.account.Name
}
