package compute

import (
	"context"
	"fmt"
	"testing"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

func TestListings_GoOnWhereAPageEnds(t *testing.T) {
	f := newFake()
	for i := range 25 {
		id := fmt.Sprintf("m%02d", i)
		f.machines[id] = machine(id, func(c *spec.Compute) { c.Name, c.RequestID = "name-"+id, "request-"+id })
	}
	r := newRig(f, Settings{})
	for _, page := range []int{0, 1, 5, 7, 25} { // 5 divides it: the last page is empty
		f.page = page
		list, err := r.List(context.Background(), &ListParams{})
		if err != nil || len(list.Items) != 25 || list.Items[24].ID != "m24" {
			t.Errorf("pages of %d: %+v %v", page, list, err)
		}
		named, err := r.List(context.Background(), &ListParams{Name: "name-m19"})
		if err != nil || len(named.Items) != 1 || named.Items[0].ID != "m19" {
			t.Errorf("pages of %d: %+v %v", page, named, err)
		}
		a, err := r.Directory.Find(context.Background(), "", spec.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		found, missing, _, wrong := r.finder.find(context.Background(), &a, []claim{{requestID: "request-m03"}, {requestID: "request-m24"}, {requestID: "none"}})
		if wrong != nil || len(found) != 2 || len(missing) != 1 || found[0].ID != "m03" || found[1].ID != "m24" {
			t.Errorf("pages of %d: %+v %v", page, found, wrong)
		}
	}
	f.page = 10
	var ids []string
	cursor, pages := "", 0
	for pages == 0 || cursor != "" {
		items, next, err := r.Page(context.Background(), provider.Target{}, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for i := range items {
			ids = append(ids, items[i].ID)
		}
		cursor = next
		pages++
	}
	if pages != 3 || len(ids) != 25 || ids[24] != "m24" {
		t.Errorf("%d pages: %v", pages, ids)
	}
	r.finish(t)
}

func TestListings_WhosePagesNeverEndAreGivenUp(t *testing.T) {
	f := newFake()
	f.endless = true
	r := newRig(f, Settings{})
	if list, err := r.List(context.Background(), &ListParams{}); kind(err) != spec.KindProvider || list != nil {
		t.Errorf("%+v %v", list, err)
	}
	r.finish(t)
}

// A machine that comes while a listing is read moves the others on by one, so that the
// last of a page is the first of the next.
func TestList_ShowsAMachineOnceThatTwoPagesShow(t *testing.T) {
	f := newFake()
	pages := []string{`{"items":[{"id":"a"},{"id":"b"}],"next":"2"}`, `{"items":[{"id":"b"},{"id":"c"}]}`}
	f.answer = func(string, any) (spec.Raw, bool) {
		page := pages[0]
		pages = pages[1:]
		return spec.Raw(page), true
	}
	r := newRig(f, Settings{})
	list, err := r.List(context.Background(), &ListParams{})
	if err != nil || len(list.Items) != 3 || list.Items[2].ID != "c" {
		t.Errorf("%+v %v", list, err)
	}
	r.finish(t)
}

func TestListings_WhosePagesLeadInACircleAreGivenUpAtOnce(t *testing.T) {
	f := newFake()
	n := 0
	f.answer = func(string, any) (spec.Raw, bool) {
		n++
		return spec.Raw(fmt.Sprintf(`{"items":[{"id":"m%d"}],"next":"%d"}`, n%3, n%3)), true
	}
	r := newRig(f, Settings{})
	if list, err := r.List(context.Background(), &ListParams{}); kind(err) != spec.KindProvider || list != nil || n > 4 {
		t.Errorf("after %d parts: %+v %v", n, list, err)
	}
	r.finish(t)
}
