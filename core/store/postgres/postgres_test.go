package postgres

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/storetest"
	"github.com/exatlas/atlas/internal/testpg"
)

// server is the one of all tests; each has a database of its own by dropping the
// schema.
var server *testpg.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = testpg.Start(context.Background()); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	code := m.Run()
	if err := errors.Join(server.Stop(), goleak.Find()); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(context.Background(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// fresh empties the database.
func fresh(t *testing.T) {
	t.Helper()
	s := open(t)
	if _, err := s.pool.Exec(context.Background(), "DROP SCHEMA exatlas CASCADE"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
}

func TestPostgres_Conforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, store.Store) {
		fresh(t)
		return open(t), open(t)
	})
}

func TestPostgres_RefusesANewerSchema(t *testing.T) {
	fresh(t)
	s := open(t)
	if _, err := s.pool.Exec(context.Background(), "UPDATE meta SET value = '99' WHERE key = 'version'"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), server.URL()); err == nil || !strings.Contains(err.Error(), "99") || !strings.Contains(err.Error(), "up to 1") {
		t.Fatal(err)
	}
	drop(t, s)
}

// drop empties a database that cannot be opened.
func drop(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.pool.Exec(context.Background(), "DROP SCHEMA exatlas CASCADE"); err != nil {
		t.Fatal(err)
	}
}

func TestPostgres_ErrorsHoldNoPassword(t *testing.T) {
	for _, url := range []string{"postgres://atlas:canary-pw@127.0.0.1:1/x?sslmode=disable&connect_timeout=1", "postgres://atlas:canary-pw@[bad/x"} {
		_, err := Open(context.Background(), url)
		if err == nil || strings.Contains(err.Error(), "canary-pw") {
			t.Fatal(err)
		}
	}
}

func TestPostgres_CannotTellWhileTheServerIsGoneAndGoesOnAfterwards(t *testing.T) {
	ctx := context.Background()
	fresh(t)
	s := open(t)
	l, _, err := s.Lease(ctx, "node/a", "a", 600_000)
	if err != nil {
		t.Fatal(err)
	}
	row := store.Session{ID: "s1", Owner: "a", Fence: l.Fence, State: store.Live, Doc: []byte("{}")}
	if _, err := s.Commit(ctx, l, []store.Change{{Session: row, New: true}}); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	var unknown *store.CannotTell
	for range 50 { // the connections of the pool die one after another
		_, found, err := s.Get(ctx, "s1")
		if err == nil && !found {
			t.Fatal("a committed session is none")
		}
		if err != nil && !errors.As(err, &unknown) {
			t.Fatal(err)
		}
	}
	if _, found, err := s.Get(ctx, "s1"); !found || err != nil {
		t.Fatal(found, err)
	}
}
