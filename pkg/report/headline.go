package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Headline is how a run stands, for somebody who reads nothing else.
type Headline struct {
	Sentence string   `json:"sentence"` // the verdict
	Lines    []string `json:"lines"`    // what one asks next, a sentence each
	Before   *Time    `json:"before"`   // when it goes on, so until when a person may act; null: nobody knows
}

// Worded returns the view with its headline and its actions put into words for
// those options. The other fields are shared with v.
func (v *View) Worded(o Options) *View {
	w := *v
	if v.steps != nil || v.Headline == nil { // else it was read from JSON, in words
		w.Headline = v.headline(lexicon.ClockIn(o.Zone))
	}
	if v.Tasks != nil {
		w.Actions = v.actions(o)
	}
	w.Run.Emulated = o.Emulated
	w.Run.Waits = WithCommands(v.Run.Waits, o.State)
	if v.steps != nil {
		w.Next = v.worded(v.steps, o)
	} else {
		w.Next = slices.Clone(v.Next)
	}
	for i := range w.Next {
		w.Next[i].Command = o.along(w.Next[i].On(o.State))
	}
	return &w
}

func (v *View) headline(c lexicon.Clock) *Headline {
	h := &Headline{Lines: v.headlines(c)}
	if v.Run.Status != RunFinished && !v.Run.Live {
		h.Before = v.Run.NextWindow
	}
	h.Sentence = v.when(c) + v.standing() + ": " + v.outcome() + v.neverStarted() + v.needs(c, h.Before)
	return h
}

// when says which night or which time it is about.
func (v *View) when(c lexicon.Clock) string {
	if n := v.Run.Night; n != nil {
		return fmt.Sprintf("NIGHT %d, %s", n.Number, c.Between(n.From.Value(), n.Until.Value()))
	}
	if v.Run.StartedAt == nil {
		return "RUN"
	}
	until := v.Run.EndedAt
	if until == nil {
		until = v.Run.UpdatedAt
	}
	return "RUN " + c.Between(v.Run.StartedAt.Value(), until.Value())
}

// standing says how the run stands, where it is not simply under way.
func (v *View) standing() string {
	switch v.Run.Status {
	case RunFinished:
		if v.Run.Closed != nil {
			return " CLOSED"
		}
		return " FINISHED"
	case RunHalted:
		return " HALTED"
	case RunWaiting:
		return " WAITING"
	case RunPaused:
		return " PAUSED"
	case RunInterrupted:
		if s := v.Run.Suspended; s != nil && s.Why == fleet.SuspendedSignIn {
			return " STOPPED, A SIGN-IN OR PERMISSION IS MISSING"
		}
		return " INTERRUPTED"
	}
	if v.Run.Halt != nil {
		return " HALTING"
	}
	if v.Run.Closing {
		return " CLOSING"
	}
	if v.Run.Live {
		return " RUNNING"
	}
	return ""
}

// outcome counts what this run upgraded, and apart from that what is so without it: the
// numbers of verdict.
func (v *View) outcome() string {
	all, by := v.Overall.OfRun, v.AlreadyBy()
	n, already := v.Totals[fleet.Upgraded], v.Totals[fleet.Already]
	done := strings.ToUpper(v.words().Done)
	switch {
	case len(v.Vaults) == 0:
		return "NO VAULT"
	case v.Overall.OfRun == 0 && v.Overall.Held+v.Overall.Of > 0:
		return "ALL HELD"
	case v.Run.Night != nil:
		return fmt.Sprintf("%s %s", lexicon.Number(v.Run.Night.Upgraded), done)
	case n == all:
		return fmt.Sprintf("ALL %s %s", lexicon.Number(all), done)
	case by.EarlierRuns == all:
		return fmt.Sprintf("ALL %s %s %s", lexicon.Number(all), done, strings.ToUpper(lexicon.ByEarlierRuns))
	case by.Others == all:
		return fmt.Sprintf("ALL %s %s", lexicon.Number(all), strings.ToUpper(v.words().Meanwhile()))
	case already == all && by.EarlierRuns+by.Others == 0:
		return fmt.Sprintf("ALL %s %s", lexicon.Number(all), strings.ToUpper(v.words().Already))
	}
	s := fmt.Sprintf("%s OF %s %s", lexicon.Number(n), lexicon.Number(all), done)
	lexicon.EachAlready(already, by, func(n int, what string) {
		s += fmt.Sprintf(", %s %s", lexicon.Number(n), strings.ToUpper(what))
	})
	return s
}

// neverStarted counts what a person's closing left to the next run.
func (v *View) neverStarted() string {
	if c := v.Run.Closed; c != nil {
		return ", " + strings.ToUpper(lexicon.NeverStarted(c.NeverStarted))
	}
	return ""
}

// needs counts the vaults that need a person, and says until when.
func (v *View) needs(c lexicon.Clock, before *Time) string {
	who := v.needPerson()
	need, left := len(who), ""
	v.ofOtherRuns(func(n int, what string) {
		if n > 0 {
			left += ", " + lexicon.Number(n) + " " + strings.ToUpper(what)
		}
	})
	if need == 0 && !v.personDecides() {
		return lexicon.Or(left, ", NO ACTION NEEDED")
	}
	s := ", THE RUN NEEDS YOU"
	if need > 0 {
		verb := "NEED"
		if need == 1 {
			verb = "NEEDS"
		}
		s = fmt.Sprintf(", %s %s YOU", lexicon.Number(need), verb)
	}
	if before != nil {
		s += " BEFORE " + c.Near(before.Time, v.Run.GeneratedAt.Value())
	}
	if need == 0 {
		return s + left
	}
	var parts []string
	for _, st := range standing.PersonStatuses {
		n := 0
		for _, x := range who {
			if x.Status == st {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, lexicon.Number(n)+" "+string(st))
		}
	}
	return s + " (" + strings.Join(parts, ", ") + ")" + left
}

// personDecides reports whether the run itself, or access to a part of it, waits for a
// person.
func (v *View) personDecides() bool {
	return slices.ContainsFunc(v.Tasks, func(t standing.Task) bool { return t.Person && len(t.Vaults) == 0 })
}

// flyingWords counts what is in flight, as the subject of a sentence.
func (v *View) flyingWords(n int) string {
	w := v.words()
	return lexicon.Plural(n, w.Noun+" is", w.Nouns+" are")
}

// headlines answers what one asks next.
func (v *View) headlines(c lexicon.Clock) []string {
	lines := []string{}
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if v.Run.Later != nil {
		say("%s", v.superseded())
	}
	if s := v.selected(); s != "" {
		say("%s", s)
	}
	if v.Run.Night != nil || v.Overall.Earlier > 0 {
		say("Overall %s.", v.Overall.Ledger(v.words()))
	}
	if c := v.Run.Closed; c != nil && c.By != nil {
		say("%s closed it: %s.", *c.By, strings.TrimSuffix(lexicon.Or(ValueOf(c.Reason), "no reason given"), "."))
	}
	if c := v.Run.ClosingBy; c != nil {
		say("%s is closing it: %s.", lexicon.Or(ValueOf(c.By), "A person"),
			strings.TrimSuffix(lexicon.Or(ValueOf(c.Reason), "no reason given"), "."))
	}
	if v.Run.Halt != nil {
		say("%s", lexicon.Sentence(v.Run.Halt.Sentence))
	}
	if p := v.Proof; p != nil {
		switch {
		case p.SentTwice > 0:
			say("%s SENT TWICE: this must not happen. Keep the ledger, and tell who maintains fleetup.",
				strings.ToUpper(lexicon.Plural(p.SentTwice, "vault was", "vaults were")))
		default:
			say("No vault was sent twice.")
		}
		if p.SentAgain > 0 {
			say("%s sent again after it was proved that the one before had begun nothing.",
				lexicon.Plural(p.SentAgain, "start was", "starts were"))
		}
		if p.ReopenedByHand > 0 {
			say("%s re-opened by a person after a failure.",
				lexicon.Plural(p.ReopenedByHand, "vault was", "vaults were"))
		}
	}
	if n := len(v.permitted()); n > 0 {
		say("%s for the next run to try.", lexicon.Plural(n, "vault is re-opened", "vaults are re-opened"))
	}
	if n := v.Flying().Ours; n == 0 {
		say("No %s are running.", v.words().Nouns)
	} else if v.Run.Live {
		say("%s in flight.", v.flyingWords(n))
	} else if v.Run.Elsewhere {
		say("%s in flight or in doubt, as far as the ledger knows.", v.flyingWords(n))
	} else {
		say("%s in flight or in doubt: the cloud goes on, and a resume follows.", v.flyingWords(n))
	}
	switch s := v.Run.Suspended; {
	case v.Run.Status == RunWaiting && v.Run.Approved:
		say("It waited for %s, which has been given: the next resume goes on.", ValueOf(v.Run.WaitingFor))
	case v.Run.Status == RunWaiting && v.pauseIsOver():
		say("It waited for the end of the pause, which is over: the next resume goes on.")
	case v.Run.Status == RunPaused:
		say("%s", v.paused(c))
	case v.Run.Status == RunWaiting:
		say("It waits for %s.", v.waiting(c))
		if since := v.waitsSince(); since != nil {
			say("It has waited since %s.", c.Near(since.Value(), v.Run.GeneratedAt.Value()))
		}
	case s != nil && s.Why == fleet.SuspendedSignIn:
		say("A sign-in or permission is missing: %s",
			lexicon.Sentence(lexicon.Or(ValueOf(s.Detail), "the cloud refused")))
	case v.Run.Status == RunInterrupted && s != nil:
		say("It was told to stop.")
	case v.Run.Elsewhere:
		say("fleetup-temporal carries it out and may go on; no worker keeps the ledger, so nothing of that is seen " +
			"here.")
	case v.Run.Status == RunInterrupted:
		say("Its process crashed or was killed.")
	}
	if n := v.toCome(); n > 0 && v.Run.Closing {
		say("%s left to the next run: this one is being closed.", lexicon.Plural(n, "vault is", "vaults are"))
	} else if n > 0 && v.Run.Status != RunFinished {
		say("%s still to come.", lexicon.Plural(n, "vault is", "vaults are"))
	}
	return lines
}
