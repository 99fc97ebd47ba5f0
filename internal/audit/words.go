package audit

import (
	"fmt"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Sentence says a fact in a few words, for an auditor who does not know the
// program. The vault, who and why stand beside it. d is the direction of the run.
func Sentence(f fleet.Fact, d fleet.Direction) string {
	switch f := f.(type) {
	case fleet.RunOpened:
		return fmt.Sprintf("opened run %s on plan %s; it took over %s from earlier runs", f.RunID, f.PlanFingerprint,
			words.Count(len(f.Carried), "vault"))
	case fleet.Resumed:
		if f.Reason != "" {
			return "took the run over from the engine that carried it out"
		}
		return "went on with the run in a new process"
	case fleet.WaveOpened:
		return "opened wave " + f.Wave
	case fleet.WaveDone:
		return "finished wave " + f.Wave
	case fleet.RunHalted:
		return fmt.Sprintf("halted the run: %d failures, of which %s allows %d", f.Failures, haltScope(f), f.Budget)
	case fleet.FailuresAccepted:
		return "accepted the failures so far, so that the halted run may go on"
	case fleet.Approved:
		return fmt.Sprintf("approved the gate %s wave %s until %s, having been shown %d %s, %d failed, %d unknown "+
			"and %d blocked",
			f.When, f.Wave, f.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC"), f.Evidence.Upgraded, d.Words().Done,
			f.Evidence.Failed, f.Evidence.Unknown, f.Evidence.Blocked)
	case fleet.GateOpened:
		if f.Needless {
			return fmt.Sprintf("passed the gate %s wave %s; no approval was needed, because nothing of the wave was "+
				"started", f.When, f.Wave)
		}
		return fmt.Sprintf("passed the gate %s wave %s on its approval", f.When, f.Wave)
	case fleet.RunSuspended:
		return withDetail("suspended the run in order ("+f.Why+")", report.SuspendedDetail(&f))
	case fleet.RunClosed:
		s := fmt.Sprintf("closed the run with exit code %d (%s)", f.Code, f.Code.Name())
		if f.NeverStarted > 0 {
			s += "; " + lexicon.NeverStarted(f.NeverStarted)
		}
		return s
	case fleet.Throttled:
		return fmt.Sprintf("left subscription %s alone until %s, as it asked", f.Subscription,
			f.Until.UTC().Format("2006-01-02 15:04:05 UTC"))
	case fleet.AccessDenied:
		switch {
		case f.Off:
			return fmt.Sprintf("could read subscription %s again", f.Subscription)
		case f.GivenUp:
			return withDetail(fmt.Sprintf("was refused in subscription %s once more, and starts nothing there before "+
				"a resume", f.Subscription), f.Detail)
		}
		return withDetail(fmt.Sprintf("was refused in subscription %s, and starts nothing there until it can be read",
			f.Subscription), f.Detail)
	case fleet.Noted:
		return "left a note: " + f.Text
	}
	if w, ok := lexicon.OperatorActionOf(f); ok {
		return w.Text
	}
	if v, ok := f.(fleet.VaultFact); ok {
		return vaultSentence(v, d.Words())
	}
	return f.Name()
}

// exported is the sentence of an export, which stays the same for ever: whoever compares
// two exports of a ledger compares its facts. The pages say some of them better, of a hold
// besides that it is of one run, and of a rollback that it is one.
func exported(f fleet.Fact) string {
	switch f := f.(type) {
	case fleet.Held:
		if !f.Off {
			return "held: it does not start until it is released"
		}
	case fleet.GateOpened:
		if f.Needless {
			return fmt.Sprintf("passed the gate %s wave %s without an approval: nothing of the wave was started",
				f.When, f.Wave)
		}
	}
	if f, ok := f.(fleet.DeadlinePassed); ok {
		return dated(fmt.Sprintf("reached the deadline %q", f.Deadline), f)
	}
	return Sentence(f, fleet.DirectionUpgrade)
}

// dated is a sentence with the reading that a deadline found last, where it found one.
func dated(said string, f fleet.DeadlinePassed) string {
	if f.Reading == nil {
		return said
	}
	return withDetail(said, f.Reading.Dated())
}

func haltScope(f fleet.RunHalted) string {
	switch {
	case f.SameError != "":
		return "the limit of failures in a row with code " + f.SameError
	case f.Wave:
		return "wave " + f.Scope
	case f.PartName() != "":
		return f.PartName() + " " + f.Scope
	}
	return "the run"
}

func vaultSentence(f fleet.VaultFact, w *fleet.DirectionWords) string {
	switch f := f.(type) {
	case fleet.Validated:
		return fmt.Sprintf("checked the vault: %s, %s", f.Verdict, words.Count(len(f.Findings), "finding"))
	case fleet.StartIntended:
		return fmt.Sprintf("is about to start the %s as operation %s, attempt %d", w.Noun, f.OperationID, f.Attempt)
	case fleet.StartAnswered:
		said := fmt.Sprintf("the start of operation %s was answered: %s", f.OperationID, f.Answer.Verdict)
		if f.Answer.HTTPStatus != 0 {
			said += fmt.Sprintf(" (HTTP %d)", f.Answer.HTTPStatus)
		}
		return withDetail(said, f.Answer.Message)
	case fleet.StartWaits:
		switch f.Code {
		case "":
		case fleet.CodeChanged:
			return withDetail("found the vault changed since its check", f.Reason)
		default:
			return withDetail("could not make the start ready", f.Reason)
		}
		return "waits until what the start needs counts"
	case fleet.NotSent:
		return fmt.Sprintf("did not send the start of operation %s", f.OperationID)
	case fleet.Reconciled:
		return withDetail(fmt.Sprintf("looked for operation %s in the cloud: %s", f.OperationID, f.Reading), f.Detail)
	case fleet.Observed:
		return observedSentence(f, w)
	case fleet.Inspected:
		return fmt.Sprintf("read the vault while operation %s was followed: %s", f.OperationID, &f.Reading)
	case fleet.Verified:
		return fmt.Sprintf("verified the vault %s of operation %s", f.ResourceID, f.OperationID)
	case fleet.DeadlinePassed:
		return dated(deadlineSentence(f.Deadline, w), f)
	case fleet.Refreshed:
		return refreshedSentence(f, w)
	case fleet.Reopened:
		if f.Case != "" {
			return "permitted another try, support case " + f.Case
		}
		return "permitted another try"
	}
	return f.Name()
}

// deadlineSentence says what a deadline that has passed means; its name in the journal
// stands behind.
func deadlineSentence(d fleet.Deadline, w *fleet.DirectionWords) string {
	means := map[fleet.Deadline]string{
		fleet.DeadlineBusy:      "did not wait for the vault any longer",
		fleet.DeadlineReconcile: "no reading told in time what came of the start",
		fleet.DeadlineOverdue:   "the " + w.Noun + " takes longer than it should, and is still followed",
		fleet.DeadlineAttempts:  "did not start it again: no start was accepted",
		fleet.DeadlineWindow:    "no window to come is long enough for its " + w.Noun,
		fleet.DeadlineFollow:    "followed the " + w.Noun + " no longer",
	}[d]
	if means == "" {
		means = "passed a deadline"
	}
	return fmt.Sprintf("%s (deadline %s)", means, d)
}

func observedSentence(f fleet.Observed, w *fleet.DirectionWords) string {
	whose := "our operation "
	if f.Foreign {
		whose = "somebody else's operation "
	}
	switch {
	case f.Unseen:
		return "a reading shows the vault without " + whose + f.OperationID
	case f.Vanished:
		return whose + f.OperationID + " is no longer to be seen in the cloud"
	case f.Explained:
		return fmt.Sprintf("read why %s%s failed: %s", whose, f.OperationID, words.Count(len(f.Findings), "finding"))
	case f.Record != nil:
		return withDetail(fmt.Sprintf("the cloud shows %s%s as %s", whose, f.OperationID, recordState(f.Record, w)),
			f.Record.Message)
	}
	return "saw " + whose + f.OperationID
}

// recordState is how the cloud has an operation: in its own words where it upgrades.
func recordState(r *fleet.Record, w *fleet.DirectionWords) string {
	if upgrade := fleet.DirectionUpgrade.Words(); w != upgrade && r.State == fleet.RecordUpgraded {
		return fleet.Capital(w.Done)
	}
	return string(r.State)
}

func refreshedSentence(f fleet.Refreshed, w *fleet.DirectionWords) string {
	if f.Record == nil {
		return withDetail(fmt.Sprintf("read the vault again on request: %s", f.Reading), f.Detail)
	}
	said := fmt.Sprintf("read the vault again on request: the cloud shows operation %s (%s) as %s",
		f.Record.OperationID, f.Reading, recordState(f.Record, w))
	if f.Verified {
		said += ", and the vault " + f.ResourceID + " is verified"
	}
	return said
}

func withDetail(s, detail string) string {
	if detail == "" {
		return s
	}
	return s + ": " + detail
}
