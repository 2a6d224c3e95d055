package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// presence shows that a process lives: it holds a lock on a file named after each
// lease holder it is. The kernel frees the lock when the process ends, however it
// ends. A process that is stopped keeps it; for that one the lease's term counts.
//
// Making the file and locking it are two steps, and so are finding a file without a
// lock and removing it; trying a lock holds it for a moment. So show, dead, graves and
// bury run in the database's write transaction alone, of which there is one at a time
// among all processes: none of them sees another's half. Only leave does not, which
// removes what its process does not need any more.
type presence struct {
	folder string
	mu     sync.Mutex
	held   map[string]*os.File
}

func newPresence(folder string) *presence {
	return &presence{folder: folder, held: map[string]*os.File{}}
}

func (p *presence) file(holder string) string { return p.named(holder, ".lock") }

// log is the file of a holder's touch log.
func (p *presence) log(holder string) string { return p.named(holder, ".touches") }

func (p *presence) named(holder, suffix string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, holder)
	return filepath.Join(p.folder, clean+suffix)
}

// show begins to hold a holder's lock.
func (p *presence) show(holder string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[holder] != nil {
		return nil
	}
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(p.file(holder), os.O_CREATE|os.O_RDWR, 0o600) // close-on-exec is Go's default
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return err
	}
	p.held[holder] = f
	return nil
}

// dead tells whether a holder's process has surely ended. A holder that never
// showed itself is not dead: its lease's term counts.
func (p *presence) dead(holder string) bool {
	p.mu.Lock()
	own := p.held[holder] != nil
	p.mu.Unlock()
	if own {
		return false
	}
	f, err := os.OpenFile(p.file(holder), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// bury removes the files of a dead holder; its name never comes back.
func (p *presence) bury(holder string) {
	_ = os.Remove(p.log(holder)) // a file left behind only lies about
	_ = os.Remove(p.file(holder))
}

// graves lists the holders that have files and whose processes have ended. A log
// without a lock is of one that ended by itself.
func (p *presence) graves() []string {
	list, _ := os.ReadDir(p.folder) // none: nothing to bury
	names := map[string]bool{}
	for _, entry := range list {
		names[entry.Name()] = true
	}
	var out []string
	for name := range names {
		holder, suffix, _ := strings.Cut(name, ".")
		switch {
		case strings.Contains(holder, "_"): // it may be another's name
		case suffix == "lock" && p.dead(holder), suffix == "touches" && !names[holder+".lock"]:
			out = append(out, holder)
		}
	}
	return out
}

// leave gives all locks back.
func (p *presence) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for holder, f := range p.held {
		_ = os.Remove(f.Name()) // without it the file only lies about
		_ = f.Close()
		delete(p.held, holder)
	}
}
