package host

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/exatlas/atlas/host/egress"
)

// TestHost_LooksAtNoOutputThatNobodySees lets a guest write all of its memory again
// and again in one call of fd_write, which no deadline check of the engine's
// interrupts: read to its end it takes longer than an entry may.
func TestHost_LooksAtNoOutputThatNobodySees(t *testing.T) {
	const vectors, size = 8, 56 << 20
	a := newArena(t, Options{})
	module := hostile("writer", func(a *assembly) []byte {
		write := a.declare(wasiModule, "fd_write", []byte{t32, t32, t32, t32}, []byte{t32})
		output := a.imported(atlasModule, "output_write")
		var list []byte
		for range vectors {
			list = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(list, 0), size)
		}
		at, _ := a.text(list)
		written, _ := a.text(make([]byte, 8))
		valueAt, valueLength := a.text([]byte(`{"value":{"id":"x"}}`))
		return join(c32(1000), opGrow, opDrop, c32(1), c32(at), c32(vectors), c32(written), write, opDrop, c32(valueAt), c32(valueLength), output)
	})
	if err := a.load("writer", module); err != nil {
		t.Fatal(err)
	}
	if _, err := a.host.Call(context.Background(), callOf("writer")); err != nil {
		t.Error(err)
	}
}

// TestLogWriter_EndsWithTheTimeOfItsEntry writes lines that are empty, so that
// there is no end to what is looked at.
func TestLogWriter_EndsWithTheTimeOfItsEntry(t *testing.T) {
	i := &instance{owner: &module{host: &Host{}}}
	i.ctx = &guestContext{Context: context.Background(), instance: i, clock: newEntryClock()}
	if n, err := (*logWriter)(i).Write([]byte("\n\n")); n != 2 || err != nil {
		t.Errorf("in time: %d, %v", n, err)
	}
	close(i.ctx.clock.done)
	if _, err := (*logWriter)(i).Write([]byte("\n\n")); err == nil {
		t.Error("what is written after the end of the time is taken in")
	}
}

// TestExchange_ReadsNoNameOfAHeaderThatIsNotThere asks with a name as long as a
// guest's memory for each of many headers.
func TestExchange_ReadsNoNameOfAHeaderThatIsNotThere(t *testing.T) {
	x := &exchange{answer: &egress.Response{Header: []egress.Header{{Name: "a", Value: "1"}, {Name: "x-b", Value: "2"}}}}
	if value, ok := x.header([]byte("X-B")); !ok || value != "2" {
		t.Errorf("x-b is %q, %v", value, ok)
	}
	long := make([]byte, 1<<20)
	if n := testing.AllocsPerRun(10, func() { x.header(long) }); n != 0 {
		t.Errorf("it is copied %v times", n)
	}
}
