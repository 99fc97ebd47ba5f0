package fleet

import "time"

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
	Disregard   []string   `json:"disregard,omitempty"`
	StartedAt   time.Time  `json:"startedAt,omitzero"`
	EndedAt     time.Time  `json:"endedAt,omitzero"`
	Findings    []Finding  `json:"findings,omitempty"`
	RequestIDs  []string   `json:"requestIds,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	// Done: the cloud called it done, in the start's answer or later. Reading is
	// what was last read of it, until it ended otherwise than unknown.
	Done    bool         `json:"done,omitempty"`
	Reading *LastReading `json:"reading,omitempty"`
}
