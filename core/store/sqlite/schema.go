package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// migrations bring the schema from one version to the next. They are only ever
// added to.
var migrations = [...]string{`
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (
	id TEXT PRIMARY KEY, owner TEXT NOT NULL, fence INTEGER NOT NULL, state INTEGER NOT NULL, provider TEXT NOT NULL, compute TEXT NOT NULL, user TEXT NOT NULL,
	created INTEGER NOT NULL, touched INTEGER NOT NULL, ended INTEGER NOT NULL, word TEXT NOT NULL DEFAULT '', doc BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_compute ON sessions (compute) WHERE compute <> '';
CREATE INDEX sessions_owner ON sessions (owner, fence) WHERE state < 4;
CREATE INDEX sessions_word ON sessions (owner) WHERE word <> '';
CREATE INDEX sessions_intended ON sessions (id) WHERE state = 1;
CREATE INDEX sessions_ended ON sessions (ended) WHERE state = 4;
CREATE TABLE topics (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE events (topic TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (topic, seq)) WITHOUT ROWID;
CREATE TABLE small (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID;
`, `
-- Apart from the columns: those are written again at each activity and each change
-- of owners, of many sessions at once, and take a tenth of the room.
CREATE TABLE docs (id TEXT PRIMARY KEY, doc BLOB NOT NULL);
INSERT INTO docs SELECT id, doc FROM sessions;
ALTER TABLE sessions DROP COLUMN doc;
`, `
-- Events of kinds that are told again and again. They are found by their time, so that
-- forgetting them reads nothing that stays.
ALTER TABLE events ADD COLUMN passing INTEGER NOT NULL DEFAULT 0;
UPDATE events SET passing = 1 WHERE name IN ('heartbeat', 'cost', 'status', 'terminate_failed', 'adopted', 'taken_over') OR topic NOT LIKE 'compute:%';
CREATE INDEX events_passing ON events (time) WHERE passing = 1;
`}

// migrate brings the file to this version, and reads what never changes.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := ours(ctx, tx, s.path); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return &spec.Error{Kind: spec.KindValidation, Message: fmt.Sprintf("the store %s has schema version %d, this library knows versions up to %d", s.path, version, len(migrations)),
			Hint: "update the library, or give this program a store of its own"}
	}
	for ; version < len(migrations); version++ {
		if _, err := tx.Exec(migrations[version]); err != nil {
			return err
		}
		if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
			return err
		}
	}
	if s.identity, err = meta(tx, "identity", func() string { return strings.ToLower(rand.Text()[:6]) }); err != nil {
		return err
	}
	if s.clock, err = openClock(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// meta reads a value that is made when it is not there.
func meta(tx *sql.Tx, key string, otherwise func() string) (value string, err error) {
	err = tx.QueryRow("SELECT value FROM meta WHERE key = ?", key).Scan(&value)
	if err == sql.ErrNoRows {
		value = otherwise()
		err = setMeta(tx, key, value)
	}
	return value, err
}

func setMeta(tx *sql.Tx, key, value string) error {
	_, err := tx.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	return err
}
