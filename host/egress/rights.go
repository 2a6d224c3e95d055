package egress

import (
	"strconv"
	"strings"
)

// Rights are the places that a policy lets a plugin reach, as texts.
type Rights struct {
	Hosts    []string // those of the manifest that the operator left it
	Narrowed bool     // whether the operator's hosts took any away
	Operator []string // addresses that the operator added
}

// Rights tells what the policy allows.
func (p *Policy) Rights() Rights {
	r := Rights{Hosts: []string{}, Operator: []string{}}
	for i := range p.hosts {
		host := &p.hosts[i]
		if len(p.narrow) == 0 {
			r.add(host)
			continue
		}
		whole := false
		for j := range p.narrow {
			whole = whole || p.narrow[j].covers(host)
		}
		if whole {
			r.add(host)
			continue
		}
		r.Narrowed = true
		for j := range p.narrow {
			if host.covers(&p.narrow[j]) {
				r.add(&p.narrow[j])
			}
		}
	}
	for i := range p.operator {
		r.Operator = append(r.Operator, p.operator[i].base())
	}
	return r
}

func (r *Rights) add(p *pattern) {
	text := p.String()
	for _, have := range r.Hosts {
		if have == text {
			return
		}
	}
	r.Hosts = append(r.Hosts, text)
}

// String is the pattern as a manifest writes it.
func (p *pattern) String() string {
	text := p.host
	if p.wild {
		text = "*" + text
	}
	if p.secure && p.port != 443 || !p.secure && p.port != 80 {
		text += ":" + strconv.Itoa(int(p.port))
	}
	return text
}

// base is an operator's address.
func (p *pattern) base() string {
	scheme := "http://"
	if p.secure {
		scheme = "https://"
	}
	return scheme + p.String() + strings.TrimSuffix(p.prefix, "/")
}
