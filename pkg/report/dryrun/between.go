package dryrun

import (
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// then is what comes between a wave and the next.
func (d *dryRun) then(w int, c lexicon.Clock) string {
	var parts, spared []string
	if s := d.plan.Waves[w].Soak; s > 0 && w+1 < len(d.plan.Waves) {
		switch until, idle := d.soaked(w); {
		case !idle:
			parts = append(parts, lexicon.Span(s)+" soak")
		case until.After(d.waveForecast(w).EndsAtP50.Value()):
			parts = append(parts, "soak until "+c.Near(until, d.opts.Now))
		default:
			spared = append(spared, "no soak")
		}
	}
	var after, before *plan.Approval
	date := ""
	if w+1 < len(d.plan.Waves) {
		if at := d.plan.Waves[w+1].NotBefore; at.After(d.opts.Now) && !slices.ContainsFunc(d.plan.Waves[:w+1],
			func(x plan.Wave) bool { return !x.NotBefore.Before(at) }) {
			date = "not before " + c.Near(at, d.opts.Now)
		}
		after, before = d.gate(w, plan.ApprovalAfter), d.gate(w+1, plan.ApprovalBefore)
	}
	afterNeeded, beforeNeeded := after != nil && !d.needless(w), before != nil && !d.leftDone(w+1)
	switch {
	case afterNeeded && beforeNeeded:
		parts = append(parts, approvalWords(after)+" after it", approvalWords(before)+" before the next")
	case afterNeeded:
		parts = append(parts, approvalWords(after))
	case beforeNeeded:
		parts = append(parts, approvalWords(before))
	case after != nil, before != nil:
		spared = append(spared, "no approval")
	}
	if date != "" {
		parts = append(parts, date)
	}
	then := strings.Join(parts, ", ")
	if len(spared) == 0 {
		return then
	}
	// What falls away comes last with its reason, which must not be read of the rest.
	why := strings.Join(spared, ", ") + ": nothing to start"
	if then == "" {
		return why
	}
	return then + " (" + why + ")"
}

// gate is the approval of a wave on one of its sides; nil where none is asked for there.
func (d *dryRun) gate(w int, when plan.ApprovalWhen) *plan.Approval {
	if a := d.plan.Waves[w].Approval; a != nil && a.When == when {
		return a
	}
	return nil
}

// approvalWords is an approval with who may not give it.
func approvalWords(a *plan.Approval) string {
	if a.NotBy != "" {
		return "approval (not by the " + a.NotBy + ")"
	}
	return "approval"
}

// waitsFirst says that the run waits for a person, or for a date, before anything of it
// starts: no wave comes before the first, whose row could tell.
func (d *dryRun) waitsFirst(p *layout.Page, c lexicon.Clock) {
	if len(d.plan.Waves) == 0 {
		return
	}
	if at := d.plan.Waves[0].NotBefore; at.After(d.opts.Now) {
		p.Line("The run waits at once: wave %s does not open before %s.", d.plan.Waves[0].Name,
			c.Near(at, d.opts.Now))
	}
	if a := d.gate(0, plan.ApprovalBefore); a != nil && !d.leftDone(0) {
		p.Line("The run waits at once: nothing starts before wave %s has its %s.", d.plan.Waves[0].Name,
			approvalWords(a))
	}
}

// soaked is when a wave has soaked that has nothing to do, by what the ledger remembers
// of its vaults; idle is false of one that has, as far as is known.
func (d *dryRun) soaked(w int) (until time.Time, idle bool) {
	for _, i := range d.plan.Waves[w].Vaults {
		if s := d.vaults[i].Status; rollout.StartsFrom(s) || s == fleet.Upgrading {
			return time.Time{}, false
		}
	}
	if last := d.opts.Memory.Changed(d.plan)[d.plan.Waves[w].Name]; !last.IsZero() {
		until = last.Add(d.plan.Waves[w].Soak)
	}
	return until, true
}

// leftDone says what rollout.State.LeftDone will say of a wave before it is checked, as far
// as is known: then the gate before it needs nobody.
func (d *dryRun) leftDone(w int) bool {
	left := false
	for _, i := range d.plan.Waves[w].Vaults {
		switch _, known := d.opts.Memory.AsWanted[d.plan.Vaults[i].Key]; {
		case d.vaults[i].Status == fleet.Excluded:
		case d.vaults[i].Status != fleet.Already || !known:
			return false
		default:
			left = true
		}
	}
	return left
}

// needless says what rollout.State.Needless will say of a wave that is done, as far as is
// known.
func (d *dryRun) needless(w int) bool {
	already, ours, blocked := 0, 0, 0
	for _, i := range d.plan.Waves[w].Vaults {
		switch x := &d.vaults[i]; x.Status {
		case fleet.Already:
			already++
			if x.Earlier {
				ours++
			}
		case fleet.Blocked:
			blocked++
		case fleet.Excluded:
		default:
			return false
		}
	}
	return already > 0 && (blocked == 0 || ours > 0)
}
