package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
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
	w := Wait{For: from.For, Until: TimeOrNull(from.Until), Wave: StringOrNull(from.Wave), When: StringOrNull(from.When),
		Subscription: StringOrNull(from.Subscription), Vaults: from.Vaults, wait: from}
	if from.Subscription != "" {
		w.name = lexicon.SubscriptionIn(p, from.Subscription)
	}
	switch {
	case from.Gate != nil:
		w.Then = StringOrNull(gateToApprove(from.Gate))
	case from.Opens != "":
		w.Then = StringOrNull("wave " + from.Opens)
	}
	w.Text = w.words(lexicon.UTC)
	return w
}

// args is the command that ends a wait, without its ledger; nil where time does.
func (w *Wait) args() []string {
	switch w.For {
	case standing.WaitApproval:
		return ApproveArgs(ValueOf(w.Wave))
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
	return w.wait.By + ": " + lexicon.Or(w.wait.Reason, "no reason given")
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
		s = "the end of wave " + ValueOf(w.Wave) + "'s soak, " + write(w.Until.Value())
		if w.Then != nil {
			s += ", then " + *w.Then
		}
	case standing.WaitWindow:
		s = "the window that opens " + write(w.Until.Value())
	case standing.WaitThrottle:
		s = "subscription " + w.name + ", throttled until " + write(w.Until.Value())
	case standing.WaitAnswer:
		s = fmt.Sprintf("an answer about %s (%s), asked for again and again, more and more seldom", lexicon.Plural(w.Vaults, "vault", "vaults"), lexicon.Or(w.wait.Answer, "none came"))
	case standing.WaitBusy:
		s = fmt.Sprintf("%s, tried again %s", lexicon.Plural(w.Vaults, "busy vault", "busy vaults"), write(w.Until.Value()))
	case standing.WaitStart:
		s = fmt.Sprintf("what 1 start needs, until %s at most: %s", write(w.Until.Value()), w.wait.Needs)
		if w.Vaults > 1 {
			s = fmt.Sprintf("what %d starts need, until %s at most; one of them: %s", w.Vaults, write(w.Until.Value()), w.wait.Needs)
		}
	}
	return s
}

// WaitWords says all that a run waits for, as the view writes times, and what a
// person can type where one is needed; empty where it waits for nothing.
func WaitWords(ws []Wait, write func(time.Time) string, ledger string) (what, next string) {
	for i := range ws {
		if i > 0 {
			what += "; "
		}
		what += ws[i].words(write)
		if args := ws[i].args(); next == "" && args != nil {
			next = OnLedger(ledger, args...)
		}
	}
	return what, next
}

// OnLedger is a command on a ledger, empty for none.
func OnLedger(ledger string, args ...string) string {
	return CommandOn(append(slices.Clip(args), ledger)...)
}

// Clean is the wait with every text that came from outside made clean.
func (w Wait) Clean() Wait {
	or := func(s *string) *string {
		if s == nil {
			return nil
		}
		return StringOrNull(lexicon.Clean(*s))
	}
	w.Text, w.name = lexicon.Clean(w.Text), lexicon.Clean(w.name)
	w.Wave, w.Subscription, w.Then, w.Command = or(w.Wave), or(w.Subscription), or(w.Then), or(w.Command)
	x := &w.wait
	x.Wave, x.Void, x.NotBy, x.By = lexicon.Clean(x.Wave), lexicon.Clean(x.Void), lexicon.Clean(x.NotBy), lexicon.Clean(x.By)
	x.Reason, x.Needs, x.Answer = lexicon.Clean(x.Reason), lexicon.Clean(x.Needs), lexicon.Clean(x.Answer)
	if x.Gate != nil {
		g := *x.Gate
		g.Wave, g.Void, g.NotBy = lexicon.Clean(g.Wave), lexicon.Clean(g.Void), lexicon.Clean(g.NotBy)
		x.Gate = &g
	}
	return w
}

// WithCommands is a copy of waits that names the commands on a ledger.
func WithCommands(ws []Wait, ledger string) []Wait {
	out := make([]Wait, len(ws))
	copy(out, ws)
	for i := range out {
		if args := out[i].args(); args != nil {
			out[i].Command = StringOrNull(OnLedger(ledger, args...))
		}
	}
	return out
}

// Waiting says in words what the run waits for, in a zone; empty where it does
// not wait.
func (v *View) Waiting(zone *time.Location) string {
	switch v.Run.Status {
	case RunWaiting, RunPaused:
		return v.waiting(lexicon.ClockIn(zone))
	}
	return ""
}
