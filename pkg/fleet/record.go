package fleet

import (
	"encoding/json"
	"time"
)

// UpgradeState is the state of an upgrade in the cloud's own record
// (classic-service.md#the-listing, ResourceUpgradeDetails.Status).
type UpgradeState string

// The states a cloud record may have. Unknown is the service's own word and
// is followed like InProgress.
const (
	RecordUnknown    UpgradeState = "Unknown"
	RecordInProgress UpgradeState = "InProgress"
	RecordUpgraded   UpgradeState = "Upgraded"
	RecordFailed     UpgradeState = "Failed"
)

// TriggerForced marks an upgrade that Microsoft started by itself.
const TriggerForced = "ForcedUpgrade"

// Record is what the cloud says of the newest upgrade of a vault.
type Record struct {
	OperationID        string       `json:"operationId"`
	State              UpgradeState `json:"state"`
	Message            string       `json:"message,omitempty"`
	Trigger            string       `json:"trigger,omitempty"`
	StartedAt          time.Time    `json:"startedAt,omitzero"`
	UpdatedAt          time.Time    `json:"updatedAt,omitzero"`
	EndedAt            time.Time    `json:"endedAt,omitzero"` // zero: not ended
	UpgradedResourceID string       `json:"upgradedResourceId,omitempty"`
	PreviousResourceID string       `json:"previousResourceId,omitempty"`
	// Presumed: something is under way on the vault after our start, and nobody
	// says that it is ours. It is taken for ours once the start's answer is known
	// to be lost.
	Presumed bool `json:"presumed,omitempty"`
}

// Sighting is a vault seen in a listing, or read by itself. It is data, and whoever
// gets it may be another process than the one that has read it.
type Sighting struct {
	Record  *Record `json:"record,omitempty"`  // nil: no upgrade was ever started
	Address string  `json:"address,omitempty"` // where its calls go; opaque to all but the adapter that wrote it
	// State is what the kind's upgrade changes, as it is now, in the spelling of
	// json.Marshal: equal states are equal bytes, before the journal and after.
	// Empty where a kind changes no settings.
	State json.RawMessage `json:"state,omitempty"`
	// Document is the vault itself as the adapter has read it; opaque to all
	// others. Empty where it was not read.
	Document json.RawMessage `json:"document,omitempty"`
	// Failure is what an operation that failed said of it: a code, words and advice.
	Failure *Finding `json:"failure,omitempty"`
	// Reading says in words what was read of a vault whose upgrade is followed;
	// nil where the record says it all.
	Reading *LastReading `json:"reading,omitempty"`
}

// Snapshot is one complete reading of a subscription, or of one of its vaults. A
// vault that was read and is not in Vaults was not there. It is shared between
// goroutines and never changed.
type Snapshot struct {
	Subscription string           `json:"subscription"`
	Only         Key              `json:"only,omitempty"` // the one vault that was read; empty: all of the subscription
	ReadAt       time.Time        `json:"readAt"`         // when the request went out: what it shows is at least this fresh
	Vaults       map[Key]Sighting `json:"vaults,omitempty"`
	// Next is how long to leave the vault alone, where the cloud said so; 0: as
	// usual. With Only.
	Next time.Duration `json:"nextNs,omitempty"`
}

// Scope is how much of a cloud one reading takes in.
type Scope string

// The scopes.
const (
	ScopeSubscription Scope = "subscription" // a listing shows all its vaults
	ScopeVault        Scope = "vault"        // each vault is read by itself
)

// Followed is a vault to read. OperationID is our start of it that may be under
// way, empty where there is none; Operation is where that is followed, nil where
// only the vault itself can tell.
type Followed struct {
	Vault       *Vault
	OperationID string
	Operation   *Operation
	// Overdue: the upgrade has been under way for too long. The vault is read
	// besides, whatever the operation says.
	Overdue bool
}
