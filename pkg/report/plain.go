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
	waveOf := func(name string) *rollout.WaveState {
		for i := range st.Waves {
			if st.Waves[i].Name == name {
				return &st.Waves[i]
			}
		}
		return &rollout.WaveState{}
	}
	switch f := e.Fact.(type) {
	case fleet.RunOpened:
		say(e.At, "run", "%s opened, plan %s, %s", f.RunID, elideHash(f.PlanFingerprint), vaults(st.Totals.All()))
	case fleet.Resumed:
		if len(t.flying) == 0 {
			say(e.At, "resumed", "run %s: nothing is in flight or in doubt", st.Run.ID)
			return
		}
		say(e.At, "resumed", "run %s: first it follows %s in flight or in doubt", st.Run.ID,
			vaults(len(t.flying)))
	case fleet.WaveOpened:
		say(e.At, "wave", "%s opened: %s", f.Wave, vaults(waveOf(f.Wave).Totals.All()))
	case fleet.WaveDone:
		totals := waveOf(f.Wave).Totals
		say(e.At, "wave", "%s done: %s", f.Wave, tally(totals.Of))
	case fleet.RunHalted:
		say(e.At, "HALTED", "%s: nothing more starts, what is in flight is followed", Halted(st.Plan, &f))
	case fleet.Approved:
		say(e.At, "approved", "the gate %s wave %s, by %s: %s", f.When, f.Wave, f.By.User, f.Reason)
	case fleet.GateOpened:
		say(e.At, "gate", "%s wave %s %s", f.When, f.Wave, gateWords(f))
	case fleet.FailuresAccepted:
		say(e.At, "accepted", "the failures so far, by %s: %s", f.By.User, f.Reason)
	case fleet.RunSuspended:
		say(e.At, "suspended", "%s: resumable, exit %d", or(strings.TrimSpace(f.Why+" "+SuspendedDetail(&f)), "stopped"), f.Code)
	case fleet.RunClosed:
		say(e.At, "finished", "%s: exit %d", tally(st.Totals.Of), f.Code)
	case fleet.Paused, fleet.Stopped, fleet.LimitsChanged, fleet.Noted:
		w, _ := WordOf(f)
		say(e.At, w.Kind, "%s, by %s: %s", w.Text, w.By.User, w.Reason)
	case fleet.Throttled:
		say(e.At, "throttled", "subscription %s is throttled until %s", t.subscriptionName(f.Subscription), c.second(f.Until))
	}
}

// vaultLine says a vault's change, if it matters to somebody who watches.
func (t *Tracker) vaultLine(st *rollout.State, at time.Time, ch Change, say sayFunc) {
	v, name := &st.Vaults[ch.Vault], t.names[ch.Vault]
	wave := st.Waves[st.Plan.Vaults[ch.Vault].Wave].Name
	line := func(what, format string, args ...any) {
		say(at, what, "%s  wave %s  %s", name, wave, fmt.Sprintf(format, args...))
	}
	op := or(v.OperationID, "-")
	if ch.Overdue {
		line("OVERDUE", "under way for %s, still followed  op %s", span(at.Sub(v.StartedAt)), op)
		return
	}
	if ch.Reading {
		if r := v.Reading; r != nil {
			line("read", "%s  op %s", r, op)
		}
		return
	}
	switch ch.To {
	case fleet.Upgrading:
		switch {
		case v.Foreign:
			line("foreign", "somebody else's upgrade is under way, it is followed  op %s", op)
		case ch.From == fleet.Unknown:
			line("found", "its start had been accepted  op %s", op)
		default:
			line("started", "op %s", op)
		}
	case fleet.Upgraded:
		line("upgraded", "in %s  op %s", span(v.EndedAt.Sub(v.StartedAt)), op)
	case fleet.Failed:
		line("FAILED", "%s  op %s  %s", t.words.failed, op, or(v.Reason, "no reason given"))
	case fleet.Unknown:
		if v.Final {
			line("UNKNOWN", "for good  op %s  %s", op, v.Reason)
		} else {
			line("unknown", "is being read  op %s  %s", op, v.Reason)
		}
	case fleet.Blocked:
		line("blocked", "%s", or(v.Reason, "no reason given"))
	case fleet.Busy:
		line("busy", "tried again later: %s", or(v.Reason, "something else is under way on it"))
	case fleet.Already:
		line("already", "%s", or(v.Reason, t.words.before))
	case fleet.Ready:
		if ch.From == fleet.Starting || ch.From == fleet.Unknown {
			line("returned", "%s", or(v.Reason, "not started"))
		}
	case fleet.Excluded:
		line("held", "%s", v.Reason)
	case fleet.Pending:
		if ch.From == fleet.Excluded {
			line("released", "%s", v.Reason)
			return
		}
		line("reopened", "%s", v.Reason)
	}
}

// subscriptionName is what people call a subscription.
func (t *Tracker) subscriptionName(id string) string {
	for i := range t.plan.Subscriptions {
		if s := &t.plan.Subscriptions[i]; s.ID == id && s.Name != "" {
			return s.Name
		}
	}
	return id
}

// heartbeat says where the run stands on one line.
func (t *Tracker) heartbeat(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	flying := t.flights(now)
	s := fmt.Sprintf("%-10s ", "status")
	if word, loud := t.standing(now, ours(flying)); loud {
		s += word + dot
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
	for _, st := range []fleet.Status{fleet.Failed, fleet.Unknown, fleet.Blocked, fleet.Busy, fleet.Ready, fleet.Validating, fleet.Pending} {
		add(t.totals.Of(st), string(st))
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
