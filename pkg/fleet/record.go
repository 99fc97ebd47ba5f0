package fleet

import "time"

// UpgradeState is the state of an upgrade in the cloud's own record
// (reference §3, ResourceUpgradeDetails.Status).
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
}

// Sighting is a vault seen in a listing.
type Sighting struct {
	Record  *Record // nil: no upgrade was ever started
	Address string  // where its calls go; opaque to all but the adapter that wrote it
}

// Snapshot is one complete reading of a subscription. A vault that is not in
// Vaults was not there. It is shared between goroutines and never changed.
type Snapshot struct {
	Subscription string
	ReadAt       time.Time // when the request went out: what it shows is at least this fresh
	Vaults       map[Key]Sighting
}
