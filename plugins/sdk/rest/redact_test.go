package rest

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestHide_LeavesNothingOfASecretThatACutWentThrough(t *testing.T) {
	const secret = "s3cret-value-of-a-user"
	for _, lead := range []int{0, 10, maxText - 21, maxText - 10, maxText - 4, maxText} {
		text := strings.Repeat("x", lead) + secret + strings.Repeat("y", maxText)
		body := `{"message":"` + text + `"}`
		problem := ReadProblem(body)
		got := Hide(problem.Text, []string{secret, "abc", ""})
		if strings.Contains(got, secret[:4]) || !strings.HasSuffix(got, cutMark) {
			t.Errorf("%d before it: %q", lead, got)
		}
		if lead < maxText && !strings.Contains(got, spec.Redacted) {
			t.Errorf("%d before it: nothing says that something was taken out: %q", lead, got)
		}
	}
	if got := Hide("what s3cr", []string{secret}); got != "what s3cr" {
		t.Errorf("a text that was not cut: %q", got)
	}
}

// TestHide_IsLinear has a cloud that repeats a secret all over an answer: copying the
// rest of it for each time would take minutes.
func TestHide_IsLinear(t *testing.T) {
	const times = 1 << 17
	if got := Hide(strings.Repeat("abcd.", times), []string{"abcd"}); got != strings.Repeat(spec.Redacted+".", times) {
		t.Errorf("%.100q", got)
	}
}
