package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/sqlite"
)

// sessions measures what keeping many sessions takes. Their machines exist at the
// simulated cloud; their records are copies of one that Atlas wrote.
func (b *bench) sessions() error {
	folder, err := os.MkdirTemp("", "atlas-bench-sessions")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := b.spawns(filepath.Join(folder, "spawns")); err != nil {
		return err
	}
	full := filepath.Join(folder, "full")
	if err := b.fill(full, b.many); err != nil {
		return err
	}
	var empty, kept keeping
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := b.child(&empty, self, "-keep", b.stored(filepath.Join(folder, "empty")), "-idle", "5s"); err != nil {
		return err
	}
	if err := b.child(&kept, self, "-keep", b.stored(full), "-idle", "40s"); err != nil {
		return err
	}
	unit := " for " + strconv.Itoa(b.many) + " sessions"
	memory := kept.RSS - empty.RSS
	b.tell(figure{Name: "sessions_memory", Value: memory, Unit: "MB" + unit, Peer: "a client without sessions", PeerValue: empty.RSS}.within("at most 250 more", memory <= 250))
	b.tell(figure{Name: "sessions_memory_at_peak", Value: kept.Peak - empty.Peak, Unit: "MB" + unit})
	b.tell(figure{Name: "sessions_idle_cpu", Value: kept.CPU * 100, Unit: "% of a core" + unit, Peer: "a client without sessions", PeerValue: empty.CPU * 100}.within("under 2", kept.CPU < 0.02))
	b.tell(figure{Name: "sessions_adopted", Value: kept.Adopted, Unit: "s" + unit}.within("at most 5", kept.Adopted <= 5))
	b.tell(figure{Name: "sessions_expiry_late", Value: kept.Late, Unit: "ms, the latest of " + strconv.Itoa(kept.Expired)}.within("at most 100", kept.Late <= 100 && kept.Expired > 0))
	b.tell(figure{Name: "sessions_heap", Value: kept.Heap, Unit: "MB that live in Go" + unit})
	b.tell(figure{Name: "sessions_sandbox", Value: kept.Sandbox, Unit: "MB of the guest that lists the machines"})
	b.tell(figure{Name: "touch_go_many", Value: kept.TouchFirst, Unit: "touches/s of one thread, one id a call, of 20000 sessions"}.within("at least 500000", kept.TouchFirst >= 500_000))
	b.tell(figure{Name: "touch_go", Value: kept.Touch, Unit: "touches/s of one thread, one id a call, of 1000 sessions"}.within("at least 500000", kept.Touch >= 500_000))
	b.tell(figure{Name: "touch_go_lists", Value: kept.TouchLists, Unit: "touches/s of one thread, 100 ids a call"})
	return b.touchPython(full)
}

// stored is the configuration of a client that keeps its sessions in a folder.
func (b *bench) stored(folder string) string {
	_ = os.MkdirAll(folder, 0o700) // opening the store says what is wrong
	var config map[string]any
	_ = json.Unmarshal([]byte(b.config), &config) // made by this program
	config["store"] = map[string]any{"url": "sqlite:" + filepath.Join(folder, "atlas.db"), "key_file": filepath.Join(folder, "key")}
	text, _ := json.Marshal(config) // of strings
	return string(text)
}

func openStored(config string) (*atlas.Client, error) {
	client, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{})
	if client == nil {
		return nil, fmt.Errorf("open: %d %s", outcome, document)
	}
	return client, nil
}

// result takes what a method answered out of its envelope.
func result(document []byte, into any) error {
	return json.Unmarshal(document, &struct {
		Result any `json:"result"`
	}{into})
}

const spawnSession = `{"method":"orchestrator.spawn","params":{"gpu":"rtx_4090","image":"ghcr.io/me/server:1","ports":[{"internal":8000}],"auth":"bearer","on_exit":"terminate"}}`

// spawns measures whole spawns, with the journal on disk before each request and
// after it, and what closing does with the sessions.
func (b *bench) spawns(folder string) error {
	client, err := openStored(b.stored(folder))
	if err != nil {
		return err
	}
	defer client.Close(time.Second)
	const workers = 64
	spawn := func(n int) (time.Duration, error) {
		errs := make([]error, workers)
		began := time.Now()
		var all sync.WaitGroup
		for w := range workers {
			all.Add(1)
			go func() {
				defer all.Done()
				for range n / workers {
					if _, err := answered(client.CallJSON([]byte(spawnSession))); err != nil {
						errs[w] = err
						return
					}
				}
			}()
		}
		all.Wait()
		return time.Since(began), errors.Join(errs...)
	}
	if _, err := spawn(workers); err != nil {
		return err
	}
	n := 1024 - workers
	took, err := spawn(n)
	if err != nil {
		return err
	}
	rate := float64(n) / took.Seconds()
	b.tell(figure{Name: "spawns_journalled", Value: rate, Unit: "spawns/s, 64 at once, simulator included"}.within("at least 1000", rate >= 1000))
	began := time.Now()
	document, err := answered(client.CallJSON([]byte(`{"method":"orchestrator.shutdown","params":{"timeout_ms":60000}}`)))
	if err != nil {
		return err
	}
	var report struct {
		Ended int        `json:"ended"`
		Left  []struct{} `json:"left"`
	}
	if err := result(document, &report); err != nil {
		return err
	}
	b.tell(figure{Name: "shutdown_ends", Value: float64(report.Ended), Unit: fmt.Sprintf("sessions of 1024 in %.1f s", time.Since(began).Seconds())}.within("all, or says which are left", report.Ended+len(report.Left) == 1024))
	return nil
}

// fill makes a store of n sessions whose machines exist. Every 500th goes idle
// some seconds after it was adopted.
func (b *bench) fill(folder string, n int) error {
	config := b.stored(folder)
	client, err := openStored(config)
	if err != nil {
		return err
	}
	document, err := answered(client.CallJSON([]byte(`{"method":"orchestrator.spawn","params":{"gpu":"rtx_4090","image":"ghcr.io/me/server:1","ports":[{"internal":8000}],"auth":"bearer"}}`)))
	var first struct {
		ID      string
		Compute struct{ ID, Status string }
	}
	if err == nil {
		err = result(document, &first)
	}
	// Until it is ready: sessions that are kept for long are.
	for until := time.Now().Add(time.Minute); err == nil && first.Compute.Status != "running" && time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if document, err = answered(client.CallJSON([]byte(`{"method":"orchestrator.get","params":{"id":"` + first.ID + `"}}`))); err == nil {
			err = result(document, &first)
		}
	}
	client.Close(5 * time.Second)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(folder, "atlas.db"))
	if err != nil {
		return err
	}
	defer s.Close()
	row, found, err := s.Get(ctx, first.ID)
	if err != nil || !found {
		return fmt.Errorf("the session is not in the store: %v", err)
	}
	const dead = "a process that died"
	lease, _, err := s.Lease(ctx, "node/"+dead, dead, 60_000)
	if err != nil {
		return err
	}
	changes := make([]store.Change, 0, n)
	for i := range n {
		pod, err := b.cloud.rent(i)
		if err != nil {
			return err
		}
		next := row
		next.ID, next.ComputeID = fmt.Sprintf("%s-%06d", row.ID, i), pod
		doc := strings.ReplaceAll(string(row.Doc), row.ComputeID, pod)
		if i%500 == 0 {
			doc = idleIn(doc, 4*time.Minute+time.Duration(i)*time.Millisecond/10)
		}
		next.Doc, next.Owner, next.Fence = []byte(doc), dead, lease.Fence
		changes = append(changes, store.Change{New: true, Session: next, Topic: "compute:" + pod})
	}
	for len(changes) > 0 {
		lease, _, err = s.Lease(ctx, "node/"+dead, dead, 60_000)
		if err != nil {
			return err
		}
		some := min(len(changes), 5000)
		results, err := s.Commit(ctx, lease, changes[:some])
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Verdict != store.Done {
				return errors.New("a session was not written")
			}
		}
		changes = changes[some:]
	}
	return s.Release(ctx, lease)
}

// idleIn writes another idle time into a stored session.
func idleIn(doc string, ttl time.Duration) string {
	var d map[string]any
	_ = json.Unmarshal([]byte(doc), &d) // it was read from the store
	d["idle_ttl"] = ttl.Milliseconds()
	out, _ := json.Marshal(d) // of what was decoded
	return string(out)
}

// rent makes a machine at the simulator, without Atlas.
func (c *cloud) rent(i int) (string, error) {
	var pod struct{ ID string }
	body := `{"name":"s` + strconv.Itoa(i) + `","image":"ghcr.io/me/server:1","gpu":{"id":"NVIDIA GeForce RTX 4090","count":1},"disk":20,"ports":["8000/http"]}`
	err := c.do("POST", "/v2/pods", body, &pod)
	return pod.ID, err
}

// keeping is what a process found that kept sessions.
type keeping struct {
	RSS        float64 // MB at the end
	Peak       float64 // MB
	CPU        float64 // of a core, while nothing was asked of it
	Adopted    float64 // s until all sessions were its own
	Expired    int
	Late       float64 // ms
	Touch      float64 // a second
	TouchLists float64
	TouchFirst float64
	Heap       float64 // MB that live in Go
	Sandbox    float64 // MB of the guests
}

// keep opens a client on a store, watches it and prints what it found.
func keep(config string, idle time.Duration) error {
	var settings struct{ Store struct{ URL string } }
	if err := json.Unmarshal([]byte(config), &settings); err != nil {
		return err
	}
	ctx := context.Background()
	s, err := sqlite.Open(ctx, strings.TrimPrefix(settings.Store.URL, "sqlite:"))
	if err != nil {
		return err
	}
	defer s.Close()
	var k keeping
	count := 0
	for after, more := "", true; more; { // in small parts: what this process holds is being measured
		rows, err := s.List(ctx, store.Filter{States: []store.State{store.Live}, After: after, Limit: 1000})
		if err != nil {
			return err
		}
		if more = len(rows) > 0; more {
			count += len(rows)
			after = rows[len(rows)-1].ID
		}
	}
	began := time.Now()
	client, err := openStored(config)
	if err != nil {
		return err
	}
	defer client.Close(5 * time.Second)
	for ; client.Info().Live["sessions"] < int64(count); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			return errors.New("the sessions were not adopted in two minutes")
		}
	}
	k.Adopted = time.Since(began).Seconds()
	if count > 0 { // until all are told of and the looks at the cloud have begun
		time.Sleep(20*time.Second + time.Duration(count)*time.Millisecond)
	}
	cpu, from := used(), time.Now()
	time.Sleep(idle)
	k.CPU = float64(used()-cpu) / float64(time.Since(from))
	k.RSS, k.Peak = resident("VmRSS"), resident("VmHWM")
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	k.Heap, k.Sandbox = float64(m.HeapAlloc)/1e6, float64(client.Info().Live["sandbox_bytes"])/1e6
	if count > 0 {
		sessions, err := k.lateness(ctx, s)
		if err != nil {
			return err
		}
		k.TouchFirst = touches(client, sessions[:min(len(sessions), 20_000)], 1)
		k.Touch = touches(client, sessions[:min(len(sessions), 1000)], 1)
		k.TouchLists = touches(client, sessions[:min(len(sessions), 1000)], 100)
	}
	return json.NewEncoder(os.Stdout).Encode(k)
}

// lateness waits until the sessions that go idle have, compares when they said so
// with when they should, and returns the others.
func (k *keeping) lateness(ctx context.Context, s store.Store) ([]store.Session, error) {
	var live, gone []store.Session
	for until := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Second) {
		rows, err := s.List(ctx, store.Filter{Limit: 1 << 20})
		if err != nil {
			return nil, err
		}
		waits := false
		live, gone = nil, nil
		for _, row := range rows {
			var d struct {
				Idle int64 `json:"idle_ttl"`
			}
			if err := json.Unmarshal(row.Doc, &d); err != nil {
				return nil, err
			}
			switch {
			case d.Idle >= 1800_000:
				live = append(live, row)
			case row.State == store.Live:
				waits = true
			default:
				row.Touched += d.Idle
				gone = append(gone, row)
			}
		}
		if !waits {
			break
		}
		if time.Now().After(until) {
			return nil, errors.New("sessions did not go idle")
		}
	}
	for _, row := range gone {
		events, _, err := s.Events(ctx, "compute:"+row.ComputeID, 1, 100)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if e.Name == "terminating" {
				k.Expired++
				k.Late = max(k.Late, float64(e.Time-row.Touched))
			}
		}
	}
	return live, nil
}

// used is the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of oneself: cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident reads a line of /proc/self/status, MB.
func resident(name string) float64 {
	text, _ := os.ReadFile("/proc/self/status") // 0 where there is none
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
