package runpod

import (
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// job is one serverless job. Its status follows from the plan made at its
// submission, from what was done to it, and from the time.
type job struct {
	id       string
	endpoint string
	account  *simkit.Account
	sync     bool
	input    []byte // encoded
	plan     work

	created   time.Time
	ttl       time.Duration
	limit     time.Duration // executionTimeout
	submitted time.Time     // of this attempt; created unless retried
	attempts  int
	cancelled time.Time // zero: not
	read      int       // chunks that /stream has given out
	worker    string
	changed   chan struct{} // closed when it is cancelled, retried or removed
	removed   bool
}

// work is what the simulated worker does with a job.
type work struct {
	never  bool // never picked up
	delay  time.Duration
	run    time.Duration
	fail   string
	times  int // fails only the first times attempts; 0: always
	chunks int
	big    int // bytes of output
}

// outputLimit is where RunPod drops an output although the job completes.
const outputLimit = 20 << 20

// workOf decides what a worker does: by the name of the endpoint (echo,
// sleep-MS, fail, stream-N, never, big-BYTES), then by fields of the input
// (delay_ms, sleep_ms, fail, fail_times, stream, never, big).
func (c *Cloud) workOf(name string, input *fastjson.Value) work {
	w := work{delay: time.Duration(c.o.JobDelayMS) * time.Millisecond, run: time.Duration(c.o.JobRunMS) * time.Millisecond}
	kind, text, _ := strings.Cut(name, "-")
	n, _ := strconv.Atoi(text)
	switch kind {
	case "sleep":
		w.run = time.Duration(n) * time.Millisecond
	case "fail":
		w.fail = "the worker failed"
	case "stream":
		if w.chunks = n; n == 0 {
			w.chunks = 5
		}
	case "never":
		w.never = true
	case "big":
		w.big = n
	}
	if input == nil || input.Type() != fastjson.TypeObject {
		return w
	}
	if input.Exists("delay_ms") {
		w.delay = time.Duration(input.GetInt("delay_ms")) * time.Millisecond
	}
	if input.Exists("sleep_ms") {
		w.run = time.Duration(input.GetInt("sleep_ms")) * time.Millisecond
	}
	if f := input.Get("fail"); f != nil && f.Type() == fastjson.TypeString {
		w.fail = textOf(input, "fail")
	} else if f != nil && f.Type() == fastjson.TypeTrue {
		w.fail = "the worker failed"
	}
	w.times = input.GetInt("fail_times")
	if n := input.GetInt("stream"); n > 0 {
		w.chunks = n
	}
	if n := input.GetInt("big"); n > 0 {
		w.big = n
	}
	w.never = w.never || input.GetBool("never")
	return w
}

// start is when the worker picks the job up.
func (j *job) start() time.Time { return j.submitted.Add(j.plan.delay) }

// finish is when the worker is done, and how.
func (j *job) finish() (time.Time, string) {
	if j.plan.run > j.limit {
		return j.start().Add(j.limit), "TIMED_OUT"
	}
	if j.plan.fail != "" && (j.plan.times == 0 || j.attempts <= j.plan.times) {
		return j.start().Add(j.plan.run), "FAILED"
	}
	return j.start().Add(j.plan.run), "COMPLETED"
}

// status derives the status at an instant; "" for a job that is gone.
func (j *job) status(now time.Time) string {
	if j.removed || !now.Before(j.created.Add(j.ttl)) {
		return ""
	}
	kept := 30 * time.Minute
	if j.sync {
		kept = time.Minute
	}
	if !j.cancelled.IsZero() {
		if now.Sub(j.cancelled) >= kept {
			return ""
		}
		return "CANCELLED"
	}
	if j.plan.never || now.Before(j.start()) {
		return "IN_QUEUE"
	}
	end, how := j.finish()
	switch {
	case now.Before(end):
		return "IN_PROGRESS"
	case now.Sub(end) >= kept:
		return ""
	}
	return how
}

func terminal(status string) bool {
	return status != "IN_QUEUE" && status != "IN_PROGRESS"
}

// append appends the job as /status and /runsync show it.
func (j *job) append(b []byte, now time.Time) []byte {
	status := j.status(now)
	b = append(b, '{')
	if status != "IN_QUEUE" && status != "CANCELLED" {
		b = simkit.AppendInt(append(b, `"delayTime":`...), j.plan.delay.Milliseconds())
		if terminal(status) {
			end, _ := j.finish()
			b = simkit.AppendInt(append(b, `,"executionTime":`...), end.Sub(j.start()).Milliseconds())
		}
		b = append(append(append(b, `,"workerId":"`...), j.worker...), `",`...)
	}
	b = append(append(append(b, `"id":"`...), j.id...), '"')
	switch {
	case status == "COMPLETED":
		b = j.appendOutput(b)
	case status == "FAILED":
		b = simkit.AppendString(append(b, `,"error":`...), j.plan.fail)
	case status == "TIMED_OUT":
		b = append(b, `,"error":"job timed out after `...)
		b = append(simkit.AppendInt(b, j.limit.Milliseconds()), ` ms"`...)
	}
	return append(append(append(b, `,"status":"`...), status...), `"}`...)
}

// appendOutput appends the output with its name, or nothing where it is too
// large.
func (j *job) appendOutput(b []byte) []byte {
	switch {
	case j.plan.big > outputLimit:
		return b
	case j.plan.big > 0:
		b = append(b, `,"output":"`...)
		for range j.plan.big {
			b = append(b, 'x')
		}
		return append(b, '"')
	case j.plan.chunks > 0:
		b = append(b, `,"output":[`...)
		for i := range j.plan.chunks {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendChunk(b, i)
		}
		return append(b, ']')
	}
	return append(append(append(b, `,"output":{"echo":`...), j.input...), '}')
}

func appendChunk(b []byte, i int) []byte {
	b = simkit.AppendInt(append(b, `{"index":`...), i)
	b = simkit.AppendInt(append(b, `,"text":"chunk `...), i)
	return append(b, `"}`...)
}

// ready tells how many chunks the worker has yielded, and when the next comes.
func (j *job) ready(now time.Time) (n int, next time.Time) {
	if j.plan.never {
		return 0, now.Add(1000 * time.Hour)
	}
	end, _ := j.finish()
	at := func(i int) time.Time { // when chunk i is there
		return j.start().Add(time.Duration(int64(j.plan.run) * int64(i+1) / int64(max(j.plan.chunks, 1))))
	}
	for n < j.plan.chunks && !at(n).After(now) && !at(n).After(end) && (j.cancelled.IsZero() || !at(n).After(j.cancelled)) {
		n++
	}
	if n < j.plan.chunks && at(n).Before(end) {
		return n, at(n)
	}
	return n, end
}
