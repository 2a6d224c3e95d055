package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// written is a line at Fly: when it was written, and when it can be read.
type written struct {
	at, visible time.Time
	text        string
	region      string
	instance    string
}

// cloud is Fly's logs route and its tokens, as far as a test needs them.
type cloud struct {
	mu        sync.Mutex
	apps      map[string][]written // by time written
	inclusive bool                 // cursors count the line they name in
	answers   []*Answer            // given first, in order
	good      string               // the only token taken; empty: every one
	asked     int
	times     []time.Time
	tokens    []string
	refused   []string
	lastURL   string
	down      string // region that is answered 503
	regional  int    // requests for a region
}

func (c *cloud) Token(context.Context, string) (spec.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tokens) == 0 {
		return spec.NewSecret("fm2_token"), nil
	}
	return spec.NewSecret(c.tokens[0]), nil
}

func (c *cloud) Refused(_ context.Context, _ string, token spec.Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = append(c.refused, token.Reveal())
	if len(c.tokens) > 1 {
		c.tokens = c.tokens[1:]
	}
}

func (c *cloud) write(app string, list ...written) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range list {
		if w.visible.IsZero() {
			w.visible = w.at
		}
		if w.region == "" {
			w.region, w.instance = "ord", "148e290"
		}
		c.apps[app] = append(c.apps[app], w)
	}
	sort.SliceStable(c.apps[app], func(i, j int) bool { return c.apps[app][i].at.Before(c.apps[app][j].at) })
}

func (c *cloud) Get(ctx context.Context, at string, token spec.Secret) (*Answer, *spec.Error) {
	if ctx.Err() != nil {
		return nil, spec.NewError(spec.KindCancelled, "cancelled")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.lastURL = at
	now := time.Now()
	c.times = append(c.times, now)
	if len(c.answers) > 0 {
		a := c.answers[0]
		if c.answers = c.answers[1:]; a != nil {
			return a, nil
		}
	}
	if c.good != "" && token.Reveal() != c.good {
		return &Answer{Status: 401}, nil
	}
	u, err := url.Parse(at)
	if err != nil {
		return nil, spec.NewError(spec.KindInternal, "no URL")
	}
	app := strings.Split(u.Path, "/")[4]
	query := u.Query()
	if region := query.Get("region"); region != "" {
		if c.regional++; region == c.down {
			return &Answer{Status: 503}, nil
		}
	}
	var seen []written
	since, _ := strconv.ParseInt(query.Get("next_token"), 10, 64)
	for _, w := range c.apps[app] {
		if w.visible.After(now) || query.Get("region") != "" && query.Get("region") != w.region || query.Get("instance") != "" && query.Get("instance") != w.instance {
			continue
		}
		if n := w.at.UnixNano(); n > since || c.inclusive && n == since {
			seen = append(seen, w)
		}
	}
	if since == 0 && len(seen) > pageSize {
		seen = seen[len(seen)-pageSize:]
	}
	seen = seen[:min(len(seen), pageSize)]
	next := query.Get("next_token")
	var body strings.Builder
	body.WriteString(`{"data":[`)
	for i, w := range seen {
		if i > 0 {
			body.WriteByte(',')
		}
		next = strconv.FormatInt(w.at.UnixNano(), 10)
		fmt.Fprintf(&body, `{"id":"%d","type":"log","attributes":{"timestamp":%q,"message":%q,"level":"info","instance":%q,"region":%q,"meta":{"event":{"provider":"app"}}}}`,
			c.asked*1000+i, w.at.UTC().Format(time.RFC3339Nano), w.text, w.instance, w.region)
	}
	fmt.Fprintf(&body, `],"meta":{"next_token":%q}}`, next)
	return &Answer{Status: 200, Body: []byte(body.String())}, nil
}

// requests counts what was asked since the last call.
func (c *cloud) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.asked
	c.asked = 0
	return n
}

// past is when it was asked, and which tokens were refused.
func (c *cloud) past() (times []time.Time, refused []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.times), slices.Clone(c.refused)
}

func newService(t *testing.T, c *cloud, settings Settings, queue int) *Service {
	if c.apps == nil {
		c.apps = map[string][]written{}
	}
	bus := events.NewBus(clock.System{}, events.Settings{Pending: queue})
	s := New(Wiring{HTTP: c, Tokens: c, Bus: bus, Clock: clock.System{}, Jitter: func() float64 { return 0.5 }, Settings: settings})
	t.Cleanup(func() {
		s.Close()
		bus.Close()
	})
	return s
}

// listener is a subscription and what came out of it.
type listener struct {
	*events.Subscription
	bus *events.Bus
}

func listen(t *testing.T, s *Service, p SubscribeParams) *listener {
	t.Helper()
	if p.App == "" {
		p.App = "my-api"
	}
	sub, err := s.Subscribe(t.Context(), &p, func(*events.Subscription) {})
	if err != nil {
		t.Fatal(err)
	}
	sub.Start()
	return &listener{sub, s.Bus}
}

// lines takes the lines that have come.
func (l *listener) lines() []Line {
	var out []Line
	for {
		e, _ := l.TakeEvent()
		if e == nil {
			return out
		}
		var line Line
		if e.Name != EventLine || json.Unmarshal(e.Data, &line) != nil {
			panic(e.Name)
		}
		out = append(out, line)
	}
}

// texts takes everything that has come: the texts of lines, and other events by
// name and data.
func (l *listener) texts() []string {
	out := []string{}
	for {
		e, _ := l.TakeEvent()
		if e == nil {
			return out
		}
		if e.Name != EventLine {
			out = append(out, e.Name+" "+string(e.Data))
			continue
		}
		var line Line
		if err := json.Unmarshal(e.Data, &line); err != nil {
			panic(err)
		}
		out = append(out, line.Message)
	}
}

func (l *listener) leave() { l.bus.Unsubscribe(l.ID) }
