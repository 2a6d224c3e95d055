package sqlite

import (
	"database/sql"
	"fmt"
	"time"
)

// clock is the store's: the wall clock of the moment when the file was first
// opened after a boot, and from then on the time since that boot. All processes
// of a boot reckon it alike, whatever becomes of the wall clock.
type clock struct {
	ahead int64 // what is added to the time since boot, ms
	read  func() (ms int64, boot string)
}

func (c clock) now() int64 {
	ms, _ := c.read()
	return ms + c.ahead
}

// openClock finds out how far this boot's clock is ahead, in the transaction that
// opens the file.
func openClock(tx *sql.Tx) (clock, error) { return clockOf(tx, sinceBoot) }

func clockOf(tx *sql.Tx, read func() (int64, string)) (clock, error) {
	c := clock{read: read}
	ms, boot := c.read()
	var then string
	var seen int64
	text, err := meta(tx, "clock", func() string { return "0 none 0" })
	if err != nil {
		return c, err
	}
	if _, err := fmt.Sscanf(text, "%d %s %d", &c.ahead, &then, &seen); err != nil {
		return c, fmt.Errorf("the store's clock cannot be read: %w", err)
	}
	if then == boot && ms+c.ahead >= seen {
		return c, nil
	}
	c.ahead = max(time.Now().UnixMilli(), seen) - ms
	return c, c.keep(tx)
}

// keep writes down how far the clock has come, so that it never goes back.
func (c clock) keep(tx *sql.Tx) error {
	ms, boot := c.read()
	return setMeta(tx, "clock", fmt.Sprintf("%d %s %d", c.ahead, boot, ms+c.ahead))
}
