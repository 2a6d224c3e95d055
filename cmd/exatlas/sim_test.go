package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

// TestSim_ADeviceForItsInputHoldsNobody starts the simulator as shells do in the
// background: with /dev/null or the terminal as its standard input.
func TestSim_ADeviceForItsInputHoldsNobody(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	text := strings.NewReader("")
	for _, row := range []struct {
		name       string
		in, expect io.Reader
	}{{"a device", null, nil}, {"a pipe", reader, reader}, {"no file", text, text}} {
		if got := held(row.in); got != row.expect {
			t.Errorf("of %s it reads %v", row.name, got)
		}
	}
}
