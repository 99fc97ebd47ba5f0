package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Verdict is the outcome of a vault's validation.
type Verdict string

// The verdicts of a validation.
const (
	VerdictReady     Verdict = "ready"     // may be started
	VerdictBlocked   Verdict = "blocked"   // the findings say why
	VerdictBusy      Verdict = "busy"      // something is under way on it, or a check gave no answer
	VerdictAlready   Verdict = "already"   // the cloud's record says Upgraded
	VerdictUpgrading Verdict = "upgrading" // the cloud's record says InProgress
	VerdictFailed    Verdict = "failed"    // the cloud's record says Failed
	VerdictDenied    Verdict = "denied"    // no valid sign-in: nothing was learnt about the vault
	VerdictThrottled Verdict = "throttled" // told to come later: nothing was learnt about the vault
)

// Validation is everything the checks of one vault found, together.
type Validation struct {
	Verdict    Verdict         `json:"verdict"`
	Findings   []Finding       `json:"findings,omitempty"`
	Record     *Record         `json:"record,omitempty"`       // the cloud's record, if it has one
	RetryAfter time.Duration   `json:"retryAfterNs,omitempty"` // with VerdictThrottled
	RequestIDs []string        `json:"requestIds,omitempty"`   // of the calls whose answers made a finding
	State      json.RawMessage `json:"state,omitempty"`        // the settings seen, where the kind changes settings
}

// PreparedStart is the one request of a start, ready to be sent. It is data alone,
// and whoever sends it may be another process than the one that made it ready. It
// holds no secret: the token is taken by whoever sends it.
type PreparedStart struct {
	// OperationID goes along, and the cloud remembers it. It is chosen once the rest
	// is ready, and whoever sends a start under it does so once.
	OperationID string            `json:"operationId,omitempty"`
	Method      string            `json:"method"`
	Path        string            `json:"path"` // percent-encoded, below the cloud's endpoint, with its query
	Header      map[string]string `json:"header,omitempty"`
	Body        []byte            `json:"body,omitempty"`
	Tenant      string            `json:"tenant,omitempty"` // whose token goes along besides; empty: none
}

// MayLeave is asked of a start when all that it waits for but a connection is at hand, and
// nothing of it has left: whether it may still leave. A reason says why not, in words.
// Without one it has to have a connection within that time, or must not leave either; and
// its body leaves hardly later: whoever asks may be stopped in between.
type MayLeave func() (within time.Duration, reason string)

// StartVerdict is what a start's answer means (design.md#rule-3).
type StartVerdict string

// The verdicts of a start.
const (
	StartAccepted  StartVerdict = "accepted"  // the service took it: no reading takes that back
	StartUnknown   StartVerdict = "unknown"   // it may have been accepted
	StartBusy      StartVerdict = "busy"      // 409
	StartThrottled StartVerdict = "throttled" // 429: not accepted
	StartDenied    StartVerdict = "denied"    // 401, 403: not accepted
	StartFailed    StartVerdict = "failed"    // any other 4xx
	StartBlocked   StartVerdict = "blocked"   // refused for something that a person must mend: a lock, a policy
	StartNotSent   StartVerdict = "notSent"   // nothing left this machine
)

// StartAnswer is what came back for the one POST of a start.
type StartAnswer struct {
	Verdict    StartVerdict  `json:"verdict"`
	HTTPStatus int           `json:"httpStatus,omitempty"` // 0: no answer
	Code       string        `json:"code,omitempty"`
	Message    string        `json:"message,omitempty"`
	Action     string        `json:"action,omitempty"`
	Findings   []Finding     `json:"findings,omitempty"`
	ErrorBody  bool          `json:"errorBody,omitempty"` // the service itself said why, in its own format
	RequestID  string        `json:"requestId,omitempty"`
	RetryAfter time.Duration `json:"retryAfterNs,omitempty"`
	// With StartAccepted:
	Done      bool       `json:"done,omitempty"`      // and carried out already, says the answer
	Operation *Operation `json:"operation,omitempty"` // where it can be followed
}

// Taken is the answer as an acceptance where its status is 202, which says accepted and
// nothing else: whoever read it may have wanted more of it. No reading takes that back
// (design.md#rule-1).
func (a StartAnswer) Taken() StartAnswer {
	if a.Verdict != StartUnknown || a.HTTPStatus != 202 || a.ErrorBody {
		return a
	}
	return StartAnswer{Verdict: StartAccepted, HTTPStatus: a.HTTPStatus, RequestID: a.RequestID,
		Operation: &Operation{Unfollowed: a.Message, RetryAfter: a.RetryAfter}}
}

// Reading is the conclusion of one pair of reconciling reads.
type Reading string

// The conclusions. Only ReadAbsent counts towards the proof of absence.
const (
	ReadOurs       Reading = "ours"       // the cloud knows our operation
	ReadAbsent     Reading = "absent"     // vault present, not our operation, target 404
	ReadForeign    Reading = "foreign"    // somebody else's operation
	ReadUnreadable Reading = "unreadable" // a failed read or a missing vault: proves nothing
)

// Reconciliation is what one pair of reads (listing, target) showed.
type Reconciliation struct {
	Reading Reading `json:"reading"`
	Record  *Record `json:"record,omitempty"` // with ReadOurs and ReadForeign
	Detail  string  `json:"detail,omitempty"` // what was read, in words
	// Seen is the same for a vault that was read by itself, with what differs; nil
	// where there is nothing to add.
	Seen *LastReading `json:"seen,omitempty"`
	// Version is Sighting.Version of the reading, with ReadAbsent.
	Version string `json:"version,omitempty"`
}

// Verification is what the read of the new vault showed.
type Verification struct {
	OK         bool   `json:"ok"`
	ResourceID string `json:"resourceId,omitempty"`
	Detail     string `json:"detail,omitempty"` // why not, in words
	// Seen is the same, with when it was read and what differs; nil where there is
	// nothing to add.
	Seen *LastReading `json:"seen,omitempty"`
}

// CallClass sorts the failures of a call by what the caller can do.
type CallClass string

// The classes of a failed call.
const (
	CallUnreachable CallClass = "unreachable" // no answer, 5xx, 408: try again later
	CallDenied      CallClass = "denied"      // 401, or no token
	CallForbidden   CallClass = "forbidden"   // 403
	CallThrottled   CallClass = "throttled"   // 429
	CallNotFound    CallClass = "notFound"    // 404
	CallConflict    CallClass = "conflict"    // 409
	CallRefused     CallClass = "refused"     // any other 4xx
	CallGarbled     CallClass = "garbled"     // an answer that cannot be read
	// done, and not in force yet: come back after RetryAfter; nobody else need wait
	CallNotYet CallClass = "notYet"
)

// CallError is a call to the cloud that did not give what was asked. It holds
// no secret.
type CallError struct {
	Op              string // what was asked, in words: "list the vaults of …"
	Class           CallClass
	HTTPStatus      int
	Code            string
	Message         string
	RequestID       string
	ClientRequestID string
	RetryAfter      time.Duration
	Action          string // what to do next, where the adapter knows
	// Learned is what the adapter wants to know again at the vault's next check and
	// preparation, in whatever process that is; the journal keeps it until the start.
	Learned json.RawMessage
	Err     error
}

func (e *CallError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", e.Op)
	switch {
	case e.Code != "" && e.Message != "":
		b.WriteString(e.Code + ": " + e.Message)
	case e.Code != "" || e.Message != "":
		b.WriteString(e.Code + e.Message)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(string(e.Class))
	}
	if e.HTTPStatus != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.HTTPStatus)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	if e.ClientRequestID != "" {
		fmt.Fprintf(&b, " (client request %s)", e.ClientRequestID)
	}
	return b.String()
}

func (e *CallError) Unwrap() error { return e.Err }

// Brief says what went wrong without what differs from one try to the next: the
// names of requests. It is what a wait shows, and what is compared.
func Brief(err error) string {
	ce, ok := errors.AsType[*CallError](err)
	if !ok {
		return err.Error()
	}
	short := CallError{Op: ce.Op, Class: ce.Class, HTTPStatus: ce.HTTPStatus, Code: ce.Code, Message: ce.Message,
		Err: ce.Err}
	return strings.TrimPrefix(short.Error(), ce.Op+": ")
}

// ClassOf returns the class of a failed call; CallUnreachable for an error
// that is no CallError.
func ClassOf(err error) CallClass {
	if ce, ok := errors.AsType[*CallError](err); ok {
		return ce.Class
	}
	return CallUnreachable
}

// RetryAfterOf returns how long the cloud asked to wait, 0 when it did not.
func RetryAfterOf(err error) time.Duration {
	if ce, ok := errors.AsType[*CallError](err); ok {
		return ce.RetryAfter
	}
	return 0
}
