// Package fly speaks to Fly.io: its machines through the Machines API
// (OpenAPI of May 2026, and what flyctl of August 2026 shows after it). Fly ended
// GPU machines on 2026-08-01, so it rents CPU machines alone, and asking for a
// GPU is an error before any request. Logs, deploys and tokens of Fly apps are
// not here: they are core/fly's.
//
// What is worth knowing of this cloud:
//   - A machine lives in an app, and app names are global. Where the caller names
//     none, each machine gets an app of its own, whose name follows from the
//     request id, so that its address reaches that machine and no other. It goes
//     when the machine goes. A named app is made when there is none, and stays.
//   - Identifiers are "app/machine".
//   - A machine is reached from outside only when its app has addresses, which
//     are assigned before the create: what is adopted after a lost answer is as
//     usable as what was answered. HTTP and HTTPS on 80 and 443 need a shared
//     IPv4 and an IPv6 address, which are free; any other port needs an IPv4
//     address of the app's own, which Fly bills until the app goes.
//   - There is no idempotency key. The request id and the name travel in the
//     machine's metadata, and the machine's own name follows from the request id,
//     so that a create that is sent twice in one app answers 409.
//   - Listings of an organization are eventually consistent, short, and without
//     services; so what open ports a machine has stands in its metadata too, and
//     looking for a request id looks into the app of that name first.
//   - Fly states no prices, so no cost is told and no ceiling can be kept.
//   - A create whose answer was lost before it took effect leaves an empty app
//     named atlas-m-REQUESTID, and so does a caller who leaves in the middle. Its
//     IPv4 address and its volume cost, and no listing of machines shows it, so
//     clean_up deletes it; a create that is still on its way then finds no app. It
//     stays only where the process dies in the middle and no session keeps a record;
//     docs/fly.md tells how to find it.
//
// The package is ordinary Go and knows no WebAssembly; guest/ puts it behind the
// exports of the provider ABI.
package fly
