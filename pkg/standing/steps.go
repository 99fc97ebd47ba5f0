package standing

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Step is a command of fleetup that a person may give next.
type Step struct {
	Args     []string // without the ledger
	For      Purpose  // what must be so first, or what it is for; empty: it speaks for itself, now
	NotBy    string   // of an approval: who may not give it
	Instead  bool     // it takes the place of the step before
	Anywhere bool     // it is about no ledger
	OfReport bool     // about vaults that failed: a status leaves it to the report
}

// Watches reports whether a step watches the run: nothing for who does that already.
func (s *Step) Watches() bool { return slices.Contains(s.Args, "--watch") }

// Purpose is what must be so before a step is given, or what it is for.
type Purpose string

// What steps wait for, and what they are for.
const (
	WhenLeft      Purpose = "left"      // when the run's process has left
	WhenDue       Purpose = "due"       // when the window opens, or the date comes, that the run was left for
	WhenKept      Purpose = "kept"      // when a worker keeps the ledger
	WhenAccepted  Purpose = "accepted"  // when the failures are accepted where an engine carries the run out
	WhenSignedIn  Purpose = "signed-in" // when the sign-in or permission is in order
	WhenAllowed   Purpose = "allowed"   // when support says that another try may be made
	WhenMended    Purpose = "mended"    // when the cause of the failure is gone
	WhenUnblocked Purpose = "unblocked" // when what blocks vaults is mended
	ToReadAgain   Purpose = "read"      // reads vaults again, sending nothing
	ToSeeAgain    Purpose = "see"       // whether what comes right by itself has, for the run that takes it again
	ToRetry       Purpose = "retry"     // the run that tries what was re-opened
	ToGoOn        Purpose = "rest"      // the vaults that a closed run never started
	ToNewest      Purpose = "newest"    // what the newest run says
	ToEarlier     Purpose = "earlier"   // an earlier run
	ToTable       Purpose = "table"     // every vault in a table
	ToMap         Purpose = "map"       // the map from old to new IDs
	ToMessages    Purpose = "messages"  // the messages to support
	ToCauses      Purpose = "causes"    // what is known of what failed
	ToHaveAgain   Purpose = "again"     // a run that has vaults again which the newest has not
)

// Words of a step that stand for what its person has to write. Whoever hears them refuses
// them.
const (
	ReasonToWrite = "TEXT"
	CaseToWrite   = "ID"
)

// VaultsInStep is how many vaults a step names at most; more are picked otherwise.
const VaultsInStep = 50

// Next is what to type next as a run stands, the first step first. It is the one place
// that knows, for every view and every command. A live run is spoken to; nothing that
// needs the ledger to itself is advised while one has it. What the vaults of a run want
// that is over is not in it: see Following.
func Next(st *rollout.State, live bool, now time.Time) []Step {
	r := &st.Run
	resume, accept := resuming(st, "--yes"), resuming(st, accepting...)
	watch := Step{Args: []string{"status", "--watch"}}
	var needed []Step
	for _, w := range Waits(st, now) {
		if args := w.Ends(); args != nil {
			needed = append(needed, Step{Args: args, NotBy: w.NotBy})
		}
	}
	switch {
	case r.Closed != nil:
		if args := retry(st); args != nil {
			return []Step{{Args: args}}
		}
		return []Step{{Args: []string{"report"}}}
	case live && r.Halt != nil:
		return []Step{watch, {For: WhenLeft, Args: accept}}
	case live && r.Stopped != nil && !r.Stopped.Close:
		return []Step{watch, {For: WhenLeft, Args: resume}}
	case live && len(needed) > 0:
		return needed
	case live:
		return []Step{watch}
	case st.Elsewhere() && st.LeftHalted():
		return []Step{{For: WhenAccepted, Args: watch.Args}}
	case st.Elsewhere():
		return []Step{{For: WhenKept, Args: watch.Args}}
	case r.Halt != nil && st.InFlight() == 0:
		return []Step{{Args: accept}}
	case r.Halt != nil || st.Closing(): // what is in flight is followed first
		return []Step{{Args: resume}}
	case r.Suspended != nil && r.Suspended.Why == fleet.SuspendedSignIn:
		return []Step{{For: WhenSignedIn, Args: resume}}
	}
	if st.InFlight() > 0 { // it is followed first, and nothing starts in a pause
		return append([]Step{{Args: resume}}, needed...)
	}
	again := Step{Args: resume}
	if s := r.Suspended; s != nil && s.Why == fleet.SuspendedWait && s.Until.After(now) { // it would leave again
		again.For = WhenDue
	}
	return append(needed, again)
}

// Ends is the command that ends a wait; nil where time does.
func (w *Wait) Ends() []string {
	switch w.For {
	case WaitApproval:
		return Approve(w.Wave)
	case WaitPause:
		return []string{"pause", "--off", "--reason", ReasonToWrite}
	}
	return nil
}

// Approve is the command that approves the gate of a wave.
func Approve(wave string) []string {
	return []string{"approve", "--wave", wave, "--reason", ReasonToWrite}
}

// retry is the command for the run that tries what a person has re-opened of a run
// that is over; nil where nothing was, or nobody knows the inventory. On a real cloud,
// and where a hold is over, a plan comes first.
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

// Confirmed adds the name of a plan's kind to a command that starts it, where it
// must be said.
func Confirmed(p *plan.Plan, command ...string) []string {
	if p.Upgrade != nil && p.Upgrade.Confirm {
		command = append(slices.Clip(command), "--confirm-irreversible", string(p.Kind))
	}
	return command
}

// accepting are the flags of a resume that accepts the failures of a halted run.
var accepting = []string{"--accept-failures", "--reason", ReasonToWrite, "--yes"}

// resuming is a resume with what it needs, and with what its run was given before.
func resuming(st *rollout.State, flags ...string) []string {
	return slices.Concat(Confirmed(st.Plan, append([]string{"resume"}, flags...)...), st.Run.Given)
}

// AfterStop is what goes on with a run that a process has, once that has left.
func AfterStop(st *rollout.State) Step {
	if st.Run.Halt != nil {
		return Step{Args: resuming(st, accepting...)}
	}
	return Step{Args: resuming(st, "--yes")}
}

// Unsettled is what to type after a refresh of vaults that stay failed or unknown.
func Unsettled(st *rollout.State, still []string) []Step {
	look := Step{For: ToMessages, Args: []string{"report"}}
	switch {
	case st.Run.Closed == nil:
		return Next(st, false, st.Run.LastAt)
	case len(still) == 0:
		return []Step{{Args: look.Args}}
	case !classic(st):
		look.For = ToCauses
	}
	return []Step{look, {For: whenTried(st), Args: Reopen(st.Plan.Kind, still...)}}
}

// Reopen permits another try of vaults of a kind that failed. Where support decides about
// that, the journal keeps its case.
func Reopen(k fleet.Kind, vaults ...string) []string {
	args := slices.Concat([]string{"reopen"}, vaults, []string{"--reason", ReasonToWrite})
	if VendorDecides(k) {
		args = append(args, "--case", CaseToWrite)
	}
	return args
}

// reopen is Reopen of some of a run's vaults; nil where they are too many for a line.
func reopen(st *rollout.State, vaults []int) []string {
	if len(vaults) > VaultsInStep {
		return nil
	}
	return Reopen(st.Plan.Kind, called(st, vaults)...)
}

// called are vaults by the names that commands take.
func called(st *rollout.State, vaults []int) []string {
	names, all := make([]string, len(vaults)), st.Plan.Names()
	for i, v := range vaults {
		names[i] = all[v]
	}
	return names
}

// classic reports whether the run's vendor decides about failures.
func classic(st *rollout.State) bool { return VendorDecides(st.Plan.Kind) }

// VendorDecides reports whether a failed upgrade of a kind is tried again only if the
// vendor's support says so.
func VendorDecides(k fleet.Kind) bool { return k == fleet.KindClassic || k == "" }

// whenTried is what must be so before a failed vault is tried again.
func whenTried(st *rollout.State) Purpose {
	if classic(st) {
		return WhenAllowed
	}
	return WhenMended
}
