package sqlite

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// querier is a database, or a transaction of one.
type querier interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

// foreign refuses another program's file before anything is written to it, as connect
// does. A file whose log lies beside it is looked at in the transaction that brings it up
// to date: processes that make the store have one, and a connection that comes and goes
// would be in their way.
func foreign(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 || exists(path+"-wal") {
		return err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=" + waits}).String())
	if err != nil {
		return err
	}
	defer db.Close()
	return ours(ctx, db, path)
}

// ours refuses the database of another program.
func ours(ctx context.Context, db querier, path string) error {
	var marked bool
	if err := db.QueryRowContext(ctx, "SELECT (SELECT user_version FROM pragma_user_version) <> 0 OR (SELECT application_id FROM pragma_application_id) <> 0").Scan(&marked); err != nil {
		return err
	}
	tables, err := tablesOf(ctx, db)
	if err != nil {
		return err
	}
	if len(tables) == 0 && !marked {
		return nil
	}
	for _, own := range []string{"meta", "leases", "sessions"} { // of every version
		if !slices.Contains(tables, own) {
			return &spec.Error{Kind: spec.KindValidation, Message: "the store " + path + " is the database of another program" + naming(tables), Hint: "nothing was changed; set store.url to a file that is Atlas's alone"}
		}
	}
	return nil
}

func tablesOf(ctx context.Context, db querier) (names []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// naming says what a foreign database holds, so that whoever reads it knows the file.
func naming(tables []string) string {
	if len(tables) == 0 {
		return ""
	}
	return "; it has tables such as " + strings.Join(tables[:min(len(tables), 3)], ", ")
}
