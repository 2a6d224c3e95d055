package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSQLite_PruneReadsNothingThatStays looks at how the database goes about it: a
// pass over all events would hold up every other write of every process.
func TestSQLite_PruneReadsNothingThatStays(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "atlas.db"))
	rows, err := s.reads.Query("EXPLAIN QUERY PLAN "+prunePassing, 1000, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
		if strings.HasPrefix(step, "SCAN events") {
			t.Error("it reads all events")
		}
	}
	if err := rows.Err(); err != nil || len(plan) == 0 {
		t.Fatal(plan, err)
	}
	t.Log(strings.Join(plan, "; "))
}
