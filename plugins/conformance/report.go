package conformance

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// Report is what the suite found out.
type Report struct {
	Provider string    `json:"provider"`
	Version  string    `json:"version,omitempty"`
	Path     string    `json:"path,omitempty"`
	SHA256   string    `json:"sha256,omitempty"`
	Recorded int       `json:"recorded"` // cases of the recording
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Groups   []Group   `json:"groups"`
	Failures []Failure `json:"failures"`
	TookMS   int64     `json:"took_ms"`
}

// Group counts the cases of one kind.
type Group struct {
	Name   string `json:"name"`
	About  string `json:"about"`
	Passed int    `json:"passed"`
	Failed int    `json:"failed"`
}

// Failure is a case that did not hold.
type Failure struct {
	Group     string   `json:"group"`
	Case      string   `json:"case"`
	Operation string   `json:"operation,omitempty"`
	Law       string   `json:"law"`                // what must hold
	Got       string   `json:"got"`                // what came instead
	Request   string   `json:"request,omitempty"`  // what the plugin was asked
	Requests  []string `json:"requests,omitempty"` // what it asked the cloud
}

// OK reports whether everything held.
func (r *Report) OK() bool { return r.Failed == 0 && r.Passed > 0 }

func (r *Report) group(name, about string) *Group {
	for i := range r.Groups {
		if r.Groups[i].Name == name {
			return &r.Groups[i]
		}
	}
	r.Groups = append(r.Groups, Group{Name: name, About: about})
	return &r.Groups[len(r.Groups)-1]
}

// count takes in the verdict on one case.
func (r *Report) count(g *Group, failures []Failure) {
	if len(failures) == 0 {
		g.Passed++
		r.Passed++
		return
	}
	g.Failed++
	r.Failed++
	r.Failures = append(r.Failures, failures...)
}

// maxShown bounds the examples that Write shows of one law.
const maxShown = 3

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Provider, r.Version)
	if r.Path != "" {
		fmt.Fprintf(&b, "  %s", r.Path)
	}
	b.WriteByte('\n')
	if r.Recorded == 0 {
		b.WriteString("no recording: only what holds for every provider is checked; exatlas plugin record makes one\n")
	}
	for _, g := range r.Groups {
		mark := "ok  "
		if g.Failed > 0 {
			mark = "FAIL"
		}
		fmt.Fprintf(&b, "  %s %-14s %5d of %-5d %s\n", mark, g.Name, g.Passed, g.Passed+g.Failed, g.About)
	}
	r.writeFailures(&b)
	verdict := "conforms"
	if !r.OK() {
		verdict = "does not conform"
	}
	fmt.Fprintf(&b, "%s %s: %d passed, %d failed, %s\n", r.Provider, verdict, r.Passed, r.Failed, (time.Duration(r.TookMS) * time.Millisecond).Round(time.Millisecond))
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFailures prints the failures by the law they broke, a few of each.
func (r *Report) writeFailures(b *strings.Builder) {
	byLaw := map[string][]Failure{}
	var laws []string
	for _, f := range r.Failures {
		if byLaw[f.Law] == nil {
			laws = append(laws, f.Law)
		}
		byLaw[f.Law] = append(byLaw[f.Law], f)
	}
	sort.SliceStable(laws, func(i, j int) bool { return len(byLaw[laws[i]]) > len(byLaw[laws[j]]) })
	for _, law := range laws {
		list := byLaw[law]
		fmt.Fprintf(b, "\n%s  (%d times)\n", law, len(list))
		for i, f := range list {
			if i == maxShown {
				fmt.Fprintf(b, "    … and %d more; --json shows all\n", len(list)-maxShown)
				break
			}
			fmt.Fprintf(b, "    %s: %s\n      got   %s\n", f.Operation, f.Case, clip(f.Got, 300))
			if f.Request != "" {
				fmt.Fprintf(b, "      asked %s\n", clip(f.Request, 300))
			}
			for n, line := range f.Requests {
				if n == 4 {
					fmt.Fprintf(b, "      sent  … %d more\n", len(f.Requests)-n)
					break
				}
				fmt.Fprintf(b, "      sent  %s\n", clip(line, 300))
			}
		}
	}
	if len(laws) > 0 {
		b.WriteByte('\n')
	}
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
