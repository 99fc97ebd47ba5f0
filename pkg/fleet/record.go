package fleet

import (
	"encoding/json"
	"strings"
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
	// Learned is what the adapter learned when it last could not make the vault's start
	// ready, as CallError.Learned told it; opaque to all others. No reading shows it:
	// whoever carries a check or a preparation out adds it.
	Learned json.RawMessage `json:"learned,omitempty"`
	// Version is the service's mark of how it stands, which is another one after each
	// write, also one that came to nothing. Empty where the service has none.
	Version string `json:"version,omitempty"`
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
	Subscription string `json:"subscription"`
	Only         Key    `json:"only,omitempty"` // the one vault that was read; empty: all of the subscription
	// when the request went out: what it shows is at least this fresh
	ReadAt time.Time        `json:"readAt"`
	Vaults map[Key]Sighting `json:"vaults,omitempty"`
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
	// Unfollowed says why the service's acceptance of our start names no Operation
	// (Operation.Unfollowed): the vault at rest does not say then that it is over.
	Unfollowed string
	// Overdue: the upgrade has been under way for too long. The vault is read
	// besides, whatever the operation says.
	Overdue bool
}

// LastReading is what was last read of a vault whose upgrade is followed or in
// doubt, where the reading decides nothing: for the people who wait, and for the
// reason when the wait ends. Its texts are fit to be shown.
type LastReading struct {
	At time.Time `json:"at,omitzero"` // when the request went out
	// What was read, in words: of the vault, or why it could not be read.
	What string `json:"what"`
	// Differs says what of the vault is not as the upgrade wants it, leaf by leaf.
	Differs []string `json:"differs,omitempty"`
	// Poll is what the operation's own address answered, where that says nothing
	// about the operation; empty where it did, or was not asked.
	Poll   string `json:"poll,omitempty"`
	Action string `json:"action,omitempty"` // what to do about it, where that is known
	// Settled: the vault was read, no operation is under way on it, and it is not
	// as the upgrade wants it.
	Settled bool `json:"settled,omitempty"`
	// Running: the operation itself says that it is under way.
	Running bool `json:"running,omitempty"`
}

// Same reports whether two readings tell a person the same. When they were made
// does not count.
func (r *LastReading) Same(o *LastReading) bool {
	return r != nil && o != nil && r.What == o.What && r.Poll == o.Poll &&
		strings.Join(r.Differs, "\n") == strings.Join(o.Differs, "\n")
}

// String says what was read and what differs, without the time.
func (r *LastReading) String() string {
	s := r.What
	if len(r.Differs) > 0 {
		s += ": " + strings.Join(r.Differs, ", ")
	}
	if r.Poll != "" {
		s += "; the operation's address answers " + r.Poll
	}
	return s
}

// Dated is String with the time of the reading, in UTC.
func (r *LastReading) Dated() string {
	if r.At.IsZero() {
		return r.String()
	}
	return r.String() + " (read " + r.At.UTC().Format("2006-01-02 15:04:05") + " UTC)"
}

// Besides is the reading with another sentence about the vault; nil for none.
func (r *LastReading) Besides(what string) *LastReading {
	if r == nil {
		return nil
	}
	more := *r
	more.What += "; " + what
	return &more
}

// VaultRecord is what a ledger remembers of a vault across runs, beside the
// journal and in the same transaction. It is derived from the facts.
type VaultRecord struct {
	Vault       Key        `json:"vault"`
	RunID       string     `json:"runId"` // the last run that touched it
	Status      Status     `json:"status"`
	OperationID string     `json:"operationId,omitempty"`
	Operation   *Operation `json:"operation,omitempty"`
	Accepted    bool       `json:"accepted,omitempty"`
	ErrorBody   bool       `json:"errorBody,omitempty"`
	Version     string     `json:"version,omitempty"` // StartIntended.Version
	Disregard   []string   `json:"disregard,omitempty"`
	StartedAt   time.Time  `json:"startedAt,omitzero"`
	EndedAt     time.Time  `json:"endedAt,omitzero"`
	EndedLate   bool       `json:"endedLate,omitempty"` // it may have ended long before EndedAt, when that was seen
	Findings    []Finding  `json:"findings,omitempty"`
	RequestIDs  []string   `json:"requestIds,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	// HeldBy is the user who held it by hand, with Reason; empty where nobody did, and in
	// the records of versions that said it in Reason alone.
	HeldBy string `json:"heldBy,omitempty"`
	// Done: the cloud called it done, in the start's answer or later. Reading is
	// what was last read of it, until it ended otherwise than unknown.
	Done    bool         `json:"done,omitempty"`
	Reading *LastReading `json:"reading,omitempty"`
}
