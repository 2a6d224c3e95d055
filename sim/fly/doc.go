// Package fly simulates Fly.io's Machines API (OpenAPI of May 2026, with the
// behaviour that flyctl, fly-go and users report beside it): apps, addresses,
// machines with leases and waits, volumes, regions, tokens and the listing of an
// organization, the logs of apps, and the proxy in front of them. With base URL B
// it serves B/v1/…, B/api/v1/apps/{app}/logs and B/proxy/{app}/{port}/….
//
// Deploys are sim/flycli's matter; builds, secrets, certificates, exec, updates of machines and placements
// are not simulated. Prices are invented. Tests, the demo and users run their
// code against it; it knows nothing of Atlas beyond the environment variables a
// machine checks its callers by.
package fly
