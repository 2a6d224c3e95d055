package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

// None is the params of a method that takes none.
type None struct{}

// Info is the result of atlas.info.
type Info struct {
	Version        string           `json:"version" doc:"Version of the library."`
	ABI            int              `json:"abi" doc:"Version of the C interface."`
	PluginABI      int              `json:"plugin_abi" doc:"Version of the provider ABI."`
	Providers      []string         `json:"providers" doc:"Names of the providers, loaded or not."`
	UnusedSections []string         `json:"unused_sections,omitempty" doc:"Sections of the configuration's providers whose names no plugin has now."`
	Live           map[string]int64 `json:"live" doc:"What is alive now: calls, sessions, subscriptions, instances, parked, goroutines, and the gauges of the embedding layer."`
}

func addAtlas(t *Table, s *Services) {
	add(t, "atlas.info", Doc{
		Summary: "Tells the versions, the providers and what is alive in this client.",
		Text:    "It sends nothing and compiles no plugin.",
		Params:  `{}`,
		Result:  `{"version":"0.1.0","abi":1,"plugin_abi":1,"providers":["mock","runpod"],"live":{"calls":1,"goroutines":9,"subscriptions":0}}`,
	}, func(context.Context, *None) (*Info, error) { return s.Info(), nil })
}

// Info is atlas.info.
func (s *Services) Info() *Info {
	return &Info{Version: s.Version, ABI: s.ABI, PluginABI: spec.PluginABI, Providers: s.Names(), UnusedSections: s.Unused(), Live: s.Live()}
}
