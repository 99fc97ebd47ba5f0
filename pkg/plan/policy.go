package plan

import (
	"fmt"
	"math"
	"time"
)

// Resolve turns the size into a whole number for a fleet of so many vaults
// that are not held. Percentages round up; it is at least 1.
func (s Size) Resolve(fleet int) int {
	n := s.Count
	if s.Percent > 0 {
		// The small term keeps 7 % of 100 at 7: the product in binary floating
		// point can lie just above a whole number.
		n = int(math.Ceil(float64(fleet)*s.Percent/100 - 1e-9))
	}
	return max(n, 1)
}

// LimitsOf returns the limits that hold in the wave at index w: of the run's
// and its own the lower. 0 means no limit, which Upgrades never has.
func (p *Plan) LimitsOf(w int) WaveLimits {
	own := p.Waves[w].Limits
	lower := func(run, wave int) int {
		if run == 0 || wave == 0 {
			return max(run, wave)
		}
		return min(run, wave)
	}
	return WaveLimits{
		Upgrades:        lower(p.Limits.Upgrades, own.Upgrades),
		PerSubscription: lower(p.Limits.PerSubscription, own.PerSubscription),
		PerLocation:     lower(p.Limits.PerLocation, own.PerLocation),
	}
}

// checkGates reports an approval after the last wave: nobody could tell what
// it is for.
func (b *builder) checkGates(waves []Wave) {
	last := len(waves) - 1
	if last < 0 || waves[last].Approval == nil || waves[last].Approval.When != ApprovalAfter {
		return
	}
	why := "it is the last"
	if b.specs[last] != len(b.in.Waves)-1 {
		why = "the waves behind it take no vault"
	}
	b.issue(Issue{Code: IssueLastApproval, Subject: Subject{SubjectWave, b.specs[last]}, Field: "approval",
		Message: fmt.Sprintf("an approval after wave %q holds nothing back: %s", waves[last].Name, why),
		Hint:    "remove it, or write before"})
}

// checkHardBudgets reports budgets that come to 0 under a hard ceiling, where
// the first start would already exceed them.
func (b *builder) checkHardBudgets(waves []Wave) {
	if b.in.Ceiling != CeilingHard {
		return
	}
	const hint = "allow at least 1, or write ceiling: soft, which halts at the first failure"
	if n := b.toStart(); n > 0 && b.in.FailureBudget.Resolve(n) == 0 {
		b.issue(Issue{Code: IssueNoStart, Field: "failureBudget", Hint: hint,
			Message: fmt.Sprintf("under ceiling: hard nothing could start: the run's budget comes to 0 failures for %s",
				vaults(n))})
	}
	for w := range waves {
		n := 0
		for _, i := range waves[w].Vaults {
			if !b.vaults[i].Excluded() {
				n++
			}
		}
		if own := waves[w].MaxFailures; own != nil && n > 0 && own.Resolve(n) == 0 {
			b.issue(Issue{Code: IssueNoStart, Subject: Subject{SubjectWave, b.specs[w]}, Field: "maxFailures",
				Hint: hint,
				Message: fmt.Sprintf("under ceiling: hard nothing in wave %q could start: its maxFailures comes to 0 "+
					"for %s", waves[w].Name, vaults(n))})
		}
	}
	for i := range BudgetScopes {
		b.checkHardParts(&BudgetScopes[i], hint)
	}
}

func (b *builder) checkHardParts(s *BudgetScope, hint string) {
	budget := *s.Of(&b.in.PartBudgets)
	if budget == nil {
		return
	}
	toStart, order := map[string]int{}, []*Vault{}
	for i := range b.vaults {
		if v := &b.vaults[i]; !v.Excluded() {
			if toStart[s.Key(v)]++; toStart[s.Key(v)] == 1 {
				order = append(order, v)
			}
		}
	}
	for _, v := range order {
		if n := toStart[s.Key(v)]; budget.Resolve(n) == 0 {
			b.issue(Issue{Code: IssueNoStart, Field: "failureBudget." + s.Field, Hint: hint,
				Message: fmt.Sprintf("under ceiling: hard nothing in %s %q could start: the budget comes to 0 "+
					"failures for its %s",
					s.Name, s.Title(v), vaults(n))})
			return
		}
	}
}

// vaults counts vaults for people.
func vaults(n int) string {
	if n == 1 {
		return "1 vault"
	}
	return fmt.Sprintf("%d vaults", n)
}

// policy checks what says how the run goes on and stops.
func (f *faultList) policy(p *Plan) {
	for _, s := range BudgetScopes {
		if b := *s.Of(&p.PartBudgets); b != nil && !b.valid() {
			f.addf("the failure budget of each %s must be a count of at least 0 or 0 to 100 percent", s.Name)
		}
	}
	if p.Ceiling != "" && p.Ceiling != CeilingSoft && p.Ceiling != CeilingHard {
		f.addf("ceiling %q is not known", p.Ceiling)
	}
	if p.SameErrorHalt < 0 {
		f.addf("sameErrorHalt must be at least 0")
	}
	if _, err := CompileCalendar(p.Calendar); err != nil {
		f.addf("the calendar: %v", err)
	}
	for w := range p.Waves {
		f.wavePolicy(p, w)
	}
	f.ownCalendars(p)
}

func (f *faultList) wavePolicy(p *Plan, w int) {
	wave := &p.Waves[w]
	addf := func(format string, args ...any) { f.addf("wave %q: %s", wave.Name, fmt.Sprintf(format, args...)) }
	if s := wave.Size; s != nil {
		if s.Count < 0 || !(s.Percent >= 0 && s.Percent <= 100) || (s.Count > 0) == (s.Percent > 0) {
			addf("its size must be a count or 0 to 100 percent, above 0")
		} else if f.noneSoFar() && p.WaveToStart(w) > s.Resolve(p.ToStart()) {
			addf("it has more vaults than its size")
		}
	}
	if wave.Soak < 0 {
		addf("its soak is below 0")
	}
	if at := wave.NotBefore; !at.IsZero() && (at.Year() < 2000 || at.Year() > LastYear || at.Location() != time.UTC) {
		addf("the time before which it does not open cannot be: %v", at)
	}
	if a := wave.Approval; a != nil {
		switch {
		case a.When != ApprovalBefore && a.When != ApprovalAfter, a.NotBy != "" && a.NotBy != NotByStarter,
			a.Expiry <= 0:
			addf("its approval cannot be")
		case a.When == ApprovalAfter && w == len(p.Waves)-1:
			addf("an approval after the last wave holds nothing back")
		}
	}
	if l := wave.Limits; l.Upgrades < 0 || l.PerSubscription < 0 || l.PerLocation < 0 {
		addf("its limits must be at least 1")
	}
	switch wave.Order {
	case "", OrderLongestFirst, OrderName, OrderInventory:
	default:
		addf("its order %q is not known", wave.Order)
	}
	if _, err := CompileCalendar(wave.Calendar); err != nil {
		addf("its calendar: %v", err)
	}
}

// noneSoFar reports whether nothing was found yet, so that indices can be
// followed.
func (f *faultList) noneSoFar() bool { return len(*f) == 0 }
