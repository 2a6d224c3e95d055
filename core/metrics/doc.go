// Package metrics writes what Atlas counts in the text format of Prometheus, and
// counts what no other part does: requests to clouds. docs/metrics.md lists all.
//
// A label holds a name from a fixed list (a provider, an operation, a method, a
// kind), never what a caller or a cloud chose: neither grows without end.
package metrics
