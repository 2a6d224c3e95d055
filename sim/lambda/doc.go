// Package lambda simulates Lambda Cloud as its OpenAPI 1.8.3 of November 2025
// describes it, with what is known of 1.10: machines, instance types, images,
// SSH keys, filesystems and firewall rulesets.
//
// Where the vendor's document and what users report differ, the reports win, and
// the place says so. The container that a machine's user data runs is imagined:
// below /proxy/{id}/{port}/ answers what would answer in it.
package lambda
