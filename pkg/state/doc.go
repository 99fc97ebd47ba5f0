// Package state answers "what survives a crash": it keeps a fleet's ledger, one
// bbolt file that holds the journal of facts, a record per vault and the plans
// of all runs (design.md#the-ledger).
//
// It promises:
//
//   - One writer. Acquire takes the lock beside the ledger before the ledger is
//     looked for; who holds it can be asked without disturbing anybody.
//   - Nothing half-made. A ledger appears under its name complete and synced, or
//     not at all, and never in place of another file.
//   - One transaction a batch. Events and the vaults' records become durable
//     together. An error of a commit does not mean "not committed": after one
//     the Ledger refuses everything.
//   - A chain. Each event carries a hash over the one before it, across runs,
//     so a journal that was changed afterwards cannot be read as if it were not.
//   - Nothing lost with the power. After a commit returned nil its events are
//     there, and nothing half, whatever of the rest has reached the disk. It takes
//     a disk that keeps what it has synced, and never tears a sector of 512 bytes;
//     on one that does, the file is refused and nothing is lost in silence.
//   - Room is taken beforehand. Reserve gives the ledger blocks for a whole run,
//     or says before anything is started that there is too little.
//   - No panic. A damaged, truncated or foreign file gives an error that says
//     what it means and what to do.
//
// The package stores facts and looks into three of them only: RunOpened and
// RunClosed bound a run, RunOpened names its plan, and the operations in it and in
// StartAnswered are parted from their signatures.
//
// # Layout of the file
//
//	meta    "format" → decimal version; "identity" → JSON of Info, never rewritten
//	plans   fingerprint → gzip of the plan's JSON
//	runs    ordinal (8 bytes, big-endian) → JSON of RunInfo
//	events  sequence over the whole ledger (8 bytes, big-endian, from 1) → hash (32 bytes), JSON of fleet.Event
//	vaults  fleet.Key → JSON of fleet.VaultRecord
//	addresses  fleet.Key → the signed addresses of the operation that is followed, deflated; made for the first
//
// A run's events are contiguous: they end where the next run's begin. Link
// describes the chain.
//
// The ledger belongs on a local disk that has flock and hard links. Nothing is
// promised of network file systems, nor of a disk that says it has synced and
// has not.
package state
