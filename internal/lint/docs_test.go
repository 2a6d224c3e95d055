package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchors are the names of a page's headings, as the common renderers make them.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		out[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return out
}

func TestDocs_LinksLeadSomewhere(t *testing.T) {
	checked := 0
	for _, name := range tracked(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		path := filepath.Join(root(t), name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.HasPrefix(name, "docs/") && strings.HasPrefix(file, "..") {
				t.Errorf("%s: %s leads out of docs, which make install copies alone", name, m[1])
			}
			target, page := path, text
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
				continue
			}
			if anchor == "" {
				continue
			}
			if page, err = os.ReadFile(target); err != nil || !anchors(string(page))[anchor] {
				t.Errorf("%s: %s has no such heading", name, m[1])
			}
		}
	}
	if checked == 0 {
		t.Error("no page holds a link: the rule checked nothing")
	}
}

var testName = regexp.MustCompile("`(Test[A-Za-z0-9]*_?[A-Za-z0-9]+)`")

// TestDocs_TestsThatAreNamedExist holds pages to the tests they name as proof.
func TestDocs_TestsThatAreNamedExist(t *testing.T) {
	var source strings.Builder
	for _, name := range tracked(t) {
		if strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(filepath.Join(root(t), name))
			if err != nil {
				t.Fatal(err)
			}
			source.Write(text)
		}
	}
	named := 0
	for _, name := range tracked(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			named++
			if !strings.Contains(source.String(), "func "+m[1]+"(") {
				t.Errorf("%s: there is no test %s", name, m[1])
			}
		}
	}
	if named == 0 {
		t.Error("no page names a test: the rule checked nothing")
	}
}
