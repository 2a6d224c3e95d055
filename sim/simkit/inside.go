package simkit

import (
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// Inside is the inference server in a machine, as a cloud's HTTP proxy shows it.
// It checks its callers the way Atlas tells a machine to: by
// ATLAS_PRESHARED_KEY as a bearer token, by ATLAS_SIGNING_SECRET as a signed
// URL. The path that is signed is the one after the port, which is all there is at
// the clouds' own addresses, or the whole one, which is what a caller signs who
// puts a path to the address that a simulator gives.
type Inside struct {
	Found  bool   // the machine exists and publishes the port
	Up     bool   // something answers in it
	Key    string // of the machine's environment
	Secret string
}

// Serve answers one request to /proxy/{id}/{port}{path}.
func (in Inside) Serve(ctx *fasthttp.RequestCtx, id, port, path string, now time.Time) {
	h := &ctx.Response.Header
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	switch {
	case !in.Found:
		insideError(ctx, 404, "no such machine or port")
		return
	case !in.Up:
		insideError(ctx, 502, "bad gateway: nothing answers in the machine")
		return
	case ctx.IsOptions():
		ctx.SetStatusCode(204)
		return
	}
	if in.Key != "" {
		token := Bearer(ctx.Request.Header.Peek("Authorization"))
		if subtle.ConstantTimeCompare(token, []byte(in.Key)) != 1 {
			h.Set("WWW-Authenticate", "Bearer")
			insideError(ctx, 401, "missing or wrong bearer token")
			return
		}
	}
	if in.Secret != "" {
		whole, query := string(ctx.URI().PathOriginal()), string(ctx.URI().QueryString())
		err := VerifyURL(strings.TrimPrefix(whole, "/proxy/"+id+"/"+port), query, in.Secret, now)
		if errors.Is(err, ErrBadSignature) {
			err = VerifyURL(whole, query, in.Secret, now)
		}
		if err != nil {
			insideError(ctx, 401, "signed url: "+err.Error())
			return
		}
	}
	number, _ := strconv.Atoi(port)
	b := AppendString([]byte(`{"ok":true,"pod":`), id)
	b = AppendInt(append(b, `,"port":`...), number)
	b = AppendString(append(b, `,"method":`...), ctx.Method())
	b = AppendString(append(b, `,"path":`...), path)
	b = AppendInt(append(b, `,"body_bytes":`...), len(ctx.PostBody()))
	insideAnswer(ctx, 200, append(b, '}'))
}

func insideAnswer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(body)
}

func insideError(ctx *fasthttp.RequestCtx, status int, text string) {
	insideAnswer(ctx, status, append(AppendString([]byte(`{"ok":false,"error":`), text), '}'))
}
