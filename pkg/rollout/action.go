package rollout

import (
	"encoding/json"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Action is something the caller must do. Each of Validate, Prepare, Send,
// Reconcile, Verify and Explain is answered by exactly one observation of the
// vault. The types of this file are all of them. They are data, and whoever carries
// one out may be another process than the one that decided it.
type Action interface{ action() }

// Validate makes all checks of a vault.
type Validate struct {
	Vault     int             `json:"vault"` // index into Plan.Vaults, as in every action
	Disregard []string        `json:"disregard,omitempty"`
	Learned   json.RawMessage `json:"learned,omitempty"` // see fleet.Sighting
}

// Prepare makes a start ready: fresh read, rate slot, token, operation ID. The
// read must have begun after After: an older one cannot show an earlier try.
type Prepare struct {
	Vault   int             `json:"vault"`
	After   time.Time       `json:"after,omitzero"`
	Learned json.RawMessage `json:"learned,omitempty"` // see fleet.Sighting
}

// Send sends what was made ready, once. Its intent was among the facts of the same
// Step. After NotAfter on the wall clock (zero: never) it would no longer end inside
// its window, and must not leave. Nor must it after StaleAfter on the run's clock: the
// reading that it was made ready on, a poll old at most by then, is two polls old. Whoever sends it asks MayLeave when
// all that it waits for is there.
type Send struct {
	Vault      int                 `json:"vault"`
	Start      fleet.PreparedStart `json:"start"`
	NotAfter   time.Time           `json:"notAfter,omitzero"`
	StaleAfter time.Time           `json:"staleAfter"`
}

// Reconcile makes one pair of reads that begin no earlier than the action.
type Reconcile struct {
	Vault       int      `json:"vault"`
	OperationID string   `json:"operationId"`
	Read        int      `json:"read"`
	Before      []string `json:"before,omitempty"`
}

// Verify reads the new vault.
type Verify struct {
	Vault       int    `json:"vault"`
	OperationID string `json:"operationId"`
}

// Explain reads why an upgrade failed. Operation is where that was followed, nil
// where only the vault could tell.
type Explain struct {
	Vault       int              `json:"vault"`
	OperationID string           `json:"operationId"`
	Operation   *fleet.Operation `json:"operation,omitempty"`
}

// Watch has the vault read on every tick, or no more. A subscription is read
// while at least one of its vaults is watched, or while it is watched itself
// (Vault -1). OperationID and Operation are what is followed of the vault, where
// the kind reads vaults one by one; the action comes again when they change.
type Watch struct {
	Subscription string           `json:"subscription"`
	Vault        int              `json:"vault"`
	On           bool             `json:"on"`
	OperationID  string           `json:"operationId,omitempty"`
	Operation    *fleet.Operation `json:"operation,omitempty"`
	// of an operation: when its start was decided, by the journal
	Since   time.Time `json:"since,omitzero"`
	Overdue bool      `json:"overdue,omitempty"` // under way for too long: the vault itself is read besides
	// NotBefore is when the answer to the start asked the operation to be looked at for the
	// first time; zero where it did not, where there is no operation to look at, and once
	// it is overdue.
	NotBefore time.Time `json:"notBefore,omitzero"`
}

// Wake asks for a Step at a time, in place of any earlier request. A zero time
// asks for none.
type Wake struct {
	At time.Time `json:"at,omitzero"`
}

// Exit ends the process: what is still out may be abandoned.
type Exit struct {
	Code fleet.ExitCode `json:"exitCode"`
}

// VaultOf is the vault that an action of a call is about, by its index; false for the
// others.
func VaultOf(a Action) (vault int, ok bool) {
	switch a := a.(type) {
	case Validate:
		return a.Vault, true
	case Prepare:
		return a.Vault, true
	case Send:
		return a.Vault, true
	case Reconcile:
		return a.Vault, true
	case Verify:
		return a.Vault, true
	case Explain:
		return a.Vault, true
	}
	return 0, false
}

func (Validate) action()  {}
func (Prepare) action()   {}
func (Send) action()      {}
func (Reconcile) action() {}
func (Verify) action()    {}
func (Explain) action()   {}
func (Watch) action()     {}
func (Wake) action()      {}
func (Exit) action()      {}
