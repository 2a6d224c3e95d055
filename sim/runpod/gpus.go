package runpod

// gpuType is a row of the catalogue. A price of 0 means that the tier does not
// offer it.
type gpuType struct {
	id, name, pool          string
	memory                  int
	secure, community       float64
	serverless              float64
	maxSecure, maxCommunity int
	vcpu, ram               int // of the host, per GPU
	centers                 []string
}

// gpuTypes are the cards that can be rented. The 4090's figures are those of
// the vendor's example; the other prices are plausible inventions.
func gpuTypes() []gpuType {
	us, eu := []string{"US-KS-2", "US-TX-3", "US-CA-2", "US-GA-1"}, []string{"EU-RO-1", "EU-SE-1", "EUR-IS-1", "EU-CZ-1"}
	both := append(append([]string{}, us...), eu...)
	return []gpuType{
		{"NVIDIA GeForce RTX 4090", "RTX 4090", "ADA_24", 24, 0.44, 0.31, 1.1, 8, 4, 8, 41, both},
		{"NVIDIA GeForce RTX 3090", "RTX 3090", "AMPERE_24", 24, 0.43, 0.22, 0.68, 8, 4, 8, 31, us},
		{"NVIDIA GeForce RTX 5090", "RTX 5090", "", 32, 0.89, 0.69, 0, 8, 4, 12, 60, both},
		{"NVIDIA RTX A4000", "RTX A4000", "AMPERE_16", 16, 0.25, 0.17, 0.58, 10, 4, 5, 20, eu},
		{"NVIDIA RTX A5000", "RTX A5000", "AMPERE_24", 24, 0.26, 0.16, 0.68, 10, 4, 9, 25, both},
		{"NVIDIA RTX A6000", "RTX A6000", "AMPERE_48", 48, 0.49, 0.33, 1.22, 8, 4, 8, 50, both},
		{"NVIDIA A40", "A40", "AMPERE_48", 48, 0.4, 0, 1.22, 10, 0, 9, 50, us},
		{"NVIDIA L4", "L4", "AMPERE_24", 24, 0.43, 0, 0.68, 8, 0, 12, 50, eu},
		{"NVIDIA L40", "L40", "ADA_48_PRO", 48, 0.99, 0.69, 1.9, 8, 4, 8, 94, us},
		{"NVIDIA L40S", "L40S", "ADA_48_PRO", 48, 0.86, 0.79, 1.9, 8, 4, 16, 94, both},
		{"NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", "ADA_48_PRO", 48, 0.77, 0.74, 1.9, 8, 4, 16, 62, both},
		{"NVIDIA A100 80GB PCIe", "A100 PCIe", "AMPERE_80", 80, 1.64, 1.19, 2.72, 8, 4, 8, 117, both},
		{"NVIDIA A100-SXM4-80GB", "A100 SXM", "AMPERE_80", 80, 1.74, 1.39, 2.72, 8, 4, 16, 125, us},
		{"NVIDIA H100 PCIe", "H100 PCIe", "ADA_80_PRO", 80, 2.39, 1.99, 4.18, 8, 4, 16, 176, both},
		{"NVIDIA H100 80GB HBM3", "H100 SXM", "ADA_80_PRO", 80, 2.99, 2.69, 4.18, 8, 4, 20, 125, both},
		{"NVIDIA H100 NVL", "H100 NVL", "ADA_80_PRO", 94, 2.79, 2.59, 4.18, 8, 4, 16, 94, us},
		{"NVIDIA H200", "H200 SXM", "HOPPER_141", 141, 3.59, 0, 5.58, 8, 0, 24, 188, both},
		{"NVIDIA B200", "B200", "", 180, 5.98, 0, 0, 8, 0, 28, 283, us},
		{"AMD Instinct MI300X OAM", "MI300X", "", 192, 2.49, 0, 0, 8, 0, 24, 283, eu},
	}
}

// cpuType is a CPU flavour.
type cpuType struct {
	id, name, group   string
	low, high         int
	ram               float64 // GB per vCPU
	price, serverless float64 // USD per vCPU and hour
}

func cpuTypes() []cpuType {
	return []cpuType{
		{"cpu3c", "Compute-Optimized", "Gen 3", 2, 32, 2, 0.03, 0.02},
		{"cpu3g", "General Purpose", "Gen 3", 2, 32, 4, 0.04, 0.03},
		{"cpu3m", "Memory-Optimized", "Gen 3", 2, 32, 8, 0.055, 0.04},
		{"cpu5c", "Compute-Optimized", "Gen 5", 2, 32, 2, 0.035, 0.03},
		{"cpu5g", "General Purpose", "Gen 5", 2, 32, 4, 0.045, 0.035},
		{"cpu5m", "Memory-Optimized", "Gen 5", 2, 32, 8, 0.06, 0.045},
	}
}

// center is a data centre.
type center struct {
	id, name, region, country string
	global                    bool
	fast                      bool // offers HIGH_PERFORMANCE volumes
	compliance                []string
}

func centers() []center {
	return []center{
		{"US-KS-2", "US Kansas 2", "NORTH_AMERICA", "US", true, true, []string{"SOC_2_TYPE_2", "ISO_IEC_27001"}},
		{"US-TX-3", "US Texas 3", "NORTH_AMERICA", "US", true, false, []string{"SOC_2_TYPE_2"}},
		{"US-CA-2", "US California 2", "NORTH_AMERICA", "US", true, true, []string{"SOC_2_TYPE_2", "HIPAA"}},
		{"US-GA-1", "US Georgia 1", "NORTH_AMERICA", "US", false, false, []string{}},
		{"EU-RO-1", "EU Romania 1", "EUROPE", "RO", true, true, []string{"GDPR", "ISO_IEC_27001"}},
		{"EU-SE-1", "EU Sweden 1", "EUROPE", "SE", true, false, []string{"GDPR", "RENEWABLE"}},
		{"EUR-IS-1", "Europe Iceland 1", "EUROPE", "IS", true, true, []string{"GDPR", "RENEWABLE", "SOC_2_TYPE_2"}},
		{"EU-CZ-1", "EU Czechia 1", "EUROPE", "CZ", true, false, []string{"GDPR"}},
	}
}

// find returns the element with an id, or nil.
func find[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}
