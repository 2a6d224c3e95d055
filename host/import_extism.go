package host

import (
	"context"
	"math"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// extismModule is the import module of every Extism PDK. Its offsets are into
// the call's kernel memory.
const extismModule = "extism:host/env"

func extismImports() []hostFunction {
	return slices.Concat(extismInOut(), extismMemory(), extismState(), extismHTTP(), extismLog())
}

// extismInOut is the input of a call, its answer and its error.
func extismInOut() []hostFunction {
	return []hostFunction{
		{"input_offset", nil, types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = c.inputOffset()
		}},
		{"input_length", nil, types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = uint64(len(c.input))
		}},
		{"input_load_u8", types(i64), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			if s[0] >= uint64(len(c.input)) {
				refuse("input_load_u8 reads outside the input")
			}
			s[0] = uint64(c.input[s[0]])
		}},
		{"input_load_u64", types(i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = c.inputLoad64(s[0])
		}},
		{"output_set", types(i64, i64), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			if s[1] == 0 {
				c.setOutput(nil)
				return
			}
			c.setOutput(c.bytes("output_set", s[0], s[1]))
		}},
		{"error_set", types(i64), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			c.setError(s[0])
		}},
		{"error_get", nil, types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = c.errorOffset
		}},
	}
}

// extismMemory is the call's kernel memory.
func extismMemory() []hostFunction {
	list := []hostFunction{
		{"alloc", types(i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			n := s[0]
			if s[0] = c.kernel.alloc(n); s[0] == 0 && n != 0 {
				refuse("it allocates more than " + utoa(uint64(c.kernel.limit)) + " bytes of Extism memory in one call")
			}
		}},
		{"free", types(i64), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			c.kernel.release(s[0])
		}},
		{"load_u8", types(i64), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = uint64(c.bytes("load_u8", s[0], 1)[0])
		}},
		{"load_u64", types(i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			value, ok := c.kernel.load64(s[0])
			if !ok {
				refuse("load_u64 reads outside what was allocated")
			}
			s[0] = value
		}},
		{"store_u8", types(i64, i32), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			c.bytes("store_u8", s[0], 1)[0] = byte(s[1])
		}},
		{"store_u64", types(i64, i64), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			if !c.kernel.store64(s[0], s[1]) {
				refuse("store_u64 writes outside what was allocated")
			}
		}},
	}
	for _, name := range []string{"length", "length_unsafe"} {
		list = append(list, hostFunction{name, types(i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = c.kernel.length(s[0])
		}})
	}
	return list
}

// extismState is the plugin's configuration, and what an instance keeps from one
// call to the next.
func extismState() []hostFunction {
	return []hostFunction{
		{"config_get", types(i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			value := i.owner.options.Config[string(c.block("config_get", s[0]))]
			s[0] = c.put("config_get", []byte(value))
		}},
		{"var_get", types(i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			s[0] = c.put("var_get", i.variables[string(c.block("var_get", s[0]))])
		}},
		{"var_set", types(i64, i64), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			name := string(c.block("var_set", s[0]))
			if s[1] == 0 {
				i.unsetVariable(name)
				return
			}
			i.setVariable(name, c.block("var_set", s[1]))
		}},
	}
}

// extismHTTP is a request, during which the instance is occupied.
func extismHTTP() []hostFunction {
	return []hostFunction{
		{"http_request", types(i64, i64), types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			s[0] = c.blockingRequest(i, s[0], s[1])
		}},
		{"http_status_code", nil, types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = signed(int32(c.lastStatus))
		}},
		{"http_headers", nil, types(i64), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = c.put("http_headers", c.lastHeaders)
		}},
	}
}

// extismLog is the log.
func extismLog() []hostFunction {
	list := []hostFunction{
		{"get_log_level", nil, types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			i, _ := entered(ctx)
			if s[0] = 0; i.owner.host.options.Log == nil {
				s[0] = math.MaxInt32 // nothing is logged
			}
		}},
	}
	for _, level := range []string{"trace", "debug", "info", "warn", "error"} {
		list = append(list, hostFunction{"log_" + level, types(i64), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			i.log(c, level, c.block("log_"+level, s[0]))
		}})
	}
	return list
}

// bytes returns a range of the call's kernel memory.
func (c *call) bytes(function string, offset, length uint64) []byte {
	b, ok := c.kernel.slice(offset, length)
	if !ok {
		refuse(function + ": a range at " + utoa(offset) + " of " + utoa(length) + " bytes was not allocated")
	}
	return b
}

// block returns a whole block of the call's kernel memory. Offset 0 is the empty
// block.
func (c *call) block(function string, offset uint64) []byte {
	if offset == 0 {
		return nil
	}
	b, ok := c.kernel.block(offset)
	if !ok {
		refuse(function + ": there is no block at offset " + utoa(offset))
	}
	return b
}

// put hands bytes to the guest in a block of its own; offset 0 stands for none.
func (c *call) put(function string, b []byte) uint64 {
	offset := c.kernel.put(b)
	if offset == 0 && len(b) > 0 {
		refuse(function + ": the Extism memory of this call is used up")
	}
	return offset
}

// setVariable keeps a copy of a value for later calls of the same instance.
func (i *instance) setVariable(name string, value []byte) {
	limit := i.owner.host.limits.VariableBytes
	i.unsetVariable(name)
	size := len(name) + len(value)
	if i.varBytes+size > limit {
		refuse("var_set: its variables take more than " + utoa(uint64(limit)) + " bytes")
	}
	if i.variables == nil {
		i.variables = map[string][]byte{}
	}
	i.variables[name] = append([]byte(nil), value...)
	i.varBytes += size
}

func (i *instance) unsetVariable(name string) {
	if old, ok := i.variables[name]; ok {
		i.varBytes -= len(name) + len(old)
		delete(i.variables, name)
	}
}
