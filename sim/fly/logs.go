package fly

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// AppLog is an app that exists from the start and writes.
type AppLog struct {
	App       string    `json:"app"`
	Key       string    `json:"key,omitempty"`        // of the account it belongs to; default logs
	EveryMS   int64     `json:"every_ms,omitempty"`   // it writes a line this often, from the start on
	LateEvery int       `json:"late_every,omitempty"` // each so-manieth of those lines can be read only LateMS later
	LateMS    int64     `json:"late_ms,omitempty"`
	Lines     []LogLine `json:"lines,omitempty"`
}

// LogLine is a line that is there from the start.
type LogLine struct {
	Message  string `json:"message"`
	Region   string `json:"region,omitempty"`   // default ord
	Instance string `json:"instance,omitempty"` // default 148e2901f03dd8
	Level    string `json:"level,omitempty"`    // default info
	AgeMS    int64  `json:"age_ms,omitempty"`   // how long before the start it was written
	LateMS   int64  `json:"late_ms,omitempty"`  // it can be read so long after it was written
}

// line is a line with its times.
type line struct {
	LogLine
	at, visible int64 // ns
}

// logPage is how many lines a page holds.
const logPage = 100

// setLogs makes the apps that write. The caller holds the lock.
func (c *Cloud) setLogs() {
	c.logs, c.logUses = map[string][]line{}, map[string]int{}
	start := c.Kit.Options.Start.UnixNano()
	c.logStart = start
	for i := range c.o.Logs {
		l := &c.o.Logs[i]
		key := l.Key
		if key == "" {
			key = "logs"
		}
		c.seq++
		c.apps[l.App] = &app{name: l.App, id: "log" + strconv.Itoa(i), account: c.Accounts.Find([]byte(key)), seq: c.seq}
		for n, one := range l.Lines {
			at := start - one.AgeMS*int64(time.Millisecond) + int64(n) // no two at one moment
			c.addLine(l.App, one, at)
		}
	}
}

func (c *Cloud) addLine(name string, one LogLine, at int64) {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&one.Region, "ord")
	fill(&one.Instance, "148e2901f03dd8")
	fill(&one.Level, "info")
	c.logs[name] = append(c.logs[name], line{one, at, at + one.LateMS*int64(time.Millisecond)})
	sort.SliceStable(c.logs[name], func(i, j int) bool { return c.logs[name][i].at < c.logs[name][j].at })
}

// Write adds a line to an app's log, as of now.
func (c *Cloud) Write(name, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLine(name, LogLine{Message: message}, c.Clock.Now().UnixNano())
}

// serveLogs answers GET /api/v1/apps/{app}/logs. This route takes a macaroon
// under FlyV1 alone, and one scheme word.
func (c *Cloud) serveLogs(ctx *fasthttp.RequestCtx, path string) {
	name, what, _ := strings.Cut(path, "/")
	if what != "logs" || !ctx.IsGet() {
		problem(ctx, 404, "not found")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	ctx.Response.Header.Set("Fly-Request-Id", "01SIM"+padded(c.requests, 21)+"-sim")
	scheme, key, _ := strings.Cut(string(ctx.Request.Header.Peek("Authorization")), " ")
	macaroon := strings.HasPrefix(key, "fm2_") || strings.HasPrefix(key, "fm1r_") || strings.HasPrefix(key, "fm1a_")
	account, only := c.identify(ctx)
	if account == nil || strings.Contains(key, " ") || macaroon != (scheme == "FlyV1") {
		answer(ctx, 401, []byte(`{"error":"You must be authenticated to view this."}`))
		return
	}
	if c.logUses[key]++; c.o.LogTokenUses > 0 && c.logUses[key] > c.o.LogTokenUses {
		answer(ctx, 401, []byte(`{"error":"You must be authenticated to view this."}`))
		return
	}
	a := c.apps[name]
	switch {
	case a == nil:
		answer(ctx, 404, []byte(`{"error":"Could not find App"}`))
		return
	case a.account != account && !c.writes(name) || only != nil && only.App != name:
		problem(ctx, 403, "unauthorized")
		return
	}
	c.answerLogs(ctx, name)
}

// writes reports whether an app is one that any account may read.
func (c *Cloud) writes(name string) bool {
	for i := range c.o.Logs {
		if c.o.Logs[i].App == name && c.o.Logs[i].Key == "" {
			return true
		}
	}
	return false
}

func (c *Cloud) answerLogs(ctx *fasthttp.RequestCtx, name string) {
	query, now := ctx.QueryArgs(), c.Clock.Now().UnixNano()
	cursor := string(query.Peek("next_token"))
	since, err := strconv.ParseInt(cursor, 10, 64)
	if cursor != "" && err != nil {
		problem(ctx, 400, "next_token is invalid")
		return
	}
	region, instance := string(query.Peek("region")), string(query.Peek("instance"))
	var list []line
	all := append(append([]line(nil), c.logs[name]...), c.steady(name, since, now)...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	for _, l := range all {
		if l.at > since && l.visible <= now && (region == "" || l.Region == region) && (instance == "" || l.Instance == instance) {
			list = append(list, l)
		}
	}
	if cursor == "" && len(list) > logPage {
		list = list[len(list)-logPage:]
	}
	list = list[:min(len(list), logPage)]
	b := []byte(`{"data":[`)
	for i, l := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"id":"`...), strconv.FormatInt(l.at, 36)...)
		b = append(b, `","type":"log","attributes":{"timestamp":"`...)
		b = time.Unix(0, l.at).UTC().AppendFormat(b, time.RFC3339Nano)
		b = simkit.AppendString(append(b, `","message":`...), l.Message)
		b = simkit.AppendString(append(b, `,"level":`...), l.Level)
		b = simkit.AppendString(append(b, `,"instance":`...), l.Instance)
		b = simkit.AppendString(append(b, `,"region":`...), l.Region)
		b = simkit.AppendString(append(b, `,"meta":{"instance":`...), l.Instance)
		b = simkit.AppendString(append(b, `,"region":`...), l.Region)
		b = append(b, `,"event":{"provider":"app"},"http":{"request":{"id":"","method":"","version":""},"response":{"status_code":0}},"error":{"code":0,"message":""},"url":{"full":""}}}}`...)
		cursor = strconv.FormatInt(l.at, 10)
	}
	b = simkit.AppendString(append(b, `],"meta":{"next_token":`...), cursor)
	answer(ctx, 200, append(b, "}}"...))
}

// steady makes the lines of an app that writes all the time, as far as a page
// needs them.
func (c *Cloud) steady(name string, since, now int64) []line {
	var list []line
	for i := range c.o.Logs {
		l := &c.o.Logs[i]
		if l.App != name || l.EveryMS <= 0 {
			continue
		}
		every := l.EveryMS * int64(time.Millisecond)
		last := (now - c.logStart) / every
		first := max(0, last-2*logPage)
		if since > 0 {
			first = max(0, (since-c.logStart)/every)
		}
		for n := first; n <= last && n < first+2*logPage+2; n++ {
			one := line{LogLine: LogLine{Message: "line " + strconv.FormatInt(n, 10), Region: "ord", Instance: "148e2901f03dd8", Level: "info"}, at: c.logStart + n*every}
			if one.visible = one.at; l.LateEvery > 0 && n%int64(l.LateEvery) == int64(l.LateEvery)-1 {
				one.visible += l.LateMS * int64(time.Millisecond)
			}
			list = append(list, one)
		}
	}
	return list
}
