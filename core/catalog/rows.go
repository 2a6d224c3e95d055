package catalog

// row is one line of the table.
type row struct {
	name     string
	memoryGB float64
	runpod   string
	lambda   string
	vast     string
}

// rows is the table. RunPod: its GPU types of 2026-02-12. Lambda: the instance
// type with one GPU, also of GPUs that are sold by eight alone, by the fact sheet
// of 2026-11-23. Vast: gpu_name as its REST API spells it, with spaces; where one
// name stands for cards of several sizes, the name with the memory in GB after an
// @, which the provider vast takes apart. Fly has rented none since 2026-08-01.
func rows() []row {
	return []row{
		{name: "b300", memoryGB: 288, runpod: "NVIDIA B300 SXM6 AC"},
		{name: "b200", memoryGB: 180, runpod: "NVIDIA B200", lambda: "gpu_1x_b200_sxm6", vast: "B200"},
		{name: "gh200", memoryGB: 96, lambda: "gpu_1x_gh200", vast: "GH200 SXM@96"},
		{name: "h200", memoryGB: 141, runpod: "NVIDIA H200", vast: "H200"},
		{name: "h200_nvl", memoryGB: 143, runpod: "NVIDIA H200 NVL", vast: "H200 NVL"},
		{name: "h100", memoryGB: 80, runpod: "NVIDIA H100 80GB HBM3", lambda: "gpu_1x_h100_pcie", vast: "H100 SXM"},
		{name: "h100_sxm", memoryGB: 80, runpod: "NVIDIA H100 80GB HBM3", lambda: "gpu_1x_h100_sxm5", vast: "H100 SXM"},
		{name: "h100_pcie", memoryGB: 80, runpod: "NVIDIA H100 PCIe", lambda: "gpu_1x_h100_pcie", vast: "H100 PCIE"},
		{name: "h100_nvl", memoryGB: 94, runpod: "NVIDIA H100 NVL", vast: "H100 NVL"},
		{name: "a100_80g", memoryGB: 80, runpod: "NVIDIA A100 80GB PCIe", lambda: "gpu_1x_a100_80gb_sxm4", vast: "A100 PCIE@80"},
		{name: "a100_80g_sxm", memoryGB: 80, runpod: "NVIDIA A100-SXM4-80GB", lambda: "gpu_1x_a100_80gb_sxm4", vast: "A100 SXM4@80"},
		{name: "a100_40g", memoryGB: 40, lambda: "gpu_1x_a100_sxm4", vast: "A100 PCIE@40"},
		{name: "mi300x", memoryGB: 192, runpod: "AMD Instinct MI300X OAM"},
		{name: "l40s", memoryGB: 48, runpod: "NVIDIA L40S", vast: "L40S"},
		{name: "l40", memoryGB: 48, runpod: "NVIDIA L40", vast: "L40"},
		{name: "l4", memoryGB: 24, runpod: "NVIDIA L4", vast: "L4"},
		{name: "a40", memoryGB: 48, runpod: "NVIDIA A40", vast: "A40"},
		{name: "a30", memoryGB: 24, runpod: "NVIDIA A30", vast: "A30"},
		{name: "a10", memoryGB: 24, lambda: "gpu_1x_a10", vast: "A10"},
		{name: "t4", memoryGB: 16, runpod: "Tesla T4", vast: "Tesla T4"},
		{name: "v100_16g", memoryGB: 16, runpod: "Tesla V100-SXM2-16GB", lambda: "gpu_1x_v100", vast: "Tesla V100@16"},
		{name: "v100_16g_pcie", memoryGB: 16, runpod: "Tesla V100-PCIE-16GB"},
		{name: "v100_32g", memoryGB: 32, runpod: "Tesla V100-SXM2-32GB", vast: "Tesla V100@32"},
		{name: "v100_32g_pcie", memoryGB: 32, runpod: "Tesla V100-PCIE-32GB"},
		{name: "rtx_pro_6000", memoryGB: 96, runpod: "NVIDIA RTX PRO 6000 Blackwell Server Edition", vast: "RTX PRO 6000 S"},
		{name: "rtx_pro_6000_workstation", memoryGB: 96, runpod: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition", vast: "RTX PRO 6000 WS"},
		{name: "rtx_pro_6000_max_q", memoryGB: 96, runpod: "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", vast: "RTX PRO 6000 Max-Q"},
		{name: "rtx_pro_6000_mig_48g", memoryGB: 48, runpod: "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb"},
		{name: "rtx_pro_6000_mig_24g", memoryGB: 24, runpod: "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb"},
		{name: "rtx_pro_4500", memoryGB: 32, runpod: "NVIDIA RTX PRO 4500 Blackwell", vast: "RTX PRO 4500"},
		{name: "rtx_6000_ada", memoryGB: 48, runpod: "NVIDIA RTX 6000 Ada Generation", vast: "RTX 6000Ada"},
		{name: "rtx_5000_ada", memoryGB: 32, runpod: "NVIDIA RTX 5000 Ada Generation", vast: "RTX 5000Ada"},
		{name: "rtx_4000_ada", memoryGB: 20, runpod: "NVIDIA RTX 4000 Ada Generation", vast: "RTX 4000Ada"},
		{name: "rtx_4000_sff_ada", memoryGB: 20, runpod: "NVIDIA RTX 4000 SFF Ada Generation"},
		{name: "rtx_2000_ada", memoryGB: 16, runpod: "NVIDIA RTX 2000 Ada Generation", vast: "RTX 2000Ada"},
		{name: "rtx_6000", memoryGB: 24, lambda: "gpu_1x_rtx6000", vast: "Q RTX 6000"},
		{name: "a6000", memoryGB: 48, runpod: "NVIDIA RTX A6000", lambda: "gpu_1x_a6000", vast: "RTX A6000"},
		{name: "a5000", memoryGB: 24, runpod: "NVIDIA RTX A5000", vast: "RTX A5000"},
		{name: "a4500", memoryGB: 20, runpod: "NVIDIA RTX A4500", vast: "RTX A4500"},
		{name: "a4000", memoryGB: 16, runpod: "NVIDIA RTX A4000", vast: "RTX A4000"},
		{name: "a2000", memoryGB: 6, runpod: "NVIDIA RTX A2000", vast: "RTX A2000@6"},
		{name: "rtx_5090", memoryGB: 32, runpod: "NVIDIA GeForce RTX 5090", vast: "RTX 5090"},
		{name: "rtx_5080", memoryGB: 16, runpod: "NVIDIA GeForce RTX 5080", vast: "RTX 5080"},
		{name: "rtx_4090", memoryGB: 24, runpod: "NVIDIA GeForce RTX 4090", vast: "RTX 4090"},
		{name: "rtx_4080_super", memoryGB: 16, runpod: "NVIDIA GeForce RTX 4080 SUPER", vast: "RTX 4080S"},
		{name: "rtx_4080", memoryGB: 16, runpod: "NVIDIA GeForce RTX 4080", vast: "RTX 4080"},
		{name: "rtx_4070_ti", memoryGB: 12, runpod: "NVIDIA GeForce RTX 4070 Ti", vast: "RTX 4070 Ti"},
		{name: "rtx_3090_ti", memoryGB: 24, runpod: "NVIDIA GeForce RTX 3090 Ti", vast: "RTX 3090 Ti"},
		{name: "rtx_3090", memoryGB: 24, runpod: "NVIDIA GeForce RTX 3090", vast: "RTX 3090"},
		{name: "rtx_3080_ti", memoryGB: 12, runpod: "NVIDIA GeForce RTX 3080 Ti", vast: "RTX 3080 Ti"},
		{name: "rtx_3080", memoryGB: 10, runpod: "NVIDIA GeForce RTX 3080", vast: "RTX 3080@10"},
		{name: "rtx_3070", memoryGB: 8, runpod: "NVIDIA GeForce RTX 3070", vast: "RTX 3070"},
	}
}

// runpodOldSpellings are identifiers of RunPod's first REST version that old
// machines may still carry.
func runpodOldSpellings() map[string]string {
	return map[string]string{
		"NVIDIA  RTX A4500":         "a4500",
		"NVIDIA  A30":               "a30",
		"NVIDIA RTX A30":            "a30",
		"NVIDIA GeForce RTX 3080TI": "rtx_3080_ti",
		"NVIDIA A5000 Ada":          "rtx_5000_ada",
		"Tesla V100-FHHL-16GB":      "v100_16g_pcie",
	}
}
