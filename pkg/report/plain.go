package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Plain writes the progress of a run as lines: one for each change that
// matters, and a heartbeat when asked. It is for logs and pipes.
type Plain struct {
	w     io.Writer
	clock clock
	t     *Tracker

	mu     sync.Mutex
	waited string // what was said last that the run waits for
}

// Tracker is what the lines follow the run with.
func (p *Plain) Tracker() *Tracker { return p.t }

// NewPlain returns a printer of the state's run; zone is that of the times,
// nil for UTC.
func NewPlain(w io.Writer, st *rollout.State, zone *time.Location) *Plain {
	return &Plain{w: w, clock: clockIn(zone), t: NewTracker(st)}
}

// Events writes what the facts changed, after the state has folded them. Call
// it from the goroutine that owns the state.
func (p *Plain) Events(st *rollout.State, events []fleet.Event) error {
	_, err := io.WriteString(p.w, strings.Join(Lines(p.t, st, events, p.clock.zone), ""))
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
	_, err := io.WriteString(p.w, Clean(fmt.Sprintf("%s %-10s %s", p.clock.second(now), "waits", what))+"\n")
	return err
}

// waitLine is what the run waits for and what a person can do about it. The
// caller holds the lock.
func (t *Tracker) waitLine(now time.Time) string {
	if t.run.Suspended != nil {
		return ""
	}
	// Seen from the start of the wait the times would read otherwise an hour on.
	what, command := waitWords(t.waiting(now), clockIn(t.Zone).nearBy(t.st.Run.LastAt), t.Ledger)
	if what == "" {
		return ""
	}
	if command != "" {
		command = "; next: " + command
	}
	return "for " + what + command
}

// Heartbeat writes where the run stands. It may be called from any goroutine.
func (p *Plain) Heartbeat(now time.Time) error {
	_, err := io.WriteString(p.w, p.clock.second(now)+" "+p.t.heartbeat(now)+"\n")
	return err
}

// Lines feeds the facts to the tracker and returns the lines that say what
// they changed, each with its line break.
func Lines(t *Tracker, st *rollout.State, events []fleet.Event, zone *time.Location) []string {
	c := clockIn(zone)
	var out []string
	say := func(at time.Time, what, format string, args ...any) {
		out = append(out, Clean(fmt.Sprintf("%s %-10s %s", c.second(at), what, Zoned(fmt.Sprintf(format, args...), zone, at)))+"\n")
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

type sayFunc func(at time.Time, what, format string, args ...any)

// runLine says a fact about the run or a wave.
func (t *Tracker) runLine(st *rollout.State, e fleet.Event, c clock, say sayFunc) {
	if what, text := runWords(st, t.names, e, c.second); what != "" {
		say(e.At, what, "%s", text)
	}
}

// runWords puts a fact about the run or a wave into words, after the state has
// folded it: what it is in one word, empty for a fact that nobody is told, and
// the rest. names are those of the vaults, and write writes the times.
func runWords(st *rollout.State, names []string, e fleet.Event, write func(time.Time) string) (what, text string) {
	switch f := e.Fact.(type) {
	case fleet.RunOpened:
		return "run", fmt.Sprintf("%s opened, plan %s, %s", f.RunID, elideHash(f.PlanFingerprint), vaults(st.Totals.All()))
	case fleet.Resumed:
		flying := selected(st, func(i int) bool { return st.Vaults[i].InFlight() || st.Vaults[i].Status == fleet.Upgrading })
		if len(flying) == 0 {
			return "resumed", fmt.Sprintf("run %s: nothing is in flight or in doubt", st.Run.ID)
		}
		return "resumed", fmt.Sprintf("run %s: first it follows %s in flight or in doubt: %s", st.Run.ID, vaults(len(flying)), someOf(names, flying))
	case fleet.WaveOpened:
		in := waveVaults(st, f.Wave, func(s fleet.Status) bool { return s != fleet.Excluded })
		if len(in) == 0 {
			return "wave", f.Wave + " opened: nothing of it is to be done"
		}
		return "wave", fmt.Sprintf("%s opened: %s: %s", f.Wave, vaults(len(in)), someOf(names, in))
	case fleet.WaveDone:
		return "wave", f.Wave + " done: " + waveTally(st, names, f.Wave)
	case fleet.RunHalted:
		return "HALTED", Halted(st.Plan, &f) + ": nothing more starts, what is in flight is followed"
	case fleet.Approved:
		return "approved", fmt.Sprintf("the gate %s wave %s, by %s: %s", f.When, f.Wave, f.By.User, f.Reason)
	case fleet.GateOpened:
		return "gate", fmt.Sprintf("%s wave %s %s", f.When, f.Wave, gateWords(f))
	case fleet.FailuresAccepted:
		return "accepted", fmt.Sprintf("the failures so far, by %s: %s", f.By.User, f.Reason)
	case fleet.RunSuspended:
		return "suspended", fmt.Sprintf("%s: resumable, exit %d", or(strings.TrimSpace(f.Why+" "+SuspendedDetail(&f)), "stopped"), f.Code)
	case fleet.RunClosed:
		return "finished", fmt.Sprintf("%s: exit %d", tally(shownCounts(st, &st.Totals, true)), f.Code)
	case fleet.Paused, fleet.Stopped, fleet.LimitsChanged, fleet.Noted:
		w, _ := WordOf(f)
		return w.Kind, fmt.Sprintf("%s, by %s: %s", w.Text, w.By.User, w.Reason)
	case fleet.Throttled:
		return "throttled", fmt.Sprintf("subscription %s is throttled until %s", subscriptionIn(st.Plan, f.Subscription), write(f.Until))
	}
	return "", ""
}

// vaultLine says a vault's change, if it matters to somebody who watches.
func (t *Tracker) vaultLine(st *rollout.State, at time.Time, ch Change, say sayFunc) {
	v := &st.Vaults[ch.Vault]
	what, text := vaultWords(st, at, ch)
	op := "op " + or(v.OperationID, "-")
	switch what {
	case "":
		return
	case "started":
		text = op
	case "upgraded":
		text = "in " + span(v.EndedAt.Sub(v.StartedAt)) + "  " + op
	case "FAILED":
		text = t.words.failed + "  " + op + "  " + text
	case "UNKNOWN":
		text = "for good  " + op + "  " + v.Reason
	case "unknown":
		text = "is being read  " + op + "  " + v.Reason
	case "OVERDUE", "read", "foreign", "found":
		text += "  " + op
	}
	say(at, what, "%s  wave %s  %s", t.names[ch.Vault], st.Waves[st.Plan.Vaults[ch.Vault].Wave].Name, text)
}

// vaultWords puts a vault's change into words, after the state has folded it:
// what became of it in one word, empty where that matters to nobody who watches,
// and what more there is to say of it, empty for nothing.
func vaultWords(st *rollout.State, at time.Time, ch Change) (what, why string) {
	v := &st.Vaults[ch.Vault]
	if ch.Overdue {
		return "OVERDUE", "under way for " + span(at.Sub(v.StartedAt)) + ", still followed"
	}
	if ch.Reading {
		if v.Reading == nil {
			return "", ""
		}
		return "read", v.Reading.String()
	}
	switch ch.To {
	case fleet.Upgrading:
		switch {
		case v.Foreign:
			return "foreign", "somebody else's upgrade is under way, it is followed"
		case ch.From == fleet.Unknown:
			return "found", "its start had been accepted"
		}
		return "started", ""
	case fleet.Upgraded:
		return "upgraded", ""
	case fleet.Failed:
		return "FAILED", or(v.Reason, "no reason given")
	case fleet.Unknown:
		if v.Final {
			return "UNKNOWN", or(v.Reason, "for good")
		}
		return "unknown", or(v.Reason, "is being read")
	case fleet.Blocked:
		return "blocked", or(v.Reason, "no reason given")
	case fleet.Busy:
		return "busy", "tried again later: " + or(v.Reason, "something else is under way on it")
	case fleet.Already:
		return "already", or(v.Reason, wordingOf(st.Plan.Kind).before)
	case fleet.Ready:
		if ch.From == fleet.Starting || ch.From == fleet.Unknown {
			return "returned", or(v.Reason, "not started")
		}
	case fleet.Excluded:
		return "held", v.Reason
	case fleet.Pending:
		if ch.From == fleet.Excluded {
			return "released", v.Reason
		}
		return "reopened", v.Reason
	}
	return "", ""
}

// heartbeat says where the run stands on one line.
func (t *Tracker) heartbeat(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	flying := t.flights(now)
	s := fmt.Sprintf("%-10s ", "status")
	if p := t.phase(now, ours(flying)); loud(p) {
		s += strings.ToUpper(string(p)) + dot
	}
	s += t.overall.run(t.words)
	if t.overall.Earlier > 0 {
		s += dot + "overall " + t.overall.ledger(t.words)
	}
	add := func(n int, what string) {
		if n > 0 {
			s += dot + number(n) + " " + what
		}
	}
	add(len(flying), "in flight")
	for _, st := range []fleet.Status{fleet.Failed, fleet.Unknown, fleet.Blocked, fleet.Busy, fleet.Ready, fleet.Validating, fleet.Pending, fleet.Deferred} {
		add(t.shown(st), string(st))
	}
	if n := t.throttled(now); n > 0 {
		s += dot + plural(n, "subscription", "subscriptions") + " throttled"
	}
	over, beyond := tardy(flying)
	add(over, "overdue")
	add(beyond, "beyond p90")
	if what := t.waitLine(now); what != "" {
		s += dot + "waits " + what
	}
	if old := t.longest(); len(old) > 0 && !old[0].since.IsZero() {
		s += dot + "longest " + t.names[old[0].vault] + " " + span(now.Sub(old[0].since))
	}
	return Clean(s)
}
