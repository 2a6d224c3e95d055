// Package compute rents machines, watches them and gives them back.
//
// # Rented once
//
// Every create carries a request id of its own, which the provider stores where
// the cloud's listing returns it. A create whose answer was lost (the error says
// so by UnknownOutcome) is never repeated blindly:
//
//  1. The machine is looked for by request id, at growing intervals, until it is
//     found or the listing has settled: compute.settle_ms of the configuration,
//     else listing_lag_ms of the provider's manifest, else 5 seconds. Lookups of
//     many spawns on one account share one find_compute, which starts after all
//     of their failures, so 10,000 lost answers cost a handful of listings.
//  2. Found: it is adopted, and the spawn has succeeded.
//  3. Not found in a listing that began after the settling time: it was not
//     created. The create is sent again with a new request id, at most three
//     times in all for one candidate. Later lookups of the same round over the
//     candidates still look for the earlier ids, and after it a sweep does, at
//     growing intervals for two minutes; a machine that turns up late besides the
//     one in hand, or while the spawn waits for capacity, is terminated.
//  4. No listing answered: nobody knows. The spawn fails with unknown_outcome and
//     a hint that names the machine's name and request id. From there on the
//     machine, if there is one, is the caller's: Atlas terminates nothing that it
//     has reported.
//
// # Given back
//
// When the caller cancels a spawn, or its deadline passes, while a create is
// under way or its machine is being looked for, the caller never learns of the
// machine. The error says unknown_outcome; the lookup goes on in the background,
// and a machine found is terminated. Close waits for that until the listing has
// settled, for two minutes where listings or terminates fail, or as long as it was
// told to. What shows later still is swept for two minutes, while the client is
// open. What was given back, and what could not be, is published on the topic
// "rentals".
//
// What a create made beside a machine that did not come into being, an app or an
// address, is taken away by clean_up of the provider that has it: when the listing
// has settled without the machine, after a create that failed when something was sent
// (and again when the listing has settled, where the cloud was in trouble), and when
// unfinished creates of another process are settled.
//
// # Candidates
//
// The candidates of a spawn are its GPUs in order, and for each GPU the cloud's
// tiers: secure, then community, where cloud_type is any and the provider has
// tiers. The next candidate is tried after the kinds capacity and forbidden, for
// a cloud may keep an account from one kind of machine alone. Among several clouds
// one that is busy or broken, or has a wrong key or no credit, is left for the next.
// Everything else, validation above all, ends the spawn.
//
// The package knows no cloud and no encoding of requests; dispatch calls it.
package compute
