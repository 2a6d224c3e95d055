package codec

import "github.com/exatlas/atlas/core/spec"

// What a cloud says may be absurd: a negative price, port 70000, a tier nobody
// knows. A value that cannot be true is left out of the answer here, in one place
// for all providers, rather than handed to callers who would trust it.

// dearest is the highest price, in USD per hour, that can be one.
const dearest = 1e6

// believable returns a price, nil where it cannot be one.
func believable(usd *float64) *float64 {
	if usd == nil || !(*usd >= 0 && *usd <= dearest) {
		return nil
	}
	return usd
}

// share returns a number between 0 and 1, nil where it is none.
func share(value *float64) *float64 {
	if value == nil || !(*value >= 0 && *value <= 1) {
		return nil
	}
	return value
}

// positive returns an amount, 0 where it cannot be one.
func positive(amount float64) float64 {
	if !(amount >= 0 && amount <= 1e12) {
		return 0
	}
	return amount
}

// count returns a number of things, 0 where it cannot be one.
func count(n int) int64 {
	const most = 1 << 20
	if n < 0 || n > most {
		return 0
	}
	return int64(n)
}

// elapsed returns a duration, nil where it is negative.
func elapsed(ms *int64) *int64 {
	if ms == nil || *ms < 0 {
		return nil
	}
	return ms
}

func tier(t spec.CloudType) string {
	if t == spec.CloudSecure || t == spec.CloudCommunity {
		return string(t)
	}
	return ""
}

// actions keeps what Atlas knows.
func actions(list []string) []string {
	known := list[:0:0]
	for _, action := range list {
		switch action {
		case spec.ActionStart, spec.ActionStop, spec.ActionRestart, spec.ActionTerminate:
			known = append(known, action)
		}
	}
	return known
}

// port numbers.
const highestPort = 65535

func validPort(p *spec.Port) bool {
	return p.Internal >= 1 && p.Internal <= highestPort && (p.Protocol == spec.ProtocolHTTP || p.Protocol == spec.ProtocolTCP)
}

func external(p *spec.Port) int64 {
	if p.External < 0 || p.External > highestPort {
		return 0
	}
	return int64(p.External)
}

func validSSH(s *spec.SSH) bool {
	return s != nil && s.Host != "" && s.Port >= 1 && s.Port <= highestPort
}
