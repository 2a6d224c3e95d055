package catalog

import (
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// maxMeant bounds the names that a hint lists.
const maxMeant = 4

// meant returns the canonical names, as a hint lists them, that a name nobody
// knows is most likely a misspelling of, or "" where it may be a cloud's own name
// of a GPU newer than the table: a misspelt name that went to a cloud would come
// back as a shortage, which heals by no waiting. Those that the provider has come
// first, where another is not nearer.
func (c *Catalog) meant(m *spec.Manifest, name string) string {
	for _, known := range c.names {
		if plain(known) == plain(name) {
			return known
		}
	}
	sold := c.sold(m)
	for _, known := range sold {
		if plain(known) == trade(name) && !c.bare(m, name) {
			return known
		}
	}
	word := strings.TrimPrefix(name, ":") // as names are written in Elixir
	if !canonicalLike(word) {
		return ""
	}
	for _, names := range [][]string{sold, c.names} {
		if families := family(names, word); families != "" {
			return families
		}
	}
	return strict.Nearest(word, slices.Concat(sold, c.names)) // of two that are equally near the first
}

// canonicalLike reports whether a name is written like the canonical ones, in
// small letters, digits and underscores. The clouds' own names have capitals,
// spaces or hyphens, or begin as no canonical one does, as Lambda's with gpu_.
func canonicalLike(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != "" && !strings.HasPrefix(name, "gpu_")
}

// sold are the canonical names that a provider has.
func (c *Catalog) sold(m *spec.Manifest) []string {
	var names []string
	for i := range m.GPUs {
		names = append(names, m.GPUs[i].Canonical)
	}
	for _, name := range c.names {
		if _, sells := c.entries[name].Native[m.Name]; sells {
			names = append(names, name)
		}
	}
	return names
}

// family lists the names that say more than word does: a100 is short for
// a100_40g, a100_80g and a100_80g_sxm, and a100_sxm for the last of them.
func family(names []string, word string) string {
	var list []string
	asked := strings.Split(word, "_")
	for _, name := range names {
		parts := strings.Split(name, "_")
		more := parts[0] == asked[0] && len(parts) > len(asked)
		for _, part := range asked {
			more = more && slices.Contains(parts, part)
		}
		if more && len(list) < maxMeant {
			list = append(list, name)
		}
	}
	if last := len(list) - 1; last > 0 {
		return strings.Join(list[:last], ", ") + " or " + list[last]
	}
	return strings.Join(list, "")
}

// bare reports whether a name is one of the cloud's own that the table has with a
// size of memory behind it: Vast.ai knows an RTX 3080 of two sizes.
func (c *Catalog) bare(m *spec.Manifest, name string) bool {
	for native := range c.reverse[m.Name] {
		if without, _, sized := strings.Cut(native, "@"); sized && without == name {
			return true
		}
	}
	return false
}

// trade is the plain form of a name as it stands on the box: NVIDIA RTX 4090. It is
// compared with what the provider sells alone, for there the table knows what the
// cloud calls that GPU, and this is not it.
func trade(name string) string {
	words := strings.Fields(strings.ToLower(name))
	for len(words) > 1 && slices.Contains([]string{"nvidia", "geforce", "tesla"}, words[0]) {
		words = words[1:]
	}
	return plain(strings.Join(words, ""))
}

func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "", ":", "").Replace(strings.ToLower(name))
}
