package rollout

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Observation is what the caller saw since the last Step: the answer to an
// action, a reading, a command. The types of this file are all of them. They are
// data: they say what was seen, and hold nothing of the process that saw it.
type Observation interface {
	// order ranks simultaneous observations, so that the order in which they
	// happened to arrive changes nothing.
	order() (rank int, key string)
}

// Commanded is a fact that a person's command brings: Resumed,
// FailuresAccepted or Approved.
type Commanded struct{ Fact fleet.Fact }

// Clock is a reading of the wall clock. Without one the wall clock is taken to
// show the Step's time.
type Clock struct {
	Wall time.Time `json:"wall"`
}

// Interrupted tells the machine to start nothing more and to leave.
type Interrupted struct{}

// ValidateDone answers the action Validate.
type ValidateDone struct {
	Vault  fleet.Key        `json:"vault"`
	Result fleet.Validation `json:"result"`
}

// PrepareDone answers the action Prepare: a start is ready to go. Seen is the
// vault in a reading no older than one poll; Present tells whether it was
// there. The caller has chosen the start's operation ID.
type PrepareDone struct {
	Vault   fleet.Key           `json:"vault"`
	Start   fleet.PreparedStart `json:"start"`
	Seen    fleet.Sighting      `json:"seen"`
	Present bool                `json:"present"`
	ReadAt  time.Time           `json:"readAt,omitzero"` // when the reading that shows it so began
}

// PrepareFailed answers the action Prepare: nothing was readied. With class
// fleet.CallRefused a person must mend something first, and Refusal says what.
type PrepareFailed struct {
	Vault      fleet.Key       `json:"vault"`
	Class      fleet.CallClass `json:"class"`
	RetryAfter time.Duration   `json:"retryAfterNs,omitempty"`
	Detail     string          `json:"detail,omitempty"`
	Brief      string          `json:"brief,omitempty"` // the same, without what differs from one try to the next
	Refusal    fleet.Finding   `json:"refusal,omitzero"`
	Learned    json.RawMessage `json:"learned,omitempty"` // see fleet.CallError
}

// SendDone answers the action Send. A verdict of notSent means the POST never
// left.
type SendDone struct {
	Vault       fleet.Key         `json:"vault"`
	OperationID string            `json:"operationId"`
	Answer      fleet.StartAnswer `json:"answer"`
}

// ReconcileDone answers the action Reconcile.
type ReconcileDone struct {
	Vault       fleet.Key            `json:"vault"`
	OperationID string               `json:"operationId"`
	Result      fleet.Reconciliation `json:"result"`
}

// VerifyDone answers the action Verify.
type VerifyDone struct {
	Vault       fleet.Key          `json:"vault"`
	OperationID string             `json:"operationId"`
	Result      fleet.Verification `json:"result"`
	Failed      string             `json:"failed,omitempty"` // the read failed, and why, in words; empty: it did not
}

// ExplainDone answers the action Explain.
type ExplainDone struct {
	Vault       fleet.Key       `json:"vault"`
	OperationID string          `json:"operationId"`
	Findings    []fleet.Finding `json:"findings,omitempty"`
}

// ReadDone is a complete reading of a subscription, or of one of its vaults, that
// was made for a Watch.
type ReadDone struct {
	Snapshot fleet.Snapshot `json:"snapshot"`
}

// ReadFailed is a reading of a subscription that failed.
type ReadFailed struct {
	Subscription string          `json:"subscription"`
	Vault        fleet.Key       `json:"vault,omitempty"` // the one that was to be read; empty: all of the subscription
	Class        fleet.CallClass `json:"class"`
	Detail       string          `json:"detail,omitempty"`
	Brief        string          `json:"brief,omitempty"` // the same, without what differs from one try to the next
}

// SlowDown says a subscription is throttled until a time.
type SlowDown struct {
	Subscription string    `json:"subscription"`
	Until        time.Time `json:"until"`
}

func (o Clock) order() (int, string)       { return -1, "" }
func (o Commanded) order() (int, string)   { return 0, o.Fact.Name() }
func (o Interrupted) order() (int, string) { return 1, "" }

// The longest comes first: the shorter ones then say nothing new.
func (o SlowDown) order() (int, string) {
	return 2, fmt.Sprintf("%s %020d", o.Subscription, math.MaxInt64-o.Until.UnixNano())
}

func (o ReadFailed) order() (int, string) { return 3, o.Subscription + " " + string(o.Vault) }
func (o ReadDone) order() (int, string) {
	return 4, o.Snapshot.Subscription + " " + string(o.Snapshot.Only)
}
func (o SendDone) order() (int, string)      { return 5, string(o.Vault) }
func (o ReconcileDone) order() (int, string) { return 6, string(o.Vault) }
func (o VerifyDone) order() (int, string)    { return 7, string(o.Vault) }
func (o ExplainDone) order() (int, string)   { return 8, string(o.Vault) }
func (o ValidateDone) order() (int, string)  { return 9, string(o.Vault) }
func (o PrepareFailed) order() (int, string) { return 10, string(o.Vault) }
func (o PrepareDone) order() (int, string)   { return 11, string(o.Vault) }

func sortObservations(obs []Observation) {
	slices.SortStableFunc(obs, func(a, b Observation) int {
		ra, ka := a.order()
		rb, kb := b.order()
		return cmp.Or(cmp.Compare(ra, rb), cmp.Compare(ka, kb))
	})
}
