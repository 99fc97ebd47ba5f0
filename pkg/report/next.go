package report

import (
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Step is a command to type next. It can be pasted as it stands: it names its
// ledger, every vault it is about, and asks no question that there is nobody to
// answer.
type Step struct {
	When    string   `json:"when,omitempty"` // what must be so first, as in "once the sign-in is in order"; absent: now
	Args    []string `json:"args"`           // of fleetup, without the ledger
	Command string   `json:"command"`        // all of it, quoted for a shell, once the view has been put into words

	ofReport bool // a status leaves it to the report
}

// On is the command line of a step on a ledger, empty for none.
func (s Step) On(ledger string) string { return OnLedger(ledger, s.Args...) }

// NextCommand is a Step in a document that has no run's steps.
type NextCommand struct {
	When    *string `json:"when"` // what must be so first, or what it is for; null: now
	Command string  `json:"command"`
}

// NextCommands are steps on a ledger as command lines, with what along adds; nil adds nothing.
func NextCommands(steps []Step, ledger string, along func(string) string) []NextCommand {
	all := make([]NextCommand, len(steps))
	for i, s := range steps {
		all[i] = NextCommand{StringOrNull(s.When), Options{Along: along}.along(s.On(ledger))}
	}
	return all
}

// NextSteps is what to type next as a run stands, the first one first. It is
// the one place that knows, for every view and every command. A live run is
// spoken to; nothing that needs the ledger to itself is advised while one has it.
// None is the command whose page shows it: see unwatched.
func NextSteps(st *rollout.State, live bool, now time.Time) []Step {
	r := &st.Run
	resuming := func(flags ...string) []string {
		return slices.Concat(Confirmed(st.Plan, append([]string{"resume"}, flags...)...), r.Given)
	}
	resume, accept := resuming("--yes"), resuming("--accept-failures", "--reason", "TEXT", "--yes")
	resumable := func(before ...Step) []Step { return append(before, Step{Args: resume}) }
	watch := Step{Args: []string{"status", "--watch"}}
	waits := Waits(st, now)
	var needed []Step
	for i := range waits {
		if args := waits[i].args(); args != nil {
			s := Step{Args: args}
			if by := waits[i].wait.NotBy; by != "" {
				s.When = "by somebody other than " + by
			}
			needed = append(needed, s)
		}
	}
	switch {
	case r.Closed != nil:
		if args := retry(st); args != nil {
			return []Step{{Args: args}}
		}
		return []Step{{Args: []string{"report"}}}
	case live && r.Halt != nil:
		return []Step{watch, {When: "when the run has left", Args: accept}}
	case live && r.Stopped != nil && !r.Stopped.Close:
		return []Step{watch, {When: "when the run has left", Args: resume}}
	case live && len(needed) > 0:
		return needed
	case live:
		return []Step{watch}
	case st.Elsewhere():
		return []Step{{When: "once a worker keeps the ledger (fleetup-temporal worker --ledgers)",
			Args: []string{"status", "--watch"}}}
	case r.Halt != nil && st.InFlight() == 0:
		return []Step{{Args: accept}}
	case r.Halt != nil || st.Closing(): // what is in flight is followed first
		return []Step{{Args: resume}}
	case r.Suspended != nil && r.Suspended.Why == fleet.SuspendedSignIn:
		return []Step{{When: "once the sign-in or permission is in order", Args: resume}}
	}
	return resumable(needed...)
}

// retry is the command for the run that tries what a person has re-opened of a run
// that is over, without its ledger; nil where nothing was, or nobody knows the
// inventory. On a real cloud, and where a hold is over, a plan comes first.
func retry(st *rollout.State) []string {
	p := st.Plan
	if st.Run.Closed == nil || p.Inventory == "" ||
		!slices.ContainsFunc(st.Vaults, func(v rollout.VaultState) bool { return v.Permit != nil }) {
		return nil
	}
	switch {
	case p.Cloud.Name != fleet.Emulator:
		return []string{"plan", p.Inventory, "--validate", "--out", "FILE"}
	case len(p.Expired()) > 0:
		return []string{"plan", p.Inventory}
	}
	return Confirmed(p, "run", p.Inventory, "--yes")
}

// unwatched are the steps without the one to watch the run, for who does.
func unwatched(steps []Step) []Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return slices.Contains(s.Args, "--watch") })
}

// Confirmed adds the name of a plan's kind to a command that starts it, where it
// must be said.
func Confirmed(p *plan.Plan, command ...string) []string {
	if p.Upgrade != nil && p.Upgrade.Confirm {
		command = append(slices.Clip(command), "--confirm-irreversible", string(p.Kind))
	}
	return command
}

// NextLines writes steps as lines of a page: Next, and what follows it.
func NextLines(p *layout.Page, steps []Step, ledger string) {
	for i, s := range steps {
		name := "Next"
		if i > 0 {
			name = "Then"
		}
		when, or := strings.CutPrefix(s.When, "or ")
		if or {
			name = "Or"
		}
		if when != "" {
			name += ", " + when
		}
		p.Command(name, s.On(ledger))
	}
}

// Reopen permits another try of vaults of a kind that failed. Where support decides about
// that, the journal keeps its case.
func Reopen(kind fleet.Kind, vaults ...string) []string {
	args := slices.Concat([]string{"reopen"}, vaults, []string{"--reason", "TEXT"})
	if lexicon.WordingOf(kind).Classic {
		args = append(args, "--case", "ID")
	}
	return args
}

// reopen is Reopen of vaults; nil where they are too many for a line.
func (v *View) reopen(vs []*Vault) []string {
	if len(vs) > vaultsInCommand {
		return nil
	}
	names := make([]string, len(vs))
	for i, x := range vs {
		names[i] = x.Vault
	}
	return Reopen(v.Run.Kind, names...)
}

// reopened is reopen on a ledger; empty where they are too many for a line.
func (v *View) reopened(o Options, vs []*Vault) string {
	if args := v.reopen(vs); args != nil {
		return OnLedger(o.State, args...)
	}
	return ""
}

// named commands carry this many vaults at most; more are picked otherwise.
const vaultsInCommand = 50

// onVaults is a command on all of some vaults, empty where they are too many for
// a line.
func onVaults(ledger, name string, vs []*Vault, args ...string) string {
	if len(vs) > vaultsInCommand {
		return ""
	}
	all := []string{name}
	for _, x := range vs {
		all = append(all, x.Vault)
	}
	return OnLedger(ledger, append(all, args...)...)
}
