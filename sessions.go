package atlas

import (
	"context"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly/deploy"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/keyfile"
	"github.com/exatlas/atlas/core/store/memory"
	"github.com/exatlas/atlas/core/store/postgres"
	"github.com/exatlas/atlas/core/store/sqlite"
	"github.com/exatlas/atlas/internal/safego"
)

// vault is where the client keeps what outlives it.
type vault struct {
	settings StoreSettings
	getenv   func(string) string
}

// open opens the store that store.url names.
func (v *vault) open(ctx context.Context) (store.Store, error) {
	at := v.settings.URL
	switch {
	case at == "":
		folder, err := v.folder()
		if err != nil {
			return nil, err
		}
		return sqlite.Open(ctx, filepath.Join(folder, "atlas.db"))
	case at == "memory:":
		return memory.New(clock.System{}), nil
	case strings.HasPrefix(at, "sqlite:"):
		return sqlite.Open(ctx, strings.TrimPrefix(strings.TrimPrefix(at, "sqlite:"), "//"))
	}
	return postgres.Open(ctx, at)
}

// folder is the user's state folder of Atlas.
func (v *vault) folder() (string, error) {
	env := v.getenv
	if env == nil {
		env = func(string) string { return "" }
	}
	if base := env("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "exatlas"), nil
	}
	home := env("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", &spec.Error{Kind: spec.KindValidation, Message: "the user has no home folder to keep sessions in", Hint: "set store.url, such as sqlite:/var/lib/me/atlas.db, and store.key_file"}
		}
	}
	return filepath.Join(home, ".local", "state", "exatlas"), nil
}

// key is the secret that credentials are made from: the configured one, else that
// of the file beside the store.
func (v *vault) key() ([32]byte, error) {
	if !v.settings.Key.Empty() {
		raw, err := hex.DecodeString(v.settings.Key.Reveal())
		if err != nil || len(raw) != 32 {
			return [32]byte{}, &spec.Error{Kind: spec.KindValidation, Message: "config.store.key: not 64 hexadecimal digits", Hint: "openssl rand -hex 32 prints one"}
		}
		return [32]byte(raw), nil
	}
	path := v.settings.KeyFile
	if path == "" && strings.HasPrefix(v.settings.URL, "sqlite:") {
		path = strings.TrimPrefix(strings.TrimPrefix(v.settings.URL, "sqlite:"), "//") + ".key"
	}
	if path == "" {
		folder, err := v.folder()
		if err != nil {
			return [32]byte{}, err
		}
		path = filepath.Join(folder, "key")
	}
	return keyfile.LoadOrCreate(path)
}

// check finds the mistakes of the store's settings that show before it is opened.
func (s *StoreSettings) check() *spec.Error {
	switch at := s.URL; {
	case at == "", at == "memory:", strings.HasPrefix(at, "sqlite:") && len(at) > len("sqlite:"):
	default:
		if u, err := url.Parse(at); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
			break
		}
		return &spec.Error{Kind: spec.KindValidation, Message: "config.store.url: no store", Hint: "give sqlite:/path, postgres://host/database or memory:, or leave it out for a file under the user's state folder"}
	}
	if raw, err := hex.DecodeString(s.Key.Reveal()); !s.Key.Empty() && (err != nil || len(raw) != 32) {
		return &spec.Error{Kind: spec.KindValidation, Message: "config.store.key: not 64 hexadecimal digits", Hint: "openssl rand -hex 32 prints one"}
	}
	return nil
}

// orchestration turns the configuration into the orchestrator's settings.
func orchestration(s *Settings) orchestrator.Settings {
	out := orchestrator.Settings{NamePrefix: namePrefix(s.Compute), Owner: s.Compute.Owner}
	if o := s.Orchestrator; o != nil {
		ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
		out.Lease, out.Poll, out.Grace, out.Heartbeat = ms(o.LeaseMS), ms(o.PollMS), ms(o.AdoptGraceMS), ms(o.HeartbeatMS)
		out.CostEvery, out.Retain = ms(o.CostMS), ms(o.RetainMS)
		out.ReapEvery, out.ReapGrace, out.ReapOnly = ms(o.Reap.IntervalMS), ms(o.Reap.GraceMS), o.Reap.Providers
		out.ReapPrefix, out.Observe = o.Reap.NamePrefix, o.Observe
		if o.Reap.Off {
			out.ReapEvery = -1
		}
	}
	return out
}

// resume takes over the sessions of earlier processes as soon as the client is
// open, where the configuration names a store or the orchestrator; otherwise the
// first orchestrator call does.
func (c *Client) resume(s *Settings) {
	if c.resumes = s.Orchestrator != nil || s.Store.URL != ""; !c.resumes {
		return
	}
	safego.Go(&c.background, nil, func() {
		for wait := 100 * time.Millisecond; c.orchestrator.Start(c.until) != nil; wait = min(2*wait, 10*time.Second) {
			if (clock.System{}).Wait(c.until, wait) != nil {
				return
			}
		}
	})
}

// acting tells sessions of acts on their machines. A client that is to have a store
// waits for it before it stops one: the machine may be another process's session's.
func (c *Client) acting(ctx context.Context, provider, id, operation string, failed bool) error {
	if c.resumes && operation == spec.OpStop && !failed {
		if err := c.orchestrator.Start(ctx); err != nil {
			return err
		}
	}
	return c.orchestrator.Acting(ctx, provider, id, operation, failed)
}

// subscribeTo subscribes to a topic of the store where it is one, else of the bus. A
// client that is to have a store waits for it: the bus knows nothing of its topics.
func (c *Client) subscribeTo(ctx context.Context, topic string, from uint64, ready func(*events.Subscription)) (*events.Subscription, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	if ticket, of := strings.CutPrefix(topic, deploy.TopicPrefix); of {
		return c.fly.deploy.Follow(ticket, from, ready)
	}
	if c.resumes && orchestrator.OfStore(topic) {
		if err := c.orchestrator.Start(ctx); err != nil {
			return nil, err
		}
	}
	if c.orchestrator.Stored(topic) {
		return c.orchestrator.Subscribe(ctx, topic, from, ready)
	}
	sub, err := c.bus.Subscribe(topic, from, ready, nil)
	if err != nil {
		return nil, err
	}
	return sub, nil
}
