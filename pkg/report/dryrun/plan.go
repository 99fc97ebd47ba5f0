package dryrun

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// PlanOptions is what a plan does not know of itself.
type PlanOptions struct {
	Format   layout.Format
	Zone     *time.Location // of the times people read; nil: UTC
	Now      time.Time      // the start the forecasts assume
	P50, P90 *rollout.Forecast
	// a check made just now; nil: what the plan itself holds of one, if anything
	Validations map[fleet.Key]fleet.Validation
	CheckedAt   time.Time           // of those that the plan holds; zero: they were made just now, or there are none
	Memory      rollout.Memory      // what the ledger remembers of earlier runs
	Upgrade     *fleet.Upgrade      // what is done to each vault; nil: not known
	Ledger      string              // the ledger, as an inventory beside the plan's would name it for a rollback
	Findings    []fleet.Finding     // of the offline checks of the whole plan
	Change      string              // the change's ID; empty: none
	Emulated    *report.Emulated    // the cloud is the emulator; nil: it is not
	Measured    int                 // finished upgrades that the predictions come from; 0: the model
	Unattended  bool                // there is nobody to be asked: what comes next must not ask
	WhatIf      *WhatIf             // another forecast to compare with; nil: none
	Details     bool                // name every vault that does not start, and what stops it
	Saved       string              // the file the plan was saved to; empty: it was not
	Unkept      bool                // it was saved before, and its file does not hold the checks made just now
	State       string              // the ledger's path, for the commands to paste; empty: left out
	Next        string              // the command that goes on from here; empty: worked out
	Unfinished  *Unfinished         // the ledger's run that is not over; nil: there is none
	WithoutNext bool                // a question follows: leave that command out
	Along       func(string) string // adds to a command to paste what whoever asked has said; nil: nothing
	Width       int                 // columns of the terminal that a table is for; 0: no terminal
}

// WhatIf is the forecast of the plan with something changed. With failures it is one of
// many: which vaults fail is drawn, and one draw may halt where another does not.
type WhatIf struct {
	Text     string           // what was changed, as it was asked
	P50, P90 rollout.Forecast // with failures: of the draw in the middle of Draws
	Failures float64          // percent of the vaults that fail; each by a draw of its own
	// all of them, with the median durations, the best first: what ends before what halts, then by how many are
	// upgraded; none without failures
	Draws []rollout.Forecast
}

// Middle is the draw that stands for the others: as many upgrade less as upgrade more.
func Middle(draws []rollout.Forecast) int { return len(draws) / 2 }

// Plan writes the dry run: who goes in which wave, when, under which limits,
// and what the worst case is. It starts nothing and says so.
func Plan(w io.Writer, p *plan.Plan, o PlanOptions) error {
	return newDryRun(p, o).printer().Write(w, o.Format, o.Width)
}

// Starts counts the vaults of a plan that are to start, as far as is known: what the dry
// run says at its top, and what a person types to consent to it. most is how many the run
// can start at the most, for it checks each vault again.
func Starts(p *plan.Plan, o PlanOptions) (toStart, most int) {
	d := newDryRun(p, o)
	return d.starts(), d.most()
}

// dryRun is a plan with all that is known before its run.
type dryRun struct {
	plan   *plan.Plan
	words  *lexicon.Wording
	opts   PlanOptions
	left   *plan.Plan     // with everything held that will not start
	vaults []report.Vault // in the plan's order; status is the prospect, ready means it starts
	totals map[fleet.Status]int
	base   int // what budgets count: neither excluded nor carried

	requestOf func(*fleet.Vault) fleet.Request // unless the upgrade is not known
}

func newDryRun(p *plan.Plan, o PlanOptions) *dryRun {
	o = o.knowing(p)
	d := &dryRun{plan: p, words: lexicon.WordingOf(p.Kind), opts: o, left: Startable(p, o),
		vaults: make([]report.Vault, len(p.Vaults)), totals: map[fleet.Status]int{}}
	if o.Upgrade != nil {
		d.requestOf = o.Upgrade.Request.Each()
	}
	names := p.Names()
	for i := range p.Vaults {
		v := &p.Vaults[i]
		x := report.VaultOf(v, names[i], p.Waves[v.Wave].Name)
		x.Status = o.prospects().Of(v)
		switch c, isCarried := o.Memory.Carried[v.Key]; {
		case v.Excluded():
			x.Reason = report.StringOrNull(v.Hold.Reason)
		case isCarried && c.Status != fleet.Pending:
			x.Carried, x.Reason, x.OperationID = true, report.StringOrNull(c.Reason), report.StringOrNull(c.OperationID)
			x.StartedAt, x.EndedAt = report.TimeOrNull(c.StartedAt), report.TimeOrNull(c.EndedAt)
			x.Findings, x.RequestIDs = report.FindingsOf(c.Findings), report.ListOrEmpty(c.RequestIDs)
		default:
			x.Reopened = isCarried
			if was, ok := o.prospects().AsWanted(v.Key); ok {
				x.Reason = report.StringOrNull("by the ledger, since run " + was.Run + "; the run checks it again")
			} else if val, ok := o.Validations[v.Key]; ok {
				checkedBy(&x, val, d.words)
			} else if o.Validations != nil {
				x.Reason = report.StringOrNull(notChecked)
			}
			if u, ok := o.Memory.Undone[v.Key]; ok && x.Reason == nil && rollout.StartsFrom(x.Status) {
				x.Reason = report.StringOrNull("by the ledger, " + d.undoneWord() + " by run " + u.Run)
			}
			x.Earlier = x.Status == fleet.Already && o.Memory.AsWanted[v.Key].Ours
		}
		if budgeted(&x) {
			d.base++
		}
		d.vaults[i] = x
		d.totals[x.Status]++
	}
	return d
}

// starts is how many vaults are to start, as far as is known: what "to start" means,
// wherever it is said. may counts the busy ones too, which are tried again, and those of
// which nothing could be learnt: what a forecast is of. most is how many a run can start
// that finds everything changed since: it checks each vault again.
func (d *dryRun) starts() int { return d.totals[fleet.Ready] }
func (d *dryRun) may() int    { return d.starts() + d.totals[fleet.Busy] + d.totals[fleet.Pending] }
func (d *dryRun) most() int   { return d.base - len(d.withStatus(fleet.Failed)) }

// checkedAt is when the vaults were checked.
func (d *dryRun) checkedAt() time.Time {
	if d.opts.CheckedAt.IsZero() {
		return d.opts.Now
	}
	return d.opts.CheckedAt
}

// unsure is what may start besides those that are to, in words; empty for none.
func (d *dryRun) unsure() string { return unsureWords(d.totals) }

func unsureWords(totals map[fleet.Status]int) string {
	var parts []string
	if n := totals[fleet.Busy]; n > 0 {
		parts = append(parts, lexicon.Number(n)+" busy")
	}
	if n := totals[fleet.Pending]; n > 0 {
		parts = append(parts, lexicon.Number(n)+" not checked")
	}
	return strings.Join(parts, " + ")
}

// mayWords are the vaults that a forecast is of.
func (d *dryRun) mayWords() string {
	if s := d.unsure(); s != "" {
		return fmt.Sprintf("%s (%s to start + %s)", lexicon.Vaults(d.may()), lexicon.Number(d.starts()), s)
	}
	return lexicon.Vaults(d.may())
}

// runBudget is the run's budget as a whole number.
func (d *dryRun) runBudget() int { return d.plan.FailureBudget.Resolve(d.base) }

// waveBudget is a wave's own budget as a whole number; ok is false when it has
// none.
func (d *dryRun) waveBudget(w int) (n int, ok bool) {
	b := d.plan.Waves[w].MaxFailures
	if b == nil {
		return 0, false
	}
	base := 0
	for _, i := range d.plan.Waves[w].Vaults {
		if budgeted(&d.vaults[i]) {
			base++
		}
	}
	return b.Resolve(base), true
}

// flying is how many upgrades may fail beside the budget: none under a hard
// ceiling, which counts them before they have failed.
func (d *dryRun) flying() int {
	if d.plan.Ceiling == plan.CeilingHard {
		return 0
	}
	return d.inFlight()
}

// inFlight is the most upgrades that can be under way at once in any wave.
func (d *dryRun) inFlight() int {
	n := 0
	for w := range d.left.Waves {
		n = max(n, d.atOnce(w))
	}
	return n
}

// atOnce is how many upgrades of a wave can be under way together. Under a hard ceiling
// all of them may fail, so that none of the budgets that they count in has less.
func (d *dryRun) atOnce(w int) int {
	n := atOnce(d.left, w)
	if d.plan.Ceiling != plan.CeilingHard {
		return n
	}
	n = min(n, hardLimit(d.runBudget()))
	if own, ok := d.waveBudget(w); ok {
		n = min(n, hardLimit(own))
	}
	for _, scope := range plan.BudgetScopes {
		b := *scope.Of(&d.plan.PartBudgets)
		if b == nil {
			continue
		}
		base, here := d.counted(scope), map[string]int{}
		for _, i := range d.left.Waves[w].Vaults {
			if v := &d.left.Vaults[i]; !v.Excluded() {
				here[scope.Key(v)]++
			}
		}
		all := 0
		for key, some := range here {
			all += min(some, hardLimit(b.Resolve(base[key])))
		}
		n = min(n, all)
	}
	return n
}

// budgeted reports whether a vault is one of those that a run's budgets in percent are of
// (rollout.Budget), whether it starts or not.
func budgeted(x *report.Vault) bool { return x.Status != fleet.Excluded && !x.Carried }

// counted counts the vaults of each part that its budget is of.
func (d *dryRun) counted(scope plan.BudgetScope) map[string]int {
	n := map[string]int{}
	for i := range d.vaults {
		if budgeted(&d.vaults[i]) {
			n[scope.Key(&d.plan.Vaults[i])]++
		}
	}
	return n
}

// hardLimit is a budget as a run counts it under a hard ceiling (rollout.Budget): of 0
// it could start nothing.
func hardLimit(budget int) int { return max(budget, 1) }

// ratio compares the forecast with the lower bound; ok is false without both.
func (d *dryRun) ratio() (least time.Duration, ratio float64, ok bool) {
	least = bound(d.left)
	dated := slices.ContainsFunc(d.plan.Waves, func(w plan.Wave) bool { return w.NotBefore.After(d.opts.Now) })
	if d.opts.P50 == nil || least <= 0 || dated { // a date is no limit that could be raised
		return least, 0, false
	}
	return least, float64(d.opts.P50.EndsAt.Sub(d.opts.Now)) / float64(least), true
}

func (d *dryRun) with(keep func(*report.Vault) bool) []*report.Vault {
	var out []*report.Vault
	for i := range d.vaults {
		if keep(&d.vaults[i]) {
			out = append(out, &d.vaults[i])
		}
	}
	return out
}

func (d *dryRun) withStatus(s fleet.Status) []*report.Vault {
	return d.with(func(v *report.Vault) bool { return v.Status == s && !v.Carried })
}

// earlierRuns are the runs that left what the plan shows.
func (d *dryRun) earlierRuns() string { return earlierRuns(d.opts.Unfinished) }

// byEarlierRuns is said of vaults that those runs took where they were to go.
func (d *dryRun) byEarlierRuns() string {
	if d.opts.Unfinished != nil {
		return "by " + d.earlierRuns()
	}
	return lexicon.ByEarlierRuns
}

// anEarlierRun is one of them.
func (d *dryRun) anEarlierRun() string {
	if d.opts.Unfinished != nil {
		return "a run of the ledger"
	}
	return "an earlier run"
}
