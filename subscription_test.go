package atlas_test

import (
	"errors"
	"io"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/sqlite"
)

// stored subscribes to a topic of three events that are there already.
func stored(t *testing.T) (*atlas.Client, *atlas.Subscription) {
	t.Helper()
	path := t.TempDir() + "/atlas.db"
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Append(t.Context(), "compute:m1", []store.Event{{Name: "a"}, {Name: "b"}, {Name: "c"}})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	c := open(t, `{"store":{"url":"sqlite:`+path+`"}}`)
	sub, err := c.Events.Subscribe(t.Context(), atlas.SubscribeParams{Topic: "compute:m1", From: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c, sub
}

func TestSubscription_TellsThatTheClientClosedFromItsEnd(t *testing.T) {
	c, sub := stored(t)
	c.Close(-1)
	for _, want := range []string{"a", "b", "c"} {
		if event, err := sub.Next(t.Context()); err != nil || event.Name != want {
			t.Fatalf("%v %v, want %s", event, err, want)
		}
	}
	if _, err := sub.Next(t.Context()); atlas.KindOf(err) != atlas.KindCancelled {
		t.Errorf("the client is closed: %v", err)
	}
	count := 0
	for _, err := range sub.All(t.Context()) {
		if count++; atlas.KindOf(err) != atlas.KindCancelled {
			t.Errorf("ranging: %v", err)
		}
	}
	if count != 1 {
		t.Errorf("the loop ran %d times", count)
	}
}

func TestSubscription_EndsAfterItsOwnClose(t *testing.T) {
	_, sub := stored(t)
	for event := range sub.All(t.Context()) {
		if event.Name == "b" {
			break
		}
	}
	if event, err := sub.Next(t.Context()); err != nil || event.Name != "c" {
		t.Errorf("after the loop was left: %v %v", event, err)
	}
	for range 2 {
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := sub.Next(t.Context()); err != io.EOF {
		t.Errorf("after Close: %v", err)
	}
}
