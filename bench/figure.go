package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
)

// A figure is one printed line. Ratio is value/peer_value; what it should be is
// said in the name of the figure's limit, where it has one.
type figure struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Peer      string  `json:"peer,omitempty"`
	PeerValue float64 `json:"peer_value,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`
	Limit     string  `json:"limit,omitempty"`
	Met       *bool   `json:"met,omitempty"`
}

// print writes the figure as one line on standard output.
func (f figure) print() {
	if f.PeerValue != 0 {
		f.Ratio = round(f.Value / f.PeerValue)
	}
	f.Value, f.PeerValue = round(f.Value), round(f.PeerValue)
	line, err := json.Marshal(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return
	}
	fmt.Println(string(line))
}

// within sets the limit of a figure and whether it is met.
func (f figure) within(limit string, met bool) figure {
	f.Limit, f.Met = limit, &met
	return f
}

func round(v float64) float64 { return float64(int64(v*1000+0.5)) / 1000 }

// median returns the middle of the rounds.
func median(rounds []float64) float64 {
	sorted := append([]float64(nil), rounds...)
	sort.Float64s(sorted)
	return sorted[len(sorted)/2]
}
