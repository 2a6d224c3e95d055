package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
)

func TestMain(m *testing.M) { leak.Main(m) }

func key(name string) string {
	if name == "RUNPOD_API_KEY" {
		return "rpa_CANARY"
	}
	return ""
}

func TestRent_TellsTheStoryAndLeavesNothing(t *testing.T) {
	cloud, err := sim.Start("runpod", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	var out bytes.Buffer
	if err := run(context.Background(), &out, cloud.URL(), key); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^rented rtx_4090 for \$0\.44 an hour
the browser calls ` + regexp.QuoteMeta(cloud.URL()) + `/proxy/\w+/8000
with the header Authorization: Bearer \S{8}\.\.\.
(the job says chunk \{"output":.*\}
)+the job says result \{"final":true,.*\}
given back
$`)
	if !want.MatchString(out.String()) {
		t.Errorf("it said\n%s", out.String())
	}
	if strings.Contains(out.String(), "CANARY") {
		t.Error("it told the key")
	}
	if machines := cloud.Machines(); len(machines) != 0 {
		t.Errorf("left: %+v", machines)
	}
}

func TestRent_SaysWhyThereIsNone(t *testing.T) {
	cloud, err := sim.Start("runpod", sim.Options{Settings: []byte(`{"capacity":[{"count":0}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	var out bytes.Buffer
	if err := run(context.Background(), &out, cloud.URL(), key); atlas.KindOf(err) != atlas.KindCapacity || !strings.Contains(err.Error(), "no GPU is free") || out.Len() != 0 {
		t.Errorf("%v, and it said %q", err, out.String())
	}
	nothing := func(string) string { return "" }
	if err := run(context.Background(), &out, cloud.URL(), nothing); atlas.KindOf(err) != atlas.KindUnauthorized {
		t.Errorf("without a key: %v", err)
	}
}

func TestRent_GivesTheMachineBackWhenTheWaitFails(t *testing.T) {
	cloud, err := sim.Start("runpod", sim.Options{Settings: []byte(`{"boot_ms":3600000}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := &bytes.Buffer{}
	done := make(chan error, 1)
	go func() { done <- run(ctx, out, cloud.URL(), key) }()
	for len(cloud.Machines()) == 0 {
		select {
		case err := <-done:
			t.Fatalf("ended early: %v", err)
		case <-time.After(time.Millisecond): // looks again
		}
	}
	cancel()
	if err := <-done; atlas.KindOf(err) != atlas.KindCancelled {
		t.Errorf("%v", err)
	}
	if machines := cloud.Machines(); len(machines) != 0 {
		t.Errorf("left: %+v", machines)
	}
}
