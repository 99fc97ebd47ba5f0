package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Live returns the live view of a state: see Tracker.Live. It costs
// O(vaults); a run that goes on keeps a Tracker.
func Live(st *rollout.State, now time.Time, width, height int, colour bool) []string {
	return NewTracker(st).Live(now, width, height, colour)
}

// Live returns the lines that show the run on a terminal of that size: how it
// stands, a bar a wave, the counts by status, what happens next and when it
// ends, what is in flight (what runs late first, then the oldest), the newest
// failures, and what happened last. Nothing is said by colour alone. No line is wider than
// width, and there are at most height-1 of them, so that the cursor can return
// to the first.
func (t *Tracker) Live(now time.Time, width, height int, colour bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := layout.LineBuffer{Width: max(width, 1), Left: max(height-1, 1), Colour: colour}
	flying := t.flights(now)
	ours := standing.CountFlights(flying).Ours
	s.Line(t.headline(now, ours, s.Width)...)
	for _, b := range t.banners(now, t.phase(now, ours)) {
		s.Wrap("!! ", layout.Part{Text: b, Paint: text.ReverseVideo}, 3)
	}
	// The counts and what comes next get their lines for certain; what is left
	// is shared out, the waves first, because they say how far it is.
	next := t.ahead(now, ours)
	next = next[:min(len(next), max(s.Left/4, 1))]
	s.Reserve(1 + len(next))
	t.bars(&s, min(len(t.st.Waves), max(s.Left-3, 1)), now)
	s.Reserve(-1)
	s.List(t.tally(standing.CountFlights(flying)), 2)
	t.calmed(&s, now)
	lines := 2
	if s.Width < narrow {
		lines = 3
	}
	for _, l := range next {
		s.Reserve(-1)
		most := lines
		if strings.Contains(l.text, layout.NoBreak) {
			most = 4 // a command that is cut off is of no use
		}
		s.Wrap(l.label(s.Width), layout.Part{Text: l.text}, most)
	}
	hint := 0
	if t.Hint != "" && s.Left > 3 {
		hint = 1
	}
	last := 0
	if n := len(t.recent.List); n > 0 && s.Left-hint > 6 {
		last = 1 + min(n, max((s.Left-hint)/4, 2))
	}
	s.Reserve(hint + last)
	failures := 0
	if len(t.needs) > 0 && (s.Left > 5 || len(flying) == 0) { // the worst in flight is shown first
		failures = min(len(t.needs), max(s.Left/3, 1))
		s.Reserve(failures + 1)
	}
	t.inFlight(&s, flying)
	if failures > 0 {
		s.Reserve(-failures - 1)
		t.needPerson(&s, failures, now)
	}
	s.Reserve(-last)
	if last > 0 {
		t.lately(&s, shownHappenings)
	}
	s.Reserve(-hint)
	if hint > 0 {
		s.Line(layout.Part{Text: t.Hint, Paint: text.Faint})
	}
	return s.Lines
}

// phase is where the run stands, with so many upgrades of ours in flight.
func (t *Tracker) phase(now time.Time, ours int) standing.Phase {
	return standing.PhaseKnowing(t.st, !t.left, ours > 0, func() bool { return report.HoldsUp(t.waiting(now)) != nil })
}

// loud reports whether a phase is one to look at.
func loud(p standing.Phase) bool {
	switch p {
	case standing.Beginning, standing.Running, standing.Waiting, standing.Finished, standing.Closed:
		return false
	}
	return true
}

// shownHappenings is how much of what happened last is shown at most.
const shownHappenings = 12

// narrow is the width below which words give way to figures.
const narrow = 60

// headline is how the run stands, the most important first: a narrow terminal
// shows less of it.
func (t *Tracker) headline(now time.Time, flying, width int) []layout.Part {
	phase, paint := t.phase(now, flying), text.Bold
	if loud(phase) {
		paint = text.ReverseVideo
	}
	h := t.sofar(phase, now, width)
	form := lexicon.Dot + "%s of %s " + t.words.Done + lexicon.Dot + "budget %d of %d"
	if width < narrow {
		form = lexicon.Dot + "%s/%s" + lexicon.Dot + "budget %d/%d"
	}
	o, budget := t.overall(), t.st.RunBudget()
	h += fmt.Sprintf(form, lexicon.Number(o.Upgraded-o.Earlier), lexicon.Number(o.OfRun), budget.Failed, budget.Limit)
	if n := budget.Unresolved; n > 0 {
		h += fmt.Sprintf(" +%d in doubt", n)
	}
	if n := budget.Accepted; n > 0 {
		h += fmt.Sprintf(" +%d accepted", n)
	}
	if phase == standing.Closed {
		h += lexicon.Dot + lexicon.NeverStarted(t.st.NeverStarted())
	}
	for _, more := range []string{lexicon.ClockIn(t.Zone).Second(now), "run " + lexicon.Elide(t.st.Run.ID, 13),
		"plan " + lexicon.ElideHash(lexicon.Or(t.st.Run.Fingerprint, t.st.Plan.Fingerprint))} {
		if layout.Columns(string(phase)+h+lexicon.Dot+more) > width { // whole or not at all
			break
		}
		h += lexicon.Dot + more
	}
	return []layout.Part{{Text: strings.ToUpper(string(phase)), Paint: paint}, {Text: h, Paint: text.Bold}}
}

// sofar is how long the phase has lasted, behind its name: the age of a run under way, over
// all its resumes, and what one that waits or is paused waits for, since when. The age of the run would
// read as that of the wait.
func (t *Tracker) sofar(phase standing.Phase, now time.Time, width int) string {
	r, write := &t.st.Run, lexicon.ClockIn(t.Zone).SoonBy(now)
	switch phase {
	case standing.Running:
		return " " + lexicon.Span(now.Sub(r.OpenedAt))
	case standing.Paused:
		if r.Paused != nil {
			return " since " + write(r.PausedAt)
		}
	case standing.Waiting:
		w := report.HoldsUp(t.waiting(now))
		switch {
		case w == nil:
		case width >= narrow:
			return " " + w.Began(write)
		case w.Since != nil:
			return " since " + write(w.Since.Value())
		}
	}
	return ""
}

// banners are what must not be missed: what a person said that holds the run
// up, and a budget that did.
func (t *Tracker) banners(now time.Time, phase standing.Phase) (out []string) {
	r, c := &t.st.Run, lexicon.ClockIn(t.Zone)
	since := func(at time.Time) string { return "since " + c.Soon(at, now) }
	if r.Halt != nil && r.Closed == nil {
		what := "HALTED "
		if phase == standing.Halting {
			what = "HALTING "
		}
		out = append(out, what+since(r.HaltedAt)+": "+lexicon.HaltedNow(t.st)+
			". Nothing starts until a person accepts that.")
	}
	if p := r.Paused; p != nil && r.Closed == nil {
		out = append(out, report.PausedWords(c.Soon(r.PausedAt, now), p.By.User, p.Reason))
	}
	if p := r.Stopped; p != nil && r.Closed == nil {
		what := "STOPPING"
		if p.Close {
			what = "CLOSING"
		}
		out = append(out, fmt.Sprintf("%s, told by %s: %s. Nothing new starts.", what, p.By.User,
			lexicon.Or(p.Reason, "no reason given")))
	}
	if r.Closed == nil && !t.left {
		for _, w := range report.AccessWaits(t.st, false) {
			out = append(out, layout.Zoned(w.AccessBanner(c.Soon(w.Since.Value(), now)), t.Zone, now))
		}
	}
	if s := r.Suspended; s != nil && r.Closed == nil {
		out = append(out, layout.Zoned(report.Left(s), t.Zone, now))
	}
	if t.left && r.Closed == nil && r.Suspended == nil && r.Halt == nil {
		out = append(out, "INTERRUPTED: no process carries the run out. What is in flight goes on in the cloud.")
	}
	return out
}
