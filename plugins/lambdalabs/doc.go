// Package lambdalabs speaks to Lambda Cloud (API 1.8.3 of November 2025, and
// what is known of 1.10 of September 2026): its machines on demand, GPU and CPU.
//
// What is worth knowing of this cloud:
//   - It rents virtual machines, not containers. The container, its environment
//     and its ports go into a cloud-init script that runs the image with docker.
//     A machine without an image is a plain one to log in to.
//   - A GPU is named by the instance type with one of it, "gpu_1x_h100_sxm5", even
//     where only eight are sold together; the type follows from the GPU and the
//     count, as live listed.
//   - A machine's address is its own and public, its ports are the same inside
//     and outside, and nobody terminates TLS. The ports are opened by a firewall
//     ruleset that is named after them and shared by all machines of a region
//     that ask for the same; it costs nothing and is left in place. us-south-1 has
//     no firewall rules, so a machine there gets none.
//   - Exactly one SSH key goes into a machine: the one that is named, the one
//     whose text is given (registered where it is not yet), or else the account's
//     first.
//   - There is no idempotency key, and a launch answers identifiers alone. The
//     request id, the ports and the time travel in tags, which every listing
//     shows; so what a launch answers is put together from what was asked.
//   - Listed capacity is not capacity, and it moves from minute to minute: a
//     refused launch goes on to the next region.
//   - Lambda has no stop and start, no spot machines, no jobs and no logs.
//   - jupyter_token and jupyter_url in every listing are live secrets.
//
// The package is ordinary Go and knows no WebAssembly; guest/ puts it behind the
// exports of the provider ABI.
package lambdalabs
