// Command bench prints the figures of Atlas, one JSON line each, with the peer
// each is compared with, measured in the same run on the same machine.
//
// It is a module of its own so that the peers, such as the Extism Go SDK, are
// never downloaded by users of Atlas. It drives the C, Python and Node benches as
// child processes, in rounds that alternate with the peers', and takes the
// median round of each, because the machines this runs on are shared and noisy.
package main
