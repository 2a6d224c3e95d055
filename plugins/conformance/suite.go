package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
)

// Options are the settings of a run.
type Options struct {
	Recording *Recording // nil: only what holds for every provider
	CacheDir  string     // folder for compiled code; empty: memory only
}

// canary is the credential of every call. No plugin can see it, and none may
// show it.
const canary = "conformance-canary-3b1f6c7e"

// envCanary is a value of a machine's environment: a secret of the user's that
// the plugin sees and must not show.
const envCanary = "conformance-env-canary-9d2a"

// suite is one run over one module.
type suite struct {
	ctx       context.Context
	host      *host.Host
	manifest  *spec.Manifest
	recording *Recording
	report    *Report
	log       *logged
	spawn     json.RawMessage // a spawn request that fits the provider
}

// Run judges the module in a file. The error says why it could not be judged at
// all; what is wrong with the plugin stands in the report.
func Run(ctx context.Context, path string, o Options) (*Report, error) {
	start := time.Now()
	log := &logged{}
	h, err := host.New(host.Options{CacheDir: o.CacheDir, Network: newNetwork(), Log: log.take, Limits: host.Limits{Instances: 1}})
	if err != nil {
		return nil, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = h.Close(closing)
	}()
	info, err := h.Load(ctx, path, "")
	if err != nil {
		return nil, err
	}
	manifest, err := h.Manifest(ctx, info.Name)
	if err != nil {
		return nil, err
	}
	if o.Recording != nil && o.Recording.Provider != info.Name {
		return nil, errors.New("the recording is of " + o.Recording.Provider + ", the plugin is " + info.Name + ": record anew, or take the recording out of the way and only the laws that need none are checked")
	}
	s := &suite{ctx: ctx, host: h, manifest: manifest, recording: o.Recording, log: log,
		report: &Report{Provider: info.Name, Version: info.Version, Path: info.Path, SHA256: info.SHA256, Failures: []Failure{}}}
	if s.recording == nil {
		s.recording = &Recording{Provider: info.Name}
	}
	s.report.Recorded = len(s.recording.Cases)
	s.spawn = s.spawnRequest()
	for _, group := range []func(){s.checkManifest, s.checkRequests, s.checkCapabilities, s.checkAnyCloud, s.checkRecorded, s.checkMachines,
		s.checkStatuses, s.checkBodies, s.checkFields, s.checkPaging, s.checkSecrets, s.checkTime, s.checkTogether, s.checkMemory} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		group()
	}
	s.report.TookMS = time.Since(start).Milliseconds()
	return s.report, nil
}

// trial is one call with the cloud that answers it.
type trial struct {
	name      string
	operation string
	request   json.RawMessage
	raw       bool
	cloud     respond
	patience  time.Duration // 0: 10 s
}

// outcome is what became of a trial.
type outcome struct {
	value spec.Raw
	err   *spec.Error
	sent  []sent
	logs  string
	took  time.Duration
}

// try carries a trial out.
func (s *suite) try(t *trial) *outcome { return s.tryIn(s.ctx, t) }

func (s *suite) tryIn(ctx context.Context, t *trial) *outcome {
	patience := t.patience
	if patience == 0 {
		patience = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	play := &script{respond: t.cloud}
	if play.respond == nil {
		play.respond = always(Answer{Status: 404, Body: Body{`{"error":"not found"}`}})
	}
	start := time.Now()
	value, err := s.host.Call(context.WithValue(ctx, scriptKey{}, play), spec.Call{Provider: s.manifest.Name, Operation: t.operation,
		Request: spec.Raw(t.request), IncludeRaw: t.raw, Key: spec.NewSecret(canary)})
	o := &outcome{value: value, took: time.Since(start), logs: s.log.drain()}
	if err != nil {
		o.err = spec.AsError(err)
	}
	play.mu.Lock()
	o.sent = play.seen
	play.mu.Unlock()
	return o
}

// law is one thing that must hold. It returns what came instead, "" where it
// holds.
type law struct {
	text  string
	holds func(*outcome) string
}

// judge carries a trial out and holds it against the laws of every call and
// those given.
func (s *suite) judge(g *Group, t *trial, laws ...law) { s.verdict(g, t, s.try(t), laws...) }

// verdict holds an outcome against the laws and counts it.
func (s *suite) verdict(g *Group, t *trial, o *outcome, laws ...law) {
	var failures []Failure
	for _, l := range append(s.always(t), laws...) {
		got := l.holds(o)
		if got == "" {
			continue
		}
		f := Failure{Group: g.Name, Case: t.name, Operation: t.operation, Law: l.text, Got: got, Request: oneLine(t.request)}
		for _, one := range o.sent {
			line := one.method + " " + one.url
			if one.body != "" {
				line += " " + clip(one.body, 500)
			}
			f.Requests = append(f.Requests, line)
		}
		failures = append(failures, f)
		break // the first law broken explains the others
	}
	s.report.count(g, failures)
}

// oneLine is a request as the report shows it: recordings have theirs indented.
func oneLine(request []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, request) != nil {
		return string(request)
	}
	return b.String()
}

// finding counts something that is no call.
func (s *suite) finding(g *Group, name, law, got string) {
	if got == "" {
		s.report.count(g, nil)
		return
	}
	s.report.count(g, []Failure{{Group: g.Name, Case: name, Law: law, Got: got}})
}

// exported reports whether the plugin has an operation.
func (s *suite) exported(operation string) bool {
	for _, have := range s.manifest.Operations {
		if have == operation {
			return true
		}
	}
	return false
}
