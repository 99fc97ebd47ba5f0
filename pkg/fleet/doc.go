// Package fleet answers "what do the words mean": vaults and their keys, the
// statuses of a vault and the legal moves between them, findings, the facts of
// a run's journal, and the types that cross the ports between the brain, the
// runner, the ledger and the cloud adapters.
//
// It promises to hold data and the rules that are true of the data alone. It
// imports only the standard library, does no I/O, reads no clock and starts no
// goroutine. Every other package may import it; it imports none of them.
package fleet
