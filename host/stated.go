package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/internal/safego"
)

// statement is what a plugin's file tells of it, so that the plugin need not be compiled
// and started for who only asks what it is. Whether it is true shows when the plugin is
// loaded (checkLabel); until then nothing has gone anywhere on its word.
type statement struct {
	done   chan struct{} // closed when module is set
	module *module       // without an engine; nil: the file tells nothing, or nothing that is right
}

// stated returns what the file of a plugin tells of it; nil: the plugin itself is to be
// asked, since that has been done or since its file does not tell.
func (h *Host) stated(ctx context.Context, p *plugin) *module {
	s := h.beginStatement(p)
	if s == nil {
		return nil
	}
	select {
	case <-s.done:
	default:
		select {
		case <-s.done:
		case <-ctx.Done():
			return nil
		}
	}
	return s.module
}

// beginStatement has the file of a plugin read; nil: the plugin itself was asked.
func (h *Host) beginStatement(p *plugin) *statement {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loading != nil || p.statement != nil {
		if p.loading != nil {
			return nil
		}
		return p.statement
	}
	s := &statement{done: make(chan struct{})}
	p.statement = s
	if p.source == SourceBuiltin { // nothing to wait for
		s.module = h.readLabel(p)
		close(s.done)
		return s
	}
	safego.Go(&h.background, func(*spec.Error) {}, func() {
		defer close(s.done)
		select {
		case h.loads <- struct{}{}:
			defer func() { <-h.loads }()
			s.module = h.readLabel(p)
		case <-h.ctx.Done():
		}
	})
	return s
}

// readLabel makes the module that a plugin's file tells of. Where anything is wrong it
// makes none: loading the plugin tells what.
func (h *Host) readLabel(p *plugin) *module {
	m := &module{host: h, name: p.name, source: p.source, path: p.path, sha: p.sha, checked: p.source != SourceBuiltin, exports: map[string]bool{}}
	file := p.outline
	if p.source != SourceBuiltin {
		code, err := p.open()
		if err != nil || len(code) > h.limits.ModuleBytes {
			return nil
		}
		sum := sha256.Sum256(code)
		file, m.sha = code, hex.EncodeToString(sum[:])
	}
	told, err := wasm.ReadOutline(file)
	if err != nil || told.Manifest == nil {
		return nil
	}
	for _, name := range told.Exports {
		m.exports[name] = true
	}
	m.parking = slices.Contains(told.Imports, [2]string{atlasModule, "http_begin"})
	if !m.exports[spec.OpDescribe] || m.parking && !m.exports[exportResume] || h.checkPin(p.name, m.sha) != nil {
		return nil
	}
	var failure *spec.Error
	if m.manifest, failure = readManifest(told.Manifest, m.exports); failure != nil || m.manifest.Name != p.name {
		return nil
	}
	if m.configure(h.options.Providers[m.name]) != nil {
		return nil
	}
	return m
}

// checkLabel compares what a plugin says of itself with what its file tells of it. A
// label that were believed unchecked could show people other hosts than the plugin's.
func (m *module) checkLabel() *spec.Error {
	if m.label == nil {
		return nil
	}
	told, failure := readManifest(m.label, m.exports)
	if failure != nil {
		return wrongLabel(strings.TrimPrefix(failure.Message, "the plugin's manifest is wrong: "))
	}
	if names := differences(m.manifest, told); len(names) > 0 {
		return wrongLabel("the plugin says otherwise of its " + strings.Join(names, ", "))
	}
	return nil
}

func wrongLabel(why string) *spec.Error {
	return &spec.Error{Kind: spec.KindPlugin, Message: "the label of the plugin's file, which tells its manifest, is wrong: " + why,
		Hint: "exatlas plugin label writes it anew; a file that somebody else has labelled so is not to be trusted"}
}

// differences returns the members in which two manifests differ.
func differences(a, b *spec.Manifest) []string {
	ours, theirs := members(a), members(b)
	var names []string
	for name := range ours {
		if string(ours[name]) != string(theirs[name]) {
			names = append(names, name)
		}
	}
	for name := range theirs {
		if _, both := ours[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func members(m *spec.Manifest) map[string]json.RawMessage {
	text, err := json.Marshal(m)
	if err != nil { // cannot be: it is text, numbers and flags
		panic(err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	return all
}
