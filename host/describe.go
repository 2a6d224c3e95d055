package host

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/wasm"
)

// Describe returns what the plugin in a module says of itself when it is asked, for who
// writes that on the module's label. What the label tells now is passed over.
func Describe(ctx context.Context, module []byte, cacheDir string) (*spec.Manifest, error) {
	module, err := wasm.WithLabel(module, nil)
	if err != nil {
		return nil, spec.NewError(spec.KindPlugin, "the file is no plugin: "+err.Error())
	}
	h, err := New(Options{CacheDir: cacheDir, WatchEvery: -1})
	if err != nil {
		return nil, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = h.Close(closing)
	}()
	var manifest *spec.Manifest
	err = h.admitted(ctx, "", func(ctx context.Context) *spec.Error {
		p := &plugin{source: SourceLoaded, open: func() ([]byte, error) { return module, nil }}
		defer h.retire(p)
		m, failure := h.wait(ctx, p)
		if failure == nil {
			manifest = m.manifest
			m.release()
		}
		return failure
	})
	return manifest, err
}
