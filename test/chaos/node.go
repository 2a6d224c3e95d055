package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// node is one process that keeps sessions.
type node struct {
	config  string
	env     []string
	program string
	event   func(event) // called for each event it saw

	mu      sync.Mutex
	process *exec.Cmd
	stdin   io.WriteCloser
	waiting map[int]chan reply
	next    int
	stopped bool // by SIGSTOP
	ended   chan struct{}
}

type event struct {
	Topic string          `json:"topic"`
	Seq   uint64          `json:"seq"`
	Name  string          `json:"name"`
	Time  time.Time       `json:"time"`
	Data  json.RawMessage `json:"data"`
}

type reply struct {
	ID     int             `json:"id"`
	Ready  bool            `json:"ready"`
	Event  *event          `json:"event"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Kind    spec.Kind `json:"kind"`
		Message string    `json:"message"`
		Unknown bool      `json:"unknown"`
	} `json:"error"`
}

var errDied = errors.New("the node died")

// start runs the process and waits until it has opened its client.
func (n *node) start() error {
	c := exec.Command("python3", n.program, n.config)
	c.Env = append(os.Environ(), n.env...)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := c.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	n.mu.Lock()
	n.process, n.stdin, n.waiting, n.stopped, n.ended = c, stdin, map[int]chan reply{}, false, ended
	n.mu.Unlock()
	safego.Go(nil, nil, func() {
		n.listen(c, stdout, ready)
		close(ended)
	})
	select {
	case <-ready:
		return nil
	case <-ended:
		return errors.New("a node ended before it had opened its client")
	case <-time.After(time.Minute):
		return errors.New("a node did not open its client in a minute")
	}
}

// listen hands on what the process says until it ends.
func (n *node) listen(c *exec.Cmd, stdout io.Reader, ready chan struct{}) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r reply
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue // the last line of a process that was killed
		}
		switch {
		case r.Ready:
			close(ready)
		case r.Event != nil:
			n.event(*r.Event)
		default:
			n.mu.Lock()
			if n.process == c && n.waiting[r.ID] != nil {
				n.waiting[r.ID] <- r
				delete(n.waiting, r.ID)
			}
			n.mu.Unlock()
		}
	}
	_ = c.Wait() // how it ended is the harness's doing
	n.mu.Lock()
	if n.process == c {
		for id, w := range n.waiting {
			close(w)
			delete(n.waiting, id)
		}
		n.process = nil
	}
	n.mu.Unlock()
}

// call carries out a method at the node.
func (n *node) call(ctx context.Context, method string, params any, limit time.Duration, result any) error {
	n.mu.Lock()
	if n.process == nil {
		n.mu.Unlock()
		return errDied
	}
	n.next++
	id, w, stdin := n.next, make(chan reply, 1), n.stdin
	n.waiting[id] = w
	n.mu.Unlock()
	line, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "timeout": limit.Seconds()})
	if err != nil {
		return err
	}
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		return errDied
	}
	select {
	case r, ok := <-w:
		if !ok {
			return errDied
		}
		if r.Error != nil {
			return &spec.Error{Kind: r.Error.Kind, Message: r.Error.Message, UnknownOutcome: r.Error.Unknown}
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-time.After(limit + 30*time.Second):
		return fmt.Errorf("%s did not answer in its time", method)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *node) watch(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		line, _ := json.Marshal(map[string]string{"watch": topic}) // of a string: cannot fail
		_, _ = n.stdin.Write(append(line, '\n'))                   // a dead node watches nothing
	}
}

func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		_ = n.process.Process.Signal(s) // one that has just ended needs none
	}
	n.stopped = s == syscall.SIGSTOP || n.stopped && s != syscall.SIGCONT
}

// kill ends the process at once and starts another in its place.
func (n *node) kill() error {
	n.mu.Lock()
	c, ended := n.process, n.ended
	n.mu.Unlock()
	if c != nil {
		_ = c.Process.Kill() // one that has just ended needs none
		<-ended
	}
	return n.start()
}

func (n *node) end() {
	n.mu.Lock()
	c, ended := n.process, n.ended
	n.mu.Unlock()
	if c != nil {
		_ = c.Process.Kill() // one that has just ended needs none
		<-ended
	}
}
