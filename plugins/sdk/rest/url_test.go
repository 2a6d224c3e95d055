package rest

import (
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestFill_ReplacesThePlaceholdersItKnows(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"https://{id}-{port}.example/", "https://a%2Fb-80.example/"},
		{"https://example/{port}/{port}", "https://example/80/80"},
		{"https://example/{other}/{id}", "https://example/{other}/a%2Fb"},
		{"https://example/", "https://example/"},
		{"{{id}}", "{a%2Fb}"},
		{"{id", "{id"},
		{"", ""},
	} {
		if got := Fill(c.template, "id", "a/b", "port", "80"); got != c.want {
			t.Errorf("%s: %s, want %s", c.template, got, c.want)
		}
	}
}

// TestUTC_KnowsTimesByTheirDigits holds the short way of telling a time against
// package time, on every day and on what is no day.
func TestUTC_KnowsTimesByTheirDigits(t *testing.T) {
	two := func(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }
	check := func(text string) {
		want := ""
		if _, err := time.Parse(time.RFC3339, text); err == nil {
			want = text
		}
		if got := UTC(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, year := range []string{"2024", "2026", "2100", "9999"} {
		for month := range 14 {
			for day := range 33 {
				check(year + "-" + two(month) + "-" + two(day) + "T23:59:59Z")
			}
		}
	}
	for n := range 100 {
		check("2026-11-27T" + two(n) + ":00:00Z")
		check("2026-11-27T00:" + two(n) + ":00Z")
		check("2026-11-27T00:00:" + two(n) + "Z")
	}
	for _, text := range []string{"2026.11-27T00:00:00Z", "2026-11.27T00:00:00Z", "2026-11-27T00.00:00Z", "2026-11-27T00:00.00Z", "0001-01-01T00:00:00Z"} {
		if got := UTC(text); got != "" {
			t.Errorf("%s: %q", text, got)
		}
	}
}
