package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/exatlas/atlas/core/store"
)

// prunePassing finds what it deletes by the index, in the order of time: reading the
// events that stay would take minutes where there are many, and the writer's time is
// everybody's.
const prunePassing = `DELETE FROM events WHERE (topic, seq) IN
	(SELECT topic, seq FROM events INDEXED BY events_passing WHERE passing = 1 AND time < ? ORDER BY time LIMIT ?)`

// Prune forgets some of what is old. A topic's last number stays.
func (s *Store) Prune(ctx context.Context, before int64, limit int) (count int, err error) {
	err = s.submit(ctx, "pruning", func(w *writer) error {
		r, err := w.exec(prunePassing, before, limit)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if count = int(n); err != nil || count >= limit {
			return err
		}
		gone, err := endedBefore(w, before, limit-count)
		for _, row := range gone {
			if err != nil {
				return err
			}
			err = forget(w, row, before)
		}
		count += len(gone)
		return err
	})
	return count, err
}

// endedBefore lists sessions that ended before a time.
func endedBefore(w *writer, before int64, limit int) (out []store.Session, err error) {
	rows, err := w.query("SELECT id, compute FROM sessions INDEXED BY sessions_ended WHERE state = 4 AND ended < ? LIMIT ?", before, limit)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var row store.Session
		if err := rows.Scan(&row.ID, &row.ComputeID); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		out = append(out, row)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}

// forget deletes a session, and the events of its machine unless another session of
// that machine is kept.
func forget(w *writer, row store.Session, before int64) error {
	for _, text := range []string{"DELETE FROM docs WHERE id = ?", "DELETE FROM sessions WHERE id = ?"} {
		if _, err := w.exec(text, row.ID); err != nil {
			return err
		}
	}
	if row.ComputeID == "" {
		return nil
	}
	var one int
	err := w.row("SELECT 1 FROM sessions WHERE compute = ? AND compute <> '' AND (state < 4 OR ended >= ?) LIMIT 1", row.ComputeID, before).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = w.exec("DELETE FROM events WHERE topic = 'compute:' || ?", row.ComputeID)
	}
	return err
}
