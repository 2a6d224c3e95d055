package lambda

import (
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// sshKey is a registered key.
type sshKey struct{ id, name, public string }

func (k *sshKey) document() map[string]any {
	return map[string]any{"id": k.id, "name": k.name, "public_key": k.public}
}

func (c *Cloud) listKeys(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	all := []any{}
	for _, k := range c.tenant(a).keys {
		all = append(all, k.document())
	}
	answerJSON(ctx, all)
}

// addKey registers a key, or makes a pair whose private half is told once.
func (c *Cloud) addKey(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	v, parser := c.body(ctx, c.shapes.key)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	t := c.tenant(a)
	k := sshKey{id: c.IDs.New(32, hex), name: simkit.Text(v, "name"), public: simkit.Text(v, "public_key")}
	if slices.ContainsFunc(t.keys, func(one sshKey) bool { return one.name == k.name }) {
		duplicate(ctx, "An SSH key of that name")
		return
	}
	document := k.document()
	if k.public == "" {
		k.public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + c.IDs.New(43, hex)
		document = k.document()
		document["private_key"] = "[simulated private key of " + k.id + "]\n"
	}
	t.keys = append(t.keys, k)
	answerJSON(ctx, document)
}

func duplicate(ctx *fasthttp.RequestCtx, what string) {
	refuse(ctx, 400, "global/duplicate", what+" already exists.", "Choose another name.")
}

func (c *Cloud) deleteKey(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	t := c.tenant(a)
	t.keys = slices.DeleteFunc(t.keys, func(k sshKey) bool { return k.id == id })
	answerJSON(ctx, map[string]any{})
}

// filesystem is shared storage in one region.
type filesystem struct {
	id, name, region string
	created          time.Time
	users            int
	held             time.Time // in use until then, though its machine is gone
}

func (t *tenant) filesystem(is func(*filesystem) bool) *filesystem {
	if i := slices.IndexFunc(t.filesystems, is); i >= 0 {
		return t.filesystems[i]
	}
	return nil
}

func (f *filesystem) used(now time.Time) bool { return f.users > 0 || now.Before(f.held) }

func (f *filesystem) document(now time.Time) map[string]any {
	return map[string]any{"id": f.id, "name": f.name, "mount_point": "/lambda/nfs/" + f.name, "created": stamp(f.created),
		"created_by": map[string]any{"id": "3da5a70a57a7422ea8a7203f98b2198b", "email": "me@example.com", "status": "active"},
		"is_in_use":  f.used(now), "region": regionDocument(f.region), "bytes_used": 0}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func regionDocument(region string) map[string]any {
	return map[string]any{"name": region, "description": place(region)}
}

func (c *Cloud) listFilesystems(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	all := []any{}
	for _, f := range c.tenant(a).filesystems {
		all = append(all, f.document(c.Clock.Now()))
	}
	answerJSON(ctx, all)
}

func (c *Cloud) addFilesystem(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	v, parser := c.body(ctx, c.shapes.filesystem)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	t, now := c.tenant(a), c.Clock.Now()
	f := &filesystem{id: c.IDs.New(32, hex), name: simkit.Text(v, "name"), region: simkit.Text(v, "region"), created: now}
	switch {
	case !slices.Contains(c.regions(), f.region):
		invalid(ctx, "Region was not found.")
		return
	case t.filesystem(func(one *filesystem) bool { return one.name == f.name }) != nil:
		duplicate(ctx, "A filesystem of that name")
		return
	}
	t.filesystems = append(t.filesystems, f)
	answerJSON(ctx, f.document(now))
}

func (c *Cloud) deleteFilesystem(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	t := c.tenant(a)
	f := t.filesystem(func(f *filesystem) bool { return f.id == id })
	switch {
	case f == nil:
		notFound(ctx, "Filesystem was not found.")
	case f.used(c.Clock.Now()):
		refuse(ctx, 400, "filesystems/filesystem-in-use", "The filesystem is in use.", "Terminate the instances that use it first.")
	default:
		t.filesystems = slices.DeleteFunc(t.filesystems, func(one *filesystem) bool { return one == f })
		answerJSON(ctx, map[string]any{"deleted_ids": []string{id}})
	}
}
