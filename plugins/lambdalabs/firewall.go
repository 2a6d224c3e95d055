package lambdalabs

import (
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const rulesetsPath = "/api/v1/firewall-rulesets"

// ruleset finds or makes the firewall ruleset of a region that opens the ports
// asked for, and returns its identifier. It is known by its name alone, so that
// whoever narrows its sources in Lambda's console keeps what they set. "" means
// that none is needed, that the caller brings their own, or that the region has
// none.
//
// The account's global rules are never touched: writing them replaces all of
// them, for everybody.
func (l *launch) ruleset(region string) (string, *spec.Error) {
	ports := opened(l.request.Ports)
	if len(ports) == 0 || firewallFree(region) || jsonx.Has(l.options, "firewall_rulesets") {
		return "", nil
	}
	named := rulesetName(ports)
	id, err := l.findRuleset(region, named)
	if id != "" || err != nil {
		return id, err
	}
	got, err := ask(l.env, call{method: "POST", path: rulesetsPath, body: rulesetBody(named, region, ports), aside: true})
	if err == nil {
		r := jsonx.New(jsonx.Field(got.data, "id"))
		if id = r.Text(); id == "" {
			return "", rest.Unreadable(&got.Response, "firewall ruleset")
		}
		return id, nil
	}
	// Another spawn may have made it at the same time.
	if taken(err) {
		if id, failed := l.findRuleset(region, named); failed == nil && id != "" {
			return id, nil
		}
	}
	return "", err
}

// opened are the numbers of the ports that the default rules leave closed.
func opened(ports []spec.PortRequest) []int {
	var list []int
	for _, p := range ports {
		if p.Internal != sshPort && !slices.Contains(list, p.Internal) {
			list = append(list, p.Internal)
		}
	}
	slices.Sort(list)
	return list
}

// rulesetName follows from the ports: "atlas-8000-8001", or a hash of that where
// it would be too long.
func rulesetName(ports []int) string {
	text := "atlas"
	for _, p := range ports {
		text += "-" + strconv.Itoa(p)
	}
	if len(text) <= maxName {
		return text
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(text))
	return "atlas-" + decimal(len(ports)) + "-ports-" + strconv.FormatUint(hash.Sum64(), 16)
}

func (l *launch) findRuleset(region, named string) (string, *spec.Error) {
	got, err := ask(l.env, call{method: "GET", path: rulesetsPath})
	if err != nil {
		return "", err
	}
	found := ""
	whole := elements(got.data, func(text string) bool {
		var id, called, where string
		r := jsonx.New(text)
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "id":
				id = r.Text()
			case "name":
				called = r.Text()
			case "region":
				where = regionName(&r)
			default:
				r.Skip()
			}
		}
		if found == "" && called == named && where == region {
			found = id
		}
		return r.Done()
	})
	if !whole {
		return "", rest.Unreadable(&got.Response, "list of firewall rulesets")
	}
	return found, nil
}

// rulesetBody opens the ports to everybody, beside what Lambda's default rules
// open.
func rulesetBody(named, region string, ports []int) []byte {
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	rule := func(protocol string, port int, why string) {
		w.Open('{')
		w.Key("protocol")
		w.Text(protocol)
		if port > 0 {
			w.Key("port_range")
			w.Open('[')
			w.Int(int64(port))
			w.Int(int64(port))
			w.Close(']')
		}
		w.Key("source_network")
		w.Text("0.0.0.0/0")
		w.Key("description")
		w.Text(why)
		w.Close('}')
	}
	w.Open('{')
	w.Key("name")
	w.Text(named)
	w.Key("region")
	w.Text(region)
	w.Key("rules")
	w.Open('[')
	rule("icmp", 0, "Atlas: ping")
	rule("tcp", sshPort, "Atlas: SSH")
	for _, port := range ports {
		rule("tcp", port, "Atlas: port "+decimal(port))
	}
	w.Close(']')
	w.Close('}')
	return w.Buf
}
