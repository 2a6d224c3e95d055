package atlas

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// checkNames finds misspelt providers. known are those that have a plugin now; a
// section of providers may also be for one that is loaded later, so only what looks
// like a slip of the hand is refused. Who pins a file by its hash means the name.
func (s *Settings) checkNames(known []string) *spec.Error {
	for _, name := range s.unused(known) {
		near := strict.Slip(name, known)
		if near == "" || s.Providers[name].SHA256 != "" {
			continue
		}
		return &spec.Error{Kind: spec.KindValidation, Message: "config.providers." + name + ": no plugin has this name",
			Hint: "did you mean " + near + "? A plugin of your own that is named so goes into plugins.dir, or needs its sha256 here"}
	}
	if s.Orchestrator == nil || s.Orchestrator.Reap.Providers == nil {
		return nil
	}
	return s.checkReapProviders(known)
}

// checkReapProviders holds the reaper's providers to names that are known: machines
// at a misspelt one would never be given back.
func (s *Settings) checkReapProviders(known []string) *spec.Error {
	const field = "config.orchestrator.reap.providers"
	list := s.Orchestrator.Reap.Providers
	if len(list) == 0 {
		return &spec.Error{Kind: spec.KindValidation, Message: field + ": empty", Hint: "leave it out for all providers, or set orchestrator.reap.off"}
	}
	names := slices.Sorted(maps.Keys(s.Providers))
	names = slices.Compact(slices.Sorted(slices.Values(append(names, known...))))
	for i, name := range list {
		cloud, account, further := strings.Cut(name, ":")
		if _, known := s.Providers[cloud].Accounts[account]; slices.Contains(names, name) || further && known {
			continue
		}
		e := &spec.Error{Kind: spec.KindValidation, Message: field + "[" + strconv.Itoa(i) + "]: no such provider",
			Hint: "the providers are: " + strings.Join(names, ", ") + "; one whose plugin is loaded later needs a section in providers"}
		if near := strict.Nearest(name, names); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		return e
	}
	return nil
}

// unused lists the sections of providers whose names no plugin has.
func (s *Settings) unused(known []string) []string {
	var out []string
	for name := range s.Providers {
		if !slices.Contains(known, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
