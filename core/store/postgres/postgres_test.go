package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/storetest"
	"github.com/exatlas/atlas/internal/leak"
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
	leak.Main(m, server.Stop)
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
	if _, err := s.exec(context.Background(), "testing", "DROP SCHEMA exatlas CASCADE"); err != nil {
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
	if _, err := s.exec(context.Background(), "testing", "UPDATE meta SET value = '99' WHERE key = 'version'"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), server.URL()); err == nil || !strings.Contains(err.Error(), "99") || !strings.Contains(err.Error(), fmt.Sprintf("up to %d", len(migrations))) {
		t.Fatal(err)
	}
	drop(t, s)
}

// drop empties a database that cannot be opened.
func drop(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.exec(context.Background(), "testing", "DROP SCHEMA exatlas CASCADE"); err != nil {
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

func TestPostgres_ValuesComeBackAsTheyWere(t *testing.T) {
	ctx := context.Background()
	fresh(t)
	s := open(t)
	odd := []string{`"`, `\`, `{,}`, "NULL", "", " a b ", "\n\t", "é", `\x00`, `"\"`, `'; DROP TABLE sessions`}
	var told []store.Event
	for i, text := range odd {
		told = append(told, store.Event{Time: int64(i), Name: text, Data: []byte{'{', 0, 0xff, '\\', '"', byte(i), '}'}})
	}
	if _, err := s.Append(ctx, `to"p\ic`, told); err != nil {
		t.Fatal(err)
	}
	got, last, err := s.Events(ctx, `to"p\ic`, 1, 100)
	if err != nil || last != uint64(len(odd)) || len(got) != len(odd) {
		t.Fatal(got, last, err)
	}
	for i := range got {
		if got[i].Name != told[i].Name || string(got[i].Data) != string(told[i].Data) || got[i].Time != told[i].Time || got[i].Seq != uint64(i+1) {
			t.Errorf("%q became %+v", odd[i], got[i])
		}
	}
	l, _, err := s.Lease(ctx, "node/a", "a", 600_000)
	if err != nil {
		t.Fatal(err)
	}
	var changes []store.Change
	var touches []store.Touch
	for _, text := range odd {
		changes = append(changes, store.Change{New: true, Session: store.Session{ID: "s" + text, Owner: "a", Fence: l.Fence, State: store.Live, UserID: text, Doc: []byte(text)}})
		touches = append(touches, store.Touch{ID: "s" + text, At: 7})
	}
	if _, err := s.Commit(ctx, l, changes); err != nil {
		t.Fatal(err)
	}
	if gone, err := s.Touch(ctx, touches); err != nil || len(gone) != 0 {
		t.Fatalf("%q %v", gone, err)
	}
	for _, text := range odd {
		row, found, err := s.Get(ctx, "s"+text)
		if err != nil || !found || row.UserID != text || string(row.Doc) != text || row.Touched != 7 {
			t.Errorf("%q: %+v %v %v", text, row, found, err)
		}
	}
}

// TestPostgres_BringsOlderDatabasesUpToDate makes a database of the first version and
// opens it with this one.
func TestPostgres_BringsOlderDatabasesUpToDate(t *testing.T) {
	s := open(t)
	for _, text := range []string{"DROP SCHEMA exatlas CASCADE; CREATE SCHEMA exatlas; CREATE TABLE exatlas.meta (key text PRIMARY KEY, value text NOT NULL); INSERT INTO exatlas.meta VALUES ('version', '1'), ('identity', 'abcdef')",
		migrations[0],
		`INSERT INTO sessions VALUES ('s1', 'a', 1, 2, 'mock', 'm-s1', 'u', 10, 20, 0, 'stop', '{"a":1}'), ('s2', 'a', 1, 4, 'mock', 'm-s2', 'u', 10, 20, 30, '', '{}')`,
		"INSERT INTO topics VALUES ('compute:m-s1', 2), ('orchestrator', 1); INSERT INTO events VALUES ('compute:m-s1', 1, 10, 'ready', '{}'), ('compute:m-s1', 2, 10, 'heartbeat', '{}'), ('orchestrator', 1, 10, 'reaped', '{}')"} {
		if _, err := s.exec(context.Background(), "testing", text); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	for range 2 { // the second time there is nothing to be done
		s = open(t)
		row, found, err := s.Get(context.Background(), "m-s1")
		if err != nil || !found || string(row.Doc) != `{"a":1}` || row.State != store.Live || s.Identity() != "abcdef" {
			t.Fatalf("%+v %v", row, err)
		}
		_ = s.Close()
	}
	s = open(t)
	if n, err := s.Prune(context.Background(), 20, 10); err != nil || n != 2 {
		t.Fatal("of three old events those that pass are two:", n, err)
	}
	if list, last, err := s.Events(context.Background(), "compute:m-s1", 1, 10); err != nil || len(list) != 1 || list[0].Name != "ready" || last != 2 {
		t.Fatal(list, last, err)
	}
}

// What a transaction sees is this package's business, whatever the database's default:
// under another one two processes that claim, or begin a database, at once would fail.
func TestPostgres_HoldsInADatabaseOfAnotherIsolation(t *testing.T) {
	ctx := context.Background()
	admin := open(t)
	set := func(text string) {
		t.Helper()
		if _, err := admin.exec(ctx, "testing", "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I "+text+"', current_database()); END $$"); err != nil {
			t.Fatal(err)
		}
	}
	set("SET default_transaction_isolation = ''serializable''")
	defer set("RESET default_transaction_isolation")
	for range 5 {
		fresh(t)
		opened := make(chan error, 8)
		for range cap(opened) {
			go func() {
				s, err := Open(ctx, server.URL())
				if err == nil {
					err = s.Close()
				}
				opened <- err
			}()
		}
		for range cap(opened) {
			if err := <-opened; err != nil {
				t.Errorf("opened at once: %v", err)
			}
		}
	}
	s := open(t)
	l, _, err := s.Lease(ctx, "node/a", "a", 600_000)
	if err != nil {
		t.Fatal(err)
	}
	row := store.Session{ID: "s1", Owner: "a", Fence: l.Fence, State: store.Live, Doc: []byte("{}")}
	if _, err := s.Commit(ctx, l, []store.Change{{Session: row, New: true}}); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 6)
	for i := range cap(wrote) { // as processes do that speak of one session
		go func() {
			var err error
			for range 50 {
				if i%2 == 0 {
					_, err = s.Ask(ctx, "s1", "stop", "forget")
				} else {
					err = s.PutValue(ctx, "space", "key", []byte{byte(i)})
				}
				if err != nil {
					break
				}
			}
			wrote <- err
		}()
	}
	for range cap(wrote) {
		if err := <-wrote; err != nil {
			t.Errorf("written at once: %v", err)
		}
	}
}

// A process that is stopped in the middle of a claim holds the lock of all claims.
func TestPostgres_WaitsForNoProcessThatStandsStillInATransaction(t *testing.T) {
	fresh(t)
	ctx := context.Background()
	s := open(t)
	limit := 0
	err := s.with(ctx, func(c *conn) error {
		_, err := c.one(ctx, []any{&limit}, "SELECT setting FROM pg_settings WHERE name = $1", idleLimit)
		return err
	})
	if err != nil || limit == 0 || time.Duration(limit)*time.Millisecond >= answerLimit {
		t.Fatalf("it holds its locks for %d ms, %v", limit, err)
	}
	l, _, err := s.Lease(ctx, "node/a", "a", 600_000)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	query.Set(idleLimit, "100ms") // the address may say so
	at.RawQuery = query.Encode()
	still, err := Open(ctx, at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer still.Close()
	locked, goOn, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		over <- still.begin(ctx, func(c *conn) error {
			_, err := c.run(ctx, "SELECT pg_advisory_xact_lock($1)", claimLock)
			close(locked)
			<-goOn
			return err
		})
	}()
	<-locked
	if _, err := s.Claim(ctx, l, 10); err != nil {
		t.Error(err)
	}
	close(goOn)
	if err := <-over; err == nil {
		t.Error("a transaction that stood still is carried out")
	}
}
