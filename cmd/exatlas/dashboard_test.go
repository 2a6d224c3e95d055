package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestDashboard_PrintsAnAddressAndServesItUntilItIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, printed := io.Pipe()
	var said bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, streams{strings.NewReader(""), printed, &said}, []string{"dashboard", "--actions", "--config", `{"store":{"url":"memory:"}}`})
		printed.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v; %d %s", err, <-code, said.String())
	}
	base, token, _ := strings.Cut(strings.TrimSpace(line), "#")
	r, err := http.NewRequestWithContext(t.Context(), "POST", base+"api/sessions/ses-none/touch", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != 404 || !bytes.Contains(text, []byte("not_found")) {
		t.Errorf("touching a session that is not there: %d %s", response.StatusCode, text)
	}
	interrupt()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d: %s", got, said.String())
	}
}

func TestDashboard_SaysWhatIsWrongBeforeItServes(t *testing.T) {
	for _, row := range []struct {
		args  []string
		code  int
		words string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, 16, "set public"},
		{[]string{"extra"}, 2, "usage"},
		{[]string{"--config", `{"store":{"url":"sqlite:/dev/null/x/atlas.db"}}`}, 16, "/dev/null"},
	} {
		var out, said bytes.Buffer
		args := append([]string{"dashboard"}, row.args...)
		if len(row.args) > 0 && row.args[0] == "--listen" {
			args = append(args, "--config", `{"store":{"url":"memory:"}}`)
		}
		if code := run(t.Context(), streams{strings.NewReader(""), &out, &said}, args); code != row.code || !strings.Contains(said.String(), row.words) || out.Len() > 0 {
			t.Errorf("%v: %d %s %s", args, code, out.String(), said.String())
		}
	}
}

func TestObserving_ChangesNothingElse(t *testing.T) {
	for config, want := range map[string]string{
		``:                                       `{"orchestrator":{"observe":true}}`,
		`{"store":{"url":"memory:"}}`:            `{"orchestrator":{"observe":true},"store":{"url":"memory:"}}`,
		`{"orchestrator":{"observe":false}}`:     `{"orchestrator":{"observe":false}}`,
		`{"orchestrator":{"poll_ms":500}}`:       `{"orchestrator":{"observe":true,"poll_ms":500}}`,
		`{"store":{"url":"memory:"},"store":{}}`: `{"store":{"url":"memory:"},"store":{}}`, // the client names what is given twice
		`{"orchestrator":{"pol_ms":500}}`:        `{"orchestrator":{"pol_ms":500}}`,
		`null`:                                   `null`,
		`{"orchestrator":7}`:                     `{"orchestrator":7}`,
		`{"orchestrator":`:                       `{"orchestrator":`,
		`{"orchestrator":{},"orchestrator":1`:    `{"orchestrator":{},"orchestrator":1`,
		`{"orchestrator":null}`:                  `{"orchestrator":{"observe":true}}`, // null stands for absent
		`{"orchestrator":{"observe":null}}`:      `{"orchestrator":{"observe":true}}`,
	} {
		if got := observing(config); got != want {
			t.Errorf("%s becomes %s, want %s", config, got, want)
		}
	}
}
