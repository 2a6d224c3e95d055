// Package runpod speaks to RunPod: pods, catalogue and logs through REST v2
// (OpenAPI 2.0.0 of 2026-08-18 and what RunPod published after it until
// 2026-09), serverless jobs through the job API of api.runpod.ai.
//
// What is worth knowing of this cloud:
//   - REST v2 sells no spot machines, so asking for one is an error before any
//     request.
//   - A create places one GPU type on one tier; trying others is the core's work.
//   - There is no idempotency key and no filter by name: the request id travels
//     in the environment variable ATLAS_REQUEST_ID, and finding is listing all.
//   - "No capacity" has no code of its own; errors.go reads the prose.
//   - RunPod states no bound on how long a new pod may be missing from the
//     listing. The manifest's 10 seconds are an assumption with a margin.
//
// The package is ordinary Go and knows no WebAssembly; guest/ puts it behind the
// exports of the provider ABI.
package runpod
