package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Wait is something that a run waits for (standing.Wait), in words.
type Wait struct {
	For standing.WaitKind `json:"for"`
	// as part of a sentence: "an approval after wave canary"; times in UTC
	Text         string  `json:"text"`
	Until        *Time   `json:"until"`        // null: until a person acts, or an answer comes
	Wave         *string `json:"wave"`         // of a gate, a soak or a date
	When         *string `json:"when"`         // before or after that wave
	Subscription *string `json:"subscription"` // its ID, of a throttle or a denied access
	Vaults       int     `json:"vaults"`       // that it keeps from starting; 0: all that follow
	Then         *string `json:"then"`         // what is waited for next, as known now
	Command      *string `json:"command"`      // what ends it, or shows what is missing; null: time does
	// when it began, of a denied access, an approval, a soak and a pause; null: not known
	Since     *Time `json:"since"`
	Meanwhile bool  `json:"meanwhile"` // the rest of the run goes on

	wait  standing.Wait
	name  string // of the subscription, for people
	which string // the vaults by their names, the first few of many; empty: not known
	next  string // a command that is no order to the run
}

// Waits puts what a run waits for into words: standing.Waits is the one place that
// knows it.
func Waits(st *rollout.State, now time.Time) []Wait {
	return waitsOf(standing.Waits(st, now), st.Plan)
}

// AccessWaits puts the subscriptions that deny access into words; meanwhile says that
// the rest of the run goes on.
func AccessWaits(st *rollout.State, meanwhile bool) []Wait {
	return waitsOf(standing.AccessWaits(st, meanwhile), st.Plan)
}

func waitsOf(from []standing.Wait, p *plan.Plan) []Wait {
	var waits []Wait
	var names []string
	for _, w := range from {
		if names == nil && len(w.Which) > 0 {
			names = p.Names()
		}
		waits = append(waits, waitOf(w, p, names))
	}
	return waits
}

func waitOf(from standing.Wait, p *plan.Plan, names []string) Wait {
	w := Wait{For: from.For, Until: TimeOrNull(from.Until), Wave: StringOrNull(from.Wave),
		When:         StringOrNull(from.When),
		Subscription: StringOrNull(from.Subscription), Vaults: from.Vaults,
		Since: TimeOrNull(from.Since), Meanwhile: from.Meanwhile, wait: from}
	if len(from.Which) > 0 {
		w.which = lexicon.SomeOf(names, from.Which)
	}
	if from.For == standing.WaitAccess && p.Inventory != "" {
		w.next = lexicon.Command("preflight", p.Inventory)
		w.Command = StringOrNull(w.next)
	}
	if from.Subscription != "" {
		w.name = lexicon.SubscriptionIn(p, from.Subscription)
	}
	switch {
	case from.Gate != nil:
		w.Then = StringOrNull(thenGate(&from, lexicon.UTC))
	case from.Opens != "":
		w.Then = StringOrNull("wave " + from.Opens)
	}
	w.Text = w.words(lexicon.UTC)
	return w
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

// thenGate is what comes behind the gate that a soak leads to: a wait for its approval,
// or, where that was given in advance, the wave.
func thenGate(w *standing.Wait, write func(time.Time) string) string {
	g := w.Gate.Given
	if g == nil {
		return gateToApprove(w.Gate)
	}
	return "wave " + w.Opens + ", approved " + given(g.By, g.At, write)
}

// pausedBy says who paused the run and why; empty where that is not shown.
func (w *Wait) pausedBy() string {
	if w.wait.By == "" {
		return ""
	}
	return w.wait.By + ": " + lexicon.Or(w.wait.Reason, "no reason given")
}

// PausedWords say that a person has paused the run: since when, as it is written there,
// and by whom and why where that is shown.
func PausedWords(since, by, reason string) string {
	s := "PAUSED"
	if since != "" {
		s += " since " + since
	}
	if by != "" {
		s += " by " + by + ": " + lexicon.Or(reason, "no reason given")
	}
	return s + ". Nothing new starts."
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
	case standing.WaitAccess:
		s = fmt.Sprintf("access to subscription %s, refused since %s (%s), %s", w.name, write(w.Since.Value()),
			w.refusal(), w.retry())
		if w.Meanwhile {
			s += "; the rest of the run goes on"
		}
	case standing.WaitSoak:
		s = "the end of wave " + ValueOf(w.Wave) + "'s soak, " + write(w.Until.Value())
		if w.wait.Gate != nil {
			s += ", then " + thenGate(&w.wait, write)
		} else if w.Then != nil {
			s += ", then " + *w.Then
		}
		if at := w.wait.Date; !at.IsZero() {
			s += ", not before " + write(at)
		}
	case standing.WaitDate:
		s = "the date of wave " + ValueOf(w.Wave) + ", " + write(w.Until.Value())
		if w.wait.Gate != nil {
			s += ", then " + thenGate(&w.wait, write)
		}
	case standing.WaitWindow:
		s = "the window that opens " + write(w.Until.Value())
	case standing.WaitThrottle:
		s = "subscription " + w.name + ", throttled until " + write(w.Until.Value())
	case standing.WaitAnswer:
		s = fmt.Sprintf("an answer about %s (%s), asked for again at growing intervals",
			lexicon.Or(w.which, lexicon.Vaults(w.Vaults)), lexicon.Or(w.wait.Answer, "none came"))
	case standing.WaitBusy:
		s = fmt.Sprintf("%s%s, tried again %s", lexicon.Plural(w.Vaults, "busy vault", "busy vaults"), w.listed(),
			write(w.Until.Value()))
	case standing.WaitStart:
		s = fmt.Sprintf("what 1 start needs%s, until %s at most: %s", w.listed(), write(w.Until.Value()), w.wait.Needs)
		if w.Vaults > 1 {
			s = fmt.Sprintf("what %d starts need%s, until %s at most; one of them: %s", w.Vaults, w.listed(),
				write(w.Until.Value()), w.wait.Needs)
		}
	}
	return s
}

// Began says for a headline what a run waits for, and since when: "for approval since
// 23:49".
func (w *Wait) Began(write func(time.Time) string) string {
	s := "for " + headWords[w.For]
	if w.Since != nil {
		s += " since " + write(w.Since.Value())
	}
	return s
}

// headWords are what a run waits for in as few words as a headline has room for.
var headWords = map[standing.WaitKind]string{
	standing.WaitApproval: "approval", standing.WaitPause: "the end of the pause", standing.WaitAccess: "access",
	standing.WaitSoak: "a soak", standing.WaitDate: "a date",
	standing.WaitWindow: "a window", standing.WaitThrottle: "a throttle", standing.WaitBusy: "busy vaults",
	standing.WaitStart: "what starts need", standing.WaitAnswer: "an answer",
}

// refusal is what the cloud said when it denied access, as part of a sentence.
func (w *Wait) refusal() string {
	return strings.TrimSuffix(lexicon.Or(w.wait.Denied, "the cloud refused"), ".")
}

// retry says when a denied subscription is tried again.
func (w *Wait) retry() string {
	switch w.wait.Retry {
	case standing.RetryResume:
		return "tried again by a resume"
	case standing.RetryGivenUp:
		return "not tried again before a resume"
	}
	return "tried again with each reading, every " + lexicon.Span(w.wait.Every)
}

// listed names the vaults in brackets; empty where their names are not known.
func (w *Wait) listed() string {
	if w.which == "" {
		return ""
	}
	return " (" + w.which + ")"
}

// AccessBanner says for a banner that a subscription denies access, times in UTC.
func (w *Wait) AccessBanner(since string) string {
	return fmt.Sprintf("NO ACCESS to subscription %s since %s: %s. %s", w.name, since, w.refusal(),
		lexicon.Sentence(w.retry()))
}

// HoldsUp is the first of the waits that hold the whole run up, nil where there is
// none.
func HoldsUp(ws []Wait) *Wait {
	for i := range ws {
		if !ws[i].Meanwhile {
			return &ws[i]
		}
	}
	return nil
}

// WaitWords says all that a run waits for, as the view writes times, and what a
// person can type where one is needed; empty where it waits for nothing.
func WaitWords(ws []Wait, write func(time.Time) string, ledger string) (what, next string) {
	for i := range ws {
		if i > 0 {
			what += "; "
		}
		what += ws[i].words(write)
		if args := ws[i].wait.Ends(); next == "" && args != nil {
			next = OnLedger(ledger, args...)
		}
		next = lexicon.Or(next, ws[i].next)
	}
	return what, next
}

// OnLedger is a command on a ledger, empty for none.
func OnLedger(ledger string, args ...string) string {
	return CommandOn(append(slices.Clip(args), ledger)...)
}

// CommandOn writes a command line of fleetup; its last argument is the ledger's
// path, empty for none.
func CommandOn(args ...string) string {
	last := len(args) - 1
	if args[last] == "" {
		return lexicon.Command(args[:last]...)
	}
	return lexicon.Command(append(args[:last:last], "--state", args[last])...)
}

// Clean is the wait with every text that came from outside made clean.
func (w Wait) Clean() Wait {
	or := func(s *string) *string {
		if s == nil {
			return nil
		}
		return StringOrNull(lexicon.Clean(*s))
	}
	w.Text, w.name, w.which, w.next = lexicon.Clean(w.Text), lexicon.Clean(w.name), lexicon.Clean(w.which),
		lexicon.Clean(w.next)
	w.Wave, w.Subscription, w.Then, w.Command = or(w.Wave), or(w.Subscription), or(w.Then), or(w.Command)
	x := &w.wait
	x.Opens = lexicon.Clean(x.Opens)
	x.Wave, x.Void, x.NotBy, x.By = lexicon.Clean(x.Wave), lexicon.Clean(x.Void), lexicon.Clean(x.NotBy),
		lexicon.Clean(x.By)
	x.Reason, x.Needs, x.Answer = lexicon.Clean(x.Reason), lexicon.Clean(x.Needs), lexicon.Clean(x.Answer)
	x.Denied = lexicon.Clean(x.Denied)
	if x.Gate != nil {
		g := *x.Gate
		g.Wave, g.Void, g.NotBy = lexicon.Clean(g.Wave), lexicon.Clean(g.Void), lexicon.Clean(g.NotBy)
		if g.Given != nil {
			a := *g.Given
			a.By, g.Given = lexicon.Clean(a.By), &a
		}
		x.Gate = &g
	}
	return w
}

// WithCommands is a copy of waits that names the commands on a ledger.
func WithCommands(ws []Wait, ledger string) []Wait {
	out := make([]Wait, len(ws))
	copy(out, ws)
	for i := range out {
		if args := out[i].wait.Ends(); args != nil {
			out[i].Command = StringOrNull(OnLedger(ledger, args...))
		}
	}
	return out
}

// Waiting says in words what the run, or a part of it, waits for, in a zone; empty
// where nothing waits.
func (v *View) Waiting(zone *time.Location) string {
	switch v.Run.Status {
	case RunWaiting, RunPaused:
		return layout.Zoned(v.waiting(lexicon.ClockIn(zone)), zone, v.Run.GeneratedAt.Value())
	}
	what, _ := WaitWords(v.Run.Waits, lexicon.ClockIn(zone).NearBy(v.Run.GeneratedAt.Value()), "")
	return layout.Zoned(what, zone, v.Run.GeneratedAt.Value())
}
