package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/storetest"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("ATLAS_TEST_HOLD"); path != "" {
		hold(path)
		return
	}
	if path := os.Getenv("ATLAS_TEST_VISIT"); path != "" {
		visit(path)
		return
	}
	leak.Main(m)
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSQLite_Conforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, store.Store) {
		path := filepath.Join(t.TempDir(), "state", "atlas.db")
		return open(t, path), open(t, path)
	})
}

func TestSQLite_IsForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "state", "atlas.db")
	s := open(t, path)
	if _, _, err := s.Lease(context.Background(), "node/a", "a", 1000); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, filepath.Dir(path): 0o700, path + ".d": 0o700, path + ".d/a.lock": 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
	_ = s.Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatal("a file that was open to others stays so", info, err)
		}
	}
}

func TestSQLite_IsMadeWhereALinkPoints(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "atlas.db")
	if err := os.Symlink(filepath.Join(folder, "disk.db"), path); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(filepath.Join(folder, "disk.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if left, err := filepath.Glob(path + ".new-*"); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

func TestSQLite_RefusesANewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "atlas.db")
	s := open(t, path)
	if _, err := s.writes.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	_, err := Open(context.Background(), path)
	if err == nil || !strings.Contains(err.Error(), "99") || !strings.Contains(err.Error(), fmt.Sprintf("up to %d", len(migrations))) {
		t.Fatal(err)
	}
}

// TestSQLite_TouchLogsLieAboutOnlyUntilTheyAreCounted leaves a log as a process
// does whose last write to the store failed.
func TestSQLite_TouchLogsLieAboutOnlyUntilTheyAreCounted(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "atlas.db")
	a := open(t, path)
	la, _, err := a.Lease(ctx, "node/aa", "aa", 60_000)
	if err != nil {
		t.Fatal(err)
	}
	row := store.Session{ID: "s1", Owner: "aa", Fence: la.Fence, State: store.Live, Touched: 5, Doc: []byte("{}")}
	if _, err := a.Commit(ctx, la, []store.Change{{New: true, Session: row}}); err != nil {
		t.Fatal(err)
	}
	log, err := a.OpenTouchLog("aa")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"s1", "s2", strings.Repeat("x", 56)} {
		if _, err := log.Write(0, id, 77); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Write(0, strings.Repeat("x", 57), 77); err == nil {
		t.Fatal("an identifier was cut")
	}
	file := path + ".d/aa.touches"
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := log.Close(false); err != nil {
		t.Fatal(err)
	}
	if err := a.Release(ctx, la); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	b := open(t, path)
	lb, _, err := b.Lease(ctx, "node/bb", "bb", 60_000)
	if err != nil {
		t.Fatal(err)
	}
	for turn, want := range []int{1, 0} {
		list, err := b.Claim(ctx, lb, 1)
		if err != nil || len(list) != want || want == 1 && list[0].Touched != 77 {
			t.Fatal(turn, list, err)
		}
		if _, err := os.Stat(file); (err == nil) != (turn == 0) {
			t.Fatalf("turn %d: %v", turn, err)
		}
	}
	if _, err := os.Stat(path + ".d/bb.lock"); err != nil {
		t.Fatal("the living lost their lock", err)
	}
}

// TestSQLite_BringsOlderFilesUpToDate makes a file of the first version and opens
// it with this one.
func TestSQLite_BringsOlderFilesUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "atlas.db")
	if err := prepare(path); err != nil {
		t.Fatal(err)
	}
	db, err := connect(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{migrations[0], "PRAGMA user_version = 1",
		"INSERT INTO sessions VALUES ('s1', 'a', 1, 2, 'mock', 'm-s1', 'u', 10, 20, 0, 'stop', '{\"a\":1}'), ('s2', 'a', 1, 4, 'mock', 'm-s2', 'u', 10, 20, 30, '', '{}')",
		"INSERT INTO events VALUES ('compute:m-s1', 1, 10, 'ready', '{}'), ('compute:m-s1', 2, 10, 'heartbeat', '{}'), ('orchestrator', 1, 10, 'reaped', '{}')"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	_ = db.Close()
	for range 2 { // the second time there is nothing to be done
		s := open(t, path)
		row, found, err := s.Get(context.Background(), "m-s1")
		if err != nil || !found || string(row.Doc) != `{"a":1}` || row.Touched != 20 || row.State != store.Live {
			t.Fatalf("%+v %v", row, err)
		}
		if words, err := s.Asked(context.Background(), "a"); err != nil || len(words) != 1 {
			t.Fatal(words, err)
		}
		if rows, err := s.List(context.Background(), store.Filter{}); err != nil || len(rows) != 2 {
			t.Fatal(rows, err)
		}
		_ = s.Close()
	}
	s := open(t, path)
	if n, err := s.Prune(context.Background(), 20, 10); err != nil || n != 2 {
		t.Fatal("of three old events those that pass are two:", n, err)
	}
}

func TestSQLite_LeavesADamagedFileAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "atlas.db")
	garbage := bytes.Repeat([]byte("this is no database. "), 500)
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), path)
	var e *spec.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "damaged") {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, garbage) {
		t.Fatal("the file was changed", err)
	}
}

func TestSQLite_CannotTellOnceItsFileIsGone(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(path string) error{
		"deleted":  os.Remove,
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "atlas.db")
			s := open(t, path)
			l, _, err := s.Lease(ctx, "node/a", "a", 60_000)
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			var unknown *store.CannotTell
			if _, found, err := s.Get(ctx, "s1"); found || !errors.As(err, &unknown) {
				t.Errorf("get: %v %v", found, err)
			}
			if list, err := s.List(ctx, store.Filter{}); len(list) > 0 || !errors.As(err, &unknown) {
				t.Errorf("list: %v", err)
			}
			if _, err := s.Claim(ctx, l, 1); !errors.As(err, &unknown) {
				t.Errorf("claim: %v", err)
			}
		})
	}
}

// hold is a process of its own that takes a lease and waits for its end.
func hold(path string) {
	s, err := Open(context.Background(), path)
	if err != nil {
		panic(err)
	}
	l, _, err := s.Lease(context.Background(), "node/child", "child", time.Hour.Milliseconds())
	if err != nil {
		panic(err)
	}
	row := store.Session{ID: "s1", Owner: "child", Fence: l.Fence, State: store.Live, Doc: []byte("{}")}
	if _, err := s.Commit(context.Background(), l, []store.Change{{Session: row, New: true}}); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("held\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestSQLite_NoticesADeadProcessAtOnce(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "atlas.db")
	s := open(t, path)
	l, _, err := s.Lease(ctx, "node/me", "me", time.Hour.Milliseconds())
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "ATLAS_TEST_HOLD="+path)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := out.Read(make([]byte, 10)); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	if got, err := s.Claim(ctx, l, 10); err != nil || len(got) > 0 {
		t.Fatal("claimed from a living process", got, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	got, err := s.Claim(ctx, l, 10)
	if err != nil || len(got) != 1 || got[0].From != "child" {
		t.Fatal("a dead process's session is not to be had though its term of an hour cannot be waited for", got, err)
	}
}

// visit is a process of its own that asks whether another one has a store open, as SQLite
// does before it deletes a log: by the lock on these bytes of the file.
func visit(path string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 0x40000002, Len: 510}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		panic(err)
	}
	_, _ = fmt.Print(lock.Type != syscall.F_UNLCK)
}

// A process gives up every lock it has on a file when it closes any descriptor of it.
// Another one that closes the store then takes itself for the last, and deletes the log
// that this one goes on writing to.
func TestSQLite_IsHeldThoughItIsOpenedTwiceInAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "atlas.db")
	open(t, path)
	second := open(t, path)
	for range 2 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "ATLAS_TEST_VISIT="+path)
		out, err := child.Output()
		if err != nil || string(out) != "true" {
			t.Fatalf("it is held: %s, %v", out, err)
		}
		_ = second.Close()
	}
}

func TestClock_GoesOnOverAStepOfTheWallClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "atlas.db")
	s := open(t, path)
	boot := int64(1_000_000)
	start := "one"
	at := func() int64 {
		tx, err := s.writes.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
		c, err := clockOf(tx, func() (int64, string) { return boot, start })
		if err != nil {
			t.Fatal(err)
		}
		if err := c.keep(tx); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		return c.now()
	}
	first := at()
	boot += 5000
	if second := at(); second != first+5000 { // whatever the wall clock did in between
		t.Fatalf("5000 ms after boot time are %d", second-first)
	}
	boot, start = 10, "two" // the machine was started again
	third := at()
	if third < first+5000 {
		t.Fatalf("the clock went back by %d ms", first+5000-third)
	}
	boot = 5 // where the system counts no time since its start, it is the wall clock that was set back
	if fourth := at(); fourth < third {
		t.Fatalf("the clock went back by %d ms", third-fourth)
	}
}

func BenchmarkSQLite_JournalledSpawns(b *testing.B) {
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(b.TempDir(), "atlas.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l, _, err := s.Lease(ctx, "node/a", "a", time.Hour.Milliseconds())
	if err != nil {
		b.Fatal(err)
	}
	doc := bytes.Repeat([]byte("x"), 1000)
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for n := 0; p.Next(); n++ {
			row := store.Session{ID: "s" + rand.Text(), Owner: "a", Fence: l.Fence, State: store.Intended, Doc: doc}
			if r, err := s.Commit(ctx, l, []store.Change{{Session: row, New: true}}); err != nil || r[0].Verdict != store.Done {
				b.Fatal(r, err)
			}
			row.State, row.ComputeID = store.Live, "m"+row.ID
			if r, err := s.Commit(ctx, l, []store.Change{{Session: row, Topic: "compute:" + row.ComputeID, Events: []store.Event{{Name: "a"}, {Name: "b"}}}}); err != nil || r[0].Verdict != store.Done {
				b.Fatal(r, err)
			}
		}
	})
}
