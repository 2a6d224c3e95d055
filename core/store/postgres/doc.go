// Package postgres keeps the store in a PostgreSQL database, which processes of
// many machines may share. Its tables are in a schema of their own, exatlas.
//
// The store's clock is the database's. A write whose answer was lost is not
// repeated here: its caller reads what became of it. Only what the database has
// certainly rolled back, such as a deadlock's victim, is tried again.
package postgres
