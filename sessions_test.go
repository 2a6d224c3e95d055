package atlas_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/sqlite"
)

// TestEvents_OfAStoreAreThereAsSoonAsTheClientIsOpen subscribes before the store can
// have been opened in the background.
func TestEvents_OfAStoreAreThereAsSoonAsTheClientIsOpen(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "atlas.db")
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(ctx, "compute:m1", []store.Event{{Name: "a"}, {Name: "b"}, {Name: "c"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := open(t, `{"store":{"url":"sqlite:`+path+`"}}`)
	sub, err := c.Events.Subscribe(ctx, atlas.SubscribeParams{Topic: "compute:m1", From: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if sub.NextSeq != 2 {
		t.Fatalf("the first event has number %d", sub.NextSeq)
	}
}
