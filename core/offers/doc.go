// Package offers finds what can be rented now, over one cloud or all of them,
// and ranks it. A market place's offers come from its search_offers; of other
// clouds the catalogue of list_gpu_types is turned into offers.
//
// It reads and never rents. It also holds the claims on single offers, so that
// two spawns of one client never take the same. compute rents what it ranks;
// dispatch serves offers.search.
package offers
