package report

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// View is a run as status and report show it: the JSON contract of design.md#the-command-line,
// and all that the other formats need. Absent values are null; lists and maps
// are never null.
type View struct {
	SchemaVersion int                  `json:"schemaVersion"`
	Headline      *Headline            `json:"headline"` // null until Worded has put it into words
	Run           Run                  `json:"run"`
	Selector      *string              `json:"selector"` // only the vaults that it picks are shown; null: all
	Totals        map[fleet.Status]int `json:"totals"`   // upgraded, failed and unknown always, others where not 0
	Overall       lexicon.Overall      `json:"overall"`  // of the vaults that are shown
	Waves         []Wave               `json:"waves"`
	Subscriptions []Subscription       `json:"subscriptions"` // in the order of their first vaults
	InFlight      []Flight             `json:"inFlight"`      // what wants to be looked at first
	Actions       []Action             `json:"actions"`       // what to do next, what is for a person first
	Next          []Step               `json:"next"`          // what to type next, the first one first
	Timeline      Timeline             `json:"timeline"`
	Proof         *Proof               `json:"proof"` // null where the journal was not read
	// what is left to do by hand after an upgrade; empty where nothing was
	Checklist []string  `json:"checklist"`
	Evidence  *Evidence `json:"evidence"`
	Vaults    []Vault   `json:"vaults"` // in the plan's order

	// Tasks are what there is to do: Actions are they in words. Their vaults are those
	// of the view, by their place in it.
	Tasks []standing.Task `json:"-"`

	steps     []standing.Step // what to type next, the first one first; nil: Next has them in words
	toApprove bool            // it waits, and needs a person's approval
}

// RunStatus says where a run stands as a whole.
type RunStatus string

// The statuses of a run.
const (
	RunRunning     RunStatus = "running"     // a process carries it out
	RunWaiting     RunStatus = "waiting"     // a process holds it and waits for a time or a person
	RunPaused      RunStatus = "paused"      // a person paused it
	RunInterrupted RunStatus = "interrupted" // no process carries it out: resume it
	RunHalted      RunStatus = "halted"      // a budget was exceeded: a person decides
	RunFinished    RunStatus = "finished"    // for good; also one that a person has closed
)

// statusOf is the status that a phase belongs to: a run that is being stopped,
// closed or halted runs until its process has left.
func statusOf(p standing.Phase) RunStatus {
	switch p {
	case standing.Waiting:
		return RunWaiting
	case standing.Paused:
		return RunPaused
	case standing.Interrupted:
		return RunInterrupted
	case standing.Halted:
		return RunHalted
	case standing.Finished, standing.Closed:
		return RunFinished
	}
	return RunRunning
}

// Run is a run as JSON shows it.
type Run struct {
	ID              string         `json:"id"`
	Status          RunStatus      `json:"status"`
	Phase           standing.Phase `json:"phase"`   // where it stands, more finely than the status
	Verdict         string         `json:"verdict"` // the name of the exit code
	ExitCode        int            `json:"exitCode"`
	WaitingFor      *string        `json:"waitingFor"` // the first of the waits, or why it was left
	Waits           []Wait         `json:"waits"`      // all that it waits for right now, what needs a person first
	Approved        bool           `json:"approved"`   // what it waits for is given: the next resume goes on
	StartedAt       *Time          `json:"startedAt"`
	EndedAt         *Time          `json:"endedAt"` // null until it is finished
	PlanFingerprint string         `json:"planFingerprint"`
	Inventory       *string        `json:"inventory"`
	ResumedAt       *Time          `json:"resumedAt"`
	UpdatedAt       *Time          `json:"updatedAt"` // of the newest fact
	GeneratedAt     *Time          `json:"generatedAt"`
	Halt            *Halt          `json:"halt"`
	Suspended       *Suspension    `json:"suspended"`
	Budget          Budget         `json:"budget"`
	StartedBy       *string        `json:"startedBy"`
	Live            bool           `json:"live"` // a process carries it out right now
	// an engine carries it out, and may go on though nobody keeps the ledger now
	Elsewhere  bool       `json:"elsewhere"`
	Night      *Night     `json:"night"`      // the newest one; null without windows, or before the first
	NextWindow *Time      `json:"nextWindow"` // when what is left may start again; null: now, or nothing is left
	Kind       fleet.Kind `json:"kind"`       // of the upgrade
	Permanent  bool       `json:"permanent"`  // nothing can undo it

	// Direction is the kind's: which way it took the vaults that are "upgraded".
	Direction fleet.Direction `json:"direction"`

	Later     *string  `json:"laterRun"`  // ID of the ledger's newest run; null: this is it
	Closing   bool     `json:"closing"`   // a person wants it closed once nothing is in flight
	ClosingBy *Closing `json:"closingBy"` // whose word that is; null: it is not being closed
	// a person has closed it before all of it was started; null: nobody has
	Closed *Closure `json:"closed"`
	// the approval of the next gate, where the run has not come to it; null: there is none
	InAdvance   *Approval    `json:"approvedInAdvance"`
	Note        *Note        `json:"note"`        // the newest one; null: nobody has left one
	Emulated    *Emulated    `json:"emulated"`    // the cloud is the emulator; null: it is not, or nobody knows
	ExpectedEnd *ExpectedEnd `json:"expectedEnd"` // a guess; null: none was made, or it is over
	Limits      *Limits      `json:"limits"`      // a person's, which hold now; null: the plan's hold
}

// Closing is a person's word by which a run is being closed.
type Closing struct {
	By     *string `json:"by"`
	Reason *string `json:"reason"`
}

// Closure is a person's word that closed a run before all of it was started.
type Closure struct {
	By           *string `json:"by"`
	Reason       *string `json:"reason"`
	NeverStarted int     `json:"neverStarted"` // vaults, of those that are shown
}

// Approval is a person's word for a gate that the run has not passed yet.
type Approval struct {
	Wave      string  `json:"wave"`
	When      string  `json:"when"` // before or after that wave
	By        *string `json:"by"`
	Reason    *string `json:"reason"`
	At        *Time   `json:"at"`
	ExpiresAt *Time   `json:"expiresAt"`
}

// Note is what a person has left for whoever looks next.
type Note struct {
	At   *Time   `json:"at"`
	By   *string `json:"by"`
	Text string  `json:"text"`
}

// Limits are a person's, which a run keeps beside its plan's; null: the plan's holds.
type Limits struct {
	Upgrades        *int    `json:"upgrades"` // at once
	PerSubscription *int    `json:"perSubscription"`
	PerLocation     *int    `json:"perLocation"`
	By              *string `json:"by"` // whoever set one last; null: an older ledger does not say
	Reason          *string `json:"reason"`
	At              *Time   `json:"at"`
}

// Halt is the budget that stopped a run.
type Halt struct {
	Scope        string  `json:"scope"` // "run", the wave's name or the subscription's ID
	Wave         bool    `json:"wave"`  // the scope is a wave
	Subscription bool    `json:"subscription"`
	Part         string  `json:"part,omitempty"` // the scope is a part of the run of another kind: its name
	SameError    *string `json:"sameError"`      // so many failures in a row had this code
	Failures     int     `json:"failures"`       // when it halted; the sentence counts those of now
	Budget       int     `json:"budget"`
	At           *Time   `json:"at"`
	Sentence     string  `json:"sentence"` // which budget it was, in words

	fact fleet.RunHalted
}

// PartIn is what people call the part of a plan whose budget it was; empty: it was that
// of the run or of a wave.
func (h *Halt) PartIn(p *plan.Plan) string { return lexicon.PartIn(p, &h.fact) }

func HaltOf(p *plan.Plan, h *fleet.RunHalted, when time.Time) *Halt {
	return &Halt{h.Scope, h.Wave, h.Subscription, h.Part, StringOrNull(h.SameError), h.Failures, h.Budget,
		TimeOrNull(when),
		lexicon.Halted(p, h), *h}
}

// Budget is a failure budget and what is used of it.
type Budget struct {
	Limit      int `json:"limit"`
	Used       int `json:"used"`       // failed, and unknown for good
	Unresolved int `json:"unresolved"` // unknown and still being read
	Base       int `json:"base"`       // the vaults it counts

	Accepted int `json:"-"` // of the run's: failures that a person accepted
	Carried  int `json:"-"` // of the run's: vaults that failed before it
}

// Wave is a wave as JSON shows it.
type Wave struct {
	Name      string               `json:"name"`
	Status    standing.WaveStatus  `json:"status"`
	Totals    map[fleet.Status]int `json:"totals"`
	StartedAt *Time                `json:"startedAt"`
	EndedAt   *Time                `json:"endedAt"`
	Budget    *Budget              `json:"budget"` // null: only the run's
	lexicon.Group

	left standing.WaveStatus // how one that is running stands for people; empty: as Status says

	ExpectedEnd *ExpectedEnd `json:"expectedEnd"` // a guess; null: none was made, or it is over
}

// Stands is how the wave stands for people: one that is running, of a run that no process
// carries out, stands as its run does.
func (w *Wave) Stands() standing.WaveStatus {
	if w.Status == standing.WaveRunning && w.left != "" {
		return w.left
	}
	return w.Status
}

// Subscription is a subscription as JSON shows it.
type Subscription struct {
	ID             string               `json:"id"`
	Name           string               `json:"name"`
	Totals         map[fleet.Status]int `json:"totals"`
	Budget         *Budget              `json:"budget"`         // null: only the run's
	ThrottledUntil *Time                `json:"throttledUntil"` // it is throttled; null: not now
	lexicon.Group
}

// Vault is a vault of a run as JSON shows it.
type Vault struct {
	Vault               string             `json:"vault"` // as commands name it
	SubscriptionID      string             `json:"subscriptionId"`
	SubscriptionName    string             `json:"subscriptionName"`
	Name                string             `json:"name"`
	Location            string             `json:"location"`
	ResourceType        fleet.ResourceType `json:"resourceType"`
	TargetResourceGroup *string            `json:"targetResourceGroup"` // of a classic vault
	Labels              map[string]string  `json:"labels"`
	Wave                string             `json:"wave"`
	Status              fleet.Status       `json:"status"`
	OperationID         *string            `json:"operationId"`
	// starts of this run that may have arrived
	Attempt int `json:"attempt"`
	Sent    int `json:"-"` // starts sent in this run

	ahead bool // earlier runs left it as wanted, and this one is to look at it
	// unknown for good: when reading was given up; null: before this run, or the journal was not read
	GaveUpAt *Time `json:"-"`
	// that had failed when a person let this start go out
	EarlierOperations  []string  `json:"earlierOperationIds,omitempty"`
	StartedAt          *Time     `json:"startedAt"`
	EndedAt            *Time     `json:"endedAt"`
	UpgradedResourceID *string   `json:"upgradedResourceId"`
	RequestIDs         []string  `json:"requestIds"`
	Findings           []Finding `json:"findings"`
	Reason             *string   `json:"reason"`
	Overdue            bool      `json:"overdue"`   // in flight for longer than timings.overdue
	Foreign            bool      `json:"foreign"`   // upgrading: the operation is somebody else's
	Earlier            bool      `json:"earlier"`   // an earlier run of the ledger upgraded it
	Meanwhile          bool      `json:"meanwhile"` // already: others took it there after the run had begun
	Carried            bool      `json:"carried"`   // failed or unknown before this run
	Reopened           bool      `json:"reopened"`  // a person permitted another try
	// re-opened when its run was over: failed or unknown there, and the next run tries it
	Permitted   bool    `json:"-"`
	TakenUp     bool    `json:"-"`          // a later run has it: nobody has to do anything by this one
	Accepted    bool    `json:"accepted"`   // a person accepted the failure: no budget counts it
	Unresolved  bool    `json:"unresolved"` // unknown, and still being read
	RefreshedAt *Time   `json:"refreshedAt"`
	HeldUntil   *Time   `json:"heldUntil"` // excluded: until when; null: until released
	HeldBy      *string `json:"heldBy"`    // excluded: who held it
	// excluded, and held by nobody: a rollback has nothing to put back
	Unheld bool `json:"-"`
	// not started: when its window opens; null: it may start now, or never
	NextWindow *Time  `json:"nextWindow"`
	Reads      []Read `json:"reads"` // of a start in doubt, the newest ones: what the cloud showed
	// of one that is followed or unknown, where it says more than the status; null: it does not
	LastReading   *LastReading `json:"lastReading"`
	ResourceGroup *string      `json:"resourceGroup"` // that it is in; null: a classic vault is in none
	ResourceID    *string      `json:"resourceId"`    // of the Resource Manager; null: a classic vault has none yet
	EndedLate     bool         `json:"endedLate"`     // it may have ended long before endedAt, when that was seen
}

// LastReading is what was last read of a vault whose upgrade is followed or in
// doubt.
type LastReading struct {
	At      *Time    `json:"at"`
	What    string   `json:"what"`    // in words
	Differs []string `json:"differs"` // what is not as wanted, leaf by leaf
	Poll    *string  `json:"poll"`    // what the operation's own address answered, where that said nothing about it
	Action  *string  `json:"action"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &t.Time) }

// OrBefore is said behind the time of the vault's end: that this was seen late, or
// nothing.
func (v *Vault) OrBefore() string {
	if v.EndedLate && v.EndedAt != nil {
		return lexicon.OrBefore
	}
	return ""
}

// GivenUp is when reading an unknown vault was given up; where this run's journal does not
// tell that, its end as the ledger has it.
func (v *Vault) GivenUp() *Time {
	if v.GaveUpAt != nil {
		return v.GaveUpAt
	}
	return v.EndedAt
}

// Took is how long the vault's upgrade took, 0 where that is not known; where it
// EndedLate, at most so long.
func (v *Vault) Took() time.Duration {
	if v.StartedAt == nil || v.EndedAt == nil {
		return 0
	}
	return v.EndedAt.Sub(v.StartedAt.Time)
}

// Errors returns the findings that stop the vault.
func (v *Vault) Errors() (out []Finding) {
	if v.settled() {
		return nil
	}
	for _, i := range standing.Blocking(v.facts()) {
		out = append(out, v.Findings[i])
	}
	return out
}

// facts are the vault's findings as the checks and the cloud gave them.
func (v *Vault) facts() []fleet.Finding {
	out := make([]fleet.Finding, len(v.Findings))
	for i, f := range v.Findings {
		out[i] = fleet.Finding{Severity: f.Severity, Code: ValueOf(f.Code), Message: ValueOf(f.Message)}
	}
	return out
}

// endedBadly reports whether only a person can help the vault, as its run left it.
func (v *Vault) endedBadly() bool {
	return !v.Permitted && slices.Contains(standing.PersonStatuses, v.Status) &&
		standing.NeedsPerson(v.Status, !v.Unresolved, v.facts())
}

// pastOf says of a vault that was as wanted without this run whether a run of the
// ledger has done that, or somebody else, before the run or since it began.
func pastOf(earlier, meanwhile bool, w *lexicon.Wording) string {
	switch {
	case earlier:
		return w.ByEarlier()
	case meanwhile:
		return w.Meanwhile()
	}
	return w.Already
}

// notLookedAt says that of a vault that is as wanted by what earlier runs left, and that
// its run was kept from looking at; earlier: one of them upgraded it.
func notLookedAt(earlier bool, w *lexicon.Wording) string {
	return pastOf(earlier, false, w) + ", not looked at in this run"
}

// pastOf is that of a vault of the view.
func (v *View) pastOf(x *Vault) string { return pastOf(x.Earlier, x.Meanwhile, v.words()) }

// AlreadyBy parts the vaults that are as wanted without the run.
func (v *View) AlreadyBy() (by rollout.AlreadyBy) {
	for i := range v.Vaults {
		switch x := &v.Vaults[i]; {
		case x.Status != fleet.Already:
		case x.Earlier:
			by.EarlierRuns++
		case x.Meanwhile:
			by.Others++
		}
	}
	return by
}

// words are those of the run's kind.
func (v *View) words() *lexicon.Wording { return lexicon.WordingOf(v.Run.Kind) }

// keepToItself takes what is said of others out of a view of some vaults: it
// may be for a customer. ours: the budget that halted the run, if one did, counts some of
// the vaults.
func (v *View) keepToItself(shown func(subscription string) bool, ours bool) {
	waves := v.Waves[:0]
	for _, w := range v.Waves {
		if count(w.Totals) > 0 {
			waves = append(waves, w)
		}
	}
	v.Waves = waves
	if h := v.Run.Halt; h != nil && !ours {
		h.Scope, h.Sentence = "", "the failure budget of another "+h.fact.PartName()+" was exceeded"
	}
	if s := v.Run.Suspended; s != nil && s.Subscription != nil && !shown(*s.Subscription) {
		s.Subscription, s.Detail = nil, StringOrNull("it is missing in another subscription")
	}
	v.Run.Waits = slices.DeleteFunc(v.Run.Waits,
		func(w Wait) bool { return w.Subscription != nil && !shown(*w.Subscription) })
	for i := range v.Run.Waits {
		w := &v.Run.Waits[i]
		w.which = "" // others wait for the same
		if w.For == standing.WaitPause {
			w.wait.By = ""
		}
		if g := w.wait.Gate; g != nil && g.Given != nil {
			given := *g
			a := *g.Given
			a.By, given.Given, w.wait.Gate = "", &a, &given
		}
		w.Text = w.words(lexicon.UTC)
	}
	v.Run.Note = nil // of the whole run
	if l := v.Run.Limits; l != nil {
		l.By, l.Reason = nil, nil
	}
	if c := v.Run.Closed; c != nil {
		c.By, c.Reason = nil, nil
	}
	if a := v.Run.InAdvance; a != nil {
		a.By, a.Reason = nil, nil
	}
	if o := v.Run.WaitingFor; o != nil && v.Run.Live {
		v.Run.WaitingFor = nil
		if w := HoldsUp(v.Run.Waits); w != nil {
			v.Run.WaitingFor = StringOrNull(w.Text)
		}
	}
	for i := range v.Timeline.Entries {
		switch e := &v.Timeline.Entries[i]; e.Kind {
		case "wave", "closed", "resumed": // totals of everybody's vaults
			e.Detail = nil
		}
	}
	v.Proof = nil // of the whole run, too
}
