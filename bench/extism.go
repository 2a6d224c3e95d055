package main

import (
	"context"
	"encoding/json"
	"fmt"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero/api"

	"github.com/exatlas/atlas/core/spec"
)

// extismGuest is the same guest under the Extism Go SDK: one instance, kept, as
// its users keep it.
type extismGuest struct {
	plugin *extism.Plugin
	input  []byte
}

// newExtismGuest compiles the module. With timeoutMS above zero a guest that
// loops is stopped, which is what a host of other people's guests must have; the
// SDK compiles interruption checks in for that. 0 leaves them out.
func newExtismGuest(ctx context.Context, module []byte, c *cloud, timeoutMS uint64) (*extismGuest, error) {
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: module}}, AllowedHosts: []string{"127.0.0.1"}, Timeout: timeoutMS}
	compiled, err := extism.NewCompiledPlugin(ctx, manifest, extism.PluginConfig{EnableWasi: true}, atlasStubs())
	if err != nil {
		return nil, fmt.Errorf("extism: %w", err)
	}
	plugin, err := compiled.Instance(ctx, extism.PluginInstanceConfig{})
	if err != nil {
		return nil, fmt.Errorf("extism: %w", err)
	}
	input, err := json.Marshal(map[string]any{
		"request": spec.IDRequest{ID: c.pod},
		"context": spec.Context{URLs: map[string]string{"api": c.url, "proxy": c.url + "/proxy/{id}/{port}"}},
	})
	return &extismGuest{plugin: plugin, input: input}, err
}

// get is one compute.get, as JSON.
func (g *extismGuest) get() ([]byte, error) {
	code, out, err := g.plugin.Call(spec.OpGet, g.input)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Value *spec.Compute
		Error *spec.Error
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("extism: code %d, %q: %w", code, out, err)
	}
	if answer.Value == nil {
		return nil, fmt.Errorf("extism: code %d, %q", code, out)
	}
	return json.Marshal(answer.Value)
}

// atlasStubs stands in for atlas:host/env: abi answers 0, on which the guest
// uses Extism's own functions alone.
func atlasStubs() []extism.HostFunction {
	i32 := extism.ValueTypeI32
	shapes := []struct {
		name    string
		params  int
		results int
	}{
		{"abi", 0, 1}, {"input_length", 0, 1}, {"input_read", 1, 0}, {"output_write", 2, 0}, {"http_begin", 4, 1},
		{"http_status", 1, 1}, {"http_body_length", 1, 1}, {"http_body_read", 2, 0}, {"http_header", 5, 1},
		{"http_error_length", 1, 1}, {"http_error_read", 2, 0}, {"http_end", 1, 0},
	}
	var stubs []extism.HostFunction
	for _, shape := range shapes {
		repeat := func(n int) []extism.ValueType {
			types := make([]extism.ValueType, n)
			for i := range types {
				types[i] = i32
			}
			return types
		}
		stub := extism.NewHostFunctionWithStack(shape.name, func(_ context.Context, _ *extism.CurrentPlugin, stack []uint64) {
			if len(stack) > 0 {
				stack[0] = api.EncodeI32(0)
			}
		}, repeat(shape.params), repeat(shape.results))
		stub.SetNamespace("atlas:host/env")
		stubs = append(stubs, stub)
	}
	return stubs
}
