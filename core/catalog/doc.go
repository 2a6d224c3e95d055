// Package catalog maps the canonical GPU names of Atlas to each cloud's own
// identifiers and back. Names that are not canonical, nor written like a canonical
// one that they are near to, pass through, so a GPU newer than this table is rented
// by its native name, and a provider's manifest may add names of its own, which win
// over the table.
//
// It knows names alone: no prices, no stock, no requests. compute and dispatch
// use it.
package catalog
