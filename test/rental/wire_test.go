package rental

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/simkit"
)

// silence is a cloud that takes requests and never answers.
func silence(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				_, _ = io.Copy(io.Discard, c)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return "http://" + listener.Addr().String()
}

var requestsOfGet = regexp.MustCompile(`\natlas_requests_total\{provider="runpod",operation="get_compute",outcome="[a-z]+"\} ([0-9]+)`)

// attempts is how often compute.get has been sent, as the client tells: a cloud that
// hangs may take a request long after the client has given it up.
func attempts(client *atlas.Client) (sum int) {
	for _, line := range requestsOfGet.FindAllStringSubmatch(client.Metrics().Text, -1) {
		n, _ := strconv.Atoi(line[1])
		sum += n
	}
	return sum
}

func TestHTTP_ACloudThatHangsFailsInTheTimeThatIsSet(t *testing.T) {
	url := silence(t)
	_, client := cloud(t, simkit.Options{}, "", func(s *atlas.Settings) {
		p := s.Providers["runpod"]
		p.BaseURL, p.HTTP = url, atlas.HTTP{TimeoutMS: 150, Attempts: 2}
		s.Providers["runpod"] = p
	})
	for _, row := range []struct {
		own  *atlas.HTTP
		want int
	}{{nil, 2}, {&atlas.HTTP{Attempts: 1}, 1}, {&atlas.HTTP{TimeoutMS: 100, Attempts: 3}, 3}} {
		before := attempts(client)
		_, err := client.Compute.Get(context.Background(), atlas.IDParams{Target: atlas.Target{HTTP: row.own}, ID: "x"})
		e := spec.AsError(err)
		if e == nil || e.Kind != spec.KindTimeout || !e.Retryable || e.UnknownOutcome || attempts(client)-before != row.want {
			t.Errorf("%+v: %d requests, %+v", row.own, attempts(client)-before, e)
		}
	}
	for _, wrong := range []atlas.HTTP{{TimeoutMS: 99}, {TimeoutMS: 600_001}, {Attempts: 11}, {Attempts: -1}} {
		_, err := client.Compute.Get(context.Background(), atlas.IDParams{Target: atlas.Target{HTTP: &wrong}, ID: "x"})
		if e := spec.AsError(err); e == nil || e.Kind != spec.KindValidation || !strings.HasPrefix(e.Message, "params.http.") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func TestRetryAfter_OfOneCallHoldsTheOthers(t *testing.T) {
	server, client := cloud(t, simkit.Options{}, "", nil)
	seconds := 200
	fault(t, server, simkit.Fault{Method: "GET", Path: "/v2/pods/*", Effect: simkit.Status, Status: 429, RetryAfter: &seconds})
	before := server.Requests()
	for range 3 {
		_, err := client.Compute.Get(context.Background(), atlas.IDParams{ID: "x"})
		e := spec.AsError(err)
		if e == nil || e.Kind != spec.KindRateLimited || !e.Retryable || e.RetryAfterMS < 190_000 || e.RetryAfterMS > 200_001 {
			t.Errorf("%+v", e)
		}
	}
	if n := server.Requests() - before; n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestStream_TellsWhereItLostChunks loses the answer of each read of a stream in
// turn: what is missing among its chunks is missing where the event gap is.
func TestStream_TellsWhereItLostChunks(t *testing.T) {
	server, client := cloud(t, simkit.Options{}, "", nil)
	for nth := 1; nth <= 2; nth++ {
		if err := server.Reset(); err != nil {
			t.Fatal(err)
		}
		fault(t, server, simkit.Fault{Method: "GET", Path: "*/stream/*", Nth: nth, Effect: simkit.LostAnswer})
		job, err := client.Jobs.Run(context.Background(), atlas.RunParams{Endpoint: "stream-6", Input: atlas.Raw(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := client.Jobs.Stream(context.Background(), atlas.StreamParams{Endpoint: "stream-6", ID: job.ID})
		if err != nil {
			t.Fatal(err)
		}
		seen, gaps, next, whole := "", 0, 0, 0
		for {
			event, err := sub.Next(context.Background())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var data struct {
				Output struct{ Index int }
				Job    struct{ Output []json.RawMessage }
			}
			if err := json.Unmarshal(event.Data, &data); err != nil {
				t.Fatal(err)
			}
			switch event.Name {
			case "gap":
				gaps++
				seen += "gap "
			case "chunk":
				if data.Output.Index != next && !strings.HasSuffix(seen, "gap ") {
					t.Errorf("read %d: chunk %d follows %s", nth, data.Output.Index, seen)
				}
				next = data.Output.Index + 1
				seen += fmt.Sprint(data.Output.Index, " ")
			case "result":
				whole = len(data.Job.Output)
			default:
				t.Errorf("read %d: %s %s", nth, event.Name, event.Data)
			}
		}
		if gaps != 1 || whole != 6 {
			t.Errorf("read %d: %d gaps, %d chunks in the result, %s", nth, gaps, whole, seen)
		}
	}
}

// RunPod has one status for a rule that is broken and for a shortage, and promises no
// words for either: its document wants the next candidate to be tried.
func TestSpawn_GoesOnAfterARefusalWhoseWordsNobodyKnows(t *testing.T) {
	server, client := cloud(t, simkit.Options{}, "", nil)
	fault(t, server, simkit.Fault{Method: "POST", Path: "/v2/pods", Count: 3, Effect: simkit.Status, Status: 400,
		Body: `{"title":"Bad Request","status":400,"detail":"this configuration could not be scheduled"}`})
	params := pod()
	params.GPU = []string{"rtx_4090", "rtx_3090"}
	got, err := client.Compute.Spawn(context.Background(), params)
	if err != nil || got.GPUType != "rtx_3090" || len(got.Attempts) != 4 || len(server.Machines()) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := client.Compute.Terminate(context.Background(), atlas.IDParams{ID: got.ID}); err != nil {
		t.Error(err)
	}
}
