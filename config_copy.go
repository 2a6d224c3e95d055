package atlas

import (
	"maps"
	"slices"
)

// clone is a copy that shares nothing that can be changed: a client reads its
// settings as long as it lives, and a Go program may go on using the maps and lists
// it has opened one with.
func (s Settings) clone() Settings {
	s.Providers = maps.Clone(s.Providers)
	for name, p := range s.Providers {
		p.Accounts, p.URLs, p.Config = maps.Clone(p.Accounts), maps.Clone(p.URLs), maps.Clone(p.Config)
		p.Hosts = slices.Clone(p.Hosts)
		s.Providers[name] = p
	}
	if s.Compute.NamePrefix != nil {
		prefix := *s.Compute.NamePrefix
		s.Compute.NamePrefix = &prefix
	}
	if s.Orchestrator != nil {
		kept := *s.Orchestrator
		kept.Reap.Providers = slices.Clone(kept.Reap.Providers)
		s.Orchestrator = &kept
	}
	return s
}
