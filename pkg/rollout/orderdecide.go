package rollout

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Decide turns an order into the facts that say it, as the run stands: hand them to
// Machine.Step, each as a Commanded. at is the time on the wall clock. It changes
// nothing. An error is a *fleet.Refusal.
func (s *State) Decide(o Order, by fleet.Actor, at time.Time) ([]fleet.Fact, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if s.Run.Closed != nil {
		return nil, fleet.Refuse(fleet.Command("report"), "run %s is closed: nothing can be said to it any more", s.Run.ID)
	}
	return orders[o.Do].decide(s, o, by, at)
}

// Said is what came of an order.
type Said struct {
	Events    []fleet.Event   `json:"said"`                // what was journalled
	Names     []string        `json:"names,omitempty"`     // of the vaults it is about, as commands name them
	Direction fleet.Direction `json:"direction,omitempty"` // of the run; absent: an older process answered
}

// Saying is what came of an order that was decided as these facts.
func (s *State) Saying(facts []fleet.Fact, at time.Time) (said Said) {
	said.Direction = s.Plan.Kind.Direction()
	var all []string
	for _, f := range facts {
		said.Events = append(said.Events, fleet.Event{At: at, Fact: f})
		if f, ok := f.(fleet.VaultFact); ok {
			if all == nil {
				all = s.Plan.Names()
			}
			i, _ := s.Lookup(f.VaultKey()) // it was decided on this state
			said.Names = append(said.Names, all[i])
		}
	}
	return said
}

// LeaveWord decides an order to a run that no process carries out, and folds it: what
// said has, and the vaults' records that change with it, are to be committed, for the
// next process to find. A run that is to be closed with nothing in flight is closed at
// once, as a resume would close it. An error is a *fleet.Refusal, but for a state that
// does not add up.
func (s *State) LeaveWord(o Order, by fleet.Actor, at time.Time) (said Said, records []fleet.VaultRecord, err error) {
	at = s.Next(at)
	facts, err := s.Decide(o, by, at)
	if err != nil {
		return said, nil, err
	}
	said = s.Saying(facts, at)
	if stop, ok := facts[0].(fleet.Stopped); ok {
		if !stop.Close {
			return said, nil, fleet.Refuse(fleet.To("to close the run for good", "stop", "--close", "--reason", "TEXT"),
				"no process carries the run out: there is nothing to stop")
		}
		if s.InFlight() == 0 {
			out := machineOf(s).Step(at, []Observation{Commanded{stop}})
			said.Events = out.Facts
			return said, out.FactRecords, out.Err
		}
	}
	for _, ev := range said.Events {
		if err := s.Apply(ev); err != nil {
			return said, nil, err
		}
		if f, ok := ev.Fact.(fleet.VaultFact); ok {
			i, _ := s.Lookup(f.VaultKey()) // it was decided on this state
			records = append(records, s.Record(i))
		}
	}
	return said, records, nil
}

// Next is the time of the next fact that is written while no process carries the run out,
// as the wall clock says: nothing goes back in a journal.
func (s *State) Next(wall time.Time) time.Time { return later(wall, s.Run.LastAt) }

// standing is the advice to look where the run stands.
var standing = fleet.Command("status")

// vaultsStanding is the advice to list the vaults, and where each stands.
var vaultsStanding = fleet.Command("status", "-o", "csv")

// approval makes the approval of the gate that the run stands before.
func (s *State) approval(o Order, by fleet.Actor, at time.Time) ([]fleet.Fact, error) {
	w, when, ok := s.NextGate()
	if !ok {
		return nil, fleet.Refuse(standing, "the run stands before no gate")
	}
	name := s.Waves[w].Name
	if o.Wave != "" && o.Wave != name {
		return nil, fleet.Refuse(fleet.Command("approve", "--wave", name, "--reason", o.Reason), "the next gate is %s wave %s, not of wave %s", when, name, o.Wave)
	}
	done := w
	if when == fleet.GateBefore {
		done--
	}
	if done >= 0 && s.Waves[done].DoneAt.IsZero() {
		return nil, fleet.Refuse(standing, "wave %s is not done yet: an approval is about its totals", s.Waves[done].Name).
			Then(fleet.To("when the wave is done", "approve", "--wave", name, "--reason", o.Reason))
	}
	rule := s.Plan.Waves[w].Approval
	if rule.NotBy == plan.NotByStarter && by.User == s.Run.By.User {
		return nil, fleet.Refuse(fleet.Advice{Text: "ask a colleague"}, "%s started the run, and the plan wants another person to approve wave %s", by.User, name)
	}
	return []fleet.Fact{fleet.Approved{Wave: name, When: when, By: by, Reason: o.Reason, PlanFingerprint: s.Plan.Fingerprint,
		Evidence: s.Evidence(w, when), ExpiresAt: at.Add(rule.Expiry)}}, nil
}

func (s *State) pauseOrder(o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	p := s.Run.Paused
	switch {
	case o.Off && p == nil:
		return nil, fleet.Refuse(standing, "the run is not paused")
	case !o.Off && p != nil:
		return nil, fleet.Refuse(fleet.Command("pause", "--off", "--reason", "TEXT"), "the run is paused already, by %s: %s", p.By.User, p.Reason)
	}
	return []fleet.Fact{fleet.Paused{Off: o.Off, By: by, Reason: o.Reason}}, nil
}

func (s *State) stopOrder(o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	if s.Closing() && o.Close {
		was := s.Run.Stopped
		return nil, fleet.Refuse(standing, "the run is being closed already, by %s: %s", was.By.User, was.Reason)
	}
	return []fleet.Fact{fleet.Stopped{Close: o.Close, By: by, Reason: o.Reason}}, nil
}

// holdOrder holds or releases every vault that is named, or none; or of those that a
// selector picks every one that can be.
func (s *State) holdOrder(o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	var vaults []int
	var err error
	if o.Selector == "" {
		vaults, err = s.FindAll(o.Vaults)
		slices.Sort(vaults)
	} else {
		pick, unread := plan.ParseSelector(o.Selector)
		if unread != nil {
			return nil, fleet.Refuse(fleet.Advice{Text: "correct the selector"}, "--selector: %w", unread)
		}
		vaults, err = s.Plan.Pick(pick, o.Selector)
	}
	if err != nil {
		return nil, err
	}
	var facts []fleet.Fact
	for _, i := range vaults {
		err := s.checkHold(i, o.Off)
		if err != nil && o.Selector == "" {
			return nil, fleet.Refuse(vaultsStanding, "%w", err)
		}
		if err == nil {
			facts = append(facts, fleet.Held{Vault: s.Plan.Vaults[i].Key, Off: o.Off, By: by, Reason: o.Reason})
		}
	}
	if len(facts) == 0 {
		return nil, fleet.Refuse(vaultsStanding, "none of the %s with %s can be %s", words.Count(len(vaults), "vault"), o.Selector,
			map[bool]string{false: "held: all have started, or are held already", true: "released: none is held"}[o.Off])
	}
	return facts, nil
}

// checkHold says why a vault cannot be held, or with off released; nil when it
// can.
func (s *State) checkHold(i int, off bool) error {
	v, name := &s.Vaults[i], s.Plan.Vaults[i].Ref()
	switch {
	case off && v.Status != fleet.Excluded:
		return fmt.Errorf("%s is %s, not held", name, s.direction().Status(v.Status))
	case off && v.Held == nil && s.Plan.Vaults[i].Unheld():
		return fmt.Errorf("%s cannot be rolled back, so nothing releases it: %s", name, v.Reason)
	case off && v.Held == nil:
		return fmt.Errorf("%s is held by the inventory (%s): take that hold away there, for the next run", name, v.Reason)
	case off:
		return nil
	case v.Held != nil:
		return fmt.Errorf("%s is held already: %s", name, v.Reason)
	case !fleet.CanMove(v.Status, fleet.Excluded) || v.Status == fleet.Excluded:
		return fmt.Errorf("%s is %s: only a vault that has not started can be held", name, s.direction().Status(v.Status))
	}
	return nil
}

// LimitNames are the limits that can be changed, by the inventory's names.
func LimitNames() []string { return []string{"upgrades", "perSubscription", "perLocation"} }

// limitOrder sets limits: a run may be slowed down, and let go again as fast as its
// plan allows.
func (s *State) limitOrder(o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	l := s.Plan.Limits
	for n, planned := range []int{l.Upgrades, l.PerSubscription, l.PerLocation} {
		if name := LimitNames()[n]; planned > 0 && o.Limits[name] > planned {
			return nil, fleet.Refuse(fleet.Advice{Text: "a lower number; to allow more make another plan, for the next run"},
				"%s=%d is more than the plan allows, %d: what is planned is what runs", name, o.Limits[name], planned)
		}
	}
	return []fleet.Fact{fleet.LimitsChanged{Upgrades: o.Limits["upgrades"], PerSubscription: o.Limits["perSubscription"], PerLocation: o.Limits["perLocation"],
		By: by, Reason: o.Reason}}, nil
}

// Find returns the vault that a person names; see plan.Find. An error is a
// *fleet.Refusal.
func (s *State) Find(name string) (int, error) {
	i, err := s.Plan.Find(name)
	if e, ok := errors.AsType[*plan.NameError](err); ok {
		next := vaultsStanding
		if len(e.Choices) > 0 {
			next = fleet.Advice{Text: "name one of them in full"}
		}
		return 0, fleet.Refuse(next, "%w", e)
	}
	return i, err
}

// FindAll returns the vaults that a person names, each once.
func (s *State) FindAll(names []string) (vaults []int, err error) {
	for _, name := range names {
		i, err := s.Find(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(vaults, i) {
			vaults = append(vaults, i)
		}
	}
	return vaults, nil
}
