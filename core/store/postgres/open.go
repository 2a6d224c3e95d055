package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// Store is one process's handle on the database.
type Store struct {
	pool     *puddle.Pool[*conn]
	identity string
	limit    time.Duration // of one method: a server that is not there any more answers nothing, not even that
	closed   atomic.Bool
}

// Open connects to the database that a postgres:// URL names and brings its
// schema to this version. The URL's password is in no error.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgconn.ParseConfig(url)
	size := int32(8)
	if err == nil {
		if text, ok := config.RuntimeParams["pool_max_conns"]; ok {
			delete(config.RuntimeParams, "pool_max_conns")
			var n int64
			n, err = strconv.ParseInt(text, 10, 32)
			size = max(size, int32(n))
		}
	}
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "config.store.url: cannot be read as the address of a PostgreSQL database", Hint: "give postgres://user:password@host:5432/database"}
	}
	for name, value := range map[string]string{"search_path": "exatlas", "application_name": "exatlas", "bytea_output": "hex",
		// Locks are taken first and what they guard is read after them: under another isolation that would be what was there before.
		"default_transaction_isolation": "read committed"} {
		config.RuntimeParams[name] = value
	}
	// A process that is stopped in a transaction, or cut off, holds what it has locked, and
	// all the others wait: between two statements Atlas does nothing that takes time.
	if _, given := config.RuntimeParams[idleLimit]; !given {
		config.RuntimeParams[idleLimit] = "10s"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	pool, err := newPool(config, size)
	if err != nil {
		return nil, refused(config, err)
	}
	s := &Store{pool: pool, limit: answerLimit}
	if err := s.migrate(ctx); err != nil {
		pool.Close()
		return nil, refused(config, err)
	}
	return s, nil
}

// idleLimit is the server's name for how long a transaction may wait for its next
// statement. The address may set it.
const idleLimit = "idle_in_transaction_session_timeout"

// refused is the error of a database that cannot be used.
func refused(c *pgconn.Config, err error) error {
	if e := (*spec.Error)(nil); errors.As(err, &e) {
		return e
	}
	text := strings.Join(strings.Fields(err.Error()), " ") // on one line
	if password := c.Password; password != "" {
		text = strings.ReplaceAll(text, password, "[redacted]")
	}
	return &spec.Error{Kind: spec.KindInternal, Message: fmt.Sprintf("the store at %s:%d, database %s, cannot be opened: %s", c.Host, c.Port, c.Database, text), Retryable: true,
		Hint: "see that the server is there, and that the user may create the schema exatlas in the database"}
}

// Identity names the store.
func (s *Store) Identity() string { return s.identity }

// Close ends the handle.
func (s *Store) Close() error {
	if !s.closed.Swap(true) {
		s.pool.Close()
	}
	return nil
}

var errClosed = errors.New("the store is closed")

func cannot(doing string, err error) error { return &store.CannotTell{Doing: doing, Err: err} }

// migrations bring the schema from one version to the next. They are only ever
// added to.
var migrations = [...]string{`
CREATE TABLE leases (name text PRIMARY KEY, holder text NOT NULL, fence bigint NOT NULL, expires bigint NOT NULL);
CREATE SEQUENCE fences;
CREATE TABLE sessions (
	id text PRIMARY KEY, owner text NOT NULL, fence bigint NOT NULL, state smallint NOT NULL, provider text NOT NULL, compute text NOT NULL, account text NOT NULL,
	created bigint NOT NULL, touched bigint NOT NULL, ended bigint NOT NULL, word text NOT NULL DEFAULT '', doc bytea NOT NULL) WITH (fillfactor = 80);
CREATE INDEX sessions_compute ON sessions (compute) WHERE compute <> '';
CREATE INDEX sessions_owner ON sessions (owner, fence) WHERE state < 4;
CREATE INDEX sessions_word ON sessions (owner) WHERE word <> '';
CREATE INDEX sessions_intended ON sessions (id) WHERE state = 1;
CREATE INDEX sessions_ended ON sessions (ended) WHERE state = 4;
CREATE TABLE topics (name text PRIMARY KEY, last bigint NOT NULL);
CREATE TABLE events (topic text NOT NULL, seq bigint NOT NULL, time bigint NOT NULL, name text NOT NULL, data bytea NOT NULL, PRIMARY KEY (topic, seq));
CREATE TABLE small (space text NOT NULL, key text NOT NULL, value bytea NOT NULL, PRIMARY KEY (space, key));
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;
`, `
-- Events of kinds that are told again and again. They are found by their time, so that
-- forgetting them reads nothing that stays.
ALTER TABLE events ADD COLUMN passing smallint NOT NULL DEFAULT 0;
UPDATE events SET passing = 1 WHERE name IN ('heartbeat', 'cost', 'status', 'terminate_failed', 'adopted', 'taken_over') OR topic NOT LIKE 'compute:%';
CREATE INDEX events_passing ON events (time) WHERE passing = 1;
`}

// migrationLock keeps two processes from migrating at once.
const migrationLock = 0x65786174

func (s *Store) migrate(ctx context.Context) error {
	return s.begin(ctx, func(c *conn) error {
		if _, err := c.run(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		if _, err := c.run(ctx, "CREATE SCHEMA IF NOT EXISTS exatlas; CREATE TABLE IF NOT EXISTS exatlas.meta (key text PRIMARY KEY, value text NOT NULL)"); err != nil {
			return err
		}
		version := 0
		if _, err := c.one(ctx, []any{&version}, "SELECT value FROM meta WHERE key = $1", "version"); err != nil {
			return err
		}
		if version > len(migrations) {
			return &spec.Error{Kind: spec.KindValidation, Message: fmt.Sprintf("the store has schema version %d, this library knows versions up to %d", version, len(migrations)),
				Hint: "update the library, or give this program a database of its own"}
		}
		for ; version < len(migrations); version++ {
			if _, err := c.run(ctx, migrations[version]); err != nil {
				return err
			}
			if _, err := c.run(ctx, "INSERT INTO meta VALUES ('version', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value", strconv.Itoa(version+1)); err != nil {
				return err
			}
		}
		if _, err := c.run(ctx, "INSERT INTO meta VALUES ('identity', $1) ON CONFLICT DO NOTHING", strings.ToLower(rand.Text()[:6])); err != nil {
			return err
		}
		found, err := c.one(ctx, []any{&s.identity}, "SELECT value FROM meta WHERE key = $1", "identity")
		if err == nil && !found {
			err = errRow
		}
		return err
	})
}

// begin runs a transaction.
func (s *Store) begin(ctx context.Context, do func(*conn) error) error {
	return s.with(ctx, func(c *conn) error {
		if _, err := c.run(ctx, "BEGIN"); err != nil {
			return err
		}
		if err := do(c); err != nil {
			c.rollBack(ctx)
			return err
		}
		r, err := c.run(ctx, "COMMIT")
		if err == nil && r.CommandTag.String() != "COMMIT" {
			err = errors.New("the database rolled the transaction back")
		}
		return err
	})
}

// transact runs a transaction, again where the database rolled it back to let
// another one pass. Any other failure leaves its fate unknown.
func (s *Store) transact(ctx context.Context, doing string, do func(*conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	for try := 0; ; try++ {
		err := s.begin(ctx, do)
		if err == nil {
			return nil
		}
		var fault *pgconn.PgError
		if !errors.As(err, &fault) || fault.Code != "40P01" && fault.Code != "40001" || try == 10 || ctx.Err() != nil {
			return cannot(doing, err)
		}
	}
}

// read runs a query and gathers its rows.
func read[T any](ctx context.Context, s *Store, doing string, fields func(*T) []any, text string, args ...any) (out []T, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	err = s.with(ctx, func(c *conn) (err error) {
		out, err = collect(ctx, c, fields, text, args...)
		return err
	})
	if err != nil {
		return nil, cannot(doing, err)
	}
	return out, nil
}

// exec runs one statement.
func (s *Store) exec(ctx context.Context, doing, text string, args ...any) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	err = s.with(ctx, func(c *conn) error {
		r, err := c.run(ctx, text, args...)
		if err == nil {
			n = r.CommandTag.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, cannot(doing, err)
	}
	return n, nil
}
