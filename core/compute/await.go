package compute

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// The pace of AwaitReady: quick at first, for clouds that are.
const (
	awaitFirst   = 250 * time.Millisecond
	awaitLongest = 5 * time.Second
	awaitDefault = 15 * time.Minute
	probeLimit   = 10 * time.Second
)

// AwaitReady waits until a machine runs, its ports are known and its probe is
// answered.
func (s *Service) AwaitReady(ctx context.Context, p *AwaitParams) (*spec.Compute, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	limit := awaitDefault
	if p.TimeoutMS > 0 {
		limit = time.Duration(p.TimeoutMS) * time.Millisecond
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	state := "nothing was heard of it"
	for pause := awaitFirst; ; pause = min(pause*3/2, awaitLongest) {
		c, err := s.get(within, &a, p.ID, false)
		switch {
		case err == nil:
			s.young.drop(a.Provider, p.ID)
			var ready bool
			if ready, state, err = s.ready(within, &a, c, p.Probe); err != nil {
				return nil, err
			}
			if ready {
				s.publishStatus(c)
				return c, nil
			}
		case within.Err() != nil:
		default:
			e := spec.AsError(err)
			if e.Kind == spec.KindNotFound && s.young.unseen(a.Provider, p.ID, s.settle(&a)) {
				state = "its cloud does not show it yet"
				break
			}
			if e.Kind == spec.KindNotFound {
				return nil, &spec.Error{Kind: spec.KindNotFound, Provider: a.Provider, Operation: e.Operation, Status: e.Status,
					Message: "there is no such machine any more, or never was; it will not become ready", Hint: "rent another one, or look at id, provider and whose key it is"}
			}
			if !passing(e) {
				return nil, e
			}
			state, pause = "the last look at it failed: "+e.Message, max(pause, retryAfter(e, 0))
		}
		if s.Clock.Wait(within, pause) == nil {
			continue
		}
		if e := ended(ctx); e != nil {
			e.Provider = a.Provider
			return nil, e
		}
		return nil, &spec.Error{Kind: spec.KindTimeout, Provider: a.Provider, Retryable: true, Message: "not ready in time: " + state,
			Hint: "the machine is left as it is and goes on costing: wait again, or terminate it"}
	}
}

// passing tells errors of a look that say nothing about the machine.
func passing(e *spec.Error) bool {
	switch e.Kind {
	case spec.KindTransport, spec.KindRateLimited, spec.KindTimeout, spec.KindProvider:
		return true
	}
	return e.Retryable
}

// ready judges one look at the machine. state says for people what is missing.
func (s *Service) ready(ctx context.Context, a *provider.Account, c *spec.Compute, probe *Probe) (ready bool, state string, err error) {
	switch c.Status {
	case spec.StatusFailed:
		return false, "", final(c, spec.KindProvider, "the machine failed", "read compute.logs; terminate it and rent another one")
	case spec.StatusTerminated:
		return false, "", final(c, spec.KindNotFound, "the machine is terminated", "rent another one")
	case spec.StatusStopped:
		return false, "", final(c, spec.KindConflict, "the machine is stopped", "start it with compute.start, or look into compute.logs: its command may have ended")
	case spec.StatusProvisioning:
		return false, "it is still being provisioned", nil
	}
	for _, port := range c.Ports {
		if port.Symmetric && port.Internal == 0 {
			return false, "the number of a symmetric port is not chosen yet", nil
		}
		if port.URL == "" && port.External == 0 {
			return false, "port " + strconv.Itoa(port.Internal) + " has no address yet", nil
		}
	}
	if probe == nil {
		return true, "", nil
	}
	return s.probe(ctx, a, c, probe)
}

func (s *Service) probe(ctx context.Context, a *provider.Account, c *spec.Compute, probe *Probe) (bool, string, error) {
	url := ""
	known := make([]string, 0, len(c.Ports))
	for _, port := range c.Ports {
		known = append(known, strconv.Itoa(port.Internal))
		if port.Internal == probe.Port && (url == "" || port.Protocol == spec.ProtocolHTTP) {
			url = port.URL
		}
	}
	if url == "" {
		hint := "it has none; name them in ports when renting"
		if len(known) > 0 {
			hint = "its ports are " + strings.Join(known, ", ")
		}
		return false, "", wrong("probe.port", "the machine has no such port", hint)
	}
	if !strings.HasPrefix(url, "tcp://") {
		url = strings.TrimSuffix(url, "/") + "/" + strings.TrimPrefix(probe.Path, "/")
	}
	limited, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	status, err := s.Prober.Probe(limited, a.Provider, url, probe.Token)
	switch {
	case err != nil:
		return false, "the probe got no answer: " + spec.AsError(err).Message, nil
	case strings.HasPrefix(url, "tcp://"):
		return true, "", nil
	case probe.ExpectStatus == status, probe.ExpectStatus == 0 && status >= 200 && status < 400:
		return true, "", nil
	}
	state := "the probe was answered " + strconv.Itoa(status)
	switch {
	case status != http.StatusUnauthorized && status != http.StatusForbidden:
	case probe.Token.Empty():
		state += ", and it sends no token: probe.token takes the machine's"
	default:
		state += ", so the server does not know its token"
	}
	return false, state, nil
}

// final is the error of a machine that will not become ready.
func final(c *spec.Compute, kind spec.Kind, message, hint string) error {
	e := &spec.Error{Kind: kind, Provider: c.Provider, Message: message, Hint: hint}
	if details, err := json.MarshalWithOption(map[string]any{"status": c.Status, "native_status": c.NativeStatus}, json.DisableHTMLEscape()); err == nil {
		e.Details = details
	}
	return e
}
