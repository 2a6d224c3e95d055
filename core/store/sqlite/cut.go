package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// leastFile is the size of SQLite's smallest page: what is shorter is no database, and
// of a few bytes it would make a new one all the same.
const leastFile = 512

// uncut refuses a file that was cut. An empty one is a new store to SQLite, and to Atlas
// where nothing beside it tells that there was one. Where something does it is looked at
// again as long as wait says so: it may be somebody's who is making it just now, after
// the last store there was deleted.
func uncut(path string, used bool, wait func() bool) error {
	for {
		info, err := os.Stat(path)
		if err != nil || info.Size() >= leastFile {
			return err
		}
		if info.Size() > 0 {
			return fmt.Errorf("file is not a database: it has %d bytes", info.Size())
		}
		log, _ := os.Stat(path + "-wal") // SQLite deletes that of an empty file
		if !used && (log == nil || log.Size() == 0) {
			return nil
		}
		if !wait() {
			return errCut
		}
	}
}

// forMaker waits for whoever makes a file, for a second in all.
func forMaker(ctx context.Context) func() bool {
	const pause = 50 * time.Millisecond
	left := time.Second / pause
	return func() bool {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
		left--
		return left > 0
	}
}

var errCut = errors.New("it is empty, and what lies beside it is that of a store in use: it was cut")

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
