package mock

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// canonical are the GPUs of Atlas's catalogue: the mock cloud has them all, so that
// a test of a program runs on it whatever cloud the program is meant for. A test
// holds them against the catalogue.
const canonical = "h100 a10 a100_40g a100_80g a100_80g_sxm a2000 a30 a40 a4000 a4500 a5000 a6000 b200 b300 gh200 h100_nvl h100_pcie h100_sxm h200 h200_nvl l4 l40 l40s " +
	"mi300x rtx_2000_ada rtx_3070 rtx_3080 rtx_3080_ti rtx_3090 rtx_3090_ti rtx_4000_ada rtx_4000_sff_ada rtx_4070_ti rtx_4080 rtx_4080_super rtx_4090 " +
	"rtx_5000_ada rtx_5080 rtx_5090 rtx_6000 rtx_6000_ada rtx_pro_4500 rtx_pro_6000 rtx_pro_6000_max_q rtx_pro_6000_mig_24g rtx_pro_6000_mig_48g " +
	"rtx_pro_6000_workstation t4 v100_16g v100_16g_pcie v100_32g v100_32g_pcie"

// gpus names them as the mock cloud does: mock-h100, mock-rtx-4090.
func gpus() []spec.ManifestGPU {
	names := strings.Fields(canonical)
	list := make([]spec.ManifestGPU, len(names))
	for i, one := range names {
		list[i] = spec.ManifestGPU{Canonical: one, Native: "mock-" + strings.ReplaceAll(one, "_", "-")}
	}
	return list
}
