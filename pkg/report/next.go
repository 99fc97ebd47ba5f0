package report

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Step is a command to type next (standing.Step), in words. It can be pasted as it
// stands: it names its ledger, every vault it is about, and asks no question that there
// is nobody to answer.
type Step struct {
	When    string   `json:"when,omitempty"`    // what must be so first, as in "once the sign-in is in order"; absent: now
	Args    []string `json:"args"`              // of fleetup, without the ledger
	Command string   `json:"command"`           // all of it, quoted for a shell, once the view has been put into words
	Instead bool     `json:"instead,omitempty"` // it takes the place of the one before

	anywhere bool // it is about no ledger
	ofReport bool // a status leaves it to the report
}

// On is the command line of a step on a ledger, empty for none.
func (s Step) On(ledger string) string {
	if s.anywhere {
		ledger = ""
	}
	return OnLedger(ledger, s.Args...)
}

// NextCommand is a Step in a document that has no run's steps.
type NextCommand struct {
	When    *string `json:"when"` // what must be so first, or what it is for; null: now
	Command string  `json:"command"`
	Instead bool    `json:"instead,omitempty"` // it takes the place of the one before
}

// NextCommands are steps on a ledger as command lines, with what along adds; nil adds nothing.
func NextCommands(steps []Step, ledger string, along func(string) string) []NextCommand {
	all := make([]NextCommand, len(steps))
	for i, s := range steps {
		all[i] = NextCommand{StringOrNull(s.When), Options{Along: along}.along(s.On(ledger)), s.Instead}
	}
	return all
}

// purposes are what steps are for, or what must be so first.
var purposes = map[standing.Purpose]string{
	standing.WhenLeft:      "when the run has left",
	standing.WhenAccepted:  "once fleetup-temporal resume --accept-failures --reason TEXT has it go on",
	standing.WhenDue:       "when that has come",
	standing.WhenKept:      "once a worker keeps the ledger (fleetup-temporal worker --ledgers)",
	standing.WhenSignedIn:  "once the sign-in or permission is in order",
	standing.WhenAllowed:   "when support says that it may be tried again",
	standing.WhenMended:    "when it is mended",
	standing.WhenUnblocked: "when the blocked vaults are mended",
	standing.ToReadAgain:   "to read again, sending nothing",
	standing.ToSeeAgain:    "to see whether the next run takes them",
	standing.ToRetry:       "for the run that tries what was re-opened",
	standing.ToGoOn:        "for the vaults never started",
	standing.ToNewest:      "for what the newest run says",
	standing.ToEarlier:     "for an earlier run",
	standing.ToTable:       "for every vault in a table",
	standing.ToMap:         "for the map from old to new IDs",
	standing.ToMessages:    "for the messages to support",
	standing.ToCauses:      "for what is known of them",
	standing.ToHaveAgain:   "for a run that has it again",
}

// Steps puts steps into words.
func Steps(all []standing.Step) []Step {
	out := make([]Step, len(all))
	for i, s := range all {
		out[i] = Step{When: purposes[s.For], Args: s.Args, Instead: s.Instead, anywhere: s.Anywhere,
			ofReport: s.OfReport}
		if s.NotBy != "" {
			out[i].When = "by somebody other than " + s.NotBy
		}
	}
	return out
}

// worded puts steps of the run into words, with its inventory as the options name it.
func (v *View) worded(all []standing.Step, o Options) []Step {
	steps := Steps(all)
	for i := range steps {
		s := &steps[i]
		s.Args = slices.Clone(s.Args)
		for j, a := range s.Args {
			if j > 0 && a == ValueOf(v.Run.Inventory) {
				s.Args[j] = o.inventory(v)
			}
		}
	}
	return steps
}

// NextSteps is what to type next as a run stands, in words: standing.Next is the one
// place that knows it.
func NextSteps(st *rollout.State, live bool, now time.Time) []Step {
	return Steps(standing.Next(st, live, now))
}

// unwatched are the steps without the one to watch the run, for who does.
func unwatched(steps []standing.Step) []standing.Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s standing.Step) bool { return s.Watches() })
}

// NextLines writes steps as lines of a page: Next, and what follows it.
func NextLines(p *layout.Page, steps []Step, ledger string) {
	for i, s := range steps {
		name := "Next"
		switch {
		case s.Instead:
			name = "Or"
		case i > 0:
			name = "Then"
		}
		if s.When != "" {
			name += ", " + s.When
		}
		p.Command(name, s.On(ledger))
	}
}
