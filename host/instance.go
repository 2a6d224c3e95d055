package host

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/linear"
	"github.com/exatlas/atlas/internal/safego"
)

// instance is one sandbox. Everything in it is used by the holder of lock only, but
// for dead and what says otherwise.
type instance struct {
	owner *module
	lock  chan struct{} // holds a token while nobody is inside
	dead  atomic.Bool   // closed; set once

	used    bool         // entered since the idle watch last looked
	retired bool         // exchanged for a fresh one; ends with its last call
	parked  atomic.Int64 // calls that wait for HTTP in it, the one that is inside not counted

	fresh           int64 // its memory when it was made
	looks, patience int   // of the idle watch alone: see renew.go

	guest     api.Module
	memory    api.Memory // nil: the module has none
	allocator *linear.Allocator
	functions map[string]api.Function // that were entered: each has a stack of its own
	resume    api.Function
	ctx       *guestContext
	stack     [1]uint64

	call      *call // entered now; nil: nobody
	parser    fastjson.Parser
	requests  uint32 // number of the last HTTP request
	variables map[string][]byte
	varBytes  int
	line      []byte // of its output, not ended yet
	said      []byte // the first line of its output in this entry
}

// guestContext is the context of every entry into one instance. Functions that
// the guest calls find the instance in it, which costs nothing; a third party's
// guest also has its deadline here.
type guestContext struct {
	context.Context // holds what the engine looks for, no deadline
	instance        *instance
	clock           *entryClock // nil for a built-in plugin
}

// Done implements context.Context.
func (c *guestContext) Done() <-chan struct{} {
	if c.clock == nil {
		return nil
	}
	return c.clock.done
}

// Err implements context.Context.
func (c *guestContext) Err() error {
	if c.clock == nil {
		return nil
	}
	select {
	case <-c.clock.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// newInstance makes a sandbox and initializes it. Until it is returned nobody
// else knows it. c, the call that needs it, may be nil; it gets the blame for
// what is logged. It does not panic: whoever makes an instance holds the right to.
func newInstance(ctx context.Context, m *module, c *call) (_ *instance, err *spec.Error) {
	i := &instance{owner: m, lock: make(chan struct{}, 1), patience: patienceFirst, allocator: linear.New(uint64(m.engine.memory), &m.host.memory)}
	i.ctx = &guestContext{Context: experimental.WithMemoryAllocator(context.Background(), i.allocator), instance: i}
	if m.checked {
		i.ctx.clock = newEntryClock()
	}
	i.call = c
	m.instances.Add(1)
	m.host.watchIdle()
	defer func() {
		if err != nil {
			i.drop()
		}
	}()
	defer safego.Recover(func(e *spec.Error) { err = i.noRoom(e) })
	if failure := i.instantiate(ctx); failure != nil {
		return nil, i.trapped("instantiation", failure)
	}
	if start := i.guest.ExportedFunction("_initialize"); start != nil {
		if _, err := i.enter(ctx, c, start, "_initialize", 0); err != nil {
			return nil, err
		}
	}
	i.functions = map[string]api.Function{}
	i.resume = i.guest.ExportedFunction(exportResume)
	i.call, i.fresh = nil, i.allocator.Size()
	return i, nil
}

// function returns an export of the module's. The caller holds the lock.
func (i *instance) function(name string) api.Function {
	f := i.functions[name]
	if f == nil {
		f = i.guest.ExportedFunction(name)
		i.functions[name] = f
	}
	return f
}

// instantiate makes the sandbox, in which its start function runs.
func (i *instance) instantiate(ctx context.Context) error {
	defer i.flushLog()
	defer i.beginEntry(ctx)()
	guest, err := i.owner.engine.instantiate(i.ctx, (*logWriter)(i))
	if err != nil {
		return err
	}
	i.guest = guest
	if i.allocator.Made() {
		i.memory = guest.Memory()
	}
	return nil
}

// noRoom is the error of a sandbox that could not be made: the engine panics where
// it gets no memory to begin with. defect is what that looks like.
func (i *instance) noRoom(defect *spec.Error) *spec.Error {
	if !i.allocator.Short() {
		return defect
	}
	return &spec.Error{Kind: spec.KindInternal, Message: "the system gives a sandbox of the plugin no memory", Retryable: true, Err: defect,
		Hint: "look at the limits of this process: ulimit -d and -v, its control group, vm.max_map_count, vm.overcommit_memory"}
}

// enter runs an export for a call and returns its result. The caller holds the
// lock. After an error the instance is dead.
func (i *instance) enter(ctx context.Context, c *call, f api.Function, name string, argument uint64) (int32, *spec.Error) {
	if i.dead.Load() {
		return 0, errDropped()
	}
	i.call, i.said, i.used = c, i.said[:0], true
	i.stack[0] = argument
	end := i.beginEntry(ctx)
	err := f.CallWithStack(i.ctx, i.stack[:])
	end()
	i.flushLog()
	i.call = nil
	if err != nil {
		failure := i.trapped(name, err)
		i.drop()
		return 0, failure
	}
	if i.guest.IsClosed() { // the deadline came with the last instruction
		i.drop()
	}
	return int32(uint32(i.stack[0])), nil
}

// beginEntry starts the clock of a third party's guest. The function it returns
// stops it.
func (i *instance) beginEntry(ctx context.Context) func() {
	clock := i.ctx.clock
	if clock == nil {
		return func() {}
	}
	entry := clock.begin(i.owner.host.limits.EntryTime)
	stop := context.AfterFunc(ctx, func() {
		if i.parked.Load() == 0 { // or one call's end might end those of many others
			clock.hurry(entry)
		}
	})
	return func() {
		stop()
		clock.end()
	}
}

// drop closes the sandbox and gives its memory back. The caller holds the lock,
// or nobody else knows the instance.
func (i *instance) drop() {
	if i.dead.Swap(true) {
		return
	}
	if i.guest != nil {
		_ = i.guest.Close(context.Background())
	}
	i.allocator.Free()
	if i.retired {
		i.owner.retiring.Add(-1)
	}
	i.owner.instances.Add(-1)
	i.owner.host.idle.sandboxes.Add(-1)
	i.owner.forget(i)
}

// trapped tells why an entry failed.
func (i *instance) trapped(name string, err error) *spec.Error {
	var exit *sys.ExitError
	switch {
	case errors.As(err, &exit) && (exit.ExitCode() == sys.ExitCodeDeadlineExceeded || exit.ExitCode() == sys.ExitCodeContextCanceled):
		return &spec.Error{Kind: spec.KindPlugin, Message: "the plugin was stopped: " + name + " computed for too long", Err: errSlow,
			Hint: "a plugin must not wait or loop; it has " + i.owner.host.limits.EntryTime.String() + " between two HTTP requests, and less once the call's deadline has passed"}
	case errors.As(err, &exit):
		return spec.NewError(spec.KindPlugin, "the plugin ended itself in "+name+" with exit code "+utoa(uint64(exit.ExitCode())))
	}
	var misuse *misuse
	if errors.As(err, &misuse) {
		return spec.NewError(spec.KindPlugin, "the plugin broke the rules in "+name+": "+misuse.text)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	text = strings.TrimSuffix(strings.TrimSuffix(text, " (recovered by wazero)"), "wasm stack trace:")
	text = clean(text, 300)
	if len(i.said) > 0 { // a language's runtime says why it gives up
		text += "; it wrote: " + clean(string(i.said), 300)
	}
	return &spec.Error{Kind: spec.KindPlugin, Message: "the plugin failed in " + name + ": " + text, Err: err}
}

func errDropped() *spec.Error {
	return &spec.Error{Kind: spec.KindPlugin, Message: "the plugin's sandbox was stopped while this call was in it", Hint: "another call made the plugin fail"}
}
