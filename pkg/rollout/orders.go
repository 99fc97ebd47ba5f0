package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// What each order is, all of it: which fields it has and what must be so of them, which
// facts say it as a run stands, and what these make of the run. Its fact stands in
// package fleet, its words in the lexicon, its command in the program.

// orders is the table of what may be said: which fields an order has besides its
// reason, what more must be so of it, and the facts that say it as a run stands.
var orders = map[string]struct {
	has    []string
	check  func(Order) error
	decide func(s *State, o Order, by fleet.Actor, at time.Time) ([]fleet.Fact, error)
}{
	"approve": {has: []string{"wave"}, decide: (*State).approval},
	"pause":   {has: []string{"off"}, decide: (*State).pauseOrder},
	"stop":    {has: []string{"close"}, decide: (*State).stopOrder},
	"hold":    {[]string{"vaults", "selector"}, Order.checkVaults, (*State).holdOrder},
	"release": {[]string{"off", "vaults", "selector"}, Order.checkVaults, (*State).holdOrder},
	"limit":   {[]string{"limits"}, Order.checkLimits, (*State).limitOrder},
	"note": {decide: func(_ *State, o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
		return []fleet.Fact{fleet.Noted{By: by, Text: o.Reason}}, nil
	}},
}

func (o Order) checkVaults() error {
	rest := []string{"--reason", o.Reason}
	picked := slices.Concat([]string{o.Do, "--selector", cmp.Or(o.Selector, "SELECTOR")}, rest)
	switch {
	case len(o.Vaults) == 0 && o.Selector == "":
		return fleet.Refuse(fleet.Command(slices.Concat([]string{o.Do, "SUBSCRIPTION/NAME"}, rest)...), oneWay, o.Do)
	case len(o.Vaults) > 0 && o.Selector != "":
		return fleet.Refuse(fleet.Command(slices.Concat([]string{o.Do}, o.Vaults, rest)...), oneWay,
			o.Do).Or(fleet.Command(picked...))
	case len(o.Vaults) > mostNamed:
		return fleet.Refuse(fleet.Command(picked...), "the order names %d vaults; it may name %d", len(o.Vaults),
			mostNamed)
	case o.Off != (o.Do == "release"):
		return fleet.Refuse(fleet.Advice{Text: "fleetup " + o.Do + " --help"}, "the order %s contradicts itself", o.Do)
	}
	return nil
}

const oneWay = "%s needs vaults, by name or with --selector, and not both"

func (o Order) checkLimits() error {
	next := fleet.Command("limit", "upgrades=5", "--reason", o.Reason)
	if len(o.Limits) == 0 {
		return fleet.Refuse(next, "limit needs at least one limit")
	}
	for name, n := range o.Limits {
		if !slices.Contains(LimitNames(), name) {
			if meant := words.Likeliest(name, LimitNames()); meant != "" {
				next = fleet.Command("limit", meant+"="+limitText(n), "--reason", o.Reason)
			}
			return fleet.Refuse(next, "unknown limit %q; valid: %s", name, strings.Join(LimitNames(), ", "))
		}
		if n < 1 && n != fleet.AsPlanned {
			return fleet.Refuse(next, badLimit, name, strconv.Itoa(n))
		}
	}
	return nil
}

// limitText is a limit as a person writes it.
func limitText(n int) string {
	if n == fleet.AsPlanned {
		return "plan"
	}
	return strconv.Itoa(n)
}

const badLimit = "%s=%s: a limit is a whole number from 1, or plan; fleetup pause lets nothing start"

// SetLimits reads limits as a person writes them: upgrades=5, or upgrades=plan to give
// one back to the plan. An error is a *fleet.Refusal.
func (o *Order) SetLimits(args []string) error {
	next := fleet.Command("limit", "upgrades=5", "--reason", o.Reason)
	o.Limits = map[string]int{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		n, err := strconv.Atoi(value)
		_, twice := o.Limits[name]
		switch {
		case !ok:
			return fleet.Refuse(next, "invalid limit %q: use NAME=N or NAME=plan", a)
		case twice:
			return fleet.Refuse(next, "the limit %s is given twice", name)
		case value == "plan":
			n = fleet.AsPlanned
		case slices.Contains(LimitNames(), name) && (err != nil || n < 1):
			return fleet.Refuse(next, badLimit, name, value)
		}
		o.Limits[name] = n
	}
	return nil
}

// approval makes the approval of the gate that the run stands before.
func (s *State) approval(o Order, by fleet.Actor, at time.Time) ([]fleet.Fact, error) {
	w, when, ok := s.NextGate()
	if !ok {
		return nil, fleet.Refuse(standing, "the run stands before no gate")
	}
	name := s.Waves[w].Name
	if o.Wave != "" && o.Wave != name {
		return nil, fleet.Refuse(fleet.Command("approve", "--wave", name, "--reason", o.Reason),
			"the next gate is %s wave %s, not of wave %s", when, name, o.Wave)
	}
	done := w
	if when == fleet.GateBefore {
		done--
	}
	if done >= 0 && s.Waves[done].DoneAt.IsZero() {
		return nil, fleet.Refuse(standing, "wave %s is not done yet: an approval is about its totals",
			s.Waves[done].Name).
			Then(fleet.To("when the wave is done", "approve", "--wave", name, "--reason", o.Reason))
	}
	rule := s.Plan.Waves[w].Approval
	if rule.NotBy == plan.NotByStarter && by.User == s.Run.By.User {
		return nil, fleet.Refuse(fleet.Advice{Text: "ask a colleague"},
			"%s started the run, and the plan wants another person to approve wave %s", by.User, name)
	}
	return []fleet.Fact{fleet.Approved{Wave: name, When: when, By: by, Reason: o.Reason,
		PlanFingerprint: s.Plan.Fingerprint,
		Evidence:        s.Evidence(w, when), ExpiresAt: at.Add(rule.Expiry)}}, nil
}

func (s *State) pauseOrder(o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	p := s.Run.Paused
	switch {
	case o.Off && p == nil:
		return nil, fleet.Refuse(standing, "the run is not paused")
	case !o.Off && p != nil:
		return nil, fleet.Refuse(fleet.Command("pause", "--off", "--reason", "TEXT"),
			"the run is paused already, by %s: %s", p.By.User, p.Reason)
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
		return nil, fleet.Refuse(vaultsStanding, "none of the %s with %s can be %s", words.Count(len(vaults), "vault"),
			o.Selector,
			map[bool]string{false: "held: all have started, or are held already",
				true: "released: none is held"}[o.Off])
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
		return fmt.Errorf("%s is held by the inventory (%s): take that hold away there, for the next run", name,
			v.Reason)
	case off:
		return nil
	case v.Held != nil:
		return fmt.Errorf("%s is held already: %s", name, v.Reason)
	case !fleet.CanMove(v.Status, fleet.Excluded) || v.Status == fleet.Excluded:
		return fmt.Errorf("%s is %s: only a vault that has not started can be held", name,
			s.direction().Status(v.Status))
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
			return nil,
				fleet.Refuse(fleet.Advice{Text: "a lower number; to allow more make another plan, for the next run"},
					"%s=%d is more than the plan allows, %d: what is planned is what runs", name, o.Limits[name],
					planned)
		}
	}
	return []fleet.Fact{fleet.LimitsChanged{Upgrades: o.Limits["upgrades"],
		PerSubscription: o.Limits["perSubscription"], PerLocation: o.Limits["perLocation"],
		By: by, Reason: o.Reason}}, nil
}

// ordered folds a person's word to the run as a whole.
func (s *State) ordered(at time.Time, fact fleet.RunOrder) {
	switch f := fact.(type) {
	case fleet.Paused:
		s.Run.Paused, s.Run.PausedAt = &f, at
		if f.Off {
			s.Run.Paused, s.Run.PausedAt = nil, time.Time{}
		}
	case fleet.Stopped:
		if s.Closing() && !f.Close {
			return // closing goes on in the next process
		}
		s.Run.Stopped = &f
	case fleet.LimitsChanged:
		set := func(limit *int, to int) {
			if to != 0 {
				*limit = max(to, 0)
			}
		}
		set(&s.Run.Limits.Upgrades, f.Upgrades)
		set(&s.Run.Limits.PerSubscription, f.PerSubscription)
		set(&s.Run.Limits.PerLocation, f.PerLocation)
		s.Run.Limited, s.Run.LimitedAt = &f, at
		if s.Run.Limits == (plan.WaveLimits{}) {
			s.Run.Limited, s.Run.LimitedAt = nil, time.Time{}
		}
	case fleet.Noted:
		s.Run.Note, s.Run.NotedAt = &f, at
	}
}

// Closing reports whether a person wants the run closed once nothing is in
// flight any more.
func (s *State) Closing() bool { return s.Run.Stopped != nil && s.Run.Stopped.Close }

// NeverStarted counts the vaults that a run leaves to the next one because a person
// closes or has closed it; 0 for every other. It costs O(vaults) in a run that a person
// closes.
func (s *State) NeverStarted() (n int) {
	if !s.Closing() {
		return 0
	}
	for i := range s.Vaults {
		if s.Vaults[i].NeverStarted() {
			n++
		}
	}
	return n
}

// NeverStarted reports whether nothing of the vault was started in this run, and still
// could be: one that failed in it and was re-opened has been started, and one that earlier
// runs left as wanted needs no start.
func (v *VaultState) NeverStarted() bool {
	switch v.Status {
	case fleet.Pending, fleet.Validating, fleet.Ready:
		return !v.Tried && !v.LeftDone()
	}
	return false
}

// heldBy begins the reason of a vault that a person holds. Records of earlier versions
// tell of the hold by it alone (HeldByHand).
const heldBy = "held by "

// held folds a hold that a person put on a vault, or its release.
func (s *State) held(i int, f fleet.Held) error {
	v := &s.Vaults[i]
	if err := s.checkHold(i, f.Off); err != nil {
		return err
	}
	if f.Off {
		v.Held, v.Reason = nil, "released by "+f.By.User+": "+f.Reason
		s.Waves[s.Plan.Vaults[i].Wave].DoneAt = time.Time{}
		return s.move(i, fleet.Pending, f.Name())
	}
	v.Held, v.Reason = &f, heldBy+f.By.User+": "+f.Reason
	v.Busy = Busy{}
	return s.move(i, fleet.Excluded, f.Name())
}

// under returns the lower of some limits and those a person set.
func under(l, person plan.WaveLimits) plan.WaveLimits {
	return plan.WaveLimits{Upgrades: lower(l.Upgrades, person.Upgrades),
		PerSubscription: lower(l.PerSubscription, person.PerSubscription),
		PerLocation:     lower(l.PerLocation, person.PerLocation)}
}
