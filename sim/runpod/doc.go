// Package runpod simulates RunPod: the management API (REST v2, as of 2026-09),
// the serverless job API and the HTTP proxy in front of pods. With base URL B it
// serves B/v2/…, B/jobs/v2/{endpoint}/… and B/proxy/{podId}/{port}/….
//
// Shapes, statuses, error bodies, headers and limits follow the vendor's OpenAPI
// 2.0.0 and what its contract added in September 2026 (pagination, entrypoint
// and cmd, memory and vCPU of a GPU). Prices and stock are invented, except
// those of the vendor's own examples. Tests, the demo, the bench and users run
// their code against it; it knows nothing of Atlas beyond the environment
// variables a pod checks its callers by.
package runpod
