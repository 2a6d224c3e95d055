package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	driver "modernc.org/sqlite"

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
	if s.writes, err = connect(path, 1); err == nil {
		s.reads, err = connect(path, 4)
	}
	if err == nil {
		err = s.migrate(ctx)
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

// prepare makes the file, closed to others.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return environment("the store's folder cannot be made", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return environment("the store's file cannot be opened", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return environment("the store's file cannot be read", err)
	}
	if !info.Mode().IsRegular() {
		return environment("the store is not a file", errors.New(path))
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return environment("the store's file is open to others, and that cannot be changed", err)
		}
	}
	return nil
}

func connect(path string, connections int) (*sql.DB, error) {
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "cell_size_check(ON)"}, "_txlock": {"immediate"}}
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

// refused is the error of a file that cannot be used.
func refused(path string, err error) error {
	if e := (*spec.Error)(nil); errors.As(err, &e) {
		return e
	}
	e := &spec.Error{Kind: spec.KindInternal, Message: fmt.Sprintf("the store %s cannot be opened: %v", path, err), Hint: "nothing was changed; see that no other program holds it, and try again", Err: err}
	var fault *driver.Error
	switch text := err.Error(); {
	case errors.As(err, &fault) && (fault.Code()&0xff == busy || fault.Code()&0xff == locked):
		e.Retryable = true // whoever holds it, such as a process that brings it up to date, lets go of it
	case strings.Contains(text, "disk is full") || strings.Contains(text, "disk I/O error"):
		e.Hint = "nothing was changed; the disk has no room, or fails: see to it, and try again"
	case strings.Contains(text, "not a database") || strings.Contains(text, "malformed") || err == errCut:
		e.Hint = "the file is damaged, or no database. Nothing was changed: restore it from a copy, or move it and " + path + ".d away to begin anew; machines of its sessions then have to be looked for with compute.list"
	}
	return e
}

// SQLite's primary result codes of a file that another connection holds.
const (
	busy   = 5
	locked = 6
)
