package egress

import (
	"net/netip"
)

// closed lists the ranges that lead nowhere on the public Internet, or to
// addresses that stand for others. Loopback, private, link-local, multicast and
// unspecified addresses are told by package netip.
var closed = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network (RFC 791)
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT (RFC 6598)
	netip.MustParsePrefix("168.63.129.16/32"), // the host of an Azure machine (Azure's documents)
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments (RFC 6890)
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation (RFC 5737)
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays (RFC 7526)
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks (RFC 2544)
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, and broadcast
	netip.MustParsePrefix("2001::/23"),        // Teredo and other assignments (RFC 2928)
	netip.MustParsePrefix("2001:db8::/32"),    // documentation (RFC 3849)
	netip.MustParsePrefix("2002::/16"),        // 6to4 (RFC 3056)
	netip.MustParsePrefix("3fff::/20"),        // documentation (RFC 9637)
}

var (
	// assigned is all of IPv6 that is given out as public addresses (IANA, IPv6
	// Global Unicast Address Assignments). What lies outside is reserved, stands for
	// IPv4 addresses, or belongs to somebody's overlay network.
	assigned = netip.MustParsePrefix("2000::/3")
	// nat64 is where an IPv6 network without IPv4 reaches the latter, an address of
	// which makes up the last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// Public reports whether an address is one of the public Internet, which is
// where requests may go without an operator's word.
func Public(addr netip.Addr) bool { return public(addr) }

// public reports whether an address is one of the public Internet. An IPv4
// address in IPv6 clothing is none: nobody's name resolves to one in earnest. Of
// those that a NAT64 translates it is the IPv4 address that counts.
func public(addr netip.Addr) bool {
	if nat64.Contains(addr) {
		b := addr.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	if !addr.IsValid() || addr.Is4In6() || addr.Zone() != "" || !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is6() && !assigned.Contains(addr) {
		return false
	}
	for i := range closed {
		if closed[i].Contains(addr) {
			return false
		}
	}
	return true
}
