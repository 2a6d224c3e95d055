package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// chunk is what was read from one of the pipes; nil: its end.
type chunk struct {
	stream Stream
	bytes  []byte
	back   chan<- struct{} // the reader waits on it before it reads on
}

// runner is one run.
type runner struct {
	*Command
	child  *exec.Cmd
	pipes  []*os.File // one for both outputs, or one for each
	chunks chan chunk
	gone   chan struct{} // closed when the child has ended; it is not reaped yet
	reap   chan struct{} // closed when it may be
	reaped chan struct{}
	over   chan struct{} // closed when nobody takes chunks any more
	work   sync.WaitGroup
}

func run(ctx context.Context, c *Command) (Result, *spec.Error) {
	r := &runner{Command: c, chunks: make(chan chunk), gone: make(chan struct{}), reap: make(chan struct{}), reaped: make(chan struct{}), over: make(chan struct{})}
	started := time.Now()
	if err := r.start(); err != nil {
		return Result{}, err
	}
	reason, lines := r.follow(ctx)
	close(r.over)
	closeAll(r.pipes)
	r.work.Wait()
	out := Result{Reason: reason, ExitCode: r.child.ProcessState.ExitCode(), Took: time.Since(started), Lines: lines}
	if status, ok := r.child.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		out.Signal = unix.SignalName(status.Signal())
	}
	return out, nil
}

// start starts the child. The thread that does so stays with it: on Linux the
// child is killed when that thread ends, which it does with this process alone.
func (r *runner) start() *spec.Error {
	r.child = &exec.Cmd{Path: r.Path, Args: append([]string{r.Path}, r.Args...), Dir: r.Dir, Env: r.Env, SysProcAttr: attributes()}
	if r.child.Env == nil {
		r.child.Env = []string{}
	}
	streams := []Stream{Stdout, Stderr}
	if r.Joined {
		streams = []Stream{Both}
	}
	var writers []*os.File
	for range streams {
		reader, writer, err := os.Pipe()
		if err != nil {
			closeAll(r.pipes, writers)
			return &spec.Error{Kind: spec.KindInternal, Message: "no pipe for a child process: " + err.Error(), Hint: "raise the limit of open files", Err: err}
		}
		r.pipes, writers = append(r.pipes, reader), append(writers, writer)
	}
	r.child.Stdout, r.child.Stderr = writers[0], writers[len(writers)-1]
	failed := make(chan error, 1)
	safego.Go(&r.work, nil, func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		if start := func() { err = r.child.Start() }; r.Starting != nil {
			r.Starting(start)
		} else {
			start()
		}
		failed <- err
		if err != nil {
			return
		}
		awaitExit(r.child.Process.Pid)
		close(r.gone)
		<-r.reap
		_ = r.child.Wait() // its state tells
		close(r.reaped)
	})
	err := <-failed
	closeAll(writers)
	if err != nil {
		closeAll(r.pipes)
		r.work.Wait()
		return refused(err)
	}
	for i, stream := range streams {
		safego.Go(&r.work, nil, func() { r.read(r.pipes[i], stream) })
	}
	return nil
}

func closeAll(lists ...[]*os.File) {
	for _, list := range lists {
		for _, f := range list {
			_ = f.Close()
		}
	}
}

// refused tells why a program could not be started. Arguments and environment
// stay out of it.
func refused(err error) *spec.Error {
	e := &spec.Error{Kind: spec.KindValidation, Message: "the program could not be started", Err: err}
	var path *os.PathError
	switch {
	case errors.Is(err, os.ErrNotExist):
		e.Kind, e.Hint = spec.KindNotFound, "the executable or the working folder does not exist"
	case errors.Is(err, os.ErrPermission):
		e.Kind, e.Hint = spec.KindForbidden, "the file is not executable by this user"
	}
	if errors.As(err, &path) {
		e.Message += ": " + path.Err.Error()
	}
	return e
}

// awaitExit waits until the child has ended and leaves it unreaped, so that its
// number, which is that of its group, is nobody else's yet.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}

// read hands on what comes out of a pipe until its end.
func (r *runner) read(pipe *os.File, stream Stream) {
	buffer := make([]byte, 32<<10)
	back := make(chan struct{}, 1)
	for {
		n, err := pipe.Read(buffer)
		if n > 0 && !r.hand(chunk{stream: stream, bytes: buffer[:n], back: back}, back) {
			return
		}
		if err != nil {
			r.hand(chunk{stream: stream}, nil)
			return
		}
	}
}

func (r *runner) hand(c chunk, back <-chan struct{}) bool {
	select {
	case r.chunks <- c:
	case <-r.over:
		return false
	}
	if back == nil {
		return true
	}
	select {
	case <-back:
		return true
	case <-r.over:
		return false
	}
}

// follow takes the output until the child and its group have ended.
func (r *runner) follow(ctx context.Context) (Reason, int64) {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &follower{runner: r, ctx: within, reason: Exited, open: len(r.pipes), gone: r.gone}
	emit := func(l Line) {
		f.lines++
		if r.Line != nil {
			r.Line(within, l)
		}
	}
	f.out = splitter{stream: Stdout, most: r.MaxLine, emit: emit}
	if r.Joined {
		f.out.stream = Both
	}
	f.err = splitter{stream: Stderr, most: r.MaxLine, emit: emit}
	if r.Total > 0 {
		total := time.AfterFunc(r.Total, cancel) // ends a Line that waits, too
		defer total.Stop()
		f.until = time.Now().Add(r.Total)
	}
	f.loop(ctx)
	f.out.end()
	f.err.end()
	close(r.reap)
	<-r.reaped
	return f.reason, f.lines
}
