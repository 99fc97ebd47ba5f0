package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// State is where a run stands: the fold of its facts over its plan.
type State struct {
	Plan   *plan.Plan
	Run    RunState
	Vaults []VaultState // same order as Plan.Vaults
	Waves  []WaveState  // same order as Plan.Waves
	Totals Totals

	// Throttled holds, per subscription, until when it is throttled.
	Throttled map[string]time.Time

	// Denied holds, per subscription, that a sign-in or permission is missing.
	Denied map[string]Denial

	// SameError counts the failures in a row that had one code.
	SameError Streak

	index   map[fleet.Key]int
	recent  int // the vault that was looked up last: most are, a few times in a row
	current int // index of the wave opened last, -1 before the first
	tally   tally
	subs    []subscription // in the order they appear among the vaults
	subOf   []int          // of each vault: index into subs
	subAt   map[string]int // index into subs by ID
	parts   []part         // that have a budget each
	partAt  map[partID]int
	cells   [][]int // the parts that vaults are in together
	cellOf  []int   // of each vault: index into cells
}

// subscription is what is known of one.
type subscription struct {
	id string
	Access
}

// RunState is what is known of the run as a whole.
type RunState struct {
	ID          string      `json:"id,omitzero"`
	Fingerprint string      `json:"fingerprint,omitzero"`
	By          fleet.Actor `json:"by,omitzero"`
	OpenedAt    time.Time   `json:"openedAt,omitzero"`

	// every vault is checked before the first start
	ValidateAllFirst bool                `json:"validateAllFirst,omitzero"`
	ResumedAt        time.Time           `json:"resumedAt,omitzero"` // zero when never resumed
	LastAt           time.Time           `json:"lastAt,omitzero"`    // of the newest fact
	Halt             *fleet.RunHalted    `json:"halt,omitzero"`
	HaltedAt         time.Time           `json:"haltedAt,omitzero"`
	Suspended        *fleet.RunSuspended `json:"suspended,omitzero"`
	Paused           *fleet.Paused       `json:"paused,omitzero"` // nil: nobody paused it
	PausedAt         time.Time           `json:"pausedAt,omitzero"`
	// told to leave, or to be closed; a resume forgets the first
	Stopped *fleet.Stopped  `json:"stopped,omitzero"`
	Limits  plan.WaveLimits `json:"limits,omitzero"` // a person's, 0: the plan's hold
	// the newest word about Limits; nil while none is a person's, and in an older ledger
	Limited   *fleet.LimitsChanged `json:"limited,omitzero"`
	LimitedAt time.Time            `json:"limitedAt,omitzero"`
	Closed    *fleet.RunClosed     `json:"closed,omitzero"`
	ClosedAt  time.Time            `json:"closedAt,omitzero"`
	// when a person had vaults read again, zero for never
	RefreshedAt time.Time    `json:"refreshedAt,omitzero"`
	Engine      string       `json:"engine,omitzero"`    // what carries it out; empty: a process beside the ledger
	Given       []string     `json:"given,omitempty"`    // flags of its newest process that a resume is to have too
	TimeScale   float64      `json:"timeScale,omitzero"` // of an emulated cloud; 0: time goes there as here
	Note        *fleet.Noted `json:"note,omitzero"`      // a person's newest note; nil: none. Nothing is decided by it
	NotedAt     time.Time    `json:"notedAt,omitzero"`
}

// WaveState is where a wave stands.
type WaveState struct {
	Name     string    `json:"-"`
	OpenedAt time.Time `json:"openedAt,omitzero"` // zero: not opened
	DoneAt   time.Time `json:"doneAt,omitzero"`   // zero: not done
	Totals   Totals    `json:"-"`
	Changed  time.Time `json:"changed,omitzero"` // when earlier runs last changed a vault of it; zero: none did
	Before   Gate      `json:"before,omitzero"`  // where the plan has an approval before it
	After    Gate      `json:"after,omitzero"`   // where the plan has one after it

	tally tally
}

// Denial is what is known of a subscription to which access is missing.
type Denial struct {
	Since   time.Time
	Detail  string // what the cloud said
	GivenUp bool   // it is not tried again before a resume; otherwise with each reading
}

// Gate is an approval gate of a wave.
type Gate struct {
	Approved   *fleet.Approved `json:"approved,omitzero"` // the newest approval, nil before the first
	ApprovedAt time.Time       `json:"approvedAt,omitzero"`
	OpenedAt   time.Time       `json:"openedAt,omitzero"` // zero: not opened
}

// VaultState is everything the facts say of one vault. What begins and ends together
// stands in a part of its own, which one assignment resets.
type VaultState struct {
	Status    fleet.Status `json:"status,omitzero"`
	Own       []string     `json:"own,omitzero"`       // every operation we sent for it, oldest first
	Disregard []string     `json:"disregard,omitzero"` // operations that no longer speak for it
	Attempt   int          `json:"attempt,omitzero"`   // POSTs of this run that may have arrived
	Sent      int          `json:"sent,omitzero"`      // POSTs of this run, those that were refused among them
	// the settings that its newest check saw, where the kind changes settings
	State json.RawMessage `json:"state,omitzero"`
	// what preparing its start has taught the adapter, for its next try
	Learned json.RawMessage `json:"learned,omitzero"`
	Earlier bool            `json:"earlier,omitzero"` // an earlier run of the ledger upgraded it
	// an earlier run found it as wanted, and none upgraded it
	WasAlready bool `json:"wasAlready,omitzero"`
	// Of one that an earlier run upgraded: the last that looked at it could not tell whether
	// it is as it was left.
	Unseen   bool `json:"unseen,omitzero"`
	Reopened bool `json:"reopened,omitzero"` // a person permitted another try
	Tried    bool `json:"tried,omitzero"`    // and this run had changed it by then, or may have
	// and did so when the run was over: the next one tries; nil: nobody has
	Permit *fleet.Reopened `json:"permit,omitzero"`
	Held   *fleet.Held     `json:"held,omitzero"` // by a person during the run; nil for the inventory's hold

	ValidatedAt time.Time `json:"validatedAt,omitzero"`
	IntendedAt  time.Time `json:"intendedAt,omitzero"`  // when the newest intent was recorded
	RefreshedAt time.Time `json:"refreshedAt,omitzero"` // when a person had it read again, zero for never

	Findings   []fleet.Finding `json:"findings,omitzero"`
	RequestIDs []string        `json:"requestIds,omitzero"`
	Reason     string          `json:"reason,omitzero"` // why it is where it is, in words

	Upgrade
	Doubt
	Busy
	Refusal
	Need
	Past
}

// Upgrade is what is known of one operation on a vault, ours or somebody else's: the
// newest. The next one begins with none of it.
type Upgrade struct {
	OperationID string `json:"operationId,omitzero"`
	Foreign     bool   `json:"foreign,omitzero"` // upgrading: the operation is somebody else's
	// where it is followed, nil where only the vault can tell
	Operation *fleet.Operation `json:"operation,omitzero"`
	StartedAt time.Time        `json:"startedAt,omitzero"`
	EndedAt   time.Time        `json:"endedAt,omitzero"`
	// it may have ended long before EndedAt, when that was seen
	EndedLate bool `json:"endedLate,omitzero"`
	// of the start, where it did not accept; nil: none, or none came
	Answer    *fleet.StartAnswer `json:"answer,omitzero"`
	Accepted  bool               `json:"accepted,omitzero"`  // it was seen accepted: its absence can never be proved
	ErrorBody bool               `json:"errorBody,omitzero"` // the start was answered with an error of the service
	Version   string             `json:"version,omitzero"`   // of the vault, in the reading that the start went out on
	Done      bool               `json:"done,omitzero"`      // the cloud called it done, in its answer or later
	CloudDone bool               `json:"cloudDone,omitzero"` // the cloud's record says Upgraded; not verified yet
	DoneSince time.Time          `json:"doneSince,omitzero"` // when that was seen
	ShownAt   time.Time          `json:"shownAt,omitzero"`   // when an answer or a reading last showed it accepted
	LookFrom  time.Time          `json:"lookFrom,omitzero"`  // when its answer asked to be looked at for the first time
	// its answer said so and was journalled as unknown, by a version that knew less: no
	// reading of this run proves its absence
	SaidAccepted bool      `json:"saidAccepted,omitempty"`
	LostSince    time.Time `json:"lostSince,omitzero"` // since when readings show the vault without it
	Overdue      bool      `json:"overdue,omitzero"`

	// of its vault: the newest that told something new; nil for none
	Reading            *fleet.LastReading `json:"reading,omitzero"`
	Inspections        int                `json:"inspections,omitzero"` // how many were journalled since the start
	UpgradedResourceID string             `json:"upgradedResourceId,omitzero"`
}

// Doubt is how far reading has come with a start of which nobody knows whether it was
// accepted, or with an upgrade that is not to be seen any more.
type Doubt struct {
	ProofFrom   time.Time `json:"proofFrom,omitzero"`   // the grace before a read may prove absence counts from here
	Absences    int       `json:"absences,omitzero"`    // conclusive reads that did not find the operation
	AbsentAt    time.Time `json:"absentAt,omitzero"`    // when the last of them was made
	ForeignRead bool      `json:"foreignRead,omitzero"` // the last reconciling read showed somebody else's operation
	Final       bool      `json:"final,omitzero"`       // it stays unknown for good in this run
}

// Busy is for how long something else has been under way on a vault, or its checks have
// got no answer.
type Busy struct {
	BusySince time.Time `json:"busySince,omitzero"` // when it was first found busy, zero when it is not
	BusyAt    time.Time `json:"busyAt,omitzero"`    // when it was last found busy
	Unreached int       `json:"unreached,omitzero"` // checks in a row that found it busy because they got no answer
}

// Refusal counts the starts of a vault that were refused for now, one after the other.
type Refusal struct {
	Refusals    int       `json:"refusals,omitzero"`
	RefusedFrom time.Time `json:"refusedFrom,omitzero"` // when the first of them was answered
	RefusedTill time.Time `json:"refusedTill,omitzero"` // until when the last of them asked to wait
	Withheld    int       `json:"withheld,omitzero"`    // starts in a row that were not tried, for no failure
}

// Need is what a start needs that was done and does not count yet.
type Need struct {
	// since when, in this process or one before; zero: it waits for nothing
	WaitsSince time.Time `json:"waitsSince,omitzero"`
	Waits      string    `json:"waits,omitzero"` // what that is, as it was last said
}

// Past is what budgets make of how a vault stands: it was so before, or is not to count.
type Past struct {
	Carried  bool `json:"carried,omitzero"`  // failed or unknown before this run: counts in no budget
	Forgiven bool `json:"forgiven,omitzero"` // a person accepted the failure: counts no more
	Repaired bool `json:"repaired,omitzero"` // upgraded after it had failed: budgets count it as before
}

// Open reports whether the vault's fate is still undecided in this run.
func (v *VaultState) Open() bool {
	switch v.Status {
	case fleet.Pending, fleet.Validating, fleet.Ready, fleet.Busy, fleet.Starting, fleet.Upgrading:
		return true
	case fleet.Unknown:
		return !v.Final
	}
	return false
}

// HeldAfterwards reports whether an earlier run of the ledger upgraded the vault, and it
// is held in this one, which has not looked at it.
func (v *VaultState) HeldAfterwards() bool {
	return v.Earlier && v.Status == fleet.Excluded && v.ValidatedAt.IsZero() && v.leftDone()
}

// DoneEarlier reports whether an earlier run of the ledger upgraded the vault, and
// nothing in this one says that it is not as wanted any more.
func (v *VaultState) DoneEarlier() bool {
	return v.Earlier && (v.Status == fleet.Already || v.LeftDone())
}

// leftDone reports whether earlier runs left the vault as wanted, whoever made it so, and no
// person or later run has said otherwise since.
func (v *VaultState) leftDone() bool {
	return (v.Earlier && !v.Unseen || v.WasAlready) && !v.Carried && !v.Reopened
}

// LeftDone reports whether earlier runs left the vault as wanted, and this one has not
// looked at it: nobody knows that it is to be started.
func (v *VaultState) LeftDone() bool {
	return (v.Status == fleet.Pending || v.Status == fleet.Validating) && v.ValidatedAt.IsZero() && v.leftDone()
}

// Changed reports whether something was done to the vault since the run began, by us
// or by somebody else, or may have been.
func (v *VaultState) Changed() bool {
	switch v.Status {
	case fleet.Starting, fleet.Upgrading, fleet.Upgraded:
		return true
	case fleet.Failed, fleet.Unknown:
		return !v.Carried || v.Sent > 0 || v.Tried
	}
	return v.Sent > 0 || v.Foreign || v.Tried
}

// Earlier counts the vaults that earlier runs of the ledger upgraded, as far as
// this run knows nothing else of them.
func (s *State) Earlier() int { return s.tally.earlier }

// EarlierHeld counts those that earlier runs upgraded and that are held in this one.
func (s *State) EarlierHeld() int { return s.tally.heldAfter }

// Meanwhile reports whether the vault came to be as wanted after the run had begun, by
// others: neither this run has sent it, nor an earlier one the operation that did it.
func (s *State) Meanwhile(i int) bool {
	v := &s.Vaults[i]
	return v.Status == fleet.Already && !v.Earlier && v.Sent == 0 && !v.owns(v.OperationID) &&
		v.EndedAt.After(s.Run.OpenedAt)
}

// InFlight reports whether an upgrade that we started may be under way.
func (v *VaultState) InFlight() bool {
	switch v.Status {
	case fleet.Starting:
		return true
	case fleet.Upgrading:
		return !v.Foreign
	case fleet.Unknown:
		return !v.Final
	}
	return false
}

// startable reports whether an upgrade of the vault may still be started.
func (v *VaultState) startable() bool {
	switch v.Status {
	case fleet.Pending, fleet.Validating, fleet.Ready, fleet.Busy:
		return true
	}
	return false
}

// owns reports whether we sent the operation.
func (v *VaultState) owns(op string) bool { return slices.Contains(v.Own, op) }

// Before lists the operations known before the newest one was sent.
func (v *VaultState) Before() []string {
	var ops []string
	for _, op := range v.Own {
		if op != v.OperationID {
			ops = append(ops, op)
		}
	}
	return append(ops, v.Disregard...)
}

// NewState returns the state of a run of which no fact is known yet.
func NewState(p *plan.Plan) *State {
	s := &State{
		Plan:      p,
		Vaults:    make([]VaultState, len(p.Vaults)),
		Waves:     make([]WaveState, len(p.Waves)),
		Throttled: map[string]time.Time{},
		Denied:    map[string]Denial{},
		index:     make(map[fleet.Key]int, len(p.Vaults)),
		current:   -1,
		subOf:     make([]int, len(p.Vaults)),
		subAt:     map[string]int{},
	}
	for i := range p.Waves {
		s.Waves[i].Name = p.Waves[i].Name
	}
	for i := range p.Vaults {
		s.index[p.Vaults[i].Key] = i
		id := p.Vaults[i].SubscriptionID
		sub, ok := s.subAt[id]
		if !ok {
			sub = len(s.subs)
			s.subAt[id] = sub
			s.subs = append(s.subs, subscription{id: id})
		}
		s.subOf[i] = sub
	}
	s.newParts()
	for i := range p.Vaults {
		v := &s.Vaults[i]
		v.Status = fleet.Pending
		if h := p.Vaults[i].Hold; h != nil {
			v.Status, v.Reason = fleet.Excluded, h.Reason
		}
		s.count(i, +1)
	}
	return s
}

// Lookup returns the vault's index in the plan.
func (s *State) Lookup(k fleet.Key) (int, bool) {
	i, ok := s.index[k]
	return i, ok
}

// find is Lookup for whoever may change the state.
func (s *State) find(k fleet.Key) (int, bool) {
	if s.recent < len(s.Plan.Vaults) && s.Plan.Vaults[s.recent].Key == k {
		return s.recent, true
	}
	i, ok := s.index[k]
	if ok {
		s.recent = i
	}
	return i, ok
}

// CurrentWave is the index of the wave opened last, -1 before the first.
func (s *State) CurrentWave() int { return s.current }

// Record is what the ledger remembers of a vault across runs.
func (s *State) Record(i int) fleet.VaultRecord {
	v := &s.Vaults[i]
	var followed *fleet.Operation
	if v.Status == fleet.Unknown {
		followed = v.Operation // a later run may ask it; in this one the journal has it
	}
	holder := ""
	if v.Held != nil {
		holder = v.Held.By.User
	}
	return fleet.VaultRecord{
		Vault: s.Plan.Vaults[i].Key, RunID: s.Run.ID, Status: v.Status, OperationID: v.OperationID,
		Operation: followed, Accepted: v.Accepted, ErrorBody: v.ErrorBody, Version: v.Version, Disregard: v.Disregard,
		StartedAt: v.StartedAt,
		EndedAt:   v.EndedAt, EndedLate: v.EndedLate, Findings: v.Findings, RequestIDs: v.RequestIDs, Reason: v.Reason,
		Done: v.Done, Reading: v.Reading, HeldBy: holder,
	}
}

// RecordAfter is what the ledger remembers of a vault after a fact about it that
// the state has folded. before is what it remembered until then: a re-opening
// in a run that is over changes that, and leaves the run as it ended.
func (s *State) RecordAfter(i int, before fleet.VaultRecord, f fleet.VaultFact) fleet.VaultRecord {
	r, ok := f.(fleet.Reopened)
	if !ok {
		return s.Record(i)
	}
	before.Status, before.Disregard = fleet.Pending, append(slices.Clip(before.Disregard), r.Disregard...)
	before.Operation, before.Done, before.Reading = nil, false, nil
	before.Accepted, before.ErrorBody, before.Version, before.Reason = false, false, "", ReopenedBy(&r)
	return before
}

// move takes a vault to another status; an illegal move is an error.
func (s *State) move(i int, to fleet.Status, why string) error {
	v := &s.Vaults[i]
	if !fleet.CanMove(v.Status, to) {
		return &fleet.TransitionError{Vault: s.Plan.Vaults[i].Key, From: v.Status, To: to, Fact: why}
	}
	v.Status = to
	return nil
}

// count adds the vault to the totals, or takes it away. Every change of a
// vault stands between count(i, -1) and count(i, +1).
func (s *State) count(i, by int) {
	v, w := &s.Vaults[i], &s.Waves[s.Plan.Vaults[i].Wave]
	meanwhile := s.Meanwhile(i)
	s.Totals.count(v, meanwhile, by)
	w.Totals.count(v, meanwhile, by)
	var one tally
	one.add(v, by)
	s.tally.plus(&one)
	w.tally.plus(&one)
	for _, p := range s.partsOf(i) {
		s.parts[p].tally.plus(&one)
	}
}

// Replay folds events over the state.
func (s *State) Replay(events []fleet.Event) error {
	for n, e := range events {
		if err := s.Apply(e); err != nil {
			return fmt.Errorf("fact %d of the run: %w", n+1, err)
		}
	}
	return nil
}
