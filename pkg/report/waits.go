package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Wait is something that a run waits for (standing.Wait), in words.
type Wait struct {
	For          standing.WaitKind `json:"for"`
	Text         string            `json:"text"`         // as part of a sentence: "an approval after wave canary"; times in UTC
	Until        *Time             `json:"until"`        // null: until a person acts, or an answer comes
	Wave         *string           `json:"wave"`         // of a gate or a soak
	When         *string           `json:"when"`         // before or after that wave
	Subscription *string           `json:"subscription"` // its ID, of a throttle
	Vaults       int               `json:"vaults"`       // that it keeps from starting; 0: all that follow
	Then         *string           `json:"then"`         // what is waited for next, as known now
	Command      *string           `json:"command"`      // what ends it; null: time does

	wait standing.Wait
	name string // of the subscription, for people
}

// Waits puts what a run waits for into words: standing.Waits is the one place that
// knows it.
func Waits(st *rollout.State, now time.Time) []Wait {
	var waits []Wait
	for _, w := range standing.Waits(st, now) {
		waits = append(waits, waitOf(w, st.Plan))
	}
	return waits
}

func waitOf(from standing.Wait, p *plan.Plan) Wait {
	w := Wait{For: from.For, Until: at(from.Until), Wave: maybe(from.Wave), When: maybe(from.When),
		Subscription: maybe(from.Subscription), Vaults: from.Vaults, wait: from}
	if from.Subscription != "" {
		w.name = subscriptionIn(p, from.Subscription)
	}
	switch {
	case from.Gate != nil:
		w.Then = maybe(gateToApprove(from.Gate))
	case from.Opens != "":
		w.Then = maybe("wave " + from.Opens)
	}
	w.Text = w.words(utc)
	return w
}

// args is the command that ends a wait, without its ledger; nil where time does.
func (w *Wait) args() []string {
	switch w.For {
	case standing.WaitApproval:
		return ApproveArgs(str(w.Wave))
	case standing.WaitPause:
		return []string{"pause", "--off", "--reason", "TEXT"}
	}
	return nil
}

// ApproveArgs is the command that approves the gate of a wave, without its
// ledger.
func ApproveArgs(wave string) []string {
	return []string{"approve", "--wave", wave, "--reason", "TEXT"}
}

// gateToApprove is the wait for an approval as part of a sentence.
func gateToApprove(g *standing.Wait) string {
	s := "an approval " + g.When + " wave " + g.Wave
	if g.NotBy != "" {
		s += " by somebody other than " + g.NotBy
	}
	if g.Void != "" {
		s += " (" + g.Void + ")"
	}
	return s
}

// pausedBy says who paused the run and why; empty where that is not shown.
func (w *Wait) pausedBy() string {
	if w.wait.By == "" {
		return ""
	}
	return w.wait.By + ": " + or(w.wait.Reason, "no reason given")
}

// words says the wait as a part of a sentence that begins with "waits for".
func (w *Wait) words(write func(time.Time) string) string {
	s := ""
	switch w.For {
	case standing.WaitApproval:
		s = gateToApprove(&w.wait)
	case standing.WaitPause:
		s = "the end of the pause"
		if by := w.pausedBy(); by != "" {
			s += ", by " + by
		}
	case standing.WaitSoak:
		s = "the end of wave " + str(w.Wave) + "'s soak, " + write(w.Until.value())
		if w.Then != nil {
			s += ", then " + *w.Then
		}
	case standing.WaitWindow:
		s = "the window that opens " + write(w.Until.value())
	case standing.WaitThrottle:
		s = "subscription " + w.name + ", throttled until " + write(w.Until.value())
	case standing.WaitAnswer:
		s = fmt.Sprintf("an answer about %s (%s), asked for again and again, more and more seldom", plural(w.Vaults, "vault", "vaults"), or(w.wait.Answer, "none came"))
	case standing.WaitBusy:
		s = fmt.Sprintf("%s, tried again %s", plural(w.Vaults, "busy vault", "busy vaults"), write(w.Until.value()))
	case standing.WaitStart:
		s = fmt.Sprintf("what 1 start needs, until %s at most: %s", write(w.Until.value()), w.wait.Needs)
		if w.Vaults > 1 {
			s = fmt.Sprintf("what %d starts need, until %s at most; one of them: %s", w.Vaults, write(w.Until.value()), w.wait.Needs)
		}
	}
	return s
}

// waitWords says all that a run waits for, as the view writes times, and what a
// person can type where one is needed; empty where it waits for nothing.
func waitWords(ws []Wait, write func(time.Time) string, ledger string) (what, next string) {
	for i := range ws {
		if i > 0 {
			what += "; "
		}
		what += ws[i].words(write)
		if args := ws[i].args(); next == "" && args != nil {
			next = onLedger(ledger, args...)
		}
	}
	return what, next
}

// nearBy writes times as they are near to a moment.
func (c clock) nearBy(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return c.near(t, now) }
}

// soonBy is nearBy without the day where it is tonight.
func (c clock) soonBy(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return c.soon(t, now) }
}

// onLedger is a command on a ledger, empty for none.
func onLedger(ledger string, args ...string) string {
	return command(append(slices.Clip(args), ledger)...)
}

// Clean is the wait with every text that came from outside made clean.
func (w Wait) Clean() Wait {
	or := func(s *string) *string {
		if s == nil {
			return nil
		}
		return maybe(Clean(*s))
	}
	w.Text, w.name = Clean(w.Text), Clean(w.name)
	w.Wave, w.Subscription, w.Then, w.Command = or(w.Wave), or(w.Subscription), or(w.Then), or(w.Command)
	x := &w.wait
	x.Wave, x.Void, x.NotBy, x.By = Clean(x.Wave), Clean(x.Void), Clean(x.NotBy), Clean(x.By)
	x.Reason, x.Needs, x.Answer = Clean(x.Reason), Clean(x.Needs), Clean(x.Answer)
	if x.Gate != nil {
		g := *x.Gate
		g.Wave, g.Void, g.NotBy = Clean(g.Wave), Clean(g.Void), Clean(g.NotBy)
		x.Gate = &g
	}
	return w
}

// commanded is what the run waits for, with the commands. The caller holds the
// lock.
func (t *Tracker) commanded(now time.Time) []Wait { return withCommands(t.waiting(now), t.Ledger) }

// withCommands is a copy of waits that names the commands on a ledger.
func withCommands(ws []Wait, ledger string) []Wait {
	out := make([]Wait, len(ws))
	copy(out, ws)
	for i := range out {
		if args := out[i].args(); args != nil {
			out[i].Command = maybe(onLedger(ledger, args...))
		}
	}
	return out
}

// Waiting says in words what the run waits for, in a zone; empty where it does
// not wait.
func (v *View) Waiting(zone *time.Location) string {
	switch v.Run.Status {
	case RunWaiting, RunPaused:
		return v.waiting(clockIn(zone))
	}
	return ""
}
