package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// goesWith lists the operations that make a capability true.
func goesWith() map[spec.Capability][]string {
	return map[spec.Capability][]string{
		spec.CapServerless: {spec.OpRunJob, spec.OpGetJob},
		spec.CapStopStart:  {spec.OpStop, spec.OpStart},
		spec.CapLogs:       {spec.OpGetLogs},
		spec.CapBilling:    {spec.OpGetBill},
		spec.CapOffers:     {spec.OpSearchOffers},
	}
}

func knownCapabilities() []spec.Capability {
	return []spec.Capability{spec.CapSpot, spec.CapServerless, spec.CapNetworkVolumes, spec.CapHTTPProxy, spec.CapRawTCP, spec.CapSymmetricPorts, spec.CapWebhooks,
		spec.CapGlobalNetworking, spec.CapStopStart, spec.CapLogs, spec.CapBilling, spec.CapOffers, spec.CapCPU, spec.CapGPU, spec.CapCloudTiers}
}

// checkManifest reads what the plugin says of itself.
func (s *suite) checkManifest() {
	g := s.report.group("manifest", "what the plugin says of itself")
	m := s.manifest
	check := func(name string, wrong string) { s.finding(g, name, lawManifest, wrong) }
	when := func(bad bool, text string) string {
		if bad {
			return text
		}
		return ""
	}
	check("description", when(m.Description == "", "it has no description"))
	check("hosts", when(len(m.Hosts) == 0, "it names no host, so that it can reach nothing"))
	check("api address", when(!slices.ContainsFunc(m.URLs, func(u spec.NamedURL) bool { return u.Name == "api" }), "none of its urls is named api, so that base_url replaces nothing"))
	for _, u := range m.URLs {
		host, _, _ := strings.Cut(strings.TrimPrefix(u.URL, "https://"), "/")
		check("url "+u.Name, when(!strings.Contains(u.URL, "{") && !slices.ContainsFunc(m.Hosts, func(p string) bool {
			return p == host || strings.HasPrefix(p, "*.") && strings.HasSuffix(host, p[1:])
		}), u.URL+" is not below one of its hosts"))
	}
	for _, c := range m.Capabilities {
		check("capability "+string(c), when(!slices.Contains(knownCapabilities(), c), "there is no capability "+string(c)))
	}
	needs := goesWith()
	var named []string
	for c := range needs {
		named = append(named, string(c))
	}
	sort.Strings(named)
	for _, name := range named {
		for _, operation := range needs[spec.Capability(name)] {
			if m.Has(spec.Capability(name)) {
				check(name+" and "+operation, when(!s.exported(operation), "it claims "+name+" and does not export "+operation))
			}
		}
	}
	for _, operation := range []string{spec.OpSpawn, spec.OpGet, spec.OpList, spec.OpTerminate} {
		check("exports "+operation, when(!s.exported(operation), "it does not export "+operation+", without which nothing can be rented and given back"))
	}
	check("gpu or cpu", when(!m.Has(spec.CapGPU) && !m.Has(spec.CapCPU), "it claims neither gpu nor cpu: what does it rent?"))
	if c := m.Credential; c != nil {
		check("credential", when(len(c.Env) == 0, "its credential names no environment variable"))
		for _, variable := range c.Env {
			check("variable "+variable, uncounted(m.Name, variable))
		}
	}
	for _, lack := range m.Lacks {
		check("lacks "+string(lack.Capability), when(m.Has(lack.Capability) || lack.Reason == "", "it both has and lacks "+string(lack.Capability)+", or gives no reason"))
	}
	if m.API.Checked != "" {
		_, err := time.Parse(time.DateOnly, m.API.Checked)
		check("api.checked", when(err != nil, m.API.Checked+" is no date"))
	}
	for _, gpu := range m.GPUs {
		check("gpu "+gpu.Canonical, when(gpu.Canonical == "" || gpu.Native == "" || gpu.MemoryGB < 0, fmt.Sprintf("%+v is not a pair of names", gpu)))
		check("canonical "+gpu.Canonical, uncommon(gpu.Canonical))
	}
	s.checkStable(g)
}

// uncounted says why the host reads no credential from a variable.
func uncounted(provider, variable string) string {
	prefix := strings.ToUpper(provider) + "_"
	if len(variable) > len(prefix) && strings.HasPrefix(variable, prefix) {
		return ""
	}
	return variable + " is not read: only variables that begin with " + prefix + " count"
}

// uncommon says why nobody asks for a GPU by that canonical name.
func uncommon(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" {
		return ""
	}
	return name + " is no canonical name: those are of a-z, 0-9 and underscore, such as rtx_4090, so that a program asks every cloud by the same one"
}

// checkStable describes the plugin anew in a new sandbox.
func (s *suite) checkStable(g *Group) {
	before, _ := json.Marshal(s.manifest)
	wrong := ""
	if _, err := s.host.Reload(s.ctx, s.manifest.Name); err != nil {
		wrong = "a second describe failed: " + err.Error()
	} else if again, err := s.host.Manifest(s.ctx, s.manifest.Name); err != nil {
		wrong = "a second describe failed: " + err.Error()
	} else if after, _ := json.Marshal(again); string(before) != string(after) {
		wrong = "two describes differ: " + string(before) + " and " + string(after)
	}
	s.finding(g, "describe twice", lawManifest, wrong)
}
