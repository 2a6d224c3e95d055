package host

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// growing builds a guest whose list_compute takes 20 MB more, while get_compute answers
// as it is, parked until the HTTP answer is there where the guest parks.
func growing(name string, parks bool) []byte {
	a := newAssembly()
	write := a.imported(atlasModule, "output_write")
	var begin []byte
	if parks {
		begin = a.imported(atlasModule, "http_begin")
	}
	at, n := a.text(manifestOf(name, nil))
	a.export("describe", a.function(nil, []byte{0x7f}, c32(at), c32(n), write, c32(0)))
	at, n = a.text([]byte(`{"value":{"items":[]}}`))
	a.export(spec.OpList, a.function(nil, []byte{0x7f}, c32(320), opGrow, opDrop, c32(at), c32(n), write, c32(0)))
	at, n = a.text([]byte(`{"value":{"id":"x"}}`))
	answer := join(c32(at), c32(n), write)
	a.export(spec.OpFind, a.function(nil, []byte{0x7f}, answer, c32(0)))
	if parks {
		at, n = a.text([]byte(requestMeta("https://api.example.com/", nil)))
		a.export(spec.OpGet, a.function(nil, []byte{0x7f}, answer, c32(at), c32(n), c32(0), c32(0), begin, opDrop, c32(2)))
		a.export(exportResume, a.function([]byte{0x7f}, []byte{0x7f}, c32(0)))
	}
	return a.binary()
}

// renewal is an arena with the two of them.
type renewal struct{ *idleArena }

func newRenewal(t *testing.T) renewal {
	a := renewal{newIdleArena(t)}
	for _, name := range []string{"grower", "blocked"} {
		if err := a.load(name, growing(name, name == "grower")); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// do calls an operation of a guest.
func (a renewal) do(name, operation string) {
	a.t.Helper()
	if _, err := a.host.Call(context.Background(), spec.Call{Provider: name, Operation: operation}); err != nil {
		a.t.Error(err)
	}
}

// look lets the idle time pass in which the guest was of use.
func (a renewal) look(name string) {
	a.t.Helper()
	a.do(name, spec.OpFind)
	a.pass()
	a.looked()
}

// held is what the sandboxes of a guest hold: those that take calls, how many there are
// in all, and their memory.
func (a renewal) held(name string) (list, all int, memory int64) {
	a.t.Helper()
	m, failure := a.host.acquire(context.Background(), name)
	if failure != nil {
		a.t.Fatal(failure)
	}
	defer m.release()
	for _, i := range append(*m.list.Load(), m.idle...) {
		list++
		memory += i.allocator.Size()
	}
	return list, int(m.instances.Load()), memory
}

func TestHost_ExchangesASandboxThatStaysGrown(t *testing.T) {
	for _, name := range []string{"grower", "blocked"} {
		a := newRenewal(t)
		close(a.gate)
		a.do(name, spec.OpFind)
		_, _, small := a.held(name)
		a.do(name, spec.OpList)
		if _, _, grown := a.held(name); grown < small+grownBytes {
			t.Fatalf("%s: it has grown from %d to %d bytes", name, small, grown)
		}
		for range patienceFirst {
			a.look(name)
		}
		if list, all, memory := a.held(name); list != 1 || all != 1 || memory != small {
			t.Errorf("%s: %d sandboxes take calls, of %d, with %d bytes", name, list, all, memory)
		}
		a.do(name, spec.OpFind)
	}
}

// TestHost_LeavesASandboxGrownWhoseLoadNeedsIt has a guest that grows again at once.
func TestHost_LeavesASandboxGrownWhoseLoadNeedsIt(t *testing.T) {
	a := newRenewal(t)
	close(a.gate)
	var after []int
	for n, last := 1, 0; len(after) < 4; n++ {
		if n > 100 {
			t.Fatalf("it was exchanged after %v looks", after)
		}
		if _, _, memory := a.held("grower"); memory < grownBytes {
			if a.do("grower", spec.OpList); n > 1 {
				after = append(after, n-1-last)
				last = n - 1
			}
		}
		a.look("grower")
	}
	for n, looks := range after {
		if looks != patienceFirst<<n {
			t.Errorf("it was exchanged after %v looks", after)
			break
		}
	}
}

// TestHost_ExchangesOneSandboxAtATime has four that have grown, and calls parked in each
// of them that outlast their sandbox's time.
func TestHost_ExchangesOneSandboxAtATime(t *testing.T) {
	a := newRenewal(t)
	a.do("grower", spec.OpFind)
	m, failure := a.host.acquire(context.Background(), "grower")
	if failure != nil {
		t.Fatal(failure)
	}
	defer m.release()
	for len(*m.list.Load()) < 4 {
		i, failure := newInstance(context.Background(), m, nil)
		if failure != nil {
			t.Fatal(failure)
		}
		m.add(i)
		i.unlock()
	}
	ended := make(chan error)
	list := *m.list.Load()
	for _, i := range list {
		for _, other := range list { // so that the call gets this one
			if other != i {
				<-other.lock
			}
		}
		a.do("grower", spec.OpList)
		go func() {
			_, err := a.host.Call(context.Background(), callOf("grower"))
			ended <- err
		}()
		for i.parked.Load() == 0 {
			runtime.Gosched()
		}
		for _, other := range list {
			if other != i {
				other.unlock()
			}
		}
	}
	for range patienceFirst + 3 {
		a.look("grower")
		if list, all, _ := a.held("grower"); list != 4 || all > 5 {
			t.Fatalf("%d sandboxes take calls, of %d", list, all)
		}
	}
	if _, all, _ := a.held("grower"); all != 5 {
		t.Errorf("%d sandboxes: none was exchanged, or its call is lost", all)
	}
	close(a.gate)
	for range list {
		if err := <-ended; err != nil {
			t.Errorf("a call that was parked while its sandbox was exchanged: %v", err)
		}
	}
	if _, all, _ := a.held("grower"); all != 4 {
		t.Errorf("%d sandboxes once the calls have ended", all)
	}
	for n := 3; n > 0; n-- {
		for _, i := range *m.list.Load() {
			<-i.lock
			i.used = true // or it would be closed as idle
			i.unlock()
		}
		_, _, before := a.held("grower")
		a.look("grower")
		if _, _, after := a.held("grower"); after >= before || after < before-2*grownBytes {
			t.Errorf("%d are left to be exchanged: from %d to %d bytes at one look", n, before, after)
		}
	}
}

// TestHost_LosesNoCallToTheExchangeOfSandboxes lets the idle time pass without end while
// calls come and go of which each grows its sandbox.
func TestHost_LosesNoCallToTheExchangeOfSandboxes(t *testing.T) {
	a := newRenewal(t)
	close(a.gate)
	stop := a.clock.run()
	done := make(chan struct{})
	for n := range 6 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				a.do([]string{"grower", "blocked"}[n%2], spec.OpList)
				if n%2 == 0 {
					a.call("grower")
				}
			}
		}()
	}
	for range 6 {
		<-done
	}
	stop()
}

// TestRenew_LetsSandboxesBeMadeWhileItWaitsForTheOldOne has a guest that computes while
// its sandbox is exchanged: others that it needs must not wait for it.
func TestRenew_LetsSandboxesBeMadeWhileItWaitsForTheOldOne(t *testing.T) {
	a := newRenewal(t)
	close(a.gate)
	a.do("grower", spec.OpList)
	m, failure := a.host.acquire(context.Background(), "grower")
	if failure != nil {
		t.Fatal(failure)
	}
	defer m.release()
	old := (*m.list.Load())[0]
	old.looks = patienceMost
	<-old.lock // a guest is inside
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.renew(context.Background())
	}()
	defer func() { <-done }()
	defer old.unlock()
	for deadline := time.Now().Add(20 * time.Second); (*m.list.Load())[0] == old; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it is not exchanged")
		}
	}
	select {
	case <-m.making:
		m.making <- struct{}{}
	case <-time.After(20 * time.Second):
		t.Error("no sandbox can be made")
	}
}
