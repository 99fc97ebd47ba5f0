package fleet

import (
	"encoding/json"
	"time"
)

// Fact is something that happened in a run. Facts hold what was seen and done,
// never a policy: the state of a run is the fold of its facts, so a resume
// decides nothing about the past again (design.md#the-brain). The set is closed: the
// types of this file are all of it.
type Fact interface {
	// Name is the fact's type as the journal stores it.
	Name() string
}

// VaultFact is a fact about one vault.
type VaultFact interface {
	Fact
	VaultKey() Key
}

// Event is a fact with the time it was recorded. The ledger adds its sequence
// number and hash.
type Event struct {
	At   time.Time
	Fact Fact
}

// Actor is who gave a command: never a secret.
type Actor struct {
	User       string `json:"user"`
	Host       string `json:"host"`
	PID        int    `json:"pid,omitempty"`
	Credential string `json:"credential,omitempty"` // the kinds of sign-in, both sides
}

// RunOpened begins a run. Carried holds what earlier runs on the ledger left.
type RunOpened struct {
	RunID           string    `json:"runId"`
	PlanFingerprint string    `json:"planFingerprint"`
	By              Actor     `json:"by"`
	Version         string    `json:"version"`
	Carried         []Carried `json:"carried,omitempty"`
	// ValidateAllFirst wants every vault of the fleet checked before the first
	// start, not only those of the first wave.
	ValidateAllFirst bool `json:"validateAllFirst,omitempty"`
	// Upgraded are the vaults of the plan that earlier runs on the ledger have
	// upgraded: the numbers count them all. A wave that they left done is checked at
	// the gate before it.
	Upgraded []Key `json:"upgraded,omitempty"`
	// Unseen are those of Upgraded that were busy or blocked when a run last looked at them:
	// nobody knows whether they are as they were left.
	Unseen []Key `json:"unseen,omitempty"`
	// Already are those that earlier runs found as wanted, and that none has upgraded:
	// such a wave was left done, too.
	Already []Key `json:"already,omitempty"`
	// Changed is when earlier runs on the ledger last changed a vault of each wave, by
	// the wave's name; waves of which they changed none are left out. A wave of which
	// this run changes nothing soaks from there.
	Changed map[string]time.Time `json:"changed,omitempty"`
	// TimeScale is of an emulated cloud: it is so many times as fast as the durations it
	// was given. 0: as fast, or it is no emulator.
	TimeScale float64 `json:"timeScale,omitempty"`
	// Engine is what carries the run out, where that is no process of fleetup beside the
	// ledger: EngineTemporal. It may go on with nobody at the ledger.
	Engine string `json:"engine,omitempty"`
	// Given are the flags of the process that carries the run out, as they were typed,
	// which a resume is to have too. Nothing is decided by them.
	Given []string `json:"given,omitempty"`
}

// EngineTemporal is the engine of docs/engine.md.
const EngineTemporal = "temporal"

// Carried is a vault that an earlier run left failed, unknown or re-opened.
type Carried struct {
	Vault       Key        `json:"vault"`
	Status      Status     `json:"status"` // failed, unknown or, when re-opened, pending
	OperationID string     `json:"operationId,omitempty"`
	Disregard   []string   `json:"disregard,omitempty"` // operations that no longer speak for it
	StartedAt   time.Time  `json:"startedAt,omitzero"`
	EndedAt     time.Time  `json:"endedAt,omitzero"`
	EndedLate   bool       `json:"endedLate,omitempty"` // VaultRecord.EndedLate
	Operation   *Operation `json:"operation,omitempty"`
	Accepted    bool       `json:"accepted,omitempty"`  // the operation was once seen accepted
	ErrorBody   bool       `json:"errorBody,omitempty"` // the start was answered with an error of the service
	Version     string     `json:"version,omitempty"`   // StartIntended.Version
	Findings    []Finding  `json:"findings,omitempty"`
	RequestIDs  []string   `json:"requestIds,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	// Done: the cloud had called it done. Reading is what was last read of it.
	Done    bool         `json:"done,omitempty"`
	Reading *LastReading `json:"reading,omitempty"`
}

// Resumed continues an unfinished run in a new process.
type Resumed struct {
	By      Actor  `json:"by"`
	Version string `json:"version"`
	Engine  string `json:"engine,omitempty"` // from now on, as in RunOpened

	Given []string `json:"given,omitempty"` // from now on, as in RunOpened
	// Reason is why a person took the run over from an engine; empty: nobody did.
	Reason string `json:"reason,omitempty"`
}

// WaveOpened lets the vaults of a wave be validated and started.
type WaveOpened struct {
	Wave string `json:"wave"`
}

// WaveDone says every vault of the wave has a final status.
type WaveDone struct {
	Wave string `json:"wave"`
}

// RunHalted says a budget was exceeded, or used up under a hard ceiling.
// Nothing starts until a person accepts the failures.
type RunHalted struct {
	// "run", the wave's name, or the key of the part: the subscription's ID
	Scope        string `json:"scope"`
	Wave         bool   `json:"wave"`                   // the scope is a wave
	Subscription bool   `json:"subscription,omitempty"` // the scope is a subscription
	// the scope is a part of the run of another kind: its name (plan.BudgetScopes)
	Part      string `json:"part,omitempty"`
	SameError string `json:"sameError,omitempty"` // so many failures in a row had this code
	Failures  int    `json:"failures"`
	Budget    int    `json:"budget"`
}

// PartSubscription is the name of a subscription among the parts of a run that have a
// budget of their own.
const PartSubscription = "subscription"

// HaltedIn says that the budget of a part of a run was exceeded. A subscription is older
// than the other kinds of parts, and journals have it otherwise.
func HaltedIn(part, key string) RunHalted {
	if part == PartSubscription {
		return RunHalted{Scope: key, Subscription: true}
	}
	return RunHalted{Scope: key, Part: part}
}

// PartName is the name of the kind of part whose budget was exceeded; empty: it was that
// of the run or of a wave.
func (h *RunHalted) PartName() string {
	if h.Subscription {
		return PartSubscription
	}
	return h.Part
}

// Evidence is what a person was shown who approved: a wave's totals.
type Evidence struct {
	Upgraded int `json:"upgraded"`
	Failed   int `json:"failed"`
	Unknown  int `json:"unknown"`
	Blocked  int `json:"blocked"`
	// Run counts what was lost in the whole run by then. nil: an earlier version recorded it.
	Run *Losses `json:"run,omitempty"`
}

// Losses are what a person looks at who approves: vaults that failed, and unknown ones.
type Losses struct {
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
}

// The sides of a wave that a gate may be on.
const (
	GateBefore = "before"
	GateAfter  = "after"
)

// Approved is a person's word that a gate may open. It is bound to the plan
// and to the evidence shown, and expires.
type Approved struct {
	Wave            string    `json:"wave"`
	When            string    `json:"when"` // GateBefore or GateAfter
	By              Actor     `json:"by"`
	Reason          string    `json:"reason"`
	PlanFingerprint string    `json:"planFingerprint"`
	Evidence        Evidence  `json:"evidence"`
	ExpiresAt       time.Time `json:"expiresAt"`
}

// GateOpened says that an approval was used, or that none was needed: a gate
// opens once.
type GateOpened struct {
	Wave string `json:"wave"`
	When string `json:"when"`

	// Needless: nobody had to approve it, as nothing of the wave was or will be
	// started: its vaults were as wanted before the run, or cannot be started.
	Needless bool `json:"needless,omitempty"`
}

// FailuresAccepted lifts a halt: what has failed so far counts no more.
type FailuresAccepted struct {
	By     Actor  `json:"by"`
	Reason string `json:"reason"`
}

// RunClosed ends a run for good.
type RunClosed struct {
	Code ExitCode `json:"exitCode"`
	// NeverStarted is how many vaults it leaves to the next run because a person closed it.
	NeverStarted int `json:"neverStarted,omitempty"`
}

// Deadline names a limit on waiting.
type Deadline string

// The deadlines (inventory.md#keys).
const (
	DeadlineBusy      Deadline = "busy"      // busyDeadline: becomes blocked
	DeadlineReconcile Deadline = "reconcile" // reconcileDeadline: stays unknown
	DeadlineOverdue   Deadline = "overdue"   // flagged, and still followed
	DeadlineAttempts  Deadline = "attempts"  // maxAttempts starts, none accepted: becomes blocked
	DeadlineWindow    Deadline = "window"    // no window fits it any more: becomes blocked
	// DeadlineFollow: overdue, and nothing is under way on the vault any more, or
	// nothing could be read of it: becomes unknown, for good in the run.
	DeadlineFollow Deadline = "follow"
)

// DeadlinePassed says that waiting for a vault reached a limit.
type DeadlinePassed struct {
	Vault    Key      `json:"vault"`
	Deadline Deadline `json:"deadline"`
	// Last is the last that was heard of its start before the deadline: the
	// service's own code, words and advice.
	Last *Finding `json:"last,omitempty"`
	// Reading is the last one before the limit, where there was one.
	Reading *LastReading `json:"reading,omitempty"`
	// Since is since when nothing of its subscription could be sent, where that ended
	// the wait of all that waited there; zero where the vault's own wait is over.
	Since time.Time `json:"since,omitzero"`
}

// Validated is the result of a vault's checks.
type Validated struct {
	Vault      Key       `json:"vault"`
	Verdict    Verdict   `json:"verdict"`
	Findings   []Finding `json:"findings,omitempty"`
	Record     *Record   `json:"record,omitempty"`
	RequestIDs []string  `json:"requestIds,omitempty"`
	// State is what the kind's upgrade changes, as it was when it was checked.
	State json.RawMessage `json:"state,omitempty"`
}

// StartWaits says that what a start needs was done and does not count yet, a role
// that was given for one, so that nothing was intended. It is journalled when the
// wait begins and when its reason changes, not for each look.
//
// With a code it says that the start could not be made ready. That is journalled
// for each try, as NotSent is: CodeUnreachable where the vault could not be read or
// no token was to be had, CodeThrottled where too much was asked for, and
// CodeChanged where the vault was not as its check had seen it.
type StartWaits struct {
	Vault  Key    `json:"vault"`
	Reason string `json:"reason"`
	Code   string `json:"code,omitempty"`
	// RetryAfter is how long the answer asked to wait, 0 where it did not.
	RetryAfter time.Duration `json:"retryAfterNs,omitempty"`
	// Learned is what the adapter wants to know again when it next makes the start
	// ready; empty where it has learned nothing new.
	Learned json.RawMessage `json:"learned,omitempty"`
}

// StartIntended says that a POST with this operation ID is about to leave. It
// is on disk before the POST is sent (design.md#rule-1).
type StartIntended struct {
	Vault       Key    `json:"vault"`
	OperationID string `json:"operationId"`
	Attempt     int    `json:"attempt"`
	// Before is what the start is about to change, as it was in the reading that
	// the start goes out on: for the audit, and for a rollback.
	Before json.RawMessage `json:"before,omitempty"`
	// Version is Sighting.Version of that reading: while the vault shows it, nothing
	// was written to the vault. Empty where the service has none, and in journals
	// from before it.
	Version string `json:"version,omitempty"`
}

// StartAnswered is what the POST came back with.
type StartAnswered struct {
	Vault       Key         `json:"vault"`
	OperationID string      `json:"operationId"`
	Answer      StartAnswer `json:"answer"`
	// ForNow says that nothing was accepted and that the start is tried again: it
	// costs no attempt. Journals from before it counted every start that left.
	ForNow bool `json:"forNow,omitempty"`
}

// NotSent says the intended POST never left this machine.
type NotSent struct {
	Vault       Key    `json:"vault"`
	OperationID string `json:"operationId"`
	Reason      string `json:"reason"`
	// Code is CodeUnreachable where sending failed on this machine, and empty where
	// it was not tried: told to stop, too late for the window or for its reading, but for
	// one that was held back so many times in a row before.
	Code string `json:"code,omitempty"`
}

// Reconciled is the conclusion of a pair of reads for an unknown start.
type Reconciled struct {
	Vault       Key     `json:"vault"`
	OperationID string  `json:"operationId"`
	Read        int     `json:"read"` // 1 or 2; only absences count up
	Reading     Reading `json:"reading"`
	Record      *Record `json:"record,omitempty"`
	Detail      string  `json:"detail,omitempty"`
	Late        bool    `json:"late,omitempty"` // as Observed.Late
}

// Observed is a change of an upgrade's state in the cloud's record. Vanished
// says the vault is missing from its subscription's listing.
//
// A second one for the same failed operation adds Findings, when its
// explanation was read.
type Observed struct {
	Vault       Key       `json:"vault"`
	OperationID string    `json:"operationId"`
	Record      *Record   `json:"record,omitempty"`
	Vanished    bool      `json:"vanished,omitempty"`
	Foreign     bool      `json:"foreign,omitempty"` // the operation is not ours
	Findings    []Finding `json:"findings,omitempty"`
	// with Vanished: the vault is there, and our operation on it is not
	Present   bool `json:"present,omitempty"`
	Explained bool `json:"explained,omitempty"` // the explanation was asked for; Findings is what it gave
	// a reading shows the vault without it: a listing may go back in time, and is asked again
	Unseen bool `json:"unseen,omitempty"`
	// Late: Record shows the end and not when it came, and it may have come long before:
	// nobody had looked, because no process was there or the cloud could not be read.
	Late bool `json:"late,omitempty"`
}

// Inspected is what a reading showed of a vault whose upgrade is followed or in
// doubt, where it decides nothing. It is journalled when it tells a person
// something new, not for each reading.
type Inspected struct {
	Vault       Key         `json:"vault"`
	OperationID string      `json:"operationId"`
	Reading     LastReading `json:"reading"`
}

// Verified says the new vault was read and is what it should be.
type Verified struct {
	Vault       Key    `json:"vault"`
	OperationID string `json:"operationId"`
	ResourceID  string `json:"resourceId"`
}

// Throttled says a subscription is throttled until a time.
type Throttled struct {
	Subscription string    `json:"subscription"`
	Until        time.Time `json:"until"`
	// since when each check of a vault was throttled; zero: one was not
	ChecksFrom time.Time `json:"checksFrom,omitzero"`
}

// AccessDenied says that a subscription refused a read, a check or a start for
// want of a sign-in or a permission, so that nothing starts in it; or, off, that
// it was read again since. A resume begins without any.
type AccessDenied struct {
	Subscription string `json:"subscription"`
	Detail       string `json:"detail,omitempty"` // what the cloud said
	// it can be read and refuses what is started: nothing is tried before a resume
	GivenUp bool `json:"givenUp,omitempty"`
	Off     bool `json:"off,omitempty"`
	Denials int  `json:"denials,omitempty"` // how often in a row it has refused a start, a check or a token by now
}

// Reopened permits a failed or unknown vault to be tried again. The operations
// in Disregard no longer speak for it; the permit is spent on the next answer.
type Reopened struct {
	Vault     Key      `json:"vault"`
	Disregard []string `json:"disregard,omitempty"`
	By        Actor    `json:"by"`
	Reason    string   `json:"reason"`
	Case      string   `json:"case,omitempty"` // the support case's number
}

// Refreshed is what was read of a failed or unknown vault because a person asked
// for it: nothing was sent. OperationID is the operation that was known for it.
type Refreshed struct {
	Vault       Key     `json:"vault"`
	OperationID string  `json:"operationId,omitempty"`
	Reading     Reading `json:"reading"`
	Record      *Record `json:"record,omitempty"` // the cloud's, of whatever operation
	// the record says Upgraded, and the new vault is what it should be
	Verified   bool      `json:"verified,omitempty"`
	ResourceID string    `json:"resourceId,omitempty"` // of the new vault
	Findings   []Finding `json:"findings,omitempty"`
	Detail     string    `json:"detail,omitempty"` // what was read, in words
	Late       bool      `json:"late,omitempty"`   // as Observed.Late
	By         Actor     `json:"by"`
}

// Name implements Fact.
func (RunOpened) Name() string        { return "RunOpened" }
func (Resumed) Name() string          { return "Resumed" }
func (WaveOpened) Name() string       { return "WaveOpened" }
func (WaveDone) Name() string         { return "WaveDone" }
func (RunHalted) Name() string        { return "RunHalted" }
func (FailuresAccepted) Name() string { return "FailuresAccepted" }
func (Approved) Name() string         { return "Approved" }
func (GateOpened) Name() string       { return "GateOpened" }
func (RunSuspended) Name() string     { return "RunSuspended" }
func (RunClosed) Name() string        { return "RunClosed" }
func (DeadlinePassed) Name() string   { return "DeadlinePassed" }
func (Validated) Name() string        { return "Validated" }
func (StartIntended) Name() string    { return "StartIntended" }
func (StartAnswered) Name() string    { return "StartAnswered" }
func (NotSent) Name() string          { return "NotSent" }
func (StartWaits) Name() string       { return "StartWaits" }
func (Reconciled) Name() string       { return "Reconciled" }
func (Observed) Name() string         { return "Observed" }
func (Inspected) Name() string        { return "Inspected" }
func (Verified) Name() string         { return "Verified" }
func (Throttled) Name() string        { return "Throttled" }
func (AccessDenied) Name() string     { return "AccessDenied" }
func (Reopened) Name() string         { return "Reopened" }
func (Refreshed) Name() string        { return "Refreshed" }

// VaultKey implements VaultFact.
func (f DeadlinePassed) VaultKey() Key { return f.Vault }
func (f Validated) VaultKey() Key      { return f.Vault }
func (f StartIntended) VaultKey() Key  { return f.Vault }
func (f StartAnswered) VaultKey() Key  { return f.Vault }
func (f NotSent) VaultKey() Key        { return f.Vault }
func (f StartWaits) VaultKey() Key     { return f.Vault }
func (f Reconciled) VaultKey() Key     { return f.Vault }
func (f Observed) VaultKey() Key       { return f.Vault }
func (f Inspected) VaultKey() Key      { return f.Vault }
func (f Verified) VaultKey() Key       { return f.Vault }
func (f Reopened) VaultKey() Key       { return f.Vault }
func (f Refreshed) VaultKey() Key      { return f.Vault }
