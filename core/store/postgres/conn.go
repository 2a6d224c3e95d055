package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/exatlas/atlas/core/store"
)

const (
	checkAfter  = time.Second      // a connection that was idle so long is asked whether it still is one
	closeAfter  = 30 * time.Minute // and after so long it is not used any more
	answerLimit = 30 * time.Second // whatever is asked, and by a caller without a deadline too
	ownLimit    = 5 * time.Second  // what is said on nobody's behalf waits so long for the server
)

// conn is a connection with the statements that were prepared on it. Values go
// both ways as text: with a handful of types there is no need for a driver that
// maps all of them, which is 2 MB of the library.
type conn struct {
	*pgconn.PgConn
	prepared map[string]string // names by text
}

func dial(config *pgconn.Config) func(context.Context) (*conn, error) {
	return func(ctx context.Context) (*conn, error) {
		c, err := pgconn.ConnectConfig(ctx, config)
		return &conn{PgConn: c, prepared: map[string]string{}}, err
	}
}

func hangUp(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), ownLimit)
	defer cancel()
	_ = c.Close(ctx) // the server notices otherwise
}

// answers tells whether a connection still is one. A server that hangs is not waited
// for as long as the caller would wait for its own statement, which may be for ever.
func (c *conn) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, ownLimit)
	defer cancel()
	return c.Ping(ctx) == nil
}

// rollBack ends a transaction that failed, its caller's deadline or not: a connection
// is dear, and goes on to the next caller. Where the server does not say so in time
// the connection is closed, and the transaction with it.
func (c *conn) rollBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ownLimit)
	defer cancel()
	if _, err := c.run(ctx, "ROLLBACK"); err != nil {
		_ = c.Close(ctx) // it is not lent again, whatever this says
	}
}

// with lends a connection that works.
func (s *Store) with(ctx context.Context, do func(*conn) error) error {
	if s.closed.Load() {
		return errClosed
	}
	for {
		lent, err := s.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		c := lent.Value()
		if idle := lent.IdleDuration(); idle > closeAfter || idle > checkAfter && !c.answers(ctx) {
			lent.Destroy()
			continue
		}
		defer func() {
			if c.IsClosed() || c.TxStatus() != 'I' {
				lent.Destroy()
			} else {
				lent.Release()
			}
		}()
		return do(c)
	}
}

// run carries out a statement and reads its rows. Without arguments the text may
// hold several statements.
func (c *conn) run(ctx context.Context, text string, args ...any) (*pgconn.Result, error) {
	if len(args) == 0 {
		results, err := c.Exec(ctx, text).ReadAll()
		if err != nil || len(results) == 0 {
			return &pgconn.Result{}, err
		}
		return results[len(results)-1], nil
	}
	name, ok := c.prepared[text]
	if !ok {
		name = "s" + strconv.Itoa(len(c.prepared))
		if _, err := c.Prepare(ctx, name, text, nil); err != nil {
			return nil, err
		}
		c.prepared[text] = name
	}
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = encode(a)
	}
	r := c.ExecPrepared(ctx, name, values, nil, nil).Read()
	return r, r.Err
}

// one reads the only row of a statement. found is false where there is none.
func (c *conn) one(ctx context.Context, into []any, text string, args ...any) (found bool, err error) {
	r, err := c.run(ctx, text, args...)
	if err != nil || len(r.Rows) == 0 {
		return false, err
	}
	return true, scanRow(r.Rows[0], into...)
}

// collect reads all rows of a statement.
func collect[T any](ctx context.Context, c *conn, fields func(*T) []any, text string, args ...any) ([]T, error) {
	r, err := c.run(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(r.Rows))
	for i, row := range r.Rows {
		if err := scanRow(row, fields(&out[i])...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// itself is the fields of a row that is one value.
func itself[T any](v *T) []any { return []any{v} }

// encode writes a value as PostgreSQL reads it.
func encode(value any) []byte {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		return []byte(holdable(v))
	case int:
		return strconv.AppendInt(nil, int64(v), 10)
	case int64:
		return strconv.AppendInt(nil, v, 10)
	case store.State:
		return strconv.AppendInt(nil, int64(v), 10)
	case []byte:
		return hex.AppendEncode([]byte(`\x`), v)
	case []string:
		return array(v, func(b []byte, s string) []byte {
			return append(append(append(b, '"'), quoter.Replace(holdable(s))...), '"')
		})
	case []int64:
		return array(v, func(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) })
	case [][]byte:
		return array(v, func(b []byte, data []byte) []byte {
			return append(hex.AppendEncode(append(b, `"\\x`...), data), '"')
		})
	}
	panic(fmt.Sprintf("postgres: %T has no text", value)) // a new type of column needs a line above
}

// holdable is a text that PostgreSQL takes: it refuses a statement for a zero, or what is
// no UTF-8, in any of its texts, and callers may send both. Such a text is quoted, behind
// what no name of a session or machine begins with.
func holdable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return string(utf8.RuneError) + strconv.QuoteToASCII(text)
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func array[T any](list []T, add func([]byte, T) []byte) []byte {
	out := []byte{'{'}
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = add(out, v)
	}
	return append(out, '}')
}

var errRow = errors.New("the database answered something else than was asked for")

// scanRow reads a row of text.
func scanRow(row [][]byte, into ...any) (err error) {
	if len(row) != len(into) {
		return errRow
	}
	for i, target := range into {
		text := string(row[i])
		switch p := target.(type) {
		case *string:
			*p = text
		case *bool:
			*p = text == "t"
		case *int:
			*p, err = strconv.Atoi(text)
		case *store.State:
			*(*int)(p), err = strconv.Atoi(text)
		case *int64:
			*p, err = strconv.ParseInt(text, 10, 64)
		case *uint64:
			*p, err = strconv.ParseUint(text, 10, 64)
		case *[]byte:
			if *p, err = hex.DecodeString(strings.TrimPrefix(text, `\x`)); err == nil && !strings.HasPrefix(text, `\x`) {
				err = errRow
			}
		default:
			err = errRow
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newPool is of connections that are made when they are needed.
func newPool(config *pgconn.Config, size int32) (*puddle.Pool[*conn], error) {
	return puddle.NewPool(&puddle.Config[*conn]{Constructor: dial(config), Destructor: hangUp, MaxSize: size})
}
