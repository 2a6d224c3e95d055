package sdk

import (
	"bytes"
	"unicode/utf8"
	"unsafe"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/codec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// answerSize is what most answers fit into without growing.
const answerSize = 1024

// Handle carries out one operation: it decodes the input of docs/plugin-abi.md,
// calls the provider and encodes the output, in room where it fits. It never
// fails: whatever goes wrong is an error document. input must not change while
// it runs.
func Handle(p *Provider, op string, input []byte, doer Doer, room []byte) []byte {
	if op == spec.OpDescribe {
		return describe(p)
	}
	if !p.has(op) {
		return lacks(p, op)
	}
	env := Env{HTTP: guard{doer}}
	request, ok := open(&env, unsafe.String(unsafe.SliceData(input), len(input)))
	if !ok {
		return Failure(spec.NewError(spec.KindPlugin, "the input of "+op+" is no JSON object with a request"))
	}
	switch op {
	case spec.OpSpawn:
		return carry(env, request, room, codec.DecodeSpawn, p.Spawn, tidyCompute, codec.AppendCompute)
	case spec.OpGet:
		return carry(env, request, room, codec.DecodeID, p.Get, tidyCompute, codec.AppendCompute)
	case spec.OpList:
		return carry(env, request, room, codec.DecodeList, p.List, tidyComputes, codec.AppendComputePage)
	case spec.OpFind:
		return carry(env, request, room, codec.DecodeFind, p.Find, tidyComputes, codec.AppendComputePage)
	case spec.OpStop:
		return carry(env, request, room, codec.DecodeID, p.Stop, tidyCompute, codec.AppendCompute)
	case spec.OpStart:
		return carry(env, request, room, codec.DecodeID, p.Start, tidyCompute, codec.AppendCompute)
	case spec.OpTerminate:
		return carry(env, request, room, codec.DecodeID, p.Terminate, tidyCompute, codec.AppendCompute)
	case spec.OpRunJob:
		return carry(env, request, room, codec.DecodeRunJob, p.RunJob, tidyJob, codec.AppendJob)
	case spec.OpGetJob:
		return carry(env, request, room, codec.DecodeJob, p.GetJob, tidyJob, codec.AppendJob)
	case spec.OpCancelJob:
		return carry(env, request, room, codec.DecodeJob, p.CancelJob, tidyJob, codec.AppendJob)
	case spec.OpStreamJob:
		return carry(env, request, room, codec.DecodeJob, p.StreamJob, nil, codec.AppendJobChunks)
	case spec.OpListGPUTypes:
		return carry(env, request, room, codec.DecodeGPUTypes, p.ListGPUTypes, tidyGPUTypes, codec.AppendGPUTypeList)
	case spec.OpSearchOffers:
		return carry(env, request, room, codec.DecodeOffers, p.SearchOffers, tidyOffers, codec.AppendOfferList)
	case spec.OpGetLogs:
		return carry(env, request, room, codec.DecodeLogs, p.GetLogs, nil, codec.AppendLogsPage)
	case spec.OpGetBill:
		return carry(env, request, room, codec.DecodeBill, p.GetBill, nil, codec.AppendBill)
	default: // has let only clean_up through
		return carry(env, request, room, codec.DecodeCleanUp, p.cleanUp, nil, codec.AppendCompute)
	}
}

// cleanUp has nothing to answer but that it is done.
func (p *Provider) cleanUp(env Env, r *spec.CleanUpRequest) (*spec.Compute, *spec.Error) {
	return nil, p.CleanUp(env, r)
}

// describe and lacks are apart from Handle because a manifest is large, and the
// frame of Handle lies on the stack of every parked call.
//
//go:noinline
func describe(p *Provider) []byte {
	manifest := p.Manifest()
	manifest.Operations = p.Operations()
	return codec.AppendManifest(nil, &manifest)
}

//go:noinline
func lacks(p *Provider, op string) []byte {
	return Failure(spec.NewError(spec.KindUnsupported, p.Manifest().Name+" has no "+op))
}

// open reads the context into env and returns the text of the request.
func open(env *Env, input string) (request string, ok bool) {
	r := jsonx.New(input)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "request":
			request = r.Raw()
		case "context":
			readContext(&r, env)
		default:
			r.Skip()
		}
	}
	return request, r.Done() && request != ""
}

func readContext(r *jsonx.Reader, env *Env) {
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "urls":
			env.URLs = make(URLs, 0, 4)
			for more := r.Object(); more; more = r.NextMember() {
				name := r.Key()
				env.URLs = append(env.URLs, spec.NamedURL{Name: name, URL: r.Text()})
			}
		case "include_raw":
			env.IncludeRaw = r.Bool()
		case "config":
			env.Config = r.Strings()
		default:
			r.Skip()
		}
	}
}

// carry decodes a request, calls an operation, takes out of its answer what
// cannot be true, and encodes it.
func carry[Q, A any](env Env, text string, room []byte, decode func(string, *Q) *spec.Error,
	call func(Env, *Q) (*A, *spec.Error), tidy func(*A), encode func([]byte, *A) []byte) []byte {
	request := new(Q)
	if err := decode(text, request); err != nil {
		return Failure(err)
	}
	answer, err := call(env, request)
	if err != nil {
		return Failure(err)
	}
	if cap(room) == 0 {
		room = make([]byte, 0, answerSize)
	}
	out := append(room[:0], `{"value":`...)
	if answer == nil {
		return append(out, `{}}`...)
	}
	if tidy != nil {
		tidy(answer)
	}
	out = append(encode(out, answer), '}')
	if !utf8.Valid(out) { // raw members are the cloud's own bytes
		out = bytes.ToValidUTF8(out, []byte("\ufffd"))
	}
	return out
}

// Failure is the output of an operation that failed.
func Failure(err *spec.Error) []byte {
	return append(codec.AppendError([]byte(`{"error":`), err), '}')
}
