package catalog

import (
	"sort"

	"github.com/exatlas/atlas/core/spec"
)

// Entry is one canonical GPU.
type Entry struct {
	Name     string            `json:"name" doc:"Canonical name."`
	MemoryGB float64           `json:"memory_gb" doc:"Memory of one GPU in GB."`
	Native   map[string]string `json:"native" doc:"The clouds' own identifiers, by provider."`
}

// Catalog is the table with its indexes.
type Catalog struct {
	entries map[string]*Entry
	names   []string
	reverse map[string]map[string]string // provider, native identifier: canonical name
}

// New builds the catalog.
func New() *Catalog {
	c := &Catalog{entries: map[string]*Entry{}, reverse: map[string]map[string]string{}}
	for _, r := range rows() {
		e := &Entry{Name: r.name, MemoryGB: r.memoryGB, Native: map[string]string{}}
		for provider, native := range map[string]string{"runpod": r.runpod, "lambda_labs": r.lambda, "vast": r.vast} {
			if native == "" {
				continue
			}
			e.Native[provider] = native
			c.learn(provider, native, r.name)
		}
		c.entries[e.Name] = e
		c.names = append(c.names, e.Name)
	}
	for native, name := range runpodOldSpellings() {
		c.learn("runpod", native, name)
	}
	sort.Strings(c.names)
	return c
}

// learn keeps the first canonical name of a native identifier.
func (c *Catalog) learn(provider, native, name string) {
	if c.reverse[provider] == nil {
		c.reverse[provider] = map[string]string{}
	}
	if _, known := c.reverse[provider][native]; !known {
		c.reverse[provider][native] = name
	}
}

// Entries lists the table by name.
func (c *Catalog) Entries() []Entry {
	out := make([]Entry, 0, len(c.names))
	for _, name := range c.names {
		out = append(out, *c.entries[name])
	}
	return out
}

// Native returns a provider's identifier of a GPU given by its canonical or its
// native name. A canonical name that this provider does not sell, and a misspelt
// one, is a validation error. What looks like a cloud's own name passes through.
func (c *Catalog) Native(m *spec.Manifest, name string) (string, *spec.Error) {
	for i := range m.GPUs {
		if m.GPUs[i].Canonical == name || m.GPUs[i].Native == name {
			return m.GPUs[i].Native, nil
		}
	}
	if e, known := c.entries[name]; known {
		if native, sold := e.Native[m.Name]; sold {
			return native, nil
		}
	}
	if _, known := c.reverse[m.Name][name]; known {
		return name, nil
	}
	if _, known := c.entries[name]; known {
		return "", &spec.Error{Kind: spec.KindValidation, Provider: m.Name, Message: "params.gpu: this provider has no " + name,
			Hint: "gpus.list shows what it has"}
	}
	if meant := c.meant(m, name); meant != "" {
		return "", &spec.Error{Kind: spec.KindValidation, Provider: m.Name, Message: "params.gpu: no such GPU", Hint: "did you mean " + meant + "?"}
	}
	return name, nil
}

// Canonical returns the canonical name of a provider's identifier, or "".
func (c *Catalog) Canonical(m *spec.Manifest, native string) string {
	for i := range m.GPUs {
		if m.GPUs[i].Native == native {
			return m.GPUs[i].Canonical
		}
	}
	return c.reverse[m.Name][native]
}

// MemoryGB returns the memory of a canonical GPU, 0 where unknown.
func (c *Catalog) MemoryGB(m *spec.Manifest, name string) float64 {
	for i := range m.GPUs {
		if m.GPUs[i].Canonical == name && m.GPUs[i].MemoryGB > 0 {
			return m.GPUs[i].MemoryGB
		}
	}
	if e := c.entries[name]; e != nil {
		return e.MemoryGB
	}
	return 0
}
