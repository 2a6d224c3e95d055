// Package logs reads the logs of Fly's apps: page by page, or as events while
// they are written.
//
// However many subscribe to an app, one streamer reads it: the first subscription
// starts it and the last one's end stops it. It asks the route flyctl uses, which
// answers pages and a cursor. Lines may arrive late, behind the cursor, so the
// last seconds are read again and again and every line is handed out once: a line
// is known by its machine, time and text, and two equal ones by their number. The
// pace follows what comes. A refused token is replaced once; a missing app ends
// the stream; everything else is waited out.
//
// A subscription has a queue of its own. One that is read too slowly loses lines,
// learns how many, and holds up nobody.
//
// The package sends requests through the Getter it is given and knows no token's
// origin; dispatch calls it.
package logs
