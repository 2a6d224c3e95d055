package simkit

import (
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"
)

// Work is what a simulated worker does with a job.
type Work struct {
	Never  bool          // it is never picked up
	Delay  time.Duration // time in the queue
	Run    time.Duration // time in the worker
	Fail   string        // what it says as it fails
	Times  int           // it fails the first Times attempts only; 0: always
	Chunks [][]byte      // what it yields, encoded
	Big    int           // bytes of its output
}

// WorkOf decides what a worker does: by the name of its endpoint (echo,
// sleep-MS, fail, stream-N, never, big-BYTES), then by fields of its input:
// delay_ms, sleep_ms, fail (true or a text), fail_times, chunks (a number, or an
// array of what to yield), never, big.
func WorkOf(endpoint string, input *fastjson.Value, delay, run time.Duration) Work {
	w := Work{Delay: delay, Run: run}
	kind, text, _ := strings.Cut(endpoint, "-")
	n, _ := strconv.Atoi(text)
	switch kind {
	case "sleep":
		w.Run = time.Duration(n) * time.Millisecond
	case "fail":
		w.Fail = "the worker failed"
	case "stream":
		if n <= 0 {
			n = 5
		}
		w.Chunks = countedChunks(n)
	case "never":
		w.Never = true
	case "big":
		w.Big = min(n, 64<<20)
	}
	if input == nil || input.Type() != fastjson.TypeObject {
		return w
	}
	if input.Exists("delay_ms") {
		w.Delay = time.Duration(input.GetInt64("delay_ms")) * time.Millisecond
	}
	if input.Exists("sleep_ms") {
		w.Run = time.Duration(input.GetInt64("sleep_ms")) * time.Millisecond
	}
	if f := input.Get("fail"); f != nil && f.Type() == fastjson.TypeString {
		w.Fail = Text(input, "fail")
	} else if f != nil && f.Type() == fastjson.TypeTrue {
		w.Fail = "the worker failed"
	}
	w.Times = input.GetInt("fail_times")
	if n := input.GetInt("chunks"); n > 0 {
		w.Chunks = countedChunks(n)
	} else if list := input.GetArray("chunks"); list != nil {
		w.Chunks = make([][]byte, len(list))
		for i, one := range list {
			w.Chunks[i] = one.MarshalTo(nil)
		}
	}
	if n := input.GetInt("big"); n > 0 {
		w.Big = min(n, 64<<20)
	}
	w.Never = w.Never || input.GetBool("never")
	return w
}

// mostChunks bounds what one request can make the simulator keep.
const mostChunks = 100_000

func countedChunks(n int) [][]byte {
	chunks := make([][]byte, min(n, mostChunks))
	for i := range chunks {
		b := AppendInt([]byte(`{"index":`), i)
		b = AppendInt(append(b, `,"text":"chunk `...), i)
		chunks[i] = append(b, `"}`...)
	}
	return chunks
}

// AppendOutput appends what the worker returns: {"echo":INPUT}, all chunks of a
// worker that yields, or a long string.
func (w *Work) AppendOutput(b, input []byte) []byte {
	switch {
	case w.Big > 0:
		b = append(b, '"')
		for range w.Big {
			b = append(b, 'x')
		}
		return append(b, '"')
	case len(w.Chunks) > 0:
		return AppendRaws(b, w.Chunks)
	}
	return append(append(append(b, `{"echo":`...), input...), '}')
}

// AppendRaws appends an array of encoded values.
func AppendRaws(b []byte, list [][]byte) []byte {
	b = append(b, '[')
	for i, one := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, one...)
	}
	return append(b, ']')
}
