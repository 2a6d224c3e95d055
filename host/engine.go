package host

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	wasi "github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/exatlas/atlas/host/codecache"
)

// engine is one module's compiled code with the runtime it runs in. Each module
// has a runtime of its own, so that releasing one releases everything of it.
type engine struct {
	runtime  wazero.Runtime
	cache    wazero.CompilationCache // nil: code is kept by the runtime
	compiled wazero.CompiledModule
	memory   int64 // limit of an instance's linear memory

	describing chan struct{} // holds a token while a module looks what the plugin says of itself
	said       []byte        // that, once it was asked; guarded by the token
}

// compile compiles a module, or reads its code from the cache. checked compiles
// deadline checks in.
func compile(ctx context.Context, module []byte, checked bool, memory int64, folder *codecache.Folder) (*engine, error) {
	if folder != nil {
		if e, err := compileInto(ctx, module, checked, memory, folder); err == nil {
			return e, nil
		}
		// The entry, the disk or the module: the second attempt tells.
	}
	return compileWith(ctx, module, checked, memory, nil)
}

// compileInto compiles a module and keeps its code in a folder, or reads it there.
func compileInto(ctx context.Context, module []byte, checked bool, memory int64, folder *codecache.Folder) (*engine, error) {
	cache, err := wazero.NewCompilationCacheWithDir(folder.Path())
	if err != nil {
		return nil, err
	}
	e, err := compileWith(ctx, module, checked, memory, cache)
	if err != nil {
		_ = folder.Wipe()
		return nil, err
	}
	folder.Seal()
	return e, nil
}

func compileWith(ctx context.Context, module []byte, checked bool, memory int64, cache wazero.CompilationCache) (_ *engine, err error) {
	config := wazero.NewRuntimeConfigCompiler().
		WithMemoryLimitPages(uint32(memory / pageSize)).
		WithDebugInfoEnabled(false).
		WithCloseOnContextDone(checked)
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	e := &engine{runtime: wazero.NewRuntimeWithConfig(ctx, config), cache: cache, memory: memory, describing: make(chan struct{}, 1)}
	defer func() {
		if r := recover(); r != nil { // a defect of the compiler that this module brings out
			err = fmt.Errorf("compiler: %v", r)
		}
		if err != nil {
			e.close()
		}
	}()
	workers := max(runtime.GOMAXPROCS(0), 2) // one alone does not look whether ctx has ended
	compiling := experimental.WithCompilationWorkers(ctx, workers)
	if e.compiled, err = e.runtime.CompileModule(compiling, module); err != nil && cache != nil {
		// Where the disk has no room for it the engine still holds the code.
		e.compiled, err = e.runtime.CompileModule(compiling, module)
	}
	if err != nil {
		return nil, err
	}
	if _, err = wasi.Instantiate(ctx, e.runtime); err != nil {
		return nil, err
	}
	if err = instantiateImports(ctx, e.runtime, extismModule, extismImports()); err != nil {
		return nil, err
	}
	return e, instantiateImports(ctx, e.runtime, atlasModule, atlasImports())
}

func instantiateImports(ctx context.Context, r wazero.Runtime, name string, list []hostFunction) error {
	builder := r.NewHostModuleBuilder(name)
	for _, f := range list {
		builder.NewFunctionBuilder().WithGoModuleFunction(f.body, f.params, f.results).Export(f.name)
	}
	_, err := builder.Instantiate(ctx)
	return err
}

// instantiate makes a sandbox. Its start function, where there is one, runs with
// ctx, which is the instance's own.
func (e *engine) instantiate(ctx context.Context, log io.Writer) (api.Module, error) {
	return e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions().
		WithStdout(log).WithStderr(log).
		WithRandSource(rand.Reader).
		WithSysWalltime().WithSysNanotime().
		WithNanosleep(nap))
}

// nap is how a guest sleeps: never for long, since others wait for its instance.
// A guest that insists runs into its entry's time limit.
func nap(ns int64) {
	const longest = int64(5 * time.Millisecond)
	timer := time.NewTimer(time.Duration(min(max(ns, 0), longest)))
	<-timer.C
}

func (e *engine) close() {
	ctx := context.Background()
	_ = e.runtime.Close(ctx)
	if e.cache != nil {
		_ = e.cache.Close(ctx)
	}
}
