package lambdalabs

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// families are the machine images to take, best first: Ubuntu with drivers,
// docker and NVIDIA's container toolkit. Lambda's own default differs by region.
var families = [...]string{"lambda-stack-24-04", "lambda-stack-22-04"}

// image chooses the machine image of a place and returns how a launch names it:
// by identifier, because a family has images of several architectures.
func (l *launch) image(p place) (string, *spec.Error) {
	if jsonx.Has(l.options, "image") {
		return "", nil
	}
	wanted := families[:]
	if family := l.env.Config[settingFamily]; family != "" {
		wanted = []string{family}
	}
	got, err := ask(l.env, call{method: "GET", path: "/api/v1/images"})
	if err != nil {
		return "", err
	}
	found := make([]string, len(wanted))
	newest := make([]string, len(wanted))
	whole := elements(got.data, func(text string) bool {
		var id, family, arch, region, updated string
		r := jsonx.New(text)
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "id":
				id = r.Text()
			case "family":
				family = r.Text()
			case "architecture":
				arch = r.Text()
			case "updated_time":
				updated = rest.UTC(r.Text())
			case "region":
				region = regionName(&r)
			default:
				r.Skip()
			}
		}
		for i := range wanted {
			if family == wanted[i] && region == p.region && arch == p.machine.architecture() && (found[i] == "" || updated > newest[i]) {
				found[i], newest[i] = id, updated
			}
		}
		return r.Done()
	})
	if !whole {
		return "", rest.Unreadable(&got.Response, "list of images")
	}
	for _, id := range found {
		if id != "" {
			return named("id", id), nil
		}
	}
	return named("family", wanted[0]), nil
}

// named writes an object of one text.
func named(key, value string) string {
	w := jsonx.Writer{}
	w.Open('{')
	w.Key(key)
	w.Text(value)
	w.Close('}')
	return string(w.Buf)
}
