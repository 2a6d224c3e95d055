//go:build unix

package host

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// TestHost_OpensNoPipe: a pipe in the folder would hold whoever opens it until
// somebody writes into it, beyond every deadline.
func TestHost_OpensNoPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.wasm")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	h := newHost(t, Options{Dir: dir, Network: newFakeNetwork(reply(200, ""))})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := h.Manifest(ctx, "pipe")
	expect(t, err, spec.KindPlugin, "cannot be read", "no regular file")
	_, err = h.Load(ctx, pipe, "")
	expect(t, err, spec.KindPlugin, "cannot be read", "no regular file")
	file, err := openAtOnce(pipe) // as when it takes a file's place after the look at it
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}
