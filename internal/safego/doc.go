// Package safego is the one place where goroutines start. A panic in a bare
// goroutine would end the program that embeds Atlas; here it becomes an error of
// kind internal that the owner of the goroutine handles. It knows nothing of
// what the goroutines do. Core, host, capi and the root use it.
package safego
