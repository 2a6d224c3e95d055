// Package vast speaks to Vast.ai: a market place where hosts offer single
// machines and each can be rented once (REST API v0, listing of v1, as of
// 2026-08).
//
// What is worth knowing of this cloud:
//   - An offer is a row that lives for minutes. spawn takes the one it is given,
//     and none other; without one it searches and asks for a few, cheapest first.
//     A create is never sent twice: where its answer is lost, the core looks for
//     the machine by what it carries.
//   - The label carries name and request id, the environment variable
//     ATLAS_REQUEST_ID the request id again; the listing shows both. Which ports
//     are HTTP is kept in ATLAS_PORTS, because Vast keeps no protocol but tcp.
//   - The name of a GPU does not always tell which card it is: "A100 PCIE" has 40
//     or 80 GB. Such a card's identifier is the name with its memory in GB,
//     "A100 PCIE@80"; the name alone takes any of them.
//   - Regions are countries, by their ISO 3166 codes.
//   - Prices are for the whole machine with its disk. A spot machine costs its bid
//     and its disk; without bid_per_hour the bid is the least that gets it.
//   - A machine has one disk. It keeps its contents while the machine is stopped,
//     so volume_gb adds to container_disk_gb, and there is no other mount.
//   - The image's own entry point runs, with command as its arguments. With
//     ssh_key Vast replaces it by its own, and command runs beside that.
//   - A port is mapped to a random one of the host's address. To have the same
//     number inside and outside, ask for one above 70000 in provider_opts, as in
//     {"env":{"-p 70000:70000":"1"}}, and read VAST_TCP_PORT_70000 in the machine.
//   - A log is a file of its last lines, made on request. Its lines have no times
//     and no numbers, so get_logs finds where it was by the text of the last ones.
//   - Charges are listed by contract, which is one machine, for whole days (UTC):
//     GPUs, disk, and the traffic that no price tells. There is no asking for one
//     contract. By the document it has one row for all days; clients report one
//     for each. Both add up.
//   - Vast states no bound on how long a new machine may be missing from the
//     listing. The manifest's 10 seconds are an assumption with a margin.
//
// The package is ordinary Go and knows no WebAssembly; guest/ puts it behind the
// exports of the provider ABI.
package vast
