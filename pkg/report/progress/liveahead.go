package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// ahead is a line about what is to come.
type ahead struct{ about, text string }

// label is what stands before it.
func (a ahead) label(width int) string {
	if width < narrow {
		return a.about + " "
	}
	return layout.Pad(a.about, 8)
}

// ahead says what happens next, when windows open and close, and when the run
// is expected to end; a line each, none for what does not apply.
func (t *Tracker) ahead(now time.Time, flying int) (lines []ahead) {
	if t.st.Run.Closed != nil || t.st.Run.OpenedAt.IsZero() {
		return nil
	}
	if n := t.next(now, flying); n != "" {
		lines = append(lines, ahead{"NEXT", n})
	}
	if w := t.window(now); w != "" {
		lines = append(lines, ahead{"WINDOW", w})
	}
	if e := t.ends(now); e != "" {
		lines = append(lines, ahead{"ENDS", e})
	}
	if n := report.NoteOf(t.st); n != nil {
		lines = append(lines, ahead{"NOTE", n.Words(lexicon.ClockIn(t.Zone).SoonBy(now))})
	}
	return lines
}

// next is the next event, and where a person must do something, the command, unbroken.
// It stands last, to be pasted with the rest of its line.
func (t *Tracker) next(now time.Time, flying int) string {
	r, steps := &t.st.Run, report.NextSteps(t.st, !t.left, now)
	command := func(s report.Step) string { return layout.KeepTogether(s.On(t.Ledger)) }
	last := command(steps[len(steps)-1])
	switch {
	case t.left:
		if w := steps[0].When; w != "" {
			return w + ": " + command(steps[0])
		}
		return command(steps[0])
	case r.Suspended != nil:
		return command(report.NextSteps(t.st, false, now)[0])
	case r.Halt != nil && flying > 0:
		return "the process leaves when none of its " + t.words.Nouns + " is in flight; then, to go on: " +
			last
	case r.Halt != nil:
		return "to go on: " + last
	case r.Stopped != nil && r.Stopped.Close:
		return "the run is closed when none of its " + t.words.Nouns + " is in flight"
	case r.Stopped != nil:
		return "the process leaves when the starts on their way are answered; then, to go on: " + last
	}
	if r.Paused != nil { // the banner says the rest
		return "to go on: " + command(steps[0])
	}
	waits := t.waiting(now)
	if report.HoldsUp(waits) == nil {
		waits = nil // a banner says what a part of the run waits for
	}
	if what, needed := report.WaitWords(waits, lexicon.ClockIn(t.Zone).SoonBy(now), t.Ledger); what != "" {
		what = layout.Zoned(what, t.Zone, now)
		if needed != "" {
			return "waits for " + what + ": " + layout.KeepTogether(needed)
		}
		return "waits for " + what
	}
	w := t.st.CurrentWave()
	checks := t.firstChecks(now)
	switch {
	case checks != "":
		return "starts, after " + checks
	case w >= 0 && t.st.Waves[w].DoneAt.IsZero():
		return t.afterWave(w, now)
	case w+1 < len(t.st.Waves):
		return "wave " + t.st.Waves[w+1].Name + " opens"
	}
	return ""
}

// firstChecks are the checks that the starts of ready vaults wait for, with the
// subscriptions that these are in; empty where none is waited for.
func (t *Tracker) firstChecks(now time.Time) string {
	awaited := standing.FirstChecks(t.st, now)
	if len(awaited) == 0 {
		return ""
	}
	var in []string
	for _, i := range awaited {
		if s := lexicon.SubscriptionIn(t.st.Plan, t.st.Plan.Vaults[i].SubscriptionID); !slices.Contains(in, s) {
			in = append(in, s)
		}
	}
	return fmt.Sprintf("the first %s of %s in %s", map[bool]string{true: "check", false: "checks"}[len(awaited) == 1],
		lexicon.Vaults(len(awaited)), lexicon.Listed(in[:min(len(in), 3)], len(in)))
}

// waiting is what the run waits for, worked out once a second at most while
// nothing is said.
func (t *Tracker) waiting(now time.Time) []report.Wait {
	if at := now.Truncate(time.Second); !t.asked.Equal(at) || t.askedAfter != t.applied {
		t.waits, t.asked, t.askedAfter = report.Waits(t.st, now), at, t.applied
	}
	return t.waits
}

// afterWave is what follows when the open wave is done.
func (t *Tracker) afterWave(w int, now time.Time) string {
	s := "when wave " + t.st.Waves[w].Name + " is done: "
	if soak := t.st.Plan.Waves[w].Soak; soak > 0 && w+1 < len(t.st.Waves) {
		s += "a soak of " + lexicon.Span(soak) + ", "
	}
	switch {
	case w+1 >= len(t.st.Waves):
		return s + "the run is finished"
	}
	next := "wave " + t.st.Waves[w+1].Name
	if date := standing.DateOf(t.st, w+1, now); !date.IsZero() {
		next += ", not before " + lexicon.ClockIn(t.Zone).Soon(date, now)
	}
	if in := standing.GivenInAdvance(t.st, now); in != nil {
		return s + next + ", approved " + report.GivenInAdvance(in, lexicon.ClockIn(t.Zone).SoonBy(now))
	}
	if g, when, ok := t.st.NextGate(); ok {
		return s + fmt.Sprintf("an approval %s wave %s", when, t.st.Waves[g].Name)
	}
	return s + next
}

// turn is the wave whose windows count now: the open one, or the one that
// follows it.
func (t *Tracker) turn() int {
	w := t.st.CurrentWave()
	if w < 0 || !t.st.Waves[w].DoneAt.IsZero() {
		w++
	}
	return min(w, len(t.st.Waves)-1)
}

// schedule is that of the wave whose windows count; ok is false where it may
// always start.
func (t *Tracker) schedule() (s *plan.Schedule, ok bool) {
	if len(t.st.Waves) == 0 {
		return nil, false
	}
	c := t.st.Plan.CalendarOf(t.turn())
	if c == nil {
		return nil, false
	}
	s, known := t.hours[c]
	if !known {
		s, _ = plan.CompileCalendar(c) // a plan that is run has passed this check
		t.hours[c] = s
	}
	return s, s != nil
}

// soonBlackout is how near a blackout must be to be told of where no window is to close
// before it.
const soonBlackout = 7 * 24 * time.Hour

// window says until when the wave's window is open, or when it opens.
func (t *Tracker) window(now time.Time) string {
	s, ok := t.schedule()
	if !ok {
		return ""
	}
	c, own := lexicon.ClockIn(t.Zone), ""
	if len(t.st.Plan.Calendars) > 0 {
		own = "; some vaults have windows of their own"
	}
	if until, blackout, open := s.WindowAt(now); open {
		why := ""
		if blackout {
			why = ", for a blackout"
		}
		return fmt.Sprintf("closes %s, in %s%s%s", c.Soon(until, now), lexicon.Span(until.Sub(now)), why, own)
	}
	if until, open := s.OpenAt(now); open {
		left := until.Sub(now)
		if until.IsZero() || left > soonBlackout {
			return ""
		}
		return fmt.Sprintf("open; a blackout begins %s, in %s%s", c.Soon(until, now), lexicon.Span(left), own)
	}
	if opens, ok := s.Next(now); ok {
		return fmt.Sprintf("closed; it opens %s, in %s%s", c.Soon(opens, now), lexicon.Span(opens.Sub(now)), own)
	}
	return "closed; none opens within 400 days" + own
}

// ends is the guess when the run is finished.
func (t *Tracker) ends(now time.Time) string {
	r := t.remaining(now)
	e := report.ExpectedEndOf(r.Likely, r.If)
	if e == nil {
		return ""
	}
	words := e.Words(t.Zone, now)
	if t.Emulated != nil {
		words = strings.TrimSuffix(words, ")") + "; emulated: " + t.Emulated.Short(t.words) + ")"
	}
	return words
}
