package vast

import "github.com/exatlas/atlas/sim/simkit"

// shapes are the request bodies, by method and path of their endpoints. Types and
// words are the contract's. Members beyond them are let through, and a null is as
// good as nothing, as the official client sends many.
func shapes() map[string]*simkit.Shape {
	type fields = map[string]*simkit.Shape
	kind := func(k string, words ...string) *simkit.Shape {
		return &simkit.Shape{Kind: k, Enum: words, Nullable: true}
	}
	body := func(f fields) *simkit.Shape {
		return &simkit.Shape{Kind: "object", Fields: f, Open: &simkit.Shape{Kind: "any"}}
	}
	texts := kind("array")
	texts.Items = &simkit.Shape{Kind: "string"}
	state := kind("string", running, stopped)
	least := kind("number")
	least.Min = -128 // what is too little has words of its own
	return map[string]*simkit.Shape{
		"PUT v0/asks/{}": body(fields{"client_id": kind("string"), "image": kind("string"), "template_hash_id": kind("string"), "label": kind("string"),
			"disk": kind("number"), "target_state": state, "price": least, "cancel_unavail": kind("boolean"), "vm": kind("boolean"), "onstart": kind("string"),
			"runtype": kind("string", "ssh", "jupyter", "args", "ssh_proxy", "ssh_direct", "jupyter_proxy", "jupyter_direct"),
			"args":    texts, "args_str": kind("string"), "use_jupyter_lab": kind("boolean"), "jupyter_dir": kind("string"), "python_utf8": kind("boolean"),
			"lang_utf8": kind("boolean"), "force": kind("boolean"), "user": kind("string"), "image_login": kind("string"), "volume_info": kind("object")}),
		"POST v0/bundles":               body(fields{"limit": kind("integer"), "type": kind("string"), "order": orderShape(), "allocated_storage": kind("number")}),
		"PUT v0/instances/{}":           body(fields{"state": state, "label": kind("string")}),
		"POST v0/instances/{}/ssh":      body(fields{"ssh_key": kind("string")}),
		"PUT v0/instances/bid_price/{}": body(fields{"price": least, "client_id": kind("string")}),
	}
}

// orderShape is that of order: its entries are pairs, and the objects of v1 count for nothing.
func orderShape() *simkit.Shape {
	return &simkit.Shape{Kind: "array", Nullable: true, Items: &simkit.Shape{Kind: "any"}}
}

// shaped reports whether a body is as its endpoint wants it, and answers what is
// wrong otherwise.
func (c *Cloud) shaped(r *request, e endpoint) bool {
	shape := c.shapes[e.method+" "+e.path]
	if shape == nil || r.body == nil {
		return true
	}
	var errs []string
	shape.Check(r.body, "body", &errs)
	switch {
	case len(errs) == 0:
		return true
	case e.path == "v0/asks/{}":
		refuseRent(r, 400, "invalid_args", "error 400/3467: Invalid args: "+errs[0])
	case e.path == "v0/bundles":
		problem(r.RequestCtx, 400, "invalid_request", "Error in query parameters: "+errs[0])
	default:
		problem(r.RequestCtx, 400, "invalid_args", errs[0])
	}
	return false
}
