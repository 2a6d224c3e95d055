package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// checkMachines holds the creates and finds of the recording to what Atlas settles
// lost answers by.
func (s *suite) checkMachines() {
	if len(s.recording.Cases) == 0 {
		return
	}
	g := s.report.group("machines", "creates can be found again, and nobody else's machine is")
	var listings []Exchange
	for _, c := range s.recording.Cases {
		if c.Operation == spec.OpList {
			listings = append(listings, c.Exchanges...)
		}
	}
	for i := range s.recording.Cases {
		switch c := &s.recording.Cases[i]; {
		case c.Error != "":
		case c.Operation == spec.OpSpawn:
			s.finding(g, c.Name, lawFound, s.unlabelled(i))
			s.checkCarries(g, c)
		case c.Operation == spec.OpFind:
			request := with(c.Request, map[string]any{"request_ids": []string{"conformance-none"}, "names": []string{"conformance-none"}})
			s.judge(g, &trial{name: c.Name + ": of another request id and name", operation: c.Operation, request: request, cloud: play(slices.Concat(c.Exchanges, listings))},
				law{lawOwn, func(o *outcome) string {
					if ids := idsOf(o); len(ids) > 0 {
						return describe(o)
					}
					return ""
				}})
		}
	}
}

// unlabelled tells of listings after a create that show its machine without its
// request id.
func (s *suite) unlabelled(create int) string {
	c := &s.recording.Cases[create]
	var asked struct {
		RequestID string `json:"request_id"`
	}
	var rented spec.Compute
	if json.Unmarshal(c.Request, &asked) != nil || asked.RequestID == "" || json.Unmarshal(c.Value, &rented) != nil {
		return ""
	}
	for _, later := range s.recording.Cases[create+1:] {
		if later.Operation != spec.OpList && later.Operation != spec.OpFind {
			continue
		}
		var page spec.ComputePage
		if json.Unmarshal(later.Value, &page) != nil {
			continue
		}
		for _, one := range page.Items {
			if one.ID == rented.ID && one.RequestID != asked.RequestID {
				return fmt.Sprintf("%s shows %s with the request_id %q, and %q was asked with %q", later.Name, one.ID, one.RequestID, c.Name, asked.RequestID)
			}
		}
	}
	return ""
}

// checkCarries changes what a create asks for and looks whether what is sent
// changes with it. Nothing is known of the form in which it is sent.
func (s *suite) checkCarries(g *Group, c *Case) {
	ask := func(members map[string]any) *trial {
		return &trial{name: c.Name, operation: c.Operation, request: with(c.Request, members), cloud: play(c.Exchanges)}
	}
	const id = "conf-71c4e2"
	s.judge(g, ask(map[string]any{"request_id": id}), law{lawCarries, func(o *outcome) string {
		written := slices.ContainsFunc(o.sent, func(one sent) bool { return writes(one.method) && strings.Contains(one.url+one.body, id) })
		if o.err == nil && !written {
			return "no request that changes something holds the request_id " + id
		}
		return ""
	}})
	for member, values := range map[string][2]any{
		"image": {"example/app:1", "example/app:2"},
		"env":   {map[string]any{"A": "conformance-one"}, map[string]any{"A": "conformance-two"}},
	} {
		first := s.try(ask(map[string]any{member: values[0]}))
		other := ask(map[string]any{member: values[1]})
		s.judge(g, other, law{lawCarries, func(o *outcome) string {
			if o.err == nil && first.err == nil && slices.Equal(o.sent, first.sent) {
				return "another " + member + " changes nothing of what is sent"
			}
			return ""
		}})
	}
}

// idsOf lists the identifiers in an answer, of one machine or a listing.
func idsOf(o *outcome) []string {
	if o.err != nil {
		return nil
	}
	var one struct {
		ID    string `json:"id"`
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if json.Unmarshal(o.value, &one) != nil {
		return nil
	}
	var ids []string
	if one.ID != "" {
		ids = append(ids, one.ID)
	}
	for _, item := range one.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// lists reports whether an operation is a listing of machines, from which one that
// is missing is taken for gone.
func lists(operation string) bool { return operation == spec.OpList || operation == spec.OpFind }

// own is the law of recorded cases about one machine.
func own(c *Case) law {
	return law{lawOwn, func(o *outcome) string {
		var asked spec.IDRequest
		switch c.Operation {
		case spec.OpGet, spec.OpStop, spec.OpStart, spec.OpTerminate:
		default:
			return ""
		}
		if ids := idsOf(o); json.Unmarshal(c.Request, &asked) == nil && len(ids) == 1 && ids[0] != asked.ID {
			return "it was asked about " + asked.ID + " and answered " + ids[0]
		}
		return ""
	}}
}

// gone is the law of a recorded terminate of a machine that is not there.
func gone(c *Case) law {
	return law{lawGone, func(o *outcome) string {
		if c.Operation != spec.OpTerminate || c.Error != "" && c.Error != spec.KindNotFound || !unknownThere(c) {
			return ""
		}
		var asked spec.IDRequest
		var answered spec.Compute
		if o.err == nil && json.Unmarshal(c.Request, &asked) == nil && json.Unmarshal(o.value, &answered) == nil &&
			answered.ID == asked.ID && answered.Status == spec.StatusTerminated && answered.NativeStatus == "" {
			return ""
		}
		return describe(o)
	}}
}

// unknownThere reports whether the cloud knew nothing of what a case changes.
func unknownThere(c *Case) bool {
	written := 0
	for _, x := range c.Exchanges {
		if !writes(x.Request.Method) {
			continue
		}
		written++
		if x.Answer.Status != http.StatusNotFound && x.Answer.Status != http.StatusGone {
			return false
		}
	}
	return written > 0 || c.Error == spec.KindNotFound
}

// once is the law of the request that creates: it is sent as often as it was
// recorded, whatever becomes of it.
func once(c *Case, at int) law {
	x := &c.Exchanges[at].Request
	count := func(n int, method, url string) int {
		if method == x.Method && url == x.URL {
			n++
		}
		return n
	}
	most := 0
	for _, one := range c.Exchanges {
		most = count(most, one.Request.Method, one.Request.URL)
	}
	return law{lawOnce, func(o *outcome) string {
		n := 0
		for _, one := range o.sent {
			n = count(n, one.method, one.url)
		}
		if n > most {
			return fmt.Sprintf("%s %s was sent %d times", x.Method, x.URL, n)
		}
		return ""
	}}
}

// whole is the law of a listing one of whose machines was changed: it is still
// one of them.
func whole(c *Case, answer string) law {
	return law{lawWhole, func(o *outcome) string {
		var page spec.ComputePage
		if o.err != nil || json.Unmarshal(c.Value, &page) != nil || len(idsOf(o)) >= len(page.Items) {
			return ""
		}
		told := slices.ContainsFunc(page.Items, func(one spec.Compute) bool {
			return strings.Contains(answer, one.ID[strings.LastIndexByte(one.ID, '/')+1:])
		})
		if !told { // an answer about something else, such as the account
			return ""
		}
		return fmt.Sprintf("%d machines of %d: %s", len(idsOf(o)), len(page.Items), o.value)
	}}
}

// provisioning is the law of a state that is an unknown word.
func provisioning() law {
	return law{lawState, func(o *outcome) string {
		var one spec.Compute
		var page spec.ComputePage
		if o.err != nil || json.Unmarshal(o.value, &one) != nil || json.Unmarshal(o.value, &page) != nil {
			return ""
		}
		for _, c := range append(page.Items, one) {
			if c.NativeStatus == unknownWord && c.Status != spec.StatusProvisioning {
				return string(o.value)
			}
		}
		return ""
	}}
}
