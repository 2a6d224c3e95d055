package vast

import (
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	simvast "github.com/exatlas/atlas/sim/vast"
)

func texts(page *spec.LogsPage) string {
	var list []string
	for _, l := range page.Lines {
		list = append(list, l.Line)
	}
	return strings.Join(list, "|")
}

func TestLogs_AreReadOnWithoutLossOrRepetition(t *testing.T) {
	r := newRig(t, simvast.Options{LogMisses: 3})
	c := r.spawn(request())
	ask := func(q spec.LogsRequest) *spec.LogsPage {
		t.Helper()
		q.ID = c.ID
		page, err := getLogs(r.env, &q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	r.Clock.Advance(20 * time.Second)
	first := ask(spec.LogsRequest{})
	if texts(first) != "starting img:1|server listens|tick 1|tick 2" || first.Lines[0].Source != "container" || first.Cursor == "" {
		t.Errorf("%+v", first)
	}
	if put := r.last("PUT", "/api/v0/instances/request_logs/"); !put.aside || at(t, put.body, "tail") != "1000" {
		t.Errorf("%+v", put)
	}
	r.Clock.Advance(30 * time.Second)
	second := ask(spec.LogsRequest{Cursor: first.Cursor})
	if texts(second) != "tick 3|tick 4|tick 5" {
		t.Errorf("%+v", second)
	}
	if third := ask(spec.LogsRequest{Cursor: second.Cursor}); len(third.Lines) != 0 || third.Cursor != second.Cursor {
		t.Errorf("%+v", third)
	}
	r.Clock.Advance(time.Hour)
	if fourth := ask(spec.LogsRequest{Cursor: second.Cursor}); len(fourth.Lines) != 360 || fourth.Lines[0].Line != "tick 6" {
		t.Errorf("%d lines, %+v", len(fourth.Lines), fourth.Lines[0])
	}
	if page := ask(spec.LogsRequest{Tail: 2}); texts(page) != "tick 364|tick 365" {
		t.Errorf("%+v", page)
	}
	if page := ask(spec.LogsRequest{Source: "system"}); !strings.Contains(texts(page), "create_contract") || page.Lines[0].Source != "system" {
		t.Errorf("%+v", page)
	}
}

func TestLogs_AreEmptyUntilTheFileIsThere(t *testing.T) {
	r := newRig(t, simvast.Options{LogMisses: 1000})
	c := r.spawn(request())
	for wait, want := range map[int64]int{0: defaultLook, 1: 1, 1000: 3, 100_000: maxLook} {
		r.sent = nil
		page, err := getLogs(r.env, &spec.LogsRequest{ID: c.ID, WaitMS: wait, Cursor: "1.ab"})
		if err != nil || len(page.Lines) != 0 || page.Cursor != "1.ab" || len(r.sent) != want+1 {
			t.Errorf("waiting %d: %+v %v, %d requests", wait, page, err, len(r.sent))
		}
	}
}

func TestLogs_RefuseWhatCannotBe(t *testing.T) {
	env, _ := scripted(t)
	for _, row := range []struct {
		spec.LogsRequest
		kind spec.Kind
	}{
		{spec.LogsRequest{ID: "1", Since: "2026-01-01T00:00:00Z"}, spec.KindUnsupported},
		{spec.LogsRequest{ID: "1", Source: "kernel"}, spec.KindValidation},
		{spec.LogsRequest{ID: "1", Cursor: "x"}, spec.KindValidation},
		{spec.LogsRequest{ID: "1", Cursor: "99.ab"}, spec.KindValidation},
	} {
		if _, err := getLogs(env, &row.LogsRequest); err == nil || err.Kind != row.kind {
			t.Errorf("%+v: %v", row, err)
		}
	}
	for _, row := range []struct {
		answers []sdk.Response
		kind    spec.Kind
	}{
		{[]sdk.Response{say(404, `{"error":"invalid_id","msg":"Invalid instance id."}`)}, spec.KindNotFound},
		{[]sdk.Response{say(403, `{"error":"not_authorized","msg":"Not authorized to view logs for this instance"}`)}, spec.KindForbidden},
		{[]sdk.Response{say(200, `{"success":true}`)}, spec.KindProvider},
		{[]sdk.Response{say(200, `{"success":true,"result_url":"https://s3.amazonaws.com/vast.ai/x"}`), say(500, `x`)}, spec.KindProvider},
		{[]sdk.Response{say(200, `{"success":true,"result_url":"https://s3.amazonaws.com/vast.ai/x"}`), say(0, ``)}, spec.KindTransport},
	} {
		env, _ := scripted(t, row.answers...)
		if _, err := getLogs(env, &spec.LogsRequest{ID: "1"}); err == nil || err.Kind != row.kind {
			t.Errorf("%s: %v", row.answers[0].Body, err)
		}
	}
}
