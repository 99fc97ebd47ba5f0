package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Live returns the live view of a state: see Tracker.Live. It costs
// O(vaults); a run that goes on keeps a Tracker.
func Live(st *rollout.State, now time.Time, width, height int, colour bool) []string {
	return NewTracker(st).Live(now, width, height, colour)
}

// Live returns the lines that show the run on a terminal of that size: a bar a
// wave, the counts by status, what is in flight (the oldest first), and the
// newest failures. No line is wider than width, and there are at most height-1
// of them, so that the cursor can return to the first.
func (t *Tracker) Live(now time.Time, width, height int, colour bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := sheet{width: max(width, 1), left: max(height-1, 1), colour: colour}
	s.line(part{text: t.headline(now), paint: text.Bold})
	flying := t.longest()
	// The counts get their line for certain; what is left is shared out, the
	// waves first, because they say how far it is.
	s.reserve(1)
	t.bars(&s, min(len(t.waves), max(s.left-4, 1)))
	s.reserve(-1)
	s.list(t.counts(len(flying), now), 2)
	failures := min(len(t.failed), max(s.left/3, 1))
	if len(t.failed) == 0 {
		failures = 0
	}
	if failures > 0 {
		s.reserve(failures + 1)
	}
	t.flights(&s, flying, now)
	if failures > 0 {
		s.reserve(-failures - 1)
		t.failures(&s, failures)
	}
	return s.lines
}

func (t *Tracker) headline(now time.Time) string {
	began := t.run.OpenedAt
	if !t.run.ResumedAt.IsZero() {
		began = t.run.ResumedAt
	}
	h := fmt.Sprintf("RUN %s%splan %s", elide(t.run.ID, 13), dot, elideHash(or(t.run.Fingerprint, t.plan.Fingerprint)))
	if !began.IsZero() {
		h += dot + span(now.Sub(began))
	}
	switch {
	case t.run.Closed != nil:
		h += dot + "finished"
	case t.run.Halt != nil:
		h += dot + "HALTED"
	case t.run.Suspended != nil:
		h += dot + "suspended"
	}
	return h + fmt.Sprintf("%sbudget %d of %d", dot, t.budget.Failed, t.budget.Limit)
}

// bars draws n waves: those around the one that is open.
func (t *Tracker) bars(s *sheet, n int) {
	first := 0
	for i := range t.waves {
		if !t.waves[i].OpenedAt.IsZero() {
			first = i
		}
	}
	if n < len(t.waves) && n > 1 {
		n-- // one line says how many are left out
	}
	first = max(0, min(first-n/2, len(t.waves)-n))
	name := 0
	for i := first; i < first+n; i++ {
		name = max(name, text.StringWidth(Clean(t.waves[i].Name)))
	}
	name = min(name, max(s.width/4, 4))
	for i := first; i < first+n; i++ {
		s.line(t.bar(&t.waves[i], name, s.width)...)
	}
	if rest := len(t.waves) - n; rest > 0 {
		s.line(part{text: plural(rest, "more wave", "more waves")})
	}
}

// bar draws one wave: its name, how much of it is decided, and the numbers.
func (t *Tracker) bar(w *rollout.WaveState, name, width int) []part {
	all := w.Totals.All() - w.Totals.Of(fleet.Excluded)
	n := done(&w.Totals)
	state := "waiting"
	switch {
	case !w.DoneAt.IsZero():
		n, state = all, "done" // unknown ones are decided too: for good
	case !w.OpenedAt.IsZero():
		state = fmt.Sprintf("%d%%", 100*n/max(all, 1))
	}
	figures := fmt.Sprintf("%s/%s %s", number(n), number(all), state)
	cells := min(max(width-name-2-text.StringWidth(figures), 0), 40) / text.RuneWidth('█')
	bad := w.Totals.Of(fleet.Failed) + w.Totals.Of(fleet.Unknown)
	full := 0
	if all > 0 {
		full = cells * n / all
	}
	paint := text.FgGreen
	if bad > 0 {
		paint = text.FgYellow
	}
	return []part{
		{text: text.Pad(text.Trim(Clean(w.Name), name), name, ' ') + " "},
		{text: strings.Repeat("█", full), paint: paint},
		{text: strings.Repeat("░", cells-full) + " " + figures},
	}
}

// counts are the numbers by status.
func (t *Tracker) counts(flying int, now time.Time) []part {
	var parts []part
	add := func(n int, what string, paint text.Color) {
		if n == 0 {
			return
		}
		parts = append(parts, part{text: number(n) + " " + what, paint: paint})
	}
	add(t.totals.Of(fleet.Upgraded), "upgraded", text.FgGreen)
	add(flying, "in flight", 0)
	add(t.totals.Of(fleet.Failed), "failed", text.FgRed)
	add(t.totals.Of(fleet.Unknown), "unknown", text.FgYellow)
	add(t.totals.Of(fleet.Blocked), "blocked", text.FgYellow)
	for _, s := range []fleet.Status{fleet.Busy, fleet.Already, fleet.Ready, fleet.Validating, fleet.Pending, fleet.Excluded} {
		add(t.totals.Of(s), string(s), 0)
	}
	if n := t.throttled(now); n > 0 {
		parts = append(parts, part{text: plural(n, "subscription", "subscriptions") + " throttled", paint: text.FgYellow})
	}
	if len(parts) == 0 {
		return []part{{text: "nothing yet"}}
	}
	return parts
}

// flights lists what is in flight, as many as fit.
func (t *Tracker) flights(s *sheet, flying []flight, now time.Time) {
	if len(flying) == 0 || s.left < 2 {
		return
	}
	s.line(part{text: fmt.Sprintf("In flight %d, at most %d at once", len(flying), t.plan.Limits.Upgrades), paint: text.Bold})
	for i, f := range flying {
		if s.left == 1 && i < len(flying)-1 {
			s.line(part{text: fmt.Sprintf("  … %d more", len(flying)-i)})
			return
		}
		age := "-"
		if !f.since.IsZero() {
			age = span(now.Sub(f.since))
		}
		note, paint := string(f.status), text.Color(0)
		switch {
		case f.overdue:
			note, paint = "OVERDUE", text.FgYellow
		case f.foreign:
			note = "not ours"
		case f.status == fleet.Unknown:
			note, paint = "unknown, being read", text.FgYellow
		}
		s.line(part{text: fmt.Sprintf("  %7s  ", age)}, part{text: note, paint: paint}, part{text: "  " + Clean(t.names[f.vault])})
	}
}

// failures lists the newest n failures, the newest first.
func (t *Tracker) failures(s *sheet, n int) {
	s.line(part{text: "Need a person", paint: text.Bold})
	for i := len(t.failed) - 1; i >= len(t.failed)-n; i-- {
		f := t.failed[i]
		paint := text.FgRed
		if f.status == fleet.Unknown {
			paint = text.FgYellow
		}
		s.line(part{text: "  "}, part{text: strings.ToUpper(string(f.status)), paint: paint},
			part{text: "  " + Clean(t.names[f.vault]) + "  " + Clean(f.reason)})
	}
}
