package progress

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Plain writes the progress of a run as lines: one for each change that
// matters, and a heartbeat when asked. It is for logs and pipes.
type Plain struct {
	w     io.Writer
	clock lexicon.Clock
	t     *Tracker

	mu     sync.Mutex
	waited string // what was said last that the run waits for
}

// Tracker is what the lines follow the run with.
func (p *Plain) Tracker() *Tracker { return p.t }

// NewPlain returns a printer of the state's run; zone is that of the times,
// nil for UTC.
func NewPlain(w io.Writer, st *rollout.State, zone *time.Location) *Plain {
	return &Plain{w: w, clock: lexicon.ClockIn(zone), t: NewTracker(st)}
}

// Events writes what the facts changed, after the state has folded them. Call
// it from the goroutine that owns the state.
func (p *Plain) Events(st *rollout.State, events []fleet.Event) error {
	_, err := io.WriteString(p.w, strings.Join(Lines(p.t, st, events, p.clock.Zone), ""))
	if len(events) > 0 && err == nil {
		err = p.Waiting(events[len(events)-1].At)
	}
	return err
}

// Waiting says what the run waits for, if it has begun to wait for that since it
// was last asked. Call it every second: a window closes without a fact. It may
// be called from any goroutine.
func (p *Plain) Waiting(now time.Time) error {
	p.t.mu.Lock()
	what := p.t.waitLine(now)
	p.t.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if what == p.waited {
		return nil
	}
	if p.waited = what; what == "" {
		return nil // what it waited for has come, and what follows is said
	}
	_, err := io.WriteString(p.w, lexicon.Clean(fmt.Sprintf("%s %-*s %s", p.clock.Second(now), p.t.column(), "waits",
		what))+"\n")
	return err
}

// waitLine is what the run waits for and what a person can do about it. The
// caller holds the lock.
func (t *Tracker) waitLine(now time.Time) string {
	if t.st.Run.Suspended != nil {
		return ""
	}
	// Seen from the start of the wait the times would read otherwise an hour on.
	// The start itself is past, whenever that is said.
	what, command := report.WaitWords(t.waiting(now), lexicon.ClockIn(t.Zone).NearBy(t.st.Run.LastAt.Add(1)), t.Ledger)
	if what == "" {
		return ""
	}
	if command != "" {
		command = "; next: " + command
	}
	return "for " + layout.Zoned(what, t.Zone, t.st.Run.LastAt) + command
}

// Heartbeat writes where the run stands. It may be called from any goroutine.
func (p *Plain) Heartbeat(now time.Time) error {
	_, err := io.WriteString(p.w, p.clock.Second(now)+" "+p.t.heartbeat(now)+"\n")
	return err
}

// Lines feeds the facts to the tracker and returns the lines that say what
// they changed, each with its line break.
func Lines(t *Tracker, st *rollout.State, events []fleet.Event, zone *time.Location) []string {
	c := lexicon.ClockIn(zone)
	var out []string
	say := func(at time.Time, what, format string, args ...any) {
		out = append(out, lexicon.Clean(fmt.Sprintf("%s %-*s %s", c.Second(at), t.column(), what,
			layout.Zoned(fmt.Sprintf(format, args...), zone, at)))+"\n")
	}
	changes := t.Apply(st, events)
	for n, e := range events {
		t.runLine(st, e, c, say)
		for len(changes) > 0 && changes[0].Event == n {
			t.vaultLine(st, e.At, changes[0], say)
			changes = changes[1:]
		}
	}
	return out
}

// column is how wide the first word of a line may be.
func (t *Tracker) column() int { return max(10, len(t.words.Done)) }

type sayFunc func(at time.Time, what, format string, args ...any)

// runLine says a fact about the run or a wave.
func (t *Tracker) runLine(st *rollout.State, e fleet.Event, c lexicon.Clock, say sayFunc) {
	if what, text := report.RunWords(st, t.names, e, c.Second); what != "" {
		say(e.At, what, "%s", text)
	}
}

// vaultLine says a vault's change, if it matters to somebody who watches.
func (t *Tracker) vaultLine(st *rollout.State, at time.Time, ch report.StatusChange, say sayFunc) {
	v := &st.Vaults[ch.Vault]
	what, text := report.VaultWords(st, at, ch)
	op := "op " + lexicon.Or(v.OperationID, "-")
	switch what {
	case "":
		return
	case "started":
		text = op
	case t.words.Done:
		text = "in " + lexicon.Took(v.EndedAt.Sub(v.StartedAt), v.EndedLate) + "  " + op
	case "FAILED":
		text = t.words.Failed + "  " + op + "  " + text
	case "UNKNOWN":
		text = "for good  " + op + "  " + v.Reason
	case "unknown":
		text = "is being read  " + op + "  " + v.Reason
	case "OVERDUE", "read", "foreign", "found":
		text += "  " + op
	}
	say(at, what, "%s  wave %s  %s", t.names[ch.Vault], st.Waves[st.Plan.Vaults[ch.Vault].Wave].Name, text)
}

// heartbeat says where the run stands on one line.
func (t *Tracker) heartbeat(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	flying := t.flights(now)
	n := standing.CountFlights(flying)
	s := fmt.Sprintf("%-*s ", t.column(), "status")
	if p := t.phase(now, n.Ours); loud(p) {
		s += strings.ToUpper(string(p)) + lexicon.Dot
	}
	overall, shown := t.overall(), t.counts()
	s += overall.Run(t.words)
	if overall.Earlier > 0 {
		s += lexicon.Dot + "overall " + overall.Ledger(t.words)
	}
	add := func(n int, what string) {
		if n > 0 {
			s += lexicon.Dot + lexicon.Number(n) + " " + what
		}
	}
	add(n.Ours, inFlight(n))
	add(n.Foreign, "not ours")
	flown := map[fleet.Status]int{fleet.Unknown: n.Unknown}
	for _, st := range []fleet.Status{fleet.Failed, fleet.Unknown, fleet.Blocked, fleet.Busy, fleet.Ready,
		fleet.Validating, fleet.Pending, fleet.Deferred} {
		add(shown[st]-flown[st], string(st))
	}
	if n := t.throttled(now); n > 0 {
		s += lexicon.Dot + lexicon.Plural(n, "subscription", "subscriptions") + " throttled"
	}
	add(n.Overdue, "overdue")
	add(n.BeyondP90, "beyond p90")
	if what := t.waitLine(now); what != "" {
		s += lexicon.Dot + "waits " + what
	}
	if what := t.firstChecks(now); what != "" {
		s += lexicon.Dot + "starts wait for " + what
	}
	if len(flying) > 0 {
		if old := slices.MaxFunc(flying,
			func(a, b standing.Flight) int { return cmp.Compare(a.Age, b.Age) }); old.Age > 0 {
			s += lexicon.Dot + "longest " + t.names[old.Vault] + " " + lexicon.Span(old.Age)
		}
	}
	return lexicon.Clean(s)
}
