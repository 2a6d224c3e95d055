package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/exatlas/atlas/sim"
)

func TestRent_RentsUsesAndGivesBack(t *testing.T) {
	cloud, err := sim.Start("runpod", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	var out bytes.Buffer
	getenv := func(name string) string { return map[string]string{"RUNPOD_API_KEY": "go-example-key"}[name] }
	if err := rent(&out, cloud.URL(), getenv); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"rented rtx_4090", "/proxy/", "Authorization: Bearer", `{"echo":{"prompt":"hello"}}`, "given back"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
	if machines := cloud.Machines(); len(machines) != 0 {
		t.Errorf("left: %v", machines)
	}
	if err := rent(&out, "", func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "no credential") {
		t.Errorf("without a key: %v", err)
	}
}
