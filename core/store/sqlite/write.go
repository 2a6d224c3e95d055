package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
)

// job is one write that waits for its transaction.
type job struct {
	do    func(w *writer) error
	done  chan error
	taken atomic.Bool // by the writer, or by a caller that gave up before that
	begun bool        // by the writer; of it alone
}

// writer is the transaction a job runs in, with statements prepared once.
type writer struct {
	*sql.Tx
	prepared map[string]*sql.Stmt
}

// maxTogether bounds the jobs of one transaction, and so how long the first of
// them waits for the last.
const maxTogether = 512

// exec runs a statement.
func (w *writer) exec(text string, args ...any) (sql.Result, error) {
	s, err := w.statement(text)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

func (w *writer) query(text string, args ...any) (*sql.Rows, error) {
	s, err := w.statement(text)
	if err != nil {
		return nil, err
	}
	return s.Query(args...)
}

func (w *writer) row(text string, args ...any) *sql.Row {
	s, err := w.statement(text)
	if err != nil {
		return w.QueryRow(text, args...) // answers the same error
	}
	return s.QueryRow(args...)
}

func (w *writer) statement(text string) (*sql.Stmt, error) {
	if s := w.prepared[text]; s != nil {
		return s, nil
	}
	s, err := w.Prepare(text)
	if err == nil {
		w.prepared[text] = s
	}
	return s, err
}

// submit has a job carried out and waits until it is on the disk.
func (s *Store) submit(ctx context.Context, doing string, do func(*writer) error) error {
	if err := ctx.Err(); err != nil {
		return cannot(doing, err)
	}
	if err := s.there(); err != nil {
		return cannot(doing, err)
	}
	j := &job{do: do, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-s.done:
		return cannot(doing, errors.New("the store is closed"))
	case <-ctx.Done():
		return cannot(doing, ctx.Err())
	}
	select {
	case err := <-j.done:
		if err != nil {
			return cannot(doing, err)
		}
		return nil
	case <-ctx.Done():
	}
	if !j.taken.Swap(true) {
		return cannot(doing, ctx.Err()) // it will not be carried out
	}
	// It is in a transaction, which writes to what its caller reads afterwards.
	if err := <-j.done; err != nil {
		return cannot(doing, err)
	}
	return nil
}

// write carries out jobs, those that wait together in one transaction.
func (s *Store) write() {
	for {
		var batch []*job
		select {
		case j := <-s.jobs:
			batch = append(batch, j)
		case <-s.done:
			s.refuse()
			return
		}
	more:
		for len(batch) < maxTogether {
			select {
			case j := <-s.jobs:
				batch = append(batch, j)
			default:
				break more
			}
		}
		s.carryOut(batch)
	}
}

// carryOut carries out jobs and answers them. One that fails by itself fails alone: the
// transaction is rolled back, and the others are carried out without it.
func (s *Store) carryOut(batch []*job) {
	for {
		bad, err := s.transact(batch)
		if bad < 0 {
			answer(batch, err)
			return
		}
		answer(batch[bad:bad+1], err)
		if bad > 0 {
			s.carryOut(batch[:bad])
		}
		if batch = batch[bad+1:]; len(batch) == 0 {
			return
		}
	}
}

func answer(batch []*job, err error) {
	for _, j := range batch {
		j.done <- err
	}
}

// transact carries out jobs in one transaction. bad is the one that failed, and then
// nothing was written; -1 says that err is what became of all of them, which after a
// commit that failed nobody knows.
func (s *Store) transact(batch []*job) (bad int, err error) {
	tx, err := s.writes.Begin()
	if err != nil {
		return -1, err
	}
	w := &writer{Tx: tx, prepared: map[string]*sql.Stmt{}}
	for i, j := range batch {
		if !j.begun && j.taken.Swap(true) {
			continue // its caller has gone
		}
		j.begun = true
		if err := j.do(w); err != nil {
			return i, errors.Join(err, tx.Rollback())
		}
	}
	if err := s.there(); err != nil {
		return -1, errors.Join(err, tx.Rollback())
	}
	return -1, tx.Commit()
}

// refuse answers jobs that came too late.
func (s *Store) refuse() {
	for {
		select {
		case j := <-s.jobs:
			j.done <- errors.New("the store is closed")
		default:
			return
		}
	}
}
