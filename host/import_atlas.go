package host

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// atlasModule is the import module of parking guests. Its pointers are into the
// guest's linear memory.
const atlasModule = "atlas:host/env"

// What http_begin answers instead of a request's number.
const (
	beginBadMetadata = -1
	beginTooMany     = -2
	beginRefused     = -3
)

func atlasImports() []hostFunction {
	return []hostFunction{
		{"abi", nil, types(i32), func(_ context.Context, _ api.Module, s []uint64) { s[0] = 1 }},
		{"input_length", nil, types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			s[0] = uint64(len(c.input))
		}},
		{"input_read", types(i32), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			copy(i.view(s[0], uint64(len(c.input))), c.input)
		}},
		{"output_write", types(i32, i32), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			c.setOutput(i.view(s[0], s[1]))
		}},
		{"http_begin", types(i32, i32, i32, i32), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			i, c := entered(ctx)
			meta, body := i.view(s[0], s[1]), i.view(s[2], s[3])
			s[0] = signed(c.begin(i, meta, body))
		}},
		{"http_status", types(i32), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			s[0] = signed(int32(exchangeOf(ctx, s[0]).status()))
		}},
		{"http_body_length", types(i32), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			s[0] = uint64(len(exchangeOf(ctx, s[0]).body()))
		}},
		{"http_body_read", types(i32, i32), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			i, _ := entered(ctx)
			body := exchangeOf(ctx, s[0]).body()
			copy(i.view(s[1], uint64(len(body))), body)
		}},
		{"http_header", types(i32, i32, i32, i32, i32), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			i, _ := entered(ctx)
			value, ok := exchangeOf(ctx, s[0]).header(i.view(s[1], s[2]))
			out := i.view(s[3], s[4])
			if !ok {
				s[0] = signed(-1)
				return
			}
			copy(out, value)
			s[0] = uint64(len(value))
		}},
		{"http_error_length", types(i32), types(i32), func(ctx context.Context, _ api.Module, s []uint64) {
			s[0] = uint64(len(exchangeOf(ctx, s[0]).failureText()))
		}},
		{"http_error_read", types(i32, i32), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			i, _ := entered(ctx)
			text := exchangeOf(ctx, s[0]).failureText()
			copy(i.view(s[1], uint64(len(text))), text)
		}},
		{"http_end", types(i32), nil, func(ctx context.Context, _ api.Module, s []uint64) {
			_, c := entered(ctx)
			c.end(exchangeOf(ctx, s[0]))
		}},
	}
}

// exchangeOf returns a request of the call that was entered. The requests of
// other calls are none of this one's business, even in the same instance.
func exchangeOf(ctx context.Context, number uint64) *exchange {
	_, c := entered(ctx)
	for _, x := range c.exchanges {
		if x.number == uint32(number) {
			return x
		}
	}
	refuse("there is no HTTP request " + utoa(uint64(uint32(number))) + " in this call")
	return nil
}
