package sqlite

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/store"
)

// A touch log is a file of records: the time of the last activity, ms, and the
// session's identifier, filled up with zeros. The kernel keeps what was written
// when the process ends, however it ends. Writing costs a system call and not a
// mapping of memory: a full disk is an error then, and no signal that ends the
// program which embeds this.
const (
	touchRecord = 64
	touchID     = touchRecord - 8
	touchMagic  = "atlas touch log 1\n"
)

var _ store.TouchLogger = (*Store)(nil)

// OpenTouchLog makes the log of a holder.
func (s *Store) OpenTouchLog(holder string) (store.TouchLog, error) {
	if err := s.there(); err != nil {
		return nil, cannot("opening a log of activities", err)
	}
	f, err := os.OpenFile(s.presence.log(holder), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, cannot("opening a log of activities", err)
	}
	head := make([]byte, touchRecord)
	copy(head, touchMagic)
	if _, err := f.WriteAt(head, 0); err != nil {
		return nil, cannot("opening a log of activities", errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	return &touchLog{file: f, next: 1}, nil
}

type touchLog struct {
	file *os.File

	mu   sync.Mutex
	next int64 // record that was never used
	free []int64
}

func (l *touchLog) Write(place int64, id string, at int64) (int64, error) {
	var record [touchRecord]byte
	binary.LittleEndian.PutUint64(record[:], uint64(at))
	if place != 0 {
		_, err := l.file.WriteAt(record[:8], place*touchRecord)
		return place, err
	}
	if len(id) > touchID {
		return 0, errors.New("the identifier is too long for the log")
	}
	copy(record[8:], id)
	place = l.take()
	if _, err := l.file.WriteAt(record[:], place*touchRecord); err != nil {
		l.Free(place)
		return 0, err
	}
	return place, nil
}

func (l *touchLog) take() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		place := l.free[n-1]
		l.free = l.free[:n-1]
		return place
	}
	l.next++
	return l.next - 1
}

// Free gives a place back. What it holds stays until somebody takes it: a time at
// which there was activity is true whoever has the session.
func (l *touchLog) Free(place int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, place)
}

func (l *touchLog) Close(brought bool) error {
	if brought {
		return errors.Join(os.Remove(l.file.Name()), l.file.Close())
	}
	return l.file.Close()
}

// logged reads the log of a holder that does not act any more; nil where there is
// none.
func (s *Store) logged(holder string) (map[string]int64, error) {
	data, err := os.ReadFile(s.presence.log(holder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(string(data[:min(len(data), touchRecord)]), touchMagic) {
		return nil, nil // of a process that ended while it made the file
	}
	out := make(map[string]int64, len(data)/touchRecord)
	for data = data[touchRecord:]; len(data) >= touchRecord; data = data[touchRecord:] {
		id := strings.TrimRight(string(data[8:touchRecord]), "\x00")
		if at := int64(binary.LittleEndian.Uint64(data)); id != "" && at > out[id] {
			out[id] = at
		}
	}
	return out, nil
}

// legacy keeps the log of the owner whose sessions are being claimed, which takes
// several turns where there are many. Only the writer uses it.
type legacy struct {
	owner owner
	log   map[string]int64
}

// lastWords is the log of an owner whose sessions are taken. A holder that comes back
// writes on in it, under another number.
func (s *Store) lastWords(o owner) (map[string]int64, error) {
	if s.legacy.owner == o {
		return s.legacy.log, nil
	}
	log, err := s.logged(o.holder)
	if err == nil {
		s.legacy = legacy{o, log}
	}
	return log, err
}
