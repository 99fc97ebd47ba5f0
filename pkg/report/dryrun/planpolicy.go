package dryrun

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// windows says when upgrades may run: the plan's calendar, the waves' that take
// its place, and how many vaults have one in place of their wave's.
func (d *dryRun) windows() []string {
	var lines []string
	if c := d.plan.Calendar; c != nil {
		lines = append(lines, calendarWords(c))
	}
	for w := range d.plan.Waves {
		if c := d.plan.Waves[w].Calendar; c != nil {
			lines = append(lines, "wave "+d.plan.Waves[w].Name+": "+calendarWords(c))
		}
	}
	own := 0
	for i := range d.plan.Vaults {
		if d.plan.Vaults[i].Calendar > 0 && rollout.StartsFrom(d.vaults[i].Status) {
			own++
		}
	}
	switch {
	case own == 1:
		lines = append(lines, "1 vault has windows of its own")
	case own > 1:
		lines = append(lines, lexicon.Vaults(own)+" have windows of their own")
	}
	return lines
}

func calendarWords(c *plan.Calendar) string {
	parts := c.WindowWords()
	if len(parts) == 0 {
		parts = append(parts, "always")
	}
	for _, b := range c.BlackoutWords() {
		parts = append(parts, "not "+b)
	}
	return strings.Join(parts, lexicon.Dot)
}

// halts says what else halts the run besides the budgets of the table.
func (d *dryRun) halts(p *layout.Page) {
	var parts []string
	for _, scope := range plan.BudgetScopes {
		b := *scope.Of(&d.plan.PartBudgets)
		if b == nil {
			continue
		}
		most := 0
		for _, n := range d.counted(scope) {
			most = max(most, b.Resolve(n))
		}
		parts = append(parts, fmt.Sprintf("more than %s in one %s", budgetWords(*b, most), scope.Name))
	}
	if n := d.plan.SameErrorHalt; n > 0 {
		parts = append(parts, fmt.Sprintf("%d failures in a row with one code", n))
	}
	if len(parts) > 0 {
		p.Pair("Halts also at", "%s", strings.Join(parts, lexicon.Dot))
	}
}

// budgetWords is a budget as it was written, with the most it comes to.
func budgetWords(b plan.Budget, most int) string {
	if b.Unit == plan.UnitPercent {
		return fmt.Sprintf("%g %% (at most %d)", b.Percent, most)
	}
	return lexicon.Plural(most, "failure", "failures")
}

// shownNights is how many nights are told one by one.
const shownNights = 6

// nights says what fits the first night and what rolls to which other.
func (d *dryRun) nights(p *layout.Page, c lexicon.Clock) {
	f := d.opts.P90
	if f == nil || len(f.Nights) == 0 {
		return
	}
	var parts []string
	for i, n := range f.Nights {
		starts := lexicon.Number(n.Starts)
		if i == 0 { // beside "Nights", a bare number would be read as one of nights
			starts = lexicon.Vaults(n.Starts)
		}
		if i == shownNights {
			rest := 0
			for _, n := range f.Nights[i:] {
				rest += n.Starts
			}
			parts = append(parts, fmt.Sprintf("%s in %s more", lexicon.Number(rest),
				lexicon.Plural(len(f.Nights)-i, "night", "nights")))
			break
		}
		parts = append(parts, fmt.Sprintf("%s until %s", starts, c.Near(n.Until, d.opts.Now)))
	}
	// of those alone that a night is for: what has no windows starts in none
	windowed := map[fleet.Status]int{}
	for i := range d.vaults {
		if c := d.plan.CalendarFor(i); c != nil && len(c.Windows) > 0 {
			windowed[d.vaults[i].Status]++
		}
	}
	switch s := unsureWords(windowed); {
	case s == "":
	case len(f.Nights) == 1 && f.Nights[0].Starts == 1:
		parts = append(parts, strings.TrimPrefix(s, "1 "))
	default:
		parts = append(parts, s+" among them")
	}
	p.Pair("Nights", "%s", strings.Join(parts, lexicon.Dot))
}
