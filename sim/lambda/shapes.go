package lambda

import (
	"strings"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// shapes are the request bodies.
type shapes struct {
	launch, ids, rename, key, filesystem, rules, ruleset, patchRuleset, patchGlobal *simkit.Shape
}

// fields are the members of an object. Members beyond them are let through where
// the document does: Lambda's bodies are open but for what it removed.
type fields = map[string]*simkit.Shape

func text(most int) *simkit.Shape {
	return &simkit.Shape{Kind: "string", Match: func(s string) bool { return most == 0 || len([]rune(s)) <= most }}
}

func required(most int) *simkit.Shape {
	s := text(most)
	s.MinLen = 1
	return s
}

func list(of *simkit.Shape) *simkit.Shape { return &simkit.Shape{Kind: "array", Items: of} }

func object(needed []string, f fields) *simkit.Shape {
	return &simkit.Shape{Kind: "object", Required: needed, Fields: f, Open: &simkit.Shape{Kind: "any"}}
}

func newShapes() shapes {
	tag := object([]string{"key", "value"}, fields{"key": {Kind: "string", Match: tagKey}, "value": text(128)})
	mount := object([]string{"mount_point", "file_system_id"}, fields{"mount_point": {Kind: "string", Match: mountPoint}, "file_system_id": text(0)})
	entry := object([]string{"id"}, fields{"id": text(0)})
	rule := object([]string{"protocol", "source_network", "description"}, fields{
		"protocol": {Kind: "string", Enum: []string{"tcp", "udp", "icmp", "all"}}, "source_network": text(0), "description": text(128),
		"port_range": {Kind: "array", MinItems: 2, MaxItems: 2, Items: &simkit.Shape{Kind: "integer", Min: 1, Max: 65535}}})
	rule.Also = func(v *fastjson.Value, path string, errs *[]string) {
		if icmp := simkit.Text(v, "protocol") == "icmp"; icmp == v.Exists("port_range") {
			*errs = append(*errs, path+".port_range: required but for icmp, which takes none")
		}
	}
	s := shapes{
		launch: object([]string{"region_name", "instance_type_name", "ssh_key_names"}, fields{
			"region_name": text(0), "instance_type_name": text(0), "ssh_key_names": {Kind: "array", Items: text(0), MinItems: 1, MaxItems: 1},
			"file_system_names": list(text(0)), "file_system_mounts": list(mount), "hostname": {Kind: "string", Match: hostname}, "name": text(64),
			"image": object(nil, fields{"id": text(0), "family": text(0)}), "user_data": {Kind: "string", Match: func(s string) bool { return len(s) <= 1<<20 }},
			"tags": list(tag), "firewall_rulesets": list(entry), "quantity": {Kind: "integer"}}),
		ids:          object([]string{"instance_ids"}, fields{"instance_ids": {Kind: "array", Items: text(0), MinItems: 1}}),
		rename:       object(nil, fields{"name": text(64)}),
		key:          object([]string{"name"}, fields{"name": required(64), "public_key": required(4096)}),
		filesystem:   object([]string{"name", "region"}, fields{"name": {Kind: "string", Match: filesystemName}, "region": text(0)}),
		rules:        object([]string{"data"}, fields{"data": list(rule)}),
		ruleset:      object([]string{"name", "region", "rules"}, fields{"name": text(64), "region": text(0), "rules": list(rule)}),
		patchRuleset: object(nil, fields{"name": text(64), "rules": list(rule)}),
		patchGlobal:  object([]string{"rules"}, fields{"rules": list(rule)}),
	}
	return s
}

// tagKey matches ^[a-z][a-z0-9-:]+$, at most 55 characters, and refuses what one
// client reports to be refused: keys that begin with lambda.
func tagKey(s string) bool {
	return len(s) >= 2 && len(s) <= 55 && s[0] >= 'a' && s[0] <= 'z' && only(s, "-:", false) && !strings.HasPrefix(s, "lambda")
}

// hostname matches ^[a-z0-9][0-9a-z-]{0,62}$.
func hostname(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && s[0] != '-' && only(s, "-", false)
}

// mountPoint matches ^(/home|/lambda/nfs|/data)[//a-zA-Z0-9-]*$.
func mountPoint(s string) bool {
	for _, root := range []string{"/home", "/lambda/nfs", "/data"} {
		if rest, ok := strings.CutPrefix(s, root); ok {
			return len(s) <= 256 && only(rest, "/-", true)
		}
	}
	return false
}

// filesystemName matches ^[a-zA-Z]+[0-9a-zA-Z-]*$.
func filesystemName(s string) bool {
	return len(s) >= 1 && len(s) <= 60 && (s[0]|0x20) >= 'a' && (s[0]|0x20) <= 'z' && only(s, "-", true)
}

// only reports whether a text holds letters, digits and further characters alone.
func only(s, further string, capitals bool) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !(capitals && c >= 'A' && c <= 'Z') && !strings.ContainsRune(further, c) {
			return false
		}
	}
	return true
}
