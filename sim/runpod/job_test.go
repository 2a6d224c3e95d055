package runpod

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

func TestJob_MovesThroughItsStatusesByVirtualTime(t *testing.T) {
	o := manual()
	o.JobDelayMS, o.JobRunMS, o.JobPrice = 2000, 3000, 3600
	c := start(t, o)
	job := c.ask(200, "POST", "/jobs/v2/echo/run", `{"input":{"x":[1,"two"]}}`)
	job.Wants(t, "status", "IN_QUEUE")
	id := job.Text("id")
	if len(id) != 39 || !strings.HasSuffix(id, "-u1") {
		t.Errorf("id %q", id)
	}
	path := "/jobs/v2/echo/status/" + id
	c.ask(200, "GET", path, "").Wants(t, "status", "IN_QUEUE", "workerId", "<nil>")
	c.Advance(2 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "status", "IN_PROGRESS", "delayTime", "2000", "output", "<nil>")
	c.ask(200, "GET", "/jobs/v2/echo/health", "").Wants(t, "jobs.inProgress", "1", "workers.running", "1")
	c.Advance(3 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "status", "COMPLETED", "executionTime", "3000", "output.echo.x", "[1 two]", "id", id)
	c.Advance(30*time.Minute - time.Second)
	c.ask(200, "GET", path, "")
	c.Advance(time.Second)
	c.ask(404, "GET", path, "")
	if got := c.Bill().TotalUSD; math.Abs(got-3) > 1e-9 {
		t.Errorf("3 seconds at 1 USD cost %v", got)
	}
}

func TestJob_RunSyncWaitsAndThenAnswersWhatThereIs(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{ClockFactor: 1000}})
	done := c.ask(200, "POST", "/jobs/v2/e/runsync", `{"input":{"sleep_ms":2000}}`)
	done.Wants(t, "status", "COMPLETED", "executionTime", "2000")
	if !strings.HasPrefix(done.Text("id"), "sync-") {
		t.Errorf("id %q", done.Text("id"))
	}
	late := c.ask(200, "POST", "/jobs/v2/e/runsync?wait=1000", `{"input":{"never":true}}`)
	late.Wants(t, "status", "IN_QUEUE")
	c.Clock.SetFactor(0)
	c.ask(200, "GET", "/jobs/v2/e/status/"+late.Text("id"), "")
	for _, wait := range []string{"999", "300001", "x"} {
		c.ask(400, "POST", "/jobs/v2/e/runsync?wait="+wait, `{"input":{}}`)
	}
}

func TestJob_SyncResultsAreKeptForAMinute(t *testing.T) {
	c := start(t, manual())
	id := c.ask(200, "POST", "/jobs/v2/e/runsync", `{"input":{}}`).Text("id")
	c.Advance(59 * time.Second)
	c.ask(200, "GET", "/jobs/v2/e/status/"+id, "")
	c.Advance(time.Second)
	c.ask(404, "GET", "/jobs/v2/e/status/"+id, "")
}

func TestJob_CancelledRetriedAndPurged(t *testing.T) {
	c := start(t, manual())
	id := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"sleep_ms":60000}}`).Text("id")
	c.ask(200, "POST", "/jobs/v2/e/cancel/"+id, "").Wants(t, "status", "CANCELLED", "id", id)
	c.ask(200, "GET", "/jobs/v2/e/status/"+id, "").Wants(t, "status", "CANCELLED")
	c.ask(400, "POST", "/jobs/v2/e/retry/"+id, "")

	failed := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"fail":"out of memory","fail_times":1}}`).Text("id")
	c.ask(200, "GET", "/jobs/v2/e/status/"+failed, "").Wants(t, "status", "FAILED", "error", "out of memory")
	c.ask(200, "POST", "/jobs/v2/e/retry/"+failed, "").Wants(t, "status", "IN_QUEUE", "id", failed)
	c.ask(200, "GET", "/jobs/v2/e/status/"+failed, "").Wants(t, "status", "COMPLETED")

	waiting := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"never":true}}`).Text("id")
	c.ask(200, "POST", "/jobs/v2/e/purge-queue", "").Wants(t, "removed", "1", "status", "completed")
	c.ask(404, "GET", "/jobs/v2/e/status/"+waiting, "")
	c.ask(200, "GET", "/jobs/v2/e/health", "").Wants(t, "jobs.retried", "1", "jobs.completed", "1", "jobs.inQueue", "0")
}

func TestJob_EndsByItsPolicy(t *testing.T) {
	c := start(t, manual())
	slow := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"sleep_ms":60000},"policy":{"executionTimeout":5000}}`).Text("id")
	gone := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"sleep_ms":60000},"policy":{"ttl":10000}}`).Text("id")
	c.Advance(5 * time.Second)
	c.ask(200, "GET", "/jobs/v2/e/status/"+slow, "").Wants(t, "status", "TIMED_OUT", "executionTime", "5000")
	c.ask(200, "GET", "/jobs/v2/e/status/"+gone, "").Wants(t, "status", "IN_PROGRESS")
	c.Advance(5 * time.Second)
	c.ask(404, "GET", "/jobs/v2/e/status/"+gone, "")
	for _, policy := range []string{`{"ttl":9999}`, `{"executionTimeout":4999}`, `{"ttl":"1"}`, `{"ttl":604800001}`} {
		c.ask(400, "POST", "/jobs/v2/e/run", `{"input":{},"policy":`+policy+`}`)
	}
}

func TestStream_GivesEachChunkOnce(t *testing.T) {
	c := start(t, manual())
	id := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"chunks":4,"sleep_ms":4000}}`).Text("id")
	path := "/jobs/v2/e/stream/" + id
	c.ask(200, "GET", path, "").Wants(t, "status", "IN_PROGRESS", "stream", "[]")
	c.Advance(2 * time.Second)
	two := c.ask(200, "GET", path, "")
	two.Wants(t, "status", "IN_PROGRESS", "stream.0.output.index", "0", "stream.1.output.index", "1")
	if two.Count("stream") != 2 {
		t.Errorf("%v", two.At("stream"))
	}
	c.Advance(2 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "status", "COMPLETED", "stream.0.output.index", "2", "stream.1.output.text", "chunk 3")
	c.ask(200, "GET", path, "").Wants(t, "status", "COMPLETED", "stream", "[]")
	c.ask(200, "GET", "/jobs/v2/e/status/"+id, "").Wants(t, "output.3.index", "3")
}

func TestStream_HoldsAnEmptyReadUntilSomethingComes(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{ClockFactor: 1000}})
	id := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{"chunks":["only"],"sleep_ms":5000}}`).Text("id")
	c.ask(200, "GET", "/jobs/v2/e/stream/"+id, "").Wants(t, "stream.0.output", "only")
}

func TestStream_AnswersABareArrayWhenToldTo(t *testing.T) {
	o := manual()
	o.StreamArray = true
	c := start(t, o)
	id := c.ask(200, "POST", "/jobs/v2/stream-2/run", `{"input":{}}`).Text("id")
	c.ask(200, "GET", "/jobs/v2/stream-2/stream/"+id, "").Wants(t, "0.output.index", "0", "1.output.index", "1")
}

func TestJob_OutputThatIsTooLargeIsDropped(t *testing.T) {
	c := start(t, manual())
	small := c.ask(200, "POST", "/jobs/v2/big-1000/run", `{"input":null}`).Text("id")
	if got := c.ask(200, "GET", "/jobs/v2/big-1000/status/"+small, "").Text("output"); len(got) != 1000 {
		t.Errorf("%d bytes", len(got))
	}
	large := c.ask(200, "POST", "/jobs/v2/e/run", fmt.Sprintf(`{"input":{"big":%d}}`, outputLimit+1)).Text("id")
	c.ask(200, "GET", "/jobs/v2/e/status/"+large, "").Wants(t, "status", "COMPLETED", "output", "<nil>")
}

func TestJobAPI_Refuses(t *testing.T) {
	o := manual()
	o.JobLimits = true
	c := start(t, o)
	c.ask(400, "POST", "/jobs/v2/e/run", `{"prompt":1}`)
	c.ask(400, "POST", "/jobs/v2/e/run", `[]`)
	c.ask(404, "POST", "/jobs/v2/missing-1/run", `{"input":{}}`)
	c.ask(404, "GET", "/jobs/v2/e/status/none", "")
	c.ask(404, "GET", "/jobs/v2/e/run", "")
	for i := range 3 {
		want := 200
		if i == 2 {
			want = 429
		}
		c.ask(want, "POST", "/jobs/v2/e/purge-queue", "")
	}
	r, _, err := c.Send("GET", "/jobs/v2/e/health", "", "Authorization", "key-1")
	if err != nil || r.StatusCode != 200 {
		t.Errorf("a bare key: %v %v", err, r)
	}
	c.Key = "key-2"
	id := c.ask(200, "POST", "/jobs/v2/e/run", `{"input":{}}`).Text("id")
	c.Key = "key-1"
	c.ask(404, "GET", "/jobs/v2/e/status/"+id, "")
	c.Key = ""
	c.ask(401, "GET", "/jobs/v2/e/health", "")
	c.Key = "forbidden"
	c.ask(403, "GET", "/jobs/v2/e/health", "")
}

func TestEndpoint_IsMadeUsedAndDeleted(t *testing.T) {
	o := manual()
	o.StrictJobs = true
	c := start(t, o)
	c.ask(404, "POST", "/jobs/v2/echo/run", `{"input":{}}`)
	body := `{"name":"sleep-5000","type":"QUEUE","image":"i:1","gpu":{"pools":["ADA_24"]},"scaling":{"type":"QUEUE_DELAY","queueDelay":4}}`
	made := c.ask(201, "POST", "/v2/serverless", body)
	made.Wants(t, "workers.max", "3", "flashboot", "OFF", "timeout", "300000", "scaling.queueDelay", "4")
	run := strings.TrimPrefix(made.Text("requestUrls.run"), c.URL())
	job := c.ask(200, "POST", run, `{"input":{}}`).Text("id")
	c.Advance(time.Second)
	path := "/v2/serverless/" + made.Text("id")
	c.ask(200, "GET", path+"/workers", "").Wants(t, "summary.running", "1", "workers.0.status", "RUNNING")
	c.ask(200, "GET", path+"/releases", "").Wants(t, "endpointVersion", "1")
	status := strings.Replace(strings.TrimPrefix(made.Text("requestUrls.status"), c.URL()), "{job_id}", job, 1)
	c.ask(200, "GET", status, "").Wants(t, "status", "IN_PROGRESS")
	c.ask(200, "PATCH", path, `{"workers":{"max":0}}`).Wants(t, "workers.max", "0")
	stuck := c.ask(200, "POST", run, `{"input":{}}`).Text("id")
	c.Advance(time.Hour)
	c.ask(200, "GET", strings.Replace(status, job, stuck, 1), "").Wants(t, "status", "IN_QUEUE")
	c.ask(200, "GET", "/v2/serverless", "").Wants(t, "endpoints.0.name", "sleep-5000")
	lb := `{"name":"lb","type":"LOAD_BALANCER","image":"i","cpu":[{"id":"cpu3c","vcpuCount":2}],"scaling":{"type":"REQUEST_COUNT","requestCount":3}}`
	c.ask(201, "POST", "/v2/serverless", lb).Wants(t, "cpu.0.memory", "4")
	for _, bad := range []string{
		strings.Replace(lb, `"REQUEST_COUNT","requestCount"`, `"QUEUE_DELAY","queueDelay"`, 1), strings.Replace(body, "queueDelay", "requestCount", 1), strings.Replace(body, `"name":"sleep-5000",`, "", 1),
	} {
		c.ask(422, "POST", "/v2/serverless", bad)
	}
	c.ask(400, "POST", "/v2/serverless", strings.Replace(body, "ADA_24", "NO_POOL", 1))
	c.ask(204, "DELETE", path, "")
	c.ask(404, "POST", run, `{"input":{}}`)
}

func TestCatalog_AnswersEveryPage(t *testing.T) {
	c := start(t, manual())
	all := c.ask(200, "GET", "/v2/catalog/gpus", "")
	all.Wants(t, "gpus.0.id", "NVIDIA GeForce RTX 4090", "gpus.0.price.secure", "0.44", "gpus.0.availability", "<nil>")
	stock := c.ask(200, "GET", "/v2/catalog/gpus?include=AVAILABILITY&product=POD&count=2&cloud=COMMUNITY", "")
	stock.Wants(t, "gpus.0.availability", "HIGH", "gpus.0.dataCenters.0.id", "US-KS-2", "gpus.0.cudaVersions.0.version", "12.8")
	if few := c.ask(200, "GET", "/v2/catalog/gpus?countryCodes=RO", ""); few.Count("gpus") >= all.Count("gpus") || few.Count("gpus") == 0 {
		t.Errorf("%d of %d GPUs in Romania", few.Count("gpus"), all.Count("gpus"))
	}
	c.ask(400, "GET", "/v2/catalog/gpus?include=AVAILABILITY", "")
	c.ask(400, "GET", "/v2/catalog/gpus?cudaVersions=12.8&minCudaVersion=12", "")
	c.ask(200, "GET", "/v2/catalog/gpus/"+esc("NVIDIA H200"), "").Wants(t, "memory", "141")
	c.ask(404, "GET", "/v2/catalog/gpus/none", "")
	c.ask(200, "GET", "/v2/catalog/cpus?include=AVAILABILITY&product=POD&vcpuCount=4", "").Wants(t, "cpus.0.id", "cpu3c", "cpus.0.availability", "HIGH")
	c.ask(200, "GET", "/v2/catalog/cpus/cpu5m", "").Wants(t, "ramGbPerVcpu", "8")
	c.ask(200, "GET", "/v2/catalog/datacenters?include=GPU_AVAILABILITY,CPU_AVAILABILITY&regions=EUROPE&compliance=GDPR", "").Wants(t, "dataCenters.0.id", "EU-RO-1")
	c.ask(200, "GET", "/v2/catalog/datacenters/US-KS-2", "").Wants(t, "name", "US Kansas 2")
	c.ask(200, "GET", "/v2/catalog/templates", "").Wants(t, "templates.0.id", "30zmvf89kd")
	c.ask(200, "GET", "/v2/templates/30zmvf89kd", "")
	c.ask(200, "GET", "/v2/templates", "").Wants(t, "templates", "[]")
}

func TestProxy_ChecksItsCallersAsTheMachineWould(t *testing.T) {
	o := manual()
	o.BootMS = 1000
	o.Start = time.Unix(1700000000, 0)
	c := start(t, o)
	bearer := c.ask(201, "POST", "/v2/pods", strings.Replace(podBody, `"A":"b"`, `"ATLAS_PRESHARED_KEY":"secret"`, 1)).Text("id")
	signed := c.ask(201, "POST", "/v2/pods", strings.Replace(podBody, `"A":"b"`, `"ATLAS_SIGNING_SECRET":"s3cr3t"`, 1)).Text("id")
	c.ask(502, "GET", "/proxy/"+bearer+"/8000/", "")
	c.Advance(time.Second)
	c.ask(401, "GET", "/proxy/"+bearer+"/8000/x/y?z=1", "")
	r, text, err := c.Send("POST", "/proxy/"+bearer+"/8000/x/y?z=1", "body", "Authorization", "Bearer secret")
	if err != nil || r.StatusCode != 200 || string(text) != `{"ok":true,"pod":"`+bearer+`","port":8000,"method":"POST","path":"/x/y","body_bytes":4}` {
		t.Errorf("%v %s", err, text)
	}
	if r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("no CORS headers")
	}
	c.ask(404, "GET", "/proxy/"+bearer+"/9000/", "")
	const query = "?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI"
	c.ask(200, "GET", "/proxy/"+signed+"/8000/stream"+query, "")
	c.ask(401, "GET", "/proxy/"+signed+"/8000/other"+query, "")
	c.Advance(time.Hour)
	c.ask(401, "GET", "/proxy/"+signed+"/8000/stream"+query, "").Wants(t, "error", "signed url: expired")
	c.ask(204, "DELETE", "/v2/pods/"+bearer, "")
	c.ask(404, "GET", "/proxy/"+bearer+"/8000/", "")
}
