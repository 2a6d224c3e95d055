package conformance

import (
	"strings"
	"testing"
)

// TestManifest_NamesThatNobodyUses are mistakes that break nothing: the key is not
// found, and the GPU is asked for by another name.
func TestManifest_NamesThatNobodyUses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ got, want string }{
		{uncounted("acme", "ACME_API_KEY"), ""},
		{uncounted("acme", "API_KEY"), "API_KEY is not read: only variables that begin with ACME_ count"},
		{uncounted("acme", "ACME_"), "is not read"},
		{uncounted("acme", "acme_api_key"), "is not read"},
		{uncounted("acme", "ACMECLOUD_API_KEY"), "is not read"}, // of another provider
		{uncommon("rtx_4090"), ""},
		{uncommon(""), ""}, // said elsewhere
		{uncommon("RTX 4090"), "RTX 4090 is no canonical name"},
		{uncommon("rtx-4090"), "is no canonical name"},
	} {
		if (row.want == "") != (row.got == "") || !strings.Contains(row.got, row.want) {
			t.Errorf("%q is not %q", row.got, row.want)
		}
	}
}
