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
type presence struct {
	folder string
	mu     sync.Mutex
	held   map[string]*os.File
}

func newPresence(folder string) *presence {
	return &presence{folder: folder, held: map[string]*os.File{}}
}

func (p *presence) file(holder string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, holder)
	return filepath.Join(p.folder, clean+".lock")
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

// bury removes the file of a dead holder; its name never comes back.
func (p *presence) bury(holder string) { _ = os.Remove(p.file(holder)) }

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
