package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// Store is one process's handle on the database.
type Store struct {
	pool     *pgxpool.Pool
	identity string
	closed   atomic.Bool
}

// Open connects to the database that a postgres:// URL names and brings its
// schema to this version. The URL's password is in no error.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "config.store.url: cannot be read as the address of a PostgreSQL database", Hint: "give postgres://user:password@host:5432/database"}
	}
	config.ConnConfig.RuntimeParams["search_path"] = "exatlas"
	config.ConnConfig.RuntimeParams["application_name"] = "exatlas"
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	config.MaxConns = max(config.MaxConns, 8)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, refused(config, err)
	}
	s := &Store{pool: pool}
	if err := s.migrate(ctx); err != nil {
		pool.Close()
		return nil, refused(config, err)
	}
	return s, nil
}

// refused is the error of a database that cannot be used.
func refused(c *pgxpool.Config, err error) error {
	if e := (*spec.Error)(nil); errors.As(err, &e) {
		return e
	}
	text := err.Error()
	if password := c.ConnConfig.Password; password != "" {
		text = strings.ReplaceAll(text, password, "[redacted]")
	}
	return &spec.Error{Kind: spec.KindInternal, Message: fmt.Sprintf("the store at %s:%d, database %s, cannot be opened: %s", c.ConnConfig.Host, c.ConnConfig.Port, c.ConnConfig.Database, text), Retryable: true,
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
`}

// migrationLock keeps two processes from migrating at once.
const migrationLock = 0x65786174

func (s *Store) migrate(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS exatlas"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS exatlas.meta (key text PRIMARY KEY, value text NOT NULL)"); err != nil {
			return err
		}
		version := 0
		err := tx.QueryRow(ctx, "SELECT value::int FROM meta WHERE key = 'version'").Scan(&version)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if version > len(migrations) {
			return &spec.Error{Kind: spec.KindInternal, Message: fmt.Sprintf("the store has schema version %d, this library knows versions up to %d", version, len(migrations)),
				Hint: "update the library, or give this program a database of its own"}
		}
		for ; version < len(migrations); version++ {
			if _, err := tx.Exec(ctx, migrations[version]); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO meta VALUES ('version', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value", fmt.Sprint(version+1)); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "INSERT INTO meta VALUES ('identity', $1) ON CONFLICT DO NOTHING", strings.ToLower(rand.Text()[:6])); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT value FROM meta WHERE key = 'identity'").Scan(&s.identity)
	})
}

// transact runs a transaction, again where the database rolled it back to let
// another one pass. Any other failure leaves its fate unknown.
func (s *Store) transact(ctx context.Context, doing string, do func(pgx.Tx) error) error {
	if s.closed.Load() {
		return cannot(doing, errClosed)
	}
	for try := 0; ; try++ {
		err := pgx.BeginFunc(ctx, s.pool, do)
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
func read[T any](ctx context.Context, s *Store, doing string, scan func(pgx.CollectableRow) (T, error), text string, args ...any) ([]T, error) {
	if s.closed.Load() {
		return nil, cannot(doing, errClosed)
	}
	rows, err := s.pool.Query(ctx, text, args...)
	if err != nil {
		return nil, cannot(doing, err)
	}
	out, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, cannot(doing, err)
	}
	return out, nil
}

// exec runs one statement.
func (s *Store) exec(ctx context.Context, doing, text string, args ...any) (int64, error) {
	if s.closed.Load() {
		return 0, cannot(doing, errClosed)
	}
	tag, err := s.pool.Exec(ctx, text, args...)
	if err != nil {
		return 0, cannot(doing, err)
	}
	return tag.RowsAffected(), nil
}
