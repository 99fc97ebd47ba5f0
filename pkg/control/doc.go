// Package control answers "how does one speak to a live run": a socket beside
// the ledger, on which the process that holds the ledger shows its journal and
// takes orders. bbolt lets no reader in beside a writer (design.md#the-ledger), so while a
// run is live this is how everybody else reads it.
//
// It promises:
//
//   - Only who may read the ledger may speak, and the members of a group where
//     its owner wants that: the socket has mode 0600 in a directory of mode 0700
//     (0660 and 0710 with a group), and the kernel says who is at the other end.
//     What a client says of itself is never believed.
//   - No client can stall the run. The journal is read in short transactions,
//     every connection has deadlines, their number is bounded, and an order is
//     one message to the run's own goroutine.
//   - A reader through the socket sees what a reader of the file would: the same
//     runs, plans, events and records, each event with its number. An answer that
//     was cut off is an error, never a shorter journal.
//   - A socket that a dead process left behind misleads nobody: the lock file
//     alone says whether somebody is there, and the next holder replaces it.
//
// # Protocol
//
// HTTP/1.1 over the socket, version 1. GET /v1/hello, /v1/runs, /v1/head,
// /v1/plans/FINGERPRINT; GET /v1/events?run=ID&after=SEQ and /v1/vaults answer
// JSON lines that end with {"end":true}; POST /v1/orders takes an order as JSON
// and answers what was journalled. Orders are opaque to this package.
package control
