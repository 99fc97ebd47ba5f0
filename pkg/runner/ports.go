// Package runner answers "how is a run carried out on this machine":
// persist, then act, then persist. It turns the brain's actions into calls and
// the calls' answers into observations, commits every fact before anything
// depends on it, and keeps the promises of design.md#the-rules.
//
// It declares the ports it needs; adapters satisfy them structurally. Time
// comes from package time alone, so a test may run a night in virtual time.
package runner

import (
	"context"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Store is where the facts of a run become durable.
type Store interface {
	// Commit appends the events and replaces the vaults' records in one
	// transaction. When it returns nil they survive a crash. When it returns
	// an error nobody can say whether they did (design.md#rule-2): the runner
	// sends nothing more.
	//
	// It is called from one goroutine at a time.
	Commit(events []fleet.Event, vaults []fleet.VaultRecord) error
}

// Upgrader speaks to a cloud about one kind of upgrade. Its methods are safe
// for concurrent use, honour their context, and report what happened as data
// wherever it is an outcome. Errors of reads are *fleet.CallError.
type Upgrader interface {
	// NewOperationID returns an identifier that the start will carry and the
	// cloud will remember. It is unique.
	NewOperationID(now time.Time) string

	// Scope is how much one Read takes in. It never changes.
	Scope() fleet.Scope

	// Read reads the present state of vaults of one subscription: of all that
	// the plan has there, or with fleet.ScopeVault of the one that is given. A
	// listing makes one request whatever their number, and may return more
	// vaults than asked for. Every vault asked for and absent from the answer
	// was not there: an incomplete reading is an error.
	//
	// A kind whose operations have no record in the cloud makes one: while ours
	// is followed, of its state, and of a vault that is as the kind wants it,
	// that it is upgraded.
	Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error)

	// Validate makes every check of one vault and returns all findings
	// together. seen is the vault in a fresh snapshot (present tells whether it
	// was there). The operations in disregard no longer speak for the vault.
	Validate(ctx context.Context, v *fleet.Vault, seen fleet.Sighting, present bool,
		disregard []string) fleet.Validation

	// Prepare does everything that a start may wait for, a token above all,
	// and returns the start ready to go: data, which says all of what is sent but
	// the token and the operation ID. An error of class fleet.CallConflict says
	// that the vault is not as it was when it was checked: it is checked again; of
	// a kind that reads vaults one by one, fleet.CallRefused that a person must mend
	// something first: the vault is blocked; fleet.CallNotYet that what was done
	// before the start is not in force yet: it is prepared again after RetryAfter.
	Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error)

	// Send makes exactly one POST (or PATCH) that carries start.OperationID, without
	// retry, redirect or challenge, and returns within its context. The process that
	// sends need not be the one that prepared: it needs nothing of that, and signs in
	// itself where it has to. It asks may after that, and connects within the time
	// that this names, or does not send. What was not made ready for the vault is not
	// sent.
	Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart, may fleet.MayLeave) fleet.StartAnswer

	// Reconcile reads the target and concludes, with the vault as seen in a
	// fresh snapshot, whether the cloud knows the operation. The operations in
	// before were known before it was sent: a record of one of those is not
	// foreign.
	Reconcile(ctx context.Context, v *fleet.Vault, operationID string, seen fleet.Sighting, present bool,
		before []string) fleet.Reconciliation

	// Verify reads the new vault after the cloud's record says Upgraded.
	Verify(ctx context.Context, v *fleet.Vault, operationID string) (fleet.Verification, error)

	// Explain reads why an upgrade failed, for the report: one call, findings
	// or nothing.
	Explain(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) []fleet.Finding
}
