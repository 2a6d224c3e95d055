package catalog

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCatalog_HasNoNameThatTheFactSheetsDoNotKnow holds every cloud's identifiers
// against the sheet of facts about it, where those are at hand.
func TestCatalog_HasNoNameThatTheFactSheetsDoNotKnow(t *testing.T) {
	// Vast's sheet gives many cards as ranges.
	ranges := regexp.MustCompile(`^(RTX [345]0[6-9]0( Ti|S)?|RTX A[2-6][05]00|(Q RTX|RTX PRO) [4-8][05]00)$`)
	trailing := regexp.MustCompile(`( [0-9]+)?( \(.*\)?)?$`) // the memory, or a remark
	knows := map[string]func(facts, native string) bool{
		"runpod": func(facts, native string) bool {
			_, table, _ := strings.Cut(facts, "## 10. GPU identifiers")
			table, _, _ = strings.Cut(table, "## 11.")
			for _, cell := range regexp.MustCompile(": |; |, |\n|\\.\n|`").Split(table, -1) {
				if cell == native || trailing.ReplaceAllString(cell, "") == native {
					return true
				}
			}
			return false
		},
		"lambda_labs": func(facts, native string) bool { // the number of GPUs may be another
			return regexp.MustCompile(`x` + regexp.QuoteMeta(strings.TrimPrefix(native, "gpu_1x")) + `\b`).MatchString(facts)
		},
		"vast": func(facts, native string) bool {
			name, _, _ := strings.Cut(native, "@")
			_, list, _ := strings.Cut(facts, "### GPU names")
			list, _, _ = strings.Cut(list, "## 4.")
			return ranges.MatchString(name) || strings.Contains(list, name)
		},
	}
	folders := map[string]string{"runpod": "runpod", "lambda_labs": "lambda", "vast": "vast"}
	c := New()
	for provider, know := range knows {
		facts, err := os.ReadFile("../../../shared/specs/" + folders[provider] + "/FACTS.md")
		if os.IsNotExist(err) {
			t.Skip("the sheets of facts are not at hand, so the identifiers are not held against them")
		} else if err != nil {
			t.Fatal(err)
		}
		for native := range c.reverse[provider] {
			if !know(string(facts), native) {
				t.Errorf("%s: the facts know no %q", provider, native)
			}
		}
		if know(string(facts), "NVIDIA A100-SXM4-40GB") || know(string(facts), "gpu_1x_h1000") || know(string(facts), "H1000 SXM") {
			t.Errorf("%s: the facts know anything", provider)
		}
	}
	for provider := range c.reverse {
		if knows[provider] == nil {
			t.Errorf("nothing holds the identifiers of %s against facts", provider)
		}
	}
}
