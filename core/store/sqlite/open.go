package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// Store is one process's handle on the file.
type Store struct {
	path     string
	file     os.FileInfo // as it was opened: another one in its place is not this store
	identity string
	clock    clock
	presence *presence
	legacy   legacy
	tidied   bool // the folder holds no files of the dead; of the writer alone

	writes *sql.DB // one connection
	reads  *sql.DB
	jobs   chan *job
	done   chan struct{} // closed when the store closes
	once   sync.Once
	work   sync.WaitGroup
}

// Open opens the file, and makes it and its folder where they are not there yet.
// The file is for its owner alone: mode 0600, the folder 0700. A file that is
// damaged, or of a newer version, is refused and left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, cannot("opening "+path, err)
	}
	was := exists(path)
	used := exists(path + ".d") // whoever makes a store makes the folder after it
	if err := prepare(path); err != nil {
		return nil, err
	}
	if was {
		if err := uncut(path, used, forMaker(ctx)); err != nil {
			return nil, refused(path, err)
		}
	}
	s := &Store{path: path, jobs: make(chan *job, 1024), done: make(chan struct{}), presence: newPresence(path + ".d")}
	for wait, began := forMaker(ctx), time.Now(); ; s.disconnect() {
		if err = s.connect(ctx); !held(err) || time.Since(began) > busyLimit || !wait() {
			break
		}
	}
	if err == nil {
		err = shut(path)
	}
	if err == nil {
		s.file, err = os.Stat(path)
	}
	if err != nil {
		s.disconnect()
		return nil, refused(path, err)
	}
	safego.Go(&s.work, nil, s.write)
	return s, nil
}

// connect connects to the file, and brings it up to date.
func (s *Store) connect(ctx context.Context) (err error) {
	if err := foreign(ctx, s.path); err != nil {
		return err
	}
	if s.writes, err = connect(s.path, 1); err == nil {
		s.reads, err = connect(s.path, 4)
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	return err
}

// busyLimit is how long SQLite waits for whoever holds the file. It does not wait for one
// that is the first to open it this moment, or the last to close it: that takes no time.
const (
	busyLimit = 10 * time.Second
	waits     = "busy_timeout(10000)"
)

// prepare makes the file where there is none, closed to others. One that is there is not
// opened: to close it would give up every lock that this process has on it, and another
// store of the process, or of another library that it has loaded, may have some.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return environment("the store's folder cannot be made", err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = create(path); err == nil {
			info, err = os.Stat(path)
		}
	}
	if err != nil {
		return environment("the store's file cannot be opened", err)
	}
	if !info.Mode().IsRegular() {
		return environment("the store is not a file", errors.New(path))
	}
	if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil {
		return environment("the store's file cannot be opened", err)
	}
	return nil
}

// create makes an empty file, which has its name only when nobody has it open any more.
// Whoever makes it at the same time may be first.
func create(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // an empty file that stays only lies about
	if err := f.Close(); err != nil {
		return err
	}
	if os.Link(f.Name(), path) == nil || exists(path) {
		return nil
	}
	// A file system without links, or a symbolic one to a file that is not there yet. Where
	// the process makes it twice at once a lock may be lost.
	f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// shut closes a file to others that is open to them, and what SQLite has made beside it.
func shut(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(name, 0o600)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return environment("the store's file is open to others, and that cannot be changed", err)
		}
	}
	return nil
}

func connect(path string, connections int) (*sql.DB, error) {
	pragmas := url.Values{"_pragma": {waits, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "cell_size_check(ON)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) disconnect() {
	for _, db := range []*sql.DB{s.writes, s.reads} {
		if db != nil {
			_ = db.Close() // nothing is left to be written
		}
	}
}

// Close ends the handle. Leases of it count as over from now on.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.work.Wait()
		s.disconnect()
		s.presence.leave()
	})
	return nil
}

// Identity names the store.
func (s *Store) Identity() string { return s.identity }

// there tells whether the file is still the one that was opened.
func (s *Store) there() error {
	select {
	case <-s.done:
		return errors.New("the store is closed")
	default:
	}
	info, err := os.Stat(s.path)
	if err == nil && !os.SameFile(info, s.file) {
		err = errors.New("another file is in its place: " + s.path)
	}
	return err
}

func cannot(doing string, err error) error { return &store.CannotTell{Doing: doing, Err: err} }

func environment(message string, err error) error {
	return &spec.Error{Kind: spec.KindValidation, Message: message + ": " + err.Error(), Hint: "set store.url to a place this program may write, such as sqlite:/var/lib/me/atlas.db", Err: err}
}
