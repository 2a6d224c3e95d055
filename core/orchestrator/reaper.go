package orchestrator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// ReapParams asks for a run of the reaper.
type ReapParams struct {
	provider.Targets
	DryRun         bool    `json:"dry_run" doc:"Tells what would be given back, and gives nothing back."`
	GraceMS        *int64  `json:"grace_ms" min:"0" max:"86400000" doc:"Age under which a machine is let be, ms. Default: the client's reap grace, 300000."`
	NamePrefix     *string `json:"name_prefix" doc:"Machines whose names start so are looked at, whoever rented them. Default: those that sessions of this store rented, and those of the configuration's orchestrator.reap.name_prefix."`
	ReapEverything bool    `json:"reap_everything" doc:"Needed with an empty name_prefix: every machine of the account without a session is given back."`
}

// Reaped is what a run did at one cloud.
type Reaped struct {
	Provider string       `json:"provider" doc:"Name of the provider."`
	DryRun   bool         `json:"dry_run,omitempty" doc:"Nothing was given back."`
	Listed   int          `json:"listed" doc:"Machines of the account, in every state."`
	Owned    int          `json:"owned" doc:"Those the reaper may touch."`
	Young    int          `json:"young" doc:"Owned ones without a session that are in their grace."`
	Gone     []ReapedItem `json:"reaped" doc:"Machines without a session that were given back, or would be."`
	Failed   []ReapedItem `json:"failed" doc:"Those the cloud did not take back; the next run tries again."`
	Odd      []string     `json:"unreadable,omitempty" doc:"Sessions without a machine that this version cannot read, the first 100: for a day after one was made, what it may have rented is let be. orchestrator.stop with forget gives one up."`
	Skipped  string       `json:"skipped,omitempty" doc:"Why nothing was done."`
	Error    *spec.Error  `json:"error,omitempty" doc:"What did not answer."`
}

// ReapedItem is one machine.
type ReapedItem struct {
	ID     string      `json:"id"`
	Name   string      `json:"name,omitempty"`
	Status spec.Status `json:"status"`
	Error  *spec.Error `json:"error,omitempty"`
}

// ReapReport is the result of orchestrator.reap.
type ReapReport struct {
	Items []Reaped `json:"items" doc:"A report for each provider."`
}

// reaper gives machines back that sessions rented and no session holds.
type reaper struct {
	service *Service
	mu      sync.Mutex
	seen    map[string]int64 // machines without a session: when they were first seen so
}

func newReaper(s *Service) *reaper { return &reaper{service: s, seen: map[string]int64{}} }

// run reaps again and again, at the clouds where this process has a credential
// and this store has had sessions; with a prefix of the settings, at all of them.
func (r *reaper) run() {
	s := r.service
	if s.Settings.ReapEvery < 0 {
		return
	}
	for s.pause(s.Settings.ReapEvery) {
		if !s.node.valid() {
			continue
		}
		for _, name := range r.clouds(s.until) {
			if !s.settled(name) {
				continue
			}
			a, err := s.Directory.Find(s.until, name, spec.Secret{})
			if err != nil {
				continue
			}
			if !r.leads(&a) {
				continue
			}
			s.tell("reaped", map[string]any{"report": r.reap(s.until, &a, s.mark(), s.Settings.ReapGrace, false, func(listed int) bool {
				return s.pause(time.Duration(listed)*pollEach) && r.leads(&a)
			})})
		}
	}
}

// leads takes or renews the account's lease.
func (r *reaper) leads(a *provider.Account) bool {
	s := r.service
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	_, mine, err := s.store.Lease(ctx, r.lease(a), s.node.holder, max(3*s.Settings.ReapEvery, 3*s.Settings.Lease).Milliseconds())
	return err == nil && mine
}

// lease names the account, so that one process of all reaps there.
func (r *reaper) lease(a *provider.Account) string {
	sum := sha256.Sum256([]byte("reaper account\x00" + r.service.store.Identity() + "\x00" + a.Key.Reveal()))
	return "reaper/" + a.Provider + "/" + hex.EncodeToString(sum[:6])
}

// clouds lists the providers to look at, of those that the settings leave to the
// reaper: where sessions of this store have been, or all, since machines of an
// earlier store may be anywhere.
func (r *reaper) clouds(ctx context.Context) []string {
	var out []string
	only := r.service.Settings.ReapOnly
	for _, name := range r.service.Names() {
		if only != nil && !slices.Contains(only, name) {
			continue
		}
		if r.service.Settings.ReapPrefix != "" {
			out = append(out, name)
			continue
		}
		if _, found, err := r.service.store.GetValue(ctx, spaceClouds, name); err == nil && found {
			out = append(out, name)
		}
	}
	return out
}

// spaceClouds holds a value for each provider where sessions have been.
const spaceClouds = "orchestrator/clouds"

// remember notes that the reaper has to look at a provider.
func (s *Service) remember(ctx context.Context, name string) error {
	if _, known := s.known.Load(name); known {
		return nil
	}
	if err := s.store.PutValue(ctx, spaceClouds, name, []byte{1}); err != nil {
		return err
	}
	s.known.Store(name, true)
	return nil
}

// ownPrefix starts the names of the machines that sessions of this store rent.
func (s *Service) ownPrefix() string {
	prefix := s.Settings.NamePrefix
	if s.Settings.Owner != "" {
		prefix += s.Settings.Owner + "-"
	}
	return prefix + s.store.Identity()
}

// mark tells the machines that the reaper may touch.
type mark struct {
	store, own string // identity of the store, and what the names of its machines begin with; empty: its own do not count
	prefix     string // what other machines' names begin with; empty: there are none
	everything bool
}

// mark is that of the runs nobody asked for.
func (s *Service) mark() mark {
	return mark{store: s.store.Identity(), own: s.ownPrefix(), prefix: s.Settings.ReapPrefix}
}

// has tells whether a machine carries the mark.
func (m *mark) has(c *spec.Compute) bool {
	return m.everything || m.store != "" && (strings.HasPrefix(c.Name, m.own) || strings.HasPrefix(c.RequestID, m.store)) || m.prefix != "" && strings.HasPrefix(c.Name, m.prefix)
}

// Reap carries out one run.
func (s *Service) Reap(ctx context.Context, p *ReapParams) (*ReapReport, error) {
	if p.NamePrefix != nil && *p.NamePrefix == "" && !p.ReapEverything {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.name_prefix: empty, which means every machine of the account", Hint: "give a prefix, or set reap_everything to true if that is what you want"}
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	if err := s.acts("give machines back"); err != nil {
		return nil, err
	}
	accounts, err := s.Directory.FindAll(ctx, p.Targets)
	if err != nil {
		return nil, err
	}
	marked, grace := s.mark(), s.Settings.ReapGrace
	if p.NamePrefix != nil {
		marked = mark{prefix: *p.NamePrefix, everything: *p.NamePrefix == ""}
	}
	if p.GraceMS != nil {
		grace = time.Duration(*p.GraceMS) * time.Millisecond
	}
	out := &ReapReport{Items: []Reaped{}}
	for i := range accounts {
		report := s.reaper.reap(ctx, &accounts[i], marked, grace, p.DryRun, func(int) bool { return ctx.Err() == nil })
		s.tell("reaped", map[string]any{"report": report})
		out.Items = append(out.Items, *report)
	}
	return out, nil
}

// reap looks at one account. The cloud is listed first and the store read after
// it, so that no session can come between unseen; so with each part of a listing.
// Nothing is given back before the listing has come to its end: what a cloud tells
// that leads in a circle, or breaks off, is nothing to act on. rest is called between
// two parts, and tells whether to go on.
func (r *reaper) reap(ctx context.Context, a *provider.Account, marked mark, grace time.Duration, dry bool, rest func(listed int) bool) *Reaped {
	s := r.service
	run := &reaping{Reaped: &Reaped{Provider: a.Provider, DryRun: dry, Gone: []ReapedItem{}, Failed: []ReapedItem{}},
		at: provider.Target{Provider: a.Provider, APIKey: a.Key}, marked: marked, grace: grace, alone: map[string]bool{}}
	for l := s.listing(run.at); ; {
		if !s.settled(a.Provider) {
			return run.skip("spawns without a result are being settled, or sessions taken over", nil)
		}
		began := s.node.now()
		items, more, err := l.next(ctx)
		if err != nil {
			return run.skip("the cloud did not list its machines", err)
		}
		if err := r.part(ctx, run, items, began); err != nil {
			return run.skip("the store did not answer", unknown(err))
		}
		if !more {
			break
		}
		if !rest(len(items)) {
			return run.skip("this process has stopped, or lost its lease", nil)
		}
	}
	r.forget(a.Provider+"/", run.alone)
	return r.giveBack(ctx, run)
}

// reaping is one run at one account.
type reaping struct {
	*Reaped
	at     provider.Target
	marked mark
	grace  time.Duration
	alone  map[string]bool // machines without a session
	old    []spec.Compute  // those out of their grace
}

// skip is the report of a run that came to nothing, or not to its end.
func (run *reaping) skip(why string, err error) *Reaped {
	if run.Skipped = why; err != nil {
		run.Error = spec.AsError(err)
	}
	return run.Reaped
}

// part looks at some machines of an account. An error is the store's.
func (r *reaper) part(ctx context.Context, run *reaping, items []spec.Compute, began int64) error {
	s := r.service
	run.Listed += len(items)
	intended, err := s.intended(ctx)
	if err != nil {
		return err
	}
	run.Odd = intended.told()
	for i := range items {
		c := &items[i]
		if c.Status == spec.StatusTerminated || !run.marked.has(c) {
			continue
		}
		run.Owned++
		held, err := s.held(ctx, c, intended)
		if err != nil {
			return err
		}
		key := run.at.Provider + "/" + c.ID
		if held || run.alone[key] { // a machine may come again with the next part
			continue
		}
		run.alone[key] = true
		if r.young(key, c, began, run.grace) {
			run.Young++
			continue
		}
		run.old = append(run.old, *c)
	}
	return nil
}

// giveBack gives back what no session holds. The listing may have taken minutes, so the
// store is asked once more for each.
func (r *reaper) giveBack(ctx context.Context, run *reaping) *Reaped {
	s := r.service
	if len(run.old) == 0 {
		return run.Reaped
	}
	intended, err := s.intended(ctx)
	if err != nil {
		return run.skip("the store did not answer", unknown(err))
	}
	for i := range run.old {
		c := &run.old[i]
		held, err := s.held(ctx, c, intended)
		if err != nil {
			return run.skip("the store did not answer", unknown(err))
		}
		item := ReapedItem{ID: c.ID, Name: c.Name, Status: c.Status}
		switch {
		case held:
			continue
		case run.DryRun:
			run.Gone = append(run.Gone, item)
			continue
		case !s.node.valid():
			return run.skip("this process has lost its lease", nil)
		}
		if _, err := s.Compute.Terminate(ctx, &compute.IDParams{Target: run.at, ID: c.ID}); err != nil {
			item.Error = spec.AsError(err)
			run.Failed = append(run.Failed, item)
			continue
		}
		run.Gone = append(run.Gone, item)
	}
	return run.Reaped
}

// held tells whether a session holds a machine, or may be about to.
func (s *Service) held(ctx context.Context, c *spec.Compute, intended *intents) (bool, error) {
	if intended.has(c, s.node.now()) {
		return true, nil
	}
	if t := s.index.find(c.ID); t != nil {
		if row, _ := t.state(); row.State != store.Ended {
			return true, nil // this process's own: the store need not be asked
		}
	}
	row, found, err := s.store.Get(ctx, c.ID)
	if err != nil {
		return true, err
	}
	return found && row.State != store.Ended, nil
}

// young tells whether a machine is in its grace: by the cloud's word on its age, or,
// where that is missing or of the future, by when it was first seen without a session.
func (r *reaper) young(key string, c *spec.Compute, now int64, grace time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.seen[key]
	if !ok {
		first = now
		r.seen[key] = now
	}
	if born, err := time.Parse(time.RFC3339, c.CreatedAt); err == nil && born.UnixMilli() < now {
		return now-born.UnixMilli() < grace.Milliseconds()
	}
	return now-first < grace.Milliseconds()
}

// forget drops what is known of machines that are not alone any more.
func (r *reaper) forget(prefix string, alone map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.seen {
		if strings.HasPrefix(key, prefix) && !alone[key] {
			delete(r.seen, key)
		}
	}
}
