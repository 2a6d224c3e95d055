package runpod

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// logs reads n events of a pod's log, then goes away.
func (c *cloud) logs(id, query, last string, n int) (ids, lines []string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, "GET", c.URL()+"/v2/pods/"+id+"/logs"+query, nil)
	request.Header.Set("Authorization", "Bearer "+c.Key)
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	response, err := c.Client.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-cache" {
		c.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	scan := bufio.NewScanner(response.Body)
	for len(lines) < n && scan.Scan() {
		if id, ok := strings.CutPrefix(scan.Text(), "id: "); ok {
			ids = append(ids, id)
		}
		if data, ok := strings.CutPrefix(scan.Text(), "data: "); ok {
			var line struct{ TS, Source, Line string }
			if err := json.Unmarshal([]byte(data), &line); err != nil {
				c.Fatalf("%v in %s", err, data)
			}
			lines = append(lines, line.TS[11:]+" "+line.Source+" "+line.Line)
		}
	}
	return ids, lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lines:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLogs_TellAPodsLifeAndStayOpen(t *testing.T) {
	o := manual()
	o.ProvisionMS, o.BootMS = 2000, 3000
	c := start(t, o)
	id := c.pod()
	c.Advance(25 * time.Second)
	ids, all := c.logs(id, "", "", 7)
	wantLines(t, all, "12:00:00Z system create container img:1", "12:00:02Z system img:1: pulling image", "12:00:05Z system start container",
		"12:00:05Z container Model loaded.", "12:00:05Z container listening on 8000/http, 22/tcp", "12:00:15Z container heartbeat 1", "12:00:25Z container heartbeat 2")
	if ids[0] != "2026-06-01T12:00:00Z/000000000001" || ids[6] != "2026-06-01T12:00:25Z/000000000007" {
		t.Errorf("ids %v", ids)
	}
	_, tail := c.logs(id, "?tail=1&source=system", "", 1)
	wantLines(t, tail, "12:00:05Z system start container")
	_, since := c.logs(id, "?since=2026-06-01T12:00:15Z", "", 2)
	wantLines(t, since, "12:00:15Z container heartbeat 1", "12:00:25Z container heartbeat 2")
	_, after := c.logs(id, "?tail=0", ids[4], 2)
	wantLines(t, after, "12:00:15Z container heartbeat 1", "12:00:25Z container heartbeat 2")

	live := make(chan []string)
	go func() {
		_, lines := c.logs(id, "?tail=0", "", 2)
		live <- lines
	}()
	for c.Requests() < 6 {
		time.Sleep(time.Millisecond)
	}
	// The reader may come before or after the clock moves; so it moves until both
	// lines are there.
	var got []string
	for got == nil {
		c.Advance(10 * time.Second)
		select {
		case got = <-live:
		case <-time.After(10 * time.Millisecond):
		}
	}
	if len(got) != 2 || !strings.Contains(got[0], "heartbeat") {
		t.Errorf("a reader who stays got %v", got)
	}
	c.ask(200, "POST", "/v2/pods/"+id+"/action", `{"action":"stop"}`)
	_, stopped := c.logs(id, "?tail=1", "", 1)
	if !strings.HasSuffix(stopped[0], "system container stopped") {
		t.Errorf("after a stop: %v", stopped)
	}
}

func TestLogs_EndWithThePod(t *testing.T) {
	c := start(t, manual())
	id := c.pod()
	done := make(chan []string)
	go func() {
		_, lines := c.logs(id, "", "", 1000)
		done <- lines
	}()
	for c.Requests() < 2 {
		time.Sleep(time.Millisecond)
	}
	var lines []string
	for lines == nil {
		_ = c.Do(id, "vanish")
		select {
		case lines = <-done:
		case <-time.After(10 * time.Millisecond):
		}
	}
	if len(lines) < 4 {
		t.Errorf("it ended after %v", lines)
	}
	c.ask(404, "GET", "/v2/pods/"+id+"/logs", "")
}

func TestLogs_RefuseBadParameters(t *testing.T) {
	c := start(t, manual())
	id := c.pod()
	for _, query := range []string{"tail=5001", "tail=x", "source=kernel", "since=yesterday"} {
		c.ask(422, "GET", "/v2/pods/"+id+"/logs?"+query, "")
	}
}
