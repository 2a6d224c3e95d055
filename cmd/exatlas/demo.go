package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim"
)

// A demo is the motivating story: a web application rents a GPU for a user,
// hands the browser a credential, the browser talks to the machine directly,
// and the machine is given back.
type demo struct {
	*connection
	teller
	live     bool
	gpu      []string
	endpoint string
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
	Auth *struct {
		Token string `json:"token"`
	} `json:"auth"`
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
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.err)
	live := flags.Bool("live", false, "rent from RunPod itself; spends money")
	gpu := flags.String("gpu", "rtx_4090,rtx_3090,l4", "GPUs to try, in order")
	endpoint := flags.String("endpoint", "", "serverless endpoint for the job (live only)")
	if err := flags.Parse(args); err != nil || flags.NArg() != 0 {
		return errUsage
	}
	d := &demo{teller: newTeller(io.out), live: *live, gpu: strings.Split(*gpu, ","), endpoint: *endpoint}
	config := "{}"
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
		config = fmt.Sprintf(`{"providers":{"runpod":{"api_key":"demo-key","base_url":%q}}}`, cloud.URL())
		d.say("cloud", "a simulated RunPod at %s: no account, no money", cloud.URL())
	}
	var err error
	if d.connection, err = connect(config); err != nil {
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
	m, err := d.rent(ctx)
	if err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			d.say("give back", "the story broke off; terminating %s", m.ID)
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			_, terminated := d.call(after, "compute.terminate", map[string]any{"provider": "runpod", "id": m.ID}, time.Minute)
			err = errors.Join(err, terminated)
		}
	}()
	if err := d.browse(ctx, m); err != nil {
		return err
	}
	if err := d.job(ctx); err != nil {
		return err
	}
	if err := d.giveBack(ctx, m); err != nil {
		return err
	}
	ended = true
	return d.settle(ctx, m, time.Since(started))
}

// rent spawns with a bearer credential and waits until the machine is ready.
func (d *demo) rent(ctx context.Context) (*machine, error) {
	d.say("rent", "one of %s, with a credential for one browser", strings.Join(d.gpu, ", "))
	params := map[string]any{
		"provider": "runpod", "gpu": d.gpu, "image": "python:3.12-slim", "command": []string{"python3", "-c", serverCode},
		"ports": []map[string]any{{"internal": 8000, "protocol": "http"}}, "container_disk_gb": 10, "auth": "bearer",
	}
	var spawned, ready machine
	if err := d.into(ctx, &spawned, "compute.spawn", params, 2*time.Minute); err != nil {
		return nil, err
	}
	d.say("", "%s is %s on %s", spawned.ID, spawned.Status, spawned.GPUType)
	if spawned.Auth == nil || spawned.Auth.Token == "" {
		return nil, fmt.Errorf("spawn of %s answered no credential", spawned.ID)
	}
	wait := map[string]any{"provider": "runpod", "id": spawned.ID, "timeout_ms": 600_000}
	if err := d.into(ctx, &ready, "compute.await_ready", wait, 11*time.Minute); err != nil {
		d.call(context.WithoutCancel(ctx), "compute.terminate", map[string]any{"provider": "runpod", "id": spawned.ID}, time.Minute)
		return nil, fmt.Errorf("%s never became ready and was terminated: %w", spawned.ID, err)
	}
	ready.Auth = spawned.Auth
	if len(ready.Ports) == 0 || ready.Ports[0].URL == "" {
		return nil, fmt.Errorf("%s is ready without an address", ready.ID)
	}
	cost := "unknown"
	if ready.CostPerHour != nil {
		cost = fmt.Sprintf("$%.2f an hour", *ready.CostPerHour)
	}
	d.fact("url", ready.Ports[0].URL)
	d.fact("token", ready.Auth.Token)
	d.fact("cost", cost)
	return &ready, nil
}

// browse does what the user's browser does: it talks to the machine itself.
func (d *demo) browse(ctx context.Context, m *machine) error {
	d.say("browser", "talks to the machine directly, with the token")
	deadline := time.Now().Add(2 * time.Minute)
	for {
		status, err := get(ctx, m.Ports[0].URL, m.Auth.Token)
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
	var touched machine
	if err := d.into(ctx, &touched, "compute.get", map[string]any{"provider": "runpod", "id": m.ID}, time.Minute); err != nil {
		return err
	}
	d.say("touch", "%s is still %s", touched.ID, touched.Status)
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

// giveBack terminates and looks whether the cloud agrees.
func (d *demo) giveBack(ctx context.Context, m *machine) error {
	if _, err := d.call(ctx, "compute.terminate", map[string]any{"provider": "runpod", "id": m.ID}, time.Minute); err != nil {
		return err
	}
	d.say("give back", "terminated %s", m.ID)
	var left struct{ Items []machine }
	if err := d.into(ctx, &left, "compute.list", map[string]any{"provider": "runpod"}, time.Minute); err != nil {
		return err
	}
	for _, other := range left.Items {
		if other.ID == m.ID && other.Status != "terminated" {
			return fmt.Errorf("%s is still listed as %s", m.ID, other.Status)
		}
	}
	if !d.live && len(left.Items) != 0 {
		return fmt.Errorf("%d machines are left", len(left.Items))
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
