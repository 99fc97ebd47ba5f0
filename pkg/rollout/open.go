package rollout

import (
	"errors"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// What is said of a run that cannot be begun, or not be gone on with.
var (
	ErrUnfinished = errors.New("a new run would forget what is in flight")
	ErrHalted     = errors.New("halted")
	ErrOver       = errors.New("no run is unfinished")
)

// MayOpen is why no run may be opened after one that stands so: ErrUnfinished while it
// is not closed, for what it has in flight would be forgotten.
func (s *State) MayOpen() error {
	if s.Run.Closed == nil {
		return ErrUnfinished
	}
	return nil
}

// Elsewhere reports whether an engine carries the run out that has not said that it
// left: it may go on though nobody is at the ledger, and whoever wrote there or went on
// with the run would be a second one to decide.
func (s *State) Elsewhere() bool {
	return s.Run.Engine != "" && s.Run.Closed == nil && s.Run.Suspended == nil
}

// LeftHalted reports whether whatever carries the run out leaves it, halted, or has left it:
// nothing is in flight that it would follow. The halt is the last word that it says; why a
// vault failed may still be read.
func (s *State) LeftHalted() bool {
	return s.Run.Halt != nil && s.Run.Closed == nil && s.tally.flying == 0
}

// MayResume is why a run does not go on: ErrOver for one that is closed; ErrHalted for
// one that is halted while nobody accepts its failures and nothing is in flight that
// could be followed.
func (s *State) MayResume(acceptFailures bool) error {
	switch {
	case s.Run.Closed != nil:
		return ErrOver
	case s.Run.Halt != nil && !acceptFailures && s.InFlight() == 0:
		return ErrHalted
	}
	return nil
}

// Resume are the facts that a resume of the run begins with; each is Commanded in the
// first step. Failures are accepted of a halted run alone. reason is why they are, and why
// a run that an engine carries out is taken over.
func (s *State) Resume(resumed fleet.Resumed, acceptFailures bool, reason string) []fleet.Fact {
	if s.Elsewhere() && resumed.Engine == "" {
		resumed.Reason = reason
	}
	facts := []fleet.Fact{resumed}
	if acceptFailures && s.Run.Halt != nil {
		facts = append(facts, fleet.FailuresAccepted{By: resumed.By, Reason: reason})
	}
	return facts
}

// Room is what the run may still need in its ledger: the vaults of which there is more
// to tell, and how many operations may be followed by an address at once.
func (s *State) Room() (vaults, operations int) {
	t := &s.Totals
	vaults = t.All() - t.Of(fleet.Upgraded) - t.Of(fleet.Already) - t.Of(fleet.Failed) - t.Of(fleet.Blocked) -
		t.Of(fleet.Excluded)
	if s.Plan.Upgrade != nil { // the classic kind has listings
		operations = min(s.Plan.Limits.Upgrades, len(s.Plan.Vaults))
	}
	return vaults, operations
}

// Consent is what a person has said to the start of a plan.
type Consent struct {
	Yes      bool       // they are not to be asked
	Terminal bool       // they can be
	Saved    bool       // they saw this very plan before: it was saved
	Named    bool       // they named an upgrade kind
	Kind     fleet.Kind // which
	Expired  bool       // vaults whose hold is over may start
	Holds    int        // how many of those may start: as far as is known
}

// Missing is what a consent lacks.
type Missing string

// What a consent may lack.
const (
	MissingNothing  Missing = ""
	MissingSameKind Missing = "the plan's upgrade kind: another was named"
	MissingSaved    Missing = "a saved plan"
	MissingKind     Missing = "the upgrade kind by its name"
	MissingTerminal Missing = "somebody to ask"
	MissingExpired  Missing = "consent to holds that are over"
)

// Missing is what must be said before a plan starts, the first thing of several. With a
// terminal what is not said can still be asked for, unless nobody wants to be asked. A
// wrong name is a mistake, whatever the kind: somebody thinks of another plan. A hold
// that ends is a date that somebody guessed, and its vault would start without anybody
// having decided that today.
func (c Consent) Missing(p *plan.Plan) Missing {
	asks := c.Terminal && !c.Yes
	switch {
	case c.Named && c.Kind != p.Kind:
		return MissingSameKind
	case c.Yes && !c.Saved && p.RealCloud():
		return MissingSaved
	case c.Yes && p.Upgrade != nil && p.Upgrade.Confirm && !c.Named:
		return MissingKind
	case !c.Yes && !c.Terminal:
		return MissingTerminal
	case !asks && !c.Expired && c.Holds > 0:
		return MissingExpired
	}
	return MissingNothing
}

// Reopening is a person's permission to try vaults again.
type Reopening struct {
	By     fleet.Actor
	Reason string
	Case   string // the support case's ID, empty for none
}

// Check makes sure that a permission may be kept; an error is a *fleet.Refusal.
func (r Reopening) Check() error {
	if Wordless(r.Reason) {
		return fleet.Refuse(fleet.Command("reopen", "--help"), "reopen needs a reason: the journal keeps it")
	}
	if err := CheckReason(r.Reason); err != nil {
		return err
	}
	return sayable("the case's ID", r.Case, longestName, "")
}

// MayReopen is why a vault cannot be re-opened, a *fleet.Refusal, nil when it can. left
// is what the ledger remembers of it.
func (s *State) MayReopen(i int, left fleet.VaultRecord) error {
	v, name := &s.Vaults[i], s.Plan.Vaults[i].Ref()
	switch {
	case v.Status == fleet.Unknown && !v.Final && s.Run.Closed == nil:
		return fleet.Refuse(fleet.Command(append([]string{"resume", "--yes"}, s.Run.Given...)...),
			"%s is unknown, but reading may still tell: resume first", name)
	case left.Status == fleet.Pending && v.Reopened:
		return fleet.Refuse(s.startsReopened(), "%s has been re-opened already: %s", name, left.Reason)
	case v.Status != fleet.Failed && v.Status != fleet.Unknown:
		return fleet.Refuse(fleet.Command("report"), "%s is %s; only a failed or unknown vault can be re-opened", name,
			s.direction().Status(v.Status))
	}
	return nil
}

// startsReopened is what to do about a vault that is re-opened already: its run, where
// that is not over, tells what lets it go on; else the plan of the next one shows it.
func (s *State) startsReopened() fleet.Advice {
	switch {
	case s.Run.Closed == nil:
		return fleet.Command("status")
	case s.Plan.Inventory == "":
		return fleet.Command("report")
	}
	return fleet.To("for the run that starts it", "plan", s.Plan.Inventory)
}

// Reopen decides and folds that vaults may be tried again, all of them or none: events
// and records are to be committed. left is what the ledger remembers of each vault.
func (s *State) Reopen(vaults []int, left map[fleet.Key]fleet.VaultRecord, r Reopening,
	at time.Time) (events []fleet.Event, records []fleet.VaultRecord, err error) {
	if err := r.Check(); err != nil {
		return nil, nil, err
	}
	for _, i := range vaults {
		if err := s.MayReopen(i, left[s.Plan.Vaults[i].Key]); err != nil {
			return nil, nil, err
		}
	}
	at = s.Next(at)
	for _, i := range vaults {
		was := left[s.Plan.Vaults[i].Key]
		f := fleet.Reopened{Vault: s.Plan.Vaults[i].Key, By: r.By, Reason: r.Reason, Case: r.Case}
		if was.OperationID != "" {
			f.Disregard = []string{was.OperationID}
		}
		ev := fleet.Event{At: at, Fact: f}
		if err := s.Apply(ev); err != nil {
			return nil, nil, err
		}
		events, records = append(events, ev), append(records, s.RecordAfter(i, was, f))
	}
	return events, records, nil
}
