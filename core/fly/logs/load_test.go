package logs

import (
	"bytes"
	"context"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// river is a cloud whose apps write a line every interval; every 50th arrives
// late. It holds nothing: a line follows from its number.
type river struct {
	start, end time.Time
	every      time.Duration
	asked      atomic.Int64
	mu         sync.Mutex
	asking     map[string]int // requests under way, by app
	twice      atomic.Int64   // requests of one app at once
}

func (r *river) Token(context.Context, string) (spec.Secret, error) { return spec.NewSecret("t"), nil }
func (r *river) Refused(context.Context, string, spec.Secret)       {}

func (r *river) Get(_ context.Context, at string, _ spec.Secret) (*Answer, *spec.Error) {
	r.asked.Add(1)
	u, err := url.Parse(at)
	if err != nil {
		return nil, spec.NewError(spec.KindInternal, "no URL")
	}
	app := strings.Split(u.Path, "/")[4]
	r.mu.Lock()
	if r.asking[app]++; r.asking[app] > 1 {
		r.twice.Add(1)
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.asking[app]--
		r.mu.Unlock()
	}()
	cursor := u.Query().Get("next_token")
	since, _ := strconv.ParseInt(cursor, 10, 64)
	now := time.Now()
	body := append(make([]byte, 0, 16<<10), `{"data":[`...)
	first := int64(0)
	if since >= r.start.UnixNano() {
		first = (since-r.start.UnixNano())/int64(r.every) + 1
	}
	n := 0
	for i := first; n < pageSize; i++ {
		written := r.start.Add(time.Duration(i) * r.every)
		if !written.Before(r.end) || written.After(now) {
			break
		}
		if i%50 == 49 && now.Sub(written) < 2*time.Second {
			continue // on its way
		}
		if n++; n > 1 {
			body = append(body, ',')
		}
		body = append(body, `{"id":"x","type":"log","attributes":{"timestamp":"`...)
		body = written.UTC().AppendFormat(body, time.RFC3339Nano)
		body = append(body, `","message":"line `...)
		body = strconv.AppendInt(body, i, 10)
		body = append(body, ` of an app that is busy","level":"info","instance":"148e290","region":"ord","meta":{"event":{"provider":"app"}}}}`...)
		cursor = strconv.FormatInt(written.UnixNano(), 10)
	}
	body = append(append(append(body, `],"meta":{"next_token":"`...), cursor...), `"}}`...)
	return &Answer{Status: 200, Body: body}, nil
}

func TestLoad_200AppsThousandSubscribersFiftyThousandLines(t *testing.T) {
	const apps, each = 200, 5
	seconds := 10
	if testing.Short() {
		seconds = 2
	}
	perApp := 250 * seconds
	var asked, most int64
	var lines atomic.Int64
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		r := &river{every: 4 * time.Millisecond, asking: map[string]int{}}
		r.start = time.Now().Add(2 * time.Second)
		r.end = r.start.Add(time.Duration(seconds) * time.Second)
		bus := events.NewBus(clock.System{}, events.Settings{})
		s := New(Wiring{HTTP: r, Tokens: r, Bus: bus, Clock: clock.System{}, Jitter: func() float64 { return 0.5 }})
		var wg sync.WaitGroup
		var ids []string
		for i := range apps * each {
			signal := make(chan struct{}, 1)
			sub, err := s.Subscribe(t.Context(), &SubscribeParams{App: "app-" + strconv.Itoa(i%apps)}, func(*events.Subscription) {
				select {
				case signal <- struct{}{}:
				default:
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, sub.ID)
			sub.Start()
			wg.Go(func() {
				seen := make([]bool, perApp)
				count := 0
				defer func() {
					if count != perApp {
						t.Errorf("%d lines of %d", count, perApp)
					}
				}()
				for {
					e, _ := sub.TakeEvent()
					if e == nil {
						select {
						case <-signal:
							continue
						case <-sub.Done():
							return
						}
					}
					_, after, _ := bytes.Cut(e.Data, []byte(`"line `))
					number, _, _ := bytes.Cut(after, []byte(" "))
					n, err := strconv.Atoi(string(number))
					if err != nil || seen[n] {
						t.Errorf("line %d again, or no line: %s", n, e.Data)
						return
					}
					seen[n] = true
					count++
					lines.Add(1)
				}
			})
		}
		if n := s.Streams(); n != apps {
			t.Errorf("%d streamers", n)
		}
		var m runtime.MemStats
		for range seconds + 12 {
			time.Sleep(time.Second)
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapInuse))
		}
		for _, id := range ids {
			bus.Unsubscribe(id)
		}
		wg.Wait()
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streamers are left", n)
		}
		if n := r.twice.Load(); n != 0 {
			t.Errorf("%d times two requests of one app at once", n)
		}
		asked = r.asked.Load()
		s.Close()
		bus.Close()
	})
	took := time.Since(began)
	written := int64(apps * perApp)
	t.Logf("%d lines written, %d handed out, %d requests, heap at most %d MiB; %.0f lines/s of real time", written, lines.Load(), asked, most>>20, float64(written)/took.Seconds())
	if most > 512<<20 {
		t.Errorf("heap of %d MiB", most>>20)
	}
}
