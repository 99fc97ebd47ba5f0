package report

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// ahead is a line about what is to come.
type ahead struct{ about, text string }

// label is what stands before it.
func (a ahead) label(width int) string {
	if width < narrow {
		return a.about + " "
	}
	return pad(a.about, 8)
}

// ahead says what happens next, when windows open and close, and when the run
// is expected to end; a line each, none for what does not apply.
func (t *Tracker) ahead(now time.Time, flying int) (lines []ahead) {
	if t.run.Closed != nil || t.run.OpenedAt.IsZero() {
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
	if n, ok := t.note.Fact.(fleet.Noted); ok {
		lines = append(lines, ahead{"NOTE", fmt.Sprintf("%s %s: %s", clockIn(t.Zone).soon(t.note.At, now), n.By.User, n.Text)})
	}
	return lines
}

// next is the next event, and where a person must do something, the command.
func (t *Tracker) next(now time.Time, flying int) string {
	r := &t.run
	switch {
	case r.Suspended != nil:
		return t.command("resume")
	case r.Halt != nil && flying > 0:
		return "it leaves when nothing of ours is in flight any more; " + t.command("resume", "--accept-failures", "--reason", "TEXT") + " lets it go on"
	case r.Halt != nil:
		return t.command("resume", "--accept-failures", "--reason", "TEXT") + " lets it go on"
	case r.Stopped != nil && r.Stopped.Close:
		return "the run is closed when nothing of ours is in flight any more"
	case r.Stopped != nil:
		return "it leaves when the starts that are out are answered; " + t.command("resume") + " goes on"
	case r.Paused != nil:
		return t.command("pause", "--off", "--reason", "TEXT") + " lets it go on"
	}
	w := t.current()
	if w >= 0 && t.waves[w].DoneAt.IsZero() {
		if s, ok := t.schedule(); ok && flying == 0 && t.waits(now) {
			if opens, ok := s.Next(now); ok {
				return fmt.Sprintf("the window opens %s, in %s", clockIn(t.Zone).soon(opens, now), span(opens.Sub(now)))
			}
		}
		return t.afterWave(w)
	}
	if w+1 >= len(t.waves) {
		return ""
	}
	if w >= 0 {
		name, c := t.waves[w].Name, clockIn(t.Zone)
		if until := t.waves[w].DoneAt.Add(t.plan.Waves[w].Soak); until.After(now) {
			s := fmt.Sprintf("wave %s soaks until %s", name, c.soon(until, now))
			if t.gate.when != "" {
				return s + ", then " + t.approval()
			}
			return s + ", then wave " + t.waves[w+1].Name + " opens"
		}
	}
	if t.gate.when != "" {
		return t.approval()
	}
	return "wave " + t.waves[w+1].Name + " opens"
}

// afterWave is what follows when the open wave is done.
func (t *Tracker) afterWave(w int) string {
	s := "when wave " + t.waves[w].Name + " is done: "
	if soak := t.plan.Waves[w].Soak; soak > 0 && w+1 < len(t.waves) {
		s += "a soak of " + span(soak) + ", "
	}
	switch {
	case w+1 >= len(t.waves):
		return s + "the run is finished"
	case t.gate.when != "":
		return s + fmt.Sprintf("an approval %s wave %s", t.gate.when, t.waves[t.gate.wave].Name)
	}
	return s + "wave " + t.waves[w+1].Name
}

// approval says which approval is missing and how to give it.
func (t *Tracker) approval() string {
	g := &t.waves[t.gate.wave].After
	if t.gate.when == fleet.GateBefore {
		g = &t.waves[t.gate.wave].Before
	}
	s := fmt.Sprintf("waits for an approval %s wave %s: %s", t.gate.when, t.waves[t.gate.wave].Name, t.command("approve", "--reason", "TEXT"))
	if g.Approved != nil {
		s += " (that of " + g.Approved.By.User + " does not hold now)"
	}
	return s
}

// command is a command on this run's ledger.
func (t *Tracker) command(name string, args ...string) string {
	if t.Ledger != "" {
		args = append([]string{"--state", t.Ledger}, args...)
	}
	return Command(append([]string{name}, args...)...)
}

// turn is the wave whose windows count now: the open one, or the one that
// follows it.
func (t *Tracker) turn() int {
	w := t.current()
	if w < 0 || !t.waves[w].DoneAt.IsZero() {
		w++
	}
	return min(w, len(t.waves)-1)
}

// schedule is that of the wave whose windows count; ok is false where it may
// always start.
func (t *Tracker) schedule() (s *plan.Schedule, ok bool) {
	if len(t.waves) == 0 {
		return nil, false
	}
	c := t.plan.CalendarOf(t.turn())
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

// window says until when the wave's window is open, or when it opens.
func (t *Tracker) window(now time.Time) string {
	s, ok := t.schedule()
	if !ok {
		return ""
	}
	c, own := clockIn(t.Zone), ""
	if len(t.plan.Calendars) > 0 {
		own = "; some vaults have windows of their own"
	}
	if until, open := s.OpenAt(now); open {
		if until.IsZero() {
			return ""
		}
		return fmt.Sprintf("closes %s, in %s%s", c.soon(until, now), span(until.Sub(now)), own)
	}
	if opens, ok := s.Next(now); ok {
		return fmt.Sprintf("closed; it opens %s, in %s%s", c.soon(opens, now), span(opens.Sub(now)), own)
	}
	return "closed; none opens within 400 days" + own
}

// waits reports whether a run with nothing in flight has nothing to do now: it
// waits for a person, a soak or a window.
func (t *Tracker) waits(now time.Time) bool {
	w := t.current()
	if w < 0 || !t.waves[w].DoneAt.IsZero() {
		return t.gate.when != "" || w >= 0 && w+1 < len(t.waves)
	}
	if s, ok := t.schedule(); ok && t.totals.Of(fleet.Validating) == 0 {
		_, open := s.OpenAt(now)
		return !open
	}
	return false
}

// ends is the guess when the run is finished.
func (t *Tracker) ends(now time.Time) string {
	e := expectedEnd(t.st, t.outlook, now)
	if e == nil {
		return ""
	}
	return e.Words(t.Zone, now)
}
