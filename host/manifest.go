package host

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/jsonscan"
)

// maxManifest bounds what a plugin says of itself: every host of it is compared with
// every other, and with those of every request.
const maxManifest = 64 << 10

// readManifest checks the output of describe. exports are the module's.
func readManifest(output []byte, exports map[string]bool) (*spec.Manifest, *spec.Error) {
	if len(output) > maxManifest {
		return nil, badManifest("it is larger than " + utoa(maxManifest) + " bytes")
	}
	if _, ok := jsonscan.Object(output, nil); !ok {
		return nil, badManifest("it is not a JSON object in UTF-8")
	}
	// The number of the ABI comes first: what else there is depends on it.
	var version struct {
		ABI *int `json:"abi"`
	}
	if err := json.Unmarshal(output, &version); err != nil || version.ABI == nil {
		return nil, badManifest("it does not say which ABI it was built for")
	}
	if *version.ABI != spec.PluginABI {
		return nil, &spec.Error{Kind: spec.KindPlugin, Message: "the plugin was built for provider ABI " + strconv.Itoa(*version.ABI) + "; this Atlas speaks " + strconv.Itoa(spec.PluginABI),
			Hint: "build the plugin with the SDK of this version of Atlas"}
	}
	m := &spec.Manifest{}
	if err := json.Unmarshal(output, m); err != nil {
		return nil, badManifest(clean(err.Error(), 200))
	}
	if !spec.ValidProvider(m.Name) {
		return nil, badManifest("its name is not 1 to 32 of a-z, 0-9 and underscore")
	}
	if m.Version == "" || len(m.Version) > 64 || !printable(m.Version) {
		return nil, badManifest("it has no version")
	}
	m.Description = clean(m.Description, 500)
	if problem := checkAddresses(m); problem != "" {
		return nil, badManifest(problem)
	}
	if problem := checkPaces(m); problem != "" {
		return nil, badManifest(problem)
	}
	m.Operations = nil
	for _, operation := range spec.Operations() {
		if exports[operation] {
			m.Operations = append(m.Operations, operation)
		}
	}
	if m.Capabilities == nil {
		m.Capabilities = []spec.Capability{}
	}
	if m.Hosts == nil {
		m.Hosts = []string{}
	}
	return m, nil
}

func badManifest(why string) *spec.Error {
	return spec.NewError(spec.KindPlugin, "the plugin's manifest is wrong: "+why)
}

// checkAddresses returns what is wrong with where a plugin wants to go.
func checkAddresses(m *spec.Manifest) string {
	for _, pattern := range m.Hosts {
		if problem := checkHost(pattern); problem != "" {
			return "host \"" + clean(pattern, 100) + "\" " + problem
		}
	}
	names := map[string]bool{}
	for _, u := range m.URLs {
		if u.Name == "" || names[u.Name] {
			return "its urls lack a name or have one twice"
		}
		names[u.Name] = true
		if !strings.HasPrefix(u.URL, "https://") || !printable(u.URL) {
			return "url " + clean(u.Name, 32) + " does not begin with https://"
		}
		if u.OverridePath != "" && !strings.HasPrefix(u.OverridePath, "/") {
			return "the override_path of url " + clean(u.Name, 32) + " does not begin with a slash"
		}
	}
	if c := m.Credential; c != nil {
		if c.Header != "" && (!token(c.Header) || reserved(c.Header) && !strings.EqualFold(c.Header, "authorization")) {
			return "its credential goes into a header that is not allowed"
		}
		if c.Scheme != "" && !token(c.Scheme) {
			return "the scheme of its credential is not one word"
		}
		for _, pattern := range c.Hosts {
			if checkHost(pattern) != "" || !covered(pattern, m.Hosts) {
				return "its credential goes to a host that is not among its hosts"
			}
		}
	}
	return ""
}

// What a manifest may say of times. Beyond that it is meant in other units: a lost
// create would be looked for for days, or, once the number of nanoseconds no longer
// fits, not at all, and sent again beside the machine that it has made.
const (
	longestLagMS    = 600_000    // as of settle_ms
	longestWindowMS = 86_400_000 // a day
	largestBurst    = 100_000    // with the longest window few enough to be counted in nanoseconds
)

func checkPaces(m *spec.Manifest) string {
	for _, pace := range m.RateLimits {
		if pace.Requests <= 0 || pace.WindowMS <= 0 || pace.Burst < 0 {
			return "a rate limit has no requests or no window"
		}
		if pace.WindowMS > longestWindowMS || pace.Burst > largestBurst {
			return "a rate limit has a window_ms above " + utoa(longestWindowMS) + " or a burst above " + utoa(largestBurst)
		}
	}
	if m.ListingLagMS < 0 || m.ListingLagMS > longestLagMS {
		return "its listing_lag_ms is not 0 to " + utoa(longestLagMS)
	}
	return ""
}

// checkHost returns what is wrong with a host pattern: host, host:port or
// *.domain with a domain of at least two labels. Addresses are not names, and
// only an operator allows them.
func checkHost(pattern string) string {
	host, port, hasPort := strings.Cut(pattern, ":")
	if hasPort {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "has no valid port"
		}
	}
	if rest, ok := strings.CutPrefix(host, "*."); ok {
		if !strings.Contains(rest, ".") {
			return "is a wildcard for too much"
		}
		host = rest
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "is an address, not a name"
	}
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return "is no full host name"
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "is no host name"
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return "is no host name in lower case"
			}
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return "is an address, not a name"
	}
	return ""
}

// covered reports whether a host, or every host of a pattern, is matched by one
// of the patterns.
func covered(host string, patterns []string) bool {
	for _, p := range patterns {
		if p == host || strings.HasPrefix(p, "*.") && strings.HasSuffix(strings.TrimPrefix(host, "*"), p[1:]) && host != p[1:] {
			return true
		}
	}
	return false
}

// checkURLs refuses an operator's address under a name that the manifest has none
// of. Passed over, the requests that were meant for it, and the key with them, would
// go to the cloud itself.
func checkURLs(m *spec.Manifest, urls map[string]string) *spec.Error {
	var names []string
	for _, u := range m.URLs {
		names = append(names, u.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		if !slices.Contains(names, name) {
			return &spec.Error{Kind: spec.KindValidation, Provider: m.Name, Message: "config.providers." + m.Name + ".urls." + name + ": the plugin has no address of this name",
				Hint: "it has: " + strings.Join(names, ", ")}
		}
	}
	return nil
}

// resolveURLs applies the operator's settings to the manifest's addresses.
// operator lists what the operator set; bare is the part of it that is not the
// cloud's API and so never gets the credential.
func resolveURLs(m *spec.Manifest, options ProviderOptions) (urls map[string]string, operator, bare []string) {
	base := strings.TrimRight(options.BaseURL, "/")
	urls = make(map[string]string, len(m.URLs))
	for _, u := range m.URLs {
		target := u.URL
		switch {
		case options.URLs[u.Name] != "":
			target = options.URLs[u.Name]
		case base != "" && u.Name == "api":
			target = base
		case base != "":
			target = base + u.OverridePath
		}
		urls[u.Name] = target
		if target == u.URL {
			continue
		}
		operator = append(operator, target)
		api := m.Hosts
		if c := m.Credential; c != nil && len(c.Hosts) > 0 {
			api = c.Hosts
		}
		if host, _, _ := strings.Cut(strings.TrimPrefix(u.URL, "https://"), "/"); !covered(host, api) {
			bare = append(bare, target)
		}
	}
	return urls, operator, bare
}
