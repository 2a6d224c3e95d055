package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim"
)

// A demo is the motivating story: a web application rents a GPU for a user,
// hands the browser a credential, the browser talks to the machine directly,
// and the machine is given back: when it is told to, when nobody uses it any more,
// and when the process that rented it is dead.
type demo struct {
	*connection
	teller
	live     bool
	gpu      []string
	endpoint string
	config   string
	bill     string // address of the simulated cloud's bill; empty when live
}

// machine is what the story needs of a compute.
type machine struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	GPUType     string   `json:"gpu_type"`
	CostPerHour *float64 `json:"cost_per_hour"`
	Ports       []struct {
		URL string `json:"url"`
	} `json:"ports"`
}

// serverCode is the inference server of the live story: it answers whoever
// carries the key that Atlas put into the machine's environment.
const serverCode = `import hmac,http.server,os
key="Bearer "+os.environ["ATLAS_PRESHARED_KEY"]
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok=hmac.compare_digest(self.headers.get("authorization",""),key)
        self.send_response(200 if ok else 401); self.end_headers()
        self.wfile.write(b'{"ok":true}' if ok else b'{"ok":false}')
http.server.ThreadingHTTPServer(("",8000),H).serve_forever()`

func runDemo(ctx context.Context, io streams, args []string) error {
	flags := newArguments("demo [--live] [--gpu NAME] [--endpoint ID]", "Rents a GPU for a user, hands out its credential, runs a job and gives the machine back, on a simulated RunPod.")
	live := flags.Bool("live", false, "rent from RunPod itself; spends money")
	gpu := flags.String("gpu", "rtx_4090,rtx_3090,l4", "`names` of GPUs to try, in order")
	endpoint := flags.String("endpoint", "", "`ID` of a serverless endpoint for the job (live only)")
	victim := flags.String("victim", "", hidden+"rent with this configuration, and wait to be killed")
	if _, err := flags.parse(args, 0, 0); err != nil {
		return err
	}
	d := &demo{teller: newTeller(io.out), live: *live, gpu: strings.Split(*gpu, ","), endpoint: *endpoint}
	if *victim != "" {
		return runVictim(ctx, io, *victim)
	}
	d.config = `{"orchestrator":{}}`
	if *live {
		if os.Getenv("RUNPOD_API_KEY") == "" {
			return errors.New("demo --live rents from RunPod and needs RUNPOD_API_KEY; `exatlas demo` needs no account")
		}
	} else {
		cloud, err := sim.Start("runpod", sim.Options{})
		if err != nil {
			return err
		}
		defer cloud.Close()
		d.bill, d.endpoint = cloud.URL()+"/_sim/bill", "stream"
		folder, err := os.MkdirTemp("", "exatlas-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		d.config = fmt.Sprintf(`{"providers":{"runpod":{"api_key":"demo-key","base_url":%q}},"store":{"url":%q,"key_file":%q},"orchestrator":{"lease_ms":3000,"adopt_grace_ms":1000}}`,
			cloud.URL(), "sqlite:"+filepath.Join(folder, "atlas.db"), filepath.Join(folder, "key"))
		d.say("cloud", "a simulated RunPod at %s: no account, no money", cloud.URL())
	}
	var err error
	if d.connection, err = connect(d.config); err != nil {
		return err
	}
	defer d.close()
	if err := d.tell(ctx); err != nil {
		return err
	}
	fmt.Fprintln(io.out, "demo: ok")
	return nil
}

// tell runs the story. Whatever happens after the rent, the machine goes back.
func (d *demo) tell(ctx context.Context) (err error) {
	started := time.Now()
	s, err := d.rent(ctx)
	if err != nil {
		return err
	}
	m := &s.Compute
	ended := false
	defer func() {
		if !ended {
			d.say("give back", "the story broke off; terminating %s", m.ID)
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			_, stopped := d.call(after, "orchestrator.stop", map[string]any{"id": s.ID}, time.Minute)
			err = errors.Join(err, stopped)
		}
	}()
	if err := d.browse(ctx, s); err != nil {
		return err
	}
	if err := d.job(ctx); err != nil {
		return err
	}
	if err := d.giveBack(ctx, s); err != nil {
		return err
	}
	ended = true
	if !d.live {
		if err := d.idleAway(ctx); err != nil {
			return err
		}
		if err := d.crash(ctx); err != nil {
			return err
		}
		if err := d.nothingLeft(ctx, m); err != nil {
			return err
		}
	}
	return d.settle(ctx, m, time.Since(started))
}

// params are those of a session that may idle for so long.
func (d *demo) params(idle time.Duration) map[string]any {
	return map[string]any{
		"provider": "runpod", "gpu": d.gpu, "image": "python:3.12-slim", "command": []string{"python3", "-c", serverCode},
		"ports": []map[string]any{{"internal": 8000, "protocol": "http"}}, "container_disk_gb": 10, "auth": "bearer",
		"user_id": "demo", "idle_ttl_ms": idle.Milliseconds(), "on_exit": "terminate",
	}
}

// rent spawns a session with a bearer credential and waits until it is ready.
func (d *demo) rent(ctx context.Context) (*session, error) {
	d.say("rent", "one of %s, with a credential for one browser", strings.Join(d.gpu, ", "))
	var s session
	if err := d.into(ctx, &s, "orchestrator.spawn", d.params(30*time.Minute), 2*time.Minute); err != nil {
		return nil, err
	}
	d.say("", "session %s: %s is %s on %s", s.ID, s.Compute.ID, s.Compute.Status, s.Compute.GPUType)
	if s.Auth == nil || s.Auth.Token == "" {
		return nil, fmt.Errorf("spawn of %s answered no credential", s.ID)
	}
	var ready machine
	wait := map[string]any{"provider": "runpod", "id": s.Compute.ID, "timeout_ms": 600_000}
	err := d.into(ctx, &ready, "compute.await_ready", wait, 11*time.Minute)
	if err == nil && (len(ready.Ports) == 0 || ready.Ports[0].URL == "") {
		err = errors.New("it is ready without an address")
	}
	if err != nil {
		_, stopped := d.call(context.WithoutCancel(ctx), "orchestrator.stop", map[string]any{"id": s.ID}, time.Minute)
		return nil, fmt.Errorf("%s never became ready and was given back: %w", s.Compute.ID, errors.Join(err, stopped))
	}
	s.Compute = ready
	cost := "unknown"
	if ready.CostPerHour != nil {
		cost = fmt.Sprintf("$%.2f an hour", *ready.CostPerHour)
	}
	d.fact("url", ready.Ports[0].URL)
	d.fact("token", s.Auth.Token)
	d.fact("cost", cost)
	return &s, nil
}

// browse does what the user's browser does: it talks to the machine itself.
func (d *demo) browse(ctx context.Context, s *session) error {
	m := &s.Compute
	d.say("browser", "talks to the machine directly, with the token")
	deadline := time.Now().Add(2 * time.Minute)
	for {
		status, err := get(ctx, m.Ports[0].URL, s.Auth.Token)
		if err == nil && status == http.StatusOK {
			break
		}
		if !d.live || time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("the machine answered the token with %d (%v)", status, err)
		}
		select { // the container's server may still be starting
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
	}
	d.fact("with token", "200")
	status, err := get(ctx, m.Ports[0].URL, "")
	if err != nil || status != http.StatusUnauthorized {
		return fmt.Errorf("the machine answered a caller without the token with %d (%v), not 401", status, err)
	}
	d.fact("without", "401")
	if _, err := d.call(ctx, "orchestrator.touch", map[string]any{"id": s.ID}, time.Minute); err != nil {
		return err
	}
	d.say("touch", "the session is in use: its idle time starts anew")
	return nil
}

func get(ctx context.Context, url, token string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// job runs a serverless job and streams what it yields.
func (d *demo) job(ctx context.Context) error {
	if d.endpoint == "" {
		d.say("job", "left out: name a serverless endpoint with --endpoint")
		return nil
	}
	var submitted struct {
		ID string `json:"id"`
	}
	params := map[string]any{"provider": "runpod", "endpoint": d.endpoint, "input": map[string]any{"prompt": "a beautiful sunset", "n": 3}}
	if err := d.into(ctx, &submitted, "jobs.run", params, time.Minute); err != nil {
		return err
	}
	d.say("job", "%s runs; its output arrives as it is made", submitted.ID)
	stream := map[string]any{"provider": "runpod", "endpoint": d.endpoint, "id": submitted.ID}
	if _, err := d.call(ctx, "jobs.stream", stream, time.Minute); err != nil {
		return err
	}
	for {
		e, _, err := d.next(ctx)
		if err != nil {
			return err
		}
		d.fact(e.Event, string(e.Data))
		if e.Event == "error" {
			return fmt.Errorf("the job ended with %s", e.Data)
		}
		if e.Final {
			return nil
		}
	}
}

// giveBack ends the session and looks whether the cloud agrees.
func (d *demo) giveBack(ctx context.Context, s *session) error {
	if err := d.into(ctx, s, "orchestrator.stop", map[string]any{"id": s.ID, "wait_ms": 60_000}, 2*time.Minute); err != nil {
		return err
	}
	if s.State != "ended" {
		return fmt.Errorf("the session is %s", s.State)
	}
	d.say("give back", "the session is over and %s is gone", s.Compute.ID)
	return d.nothingLeft(ctx, &s.Compute)
}

// nothingLeft asks the cloud for its machines.
func (d *demo) nothingLeft(ctx context.Context, m *machine) error {
	var left struct{ Items []machine }
	if err := d.into(ctx, &left, "compute.list", map[string]any{"provider": "runpod"}, time.Minute); err != nil {
		return err
	}
	for _, other := range left.Items {
		if (other.ID == m.ID || !d.live) && other.Status != "terminated" {
			return fmt.Errorf("%s is still listed as %s", other.ID, other.Status)
		}
	}
	d.fact("left", "nothing")
	return nil
}

// settle says what it cost: the simulated cloud's own bill, or price and time.
func (d *demo) settle(ctx context.Context, m *machine, took time.Duration) error {
	if d.bill == "" {
		if m.CostPerHour != nil {
			d.fact("cost", fmt.Sprintf("about $%.4f for %s (the bill itself follows later)", *m.CostPerHour*took.Hours(), took.Round(time.Second)))
		}
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.bill, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var bill struct {
		Total *float64 `json:"total_usd"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&bill); err != nil {
		return err
	}
	if bill.Total == nil || *bill.Total <= 0 {
		return errors.New("the cloud's bill has no total")
	}
	d.fact("bill", fmt.Sprintf("$%.6f for %s", *bill.Total, took.Round(time.Millisecond)))
	return nil
}

// into calls a method and decodes its result.
func (d *demo) into(ctx context.Context, result any, method string, params any, timeout time.Duration) error {
	answer, err := d.call(ctx, method, params, timeout)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, result)
}
