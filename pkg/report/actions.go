package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Action is one thing to do next, with the vaults it is about.
type Action struct {
	Do      standing.TaskKind `json:"do"`
	Title   string            `json:"title"`  // what to do, in a line
	Detail  *string           `json:"detail"` // how, and what to mind
	Person  bool              `json:"person"` // false: it comes right by itself
	Before  *Time             `json:"before"` // best done before; null: nobody knows
	Code    *string           `json:"code"`   // the error or the reason the vaults share
	Vaults  []string          `json:"vaults"`
	Items   []string          `json:"items"`   // machines and the like, each once
	Message *Message          `json:"message"` // to send
	Command *string           `json:"command"` // to paste: the first of the steps
	Steps   []Step            `json:"steps"`   // what to type for it, the first one first

	about []*Vault
	task  *standing.Task
}

// actions puts what there is to do into words: standing.Tasks is the one place that
// knows it.
func (v *View) actions(o Options) []Action {
	all := make([]Action, len(v.Tasks)) // never null
	var before *Time
	if v.Run.Status != RunFinished && !v.Run.Live {
		before = v.Run.NextWindow
	}
	for i := range v.Tasks {
		t := &v.Tasks[i]
		a := Action{Do: t.Kind, Person: t.Person, Code: StringOrNull(t.Code), Vaults: []string{}, Items: []string{},
			Steps: []Step{}, task: t}
		for _, s := range v.worded(t.Steps, o) {
			s.Command = o.along(s.On(o.State))
			a.Steps = append(a.Steps, s)
		}
		if len(a.Steps) > 0 {
			a.Command = StringOrNull(a.Steps[0].Command)
		}
		for _, n := range t.Vaults {
			x := &v.Vaults[n]
			a.about, a.Vaults = append(a.about, x), append(a.Vaults, x.Vault)
		}
		if t.Person {
			a.Before = before
		}
		v.entitle(&a, o)
		all[i] = a
	}
	return all
}

// entitle says what is to be done, and how.
func (v *View) entitle(a *Action, o Options) {
	detail := ""
	switch t := a.task; {
	case len(t.Vaults) == 0:
		a.Title, detail = v.ofRun(t, lexicon.ClockIn(o.Zone))
	case t.Permitted:
		a.Title, detail = lexicon.Vaults(len(a.about))+" re-opened, for the next run to try", ValueOf(a.about[0].Reason)
	case t.TakenUp:
		a.Title = v.takenUpWords(a)
	case t.Status == fleet.Failed:
		a.Title, detail = v.failedWords(a)
		if t.Kind == standing.TaskSupport {
			a.Message = SupportMessage(o.SupportAddress, a.about...)
		}
	case t.Status == fleet.Unknown:
		a.Title, detail = v.unknownWords(a, lexicon.ClockIn(o.Zone))
	case t.Status == fleet.Blocked:
		for _, c := range CausesOf(a.about) {
			if c.Code == t.Code {
				a.Title, a.Items, detail = c.title(v.words()), ListOrEmpty(c.distinct()), c.advice()
			}
		}
	default:
		a.Title, detail = v.waitWords(a, lexicon.ClockIn(o.Zone))
	}
	a.Detail = StringOrNull(detail)
}

// ofRun is what the run itself waits for, or a part of it.
func (v *View) ofRun(t *standing.Task, c lexicon.Clock) (title, detail string) {
	then, both := "Then resume.", v.waitsFor(standing.WaitApproval) != nil && v.waitsFor(standing.WaitPause) != nil
	if v.Run.Live {
		then = "The run goes on at once."
	}
	near := c.NearBy(v.Run.GeneratedAt.Value())
	switch t.Kind {
	case standing.TaskAccept:
		return "Find out why the run halted; then accept the failures, and it goes on", v.haltSentence()
	case standing.TaskUnpause:
		if !v.Run.Live && v.Flying().Ours > 0 {
			then = "A resume follows what is in flight before that, and starts nothing."
		}
		if both && v.Run.Live {
			then = "The run goes on when its gate is approved, too."
		}
		return "End the pause when its reason is gone: " + v.pausedBy(), then
	case standing.TaskApprove:
		what := ValueOf(v.Run.WaitingFor)
		if w := v.waitsFor(standing.WaitApproval); w != nil {
			what = w.words(near)
		}
		if both {
			then = "The run goes on when the pause is over, too."
		}
		return "Look at the totals, and give " + what, then
	case standing.TaskWait:
		if v.Run.Elsewhere {
			return "Start a worker that keeps the ledger",
				"The run may go on meanwhile; what it does is not in the ledger yet."
		}
		what, _ := WaitWords(v.Run.Waits, near, "")
		return "The run goes on by itself after " + what, ""
	case standing.TaskSignIn:
		return v.toSignIn(t, c)
	}
	switch w := v.Run.NextWindow; {
	case !t.Person && w != nil:
		return fmt.Sprintf("Resume the run when its window opens, %s, unless a timer does", near(w.Time)), ""
	case !t.Person:
		return "Resume the run, unless a timer does", ""
	}
	detail = "What was not started waits for it."
	if v.Run.Closing {
		detail = "Nothing is in flight."
	}
	if n := v.Flying().Ours; n > 0 {
		detail = v.words().Flights(n) + " in flight or in doubt: a resume follows them, and sends nothing twice."
	}
	if v.Run.Closing {
		return "Resume the run, which closes it when nothing is in flight", "Nothing more starts in it. " + detail
	}
	return "Resume the run", detail
}

// toSignIn is about a sign-in or permission that is missing, in a part of the run or in what
// it was left for.
func (v *View) toSignIn(t *standing.Task, c lexicon.Clock) (title, detail string) {
	if t.Subscription == "" {
		return "Mend the sign-in or permission, then resume",
			lexicon.Or(ValueOf(v.Run.Suspended.Detail), "the cloud refused")
	}
	now := v.Run.GeneratedAt.Value()
	for i := range v.Run.Waits {
		if w := &v.Run.Waits[i]; w.For == standing.WaitAccess && ValueOf(w.Subscription) == t.Subscription {
			return "Mend the sign-in or permission in subscription " + w.name,
				fmt.Sprintf("Refused since %s: %s. %s", c.Near(w.Since.Value(), now),
					layout.Zoned(w.refusal(), c.Zone, now), lexicon.Sentence(w.retry()))
		}
	}
	return "", ""
}

// waitsFor is the wait of a kind, nil where there is none.
func (v *View) waitsFor(k standing.WaitKind) *Wait {
	for i := range v.Run.Waits {
		if v.Run.Waits[i].For == k {
			return &v.Run.Waits[i]
		}
	}
	return nil
}

// pausedBy says who paused the run and why.
func (v *View) pausedBy() string {
	if w := v.waitsFor(standing.WaitPause); w != nil && w.wait.By != "" {
		return "paused by " + w.pausedBy()
	}
	return "the run is paused"
}

// failedWords is what to do about failures that share a code: a message to support where
// the vendor decides, else to mend the cause.
func (v *View) failedWords(a *Action) (title, detail string) {
	names, code := named(a.about), a.task.Code
	switch {
	case a.Do == standing.TaskSupport && a.task.Carried:
		title = fmt.Sprintf("See that support has the message for %s, failed before this run (%s)", names, code)
	case a.Do == standing.TaskSupport:
		title = fmt.Sprintf("Send the support message for %s (%s)", names, code)
	case a.task.Carried:
		title = fmt.Sprintf("Find out why %s failed before this run (%s)", names, code)
	default:
		title = fmt.Sprintf("Find out why %s failed (%s)", names, code)
	}
	switch {
	case a.Do == standing.TaskSupport:
		detail = "Do not retry unless support says so. When they do, re-open what they named."
	case len(a.about) == 1:
		detail = "No run tries it again by itself. Mend the cause, then re-open it."
	default:
		detail = "No run tries them again by itself. Mend the cause, then re-open them."
	}
	switch {
	case v.Run.Live: // which has the ledger to itself
		detail = strings.TrimSuffix(detail, ".") + ", after this run."
	case v.Run.Later != nil: // reopen speaks to the newest run, which has none of these
		detail = strings.TrimSuffix(detail, ".") + ", once a newer run has " + themOf(len(a.about)) + " again."
	}
	return title, detail
}

func themOf(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// takenUpWords says that a later run has vaults, and how this one left them. Whether that
// tried them is not said: it may have held them, or carried their failure along.
func (v *View) takenUpWords(a *Action) string {
	how := v.words().Status(a.about[0].Status)
	if a.task.Code != standing.NoCode {
		how += " (" + a.task.Code + ")"
	}
	them := themOf(len(a.about))
	return named(a.about) + " " + how + ": a later run has " + them + " in its plan, and tells what became of " + them
}

// takenUp are the vaults that the run has not done, and that a later one has; permitted
// those that the next one tries.
func (v *View) takenUp() []*Vault { return v.about(func(t *standing.Task) bool { return t.TakenUp }) }
func (v *View) permitted() []*Vault {
	return v.about(func(t *standing.Task) bool { return t.Permitted })
}

// about are the vaults of some tasks, each once, in the plan's order.
func (v *View) about(some func(*standing.Task) bool) (vs []*Vault) {
	is := map[int]bool{}
	for i := range v.Tasks {
		if t := &v.Tasks[i]; some(t) {
			for _, n := range t.Vaults {
				is[n] = true
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(is)) {
		vs = append(vs, &v.Vaults[at])
	}
	return vs
}

// unknownWords is about vaults of which reading could not tell: whether their starts were
// accepted, how what was accepted ended, or whether what came of them is good.
func (v *View) unknownWords(a *Action, c lexicon.Clock) (title, detail string) {
	if a.task.Code == fleet.CodeNotVerified {
		return fmt.Sprintf("Look at what became of %s: the cloud says %s, and it could not be verified", named(a.about),
			v.words().Done), v.words().Unverified
	}
	start, detail := "the start may have been accepted", v.words().Doubtful
	if a.task.Code == fleet.CodeUnconfirmed {
		start = "the start was accepted, and how it ended is not known"
		detail = "The service accepted it, and may still carry it out. " + detail
	}
	title = fmt.Sprintf("Decide %s: %s", named(a.about), start)
	if reads := a.about[0].Reads; len(reads) > 0 && len(a.about) == 1 {
		title += "; the cloud was last read " + c.Short(reads[len(reads)-1].At.Time)
	}
	return title, detail
}

// beforeThat parts why a vault is deferred from what was known of it before.
const beforeThat = "; before that: "

// waitWords are about vaults that come back by themselves, and about those that are held.
func (v *View) waitWords(a *Action, c lexicon.Clock) (title, detail string) {
	near, x := c.NearBy(v.Run.GeneratedAt.Value()), a.about[0]
	title, detail = lexicon.Vaults(len(a.about)), lexicon.Or(ValueOf(x.Reason), "no reason given")
	opens := ""
	if at := a.task.Opens; !at.IsZero() {
		opens = " from " + near(at) + " on"
	}
	switch a.task.Status {
	case fleet.Busy:
		return title + " busy, tried again" + opens, detail
	case fleet.Deferred:
		detail, _, _ = strings.Cut(detail, beforeThat) // what was before that is each vault's own
		title += " deferred, for a resume to take up"
		if v.Run.Closing || v.Run.Status == RunFinished {
			title = lexicon.Vaults(len(a.about)) + " deferred, for the next run to take up"
		}
		if opens != "" {
			title += "," + opens
		}
		return title, detail
	}
	if strings.HasPrefix(detail, "held by ") { // by a person, during the run
		title += " " + detail
	} else {
		title += " held: " + detail
	}
	if x.HeldBy != nil {
		title += ", by " + *x.HeldBy
	}
	if x.HeldUntil != nil {
		title += ", until " + near(x.HeldUntil.Time)
	}
	return title, detail
}
