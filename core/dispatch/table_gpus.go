package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
)

// GPUCatalog is the result of gpus.catalog.
type GPUCatalog struct {
	Items []catalog.Entry `json:"items" doc:"The canonical GPUs by name."`
}

func addGPUs(t *Table, s *Services) {
	add(t, "gpus.catalog", Doc{
		Summary: "Lists the canonical GPU names with each cloud's own identifiers.",
		Text:    "It sends nothing. A native name works wherever a canonical one does.",
		Params:  `{}`,
		Result:  `{"items":[{"name":"h100","memory_gb":80,"native":{"lambda_labs":"gpu_1x_h100_pcie","runpod":"NVIDIA H100 80GB HBM3","vast":"H100 SXM"}}]}`,
	}, func(context.Context, *None) (*GPUCatalog, error) { return &GPUCatalog{Items: s.Catalog.Entries()}, nil })
	add(t, "gpus.list", Doc{
		Summary: "Lists what a cloud offers now, with prices and stock.",
		Text:    "Stock is a hint: only a create that succeeds is a machine.",
		Errors:  cloudKinds(spec.KindUnsupported),
		Params:  `{"provider":"runpod","gpu_count":1}`,
		Result:  `{"items":[{"id":"NVIDIA GeForce RTX 4090","provider":"runpod","canonical":"rtx_4090","display_name":"RTX 4090","memory_gb":24,"price_per_hour":0.31,"stock":"high","cloud_type":"community"}]}`,
	}, func(ctx context.Context, p *compute.GPUsParams) (*spec.GPUTypeList, error) {
		return s.Compute.GPUs(ctx, p)
	})
}
