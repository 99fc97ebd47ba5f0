package rollout

import (
	"bytes"
	"cmp"
	"errors"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What whoever carries the actions out asks while a call is under way: nothing is
// decided there.

// Moment is one moment on the run's own clock and on the wall clock.
type Moment struct{ At, Wall time.Time }

// MayLeave is why a start whose intent is on disk must not be sent any more, empty when
// it may, and then within what time it has to have a connection: it is asked right before
// the POST, once its token is there (fleet.MayLeave). decided is when the machine decided
// it, now is now; leaving says that the run was told to leave meanwhile.
func (s Send) MayLeave(decided, now Moment, leaving bool) (within time.Duration, reason string) {
	within = s.StaleAfter.Sub(now.At)
	if !s.NotAfter.IsZero() {
		within = min(within, s.NotAfter.Sub(now.Wall))
	}
	switch {
	case leaving:
		reason = "the run was told to stop"
	case !s.NotAfter.IsZero() && now.Wall.After(s.NotAfter):
		reason = "it would no longer end inside the window"
	case !s.NotAfter.IsZero() && now.Wall.Before(decided.Wall):
		reason = "the clock was set back, perhaps out of the window"
	case now.At.After(s.StaleAfter), now.Wall.Sub(decided.Wall) > s.StaleAfter.Sub(decided.At):
		reason = "too much time has passed since it was decided, by this machine's clock: the vault's reading is too " +
			"old"
	}
	return within, reason
}

// AfterStart is for how long a start's answer asks to leave its subscription alone:
// with every request, or with starts and checks alone. What a throttled answer asks of
// the machine it says itself. While a start is in doubt the reads that must tell what
// came of it do not wait.
func AfterStart(a fleet.StartAnswer) (requests, starts time.Duration) {
	switch a.Verdict {
	case fleet.StartThrottled:
		return a.RetryAfter, 0
	case fleet.StartUnknown:
		return 0, a.RetryAfter
	}
	return 0, 0
}

// A start that waited longer than a poll for its turn goes out on a newer reading: as it
// was made ready, where that shows the same vault and its token is young enough; else it
// is made ready anew, at most prepareTries times, and then goes out as made ready last.
// Turns are scarce when a cloud asks to be slow: none is given away for nothing.
const (
	prepareTries = 3
	tokenIsYoung = 4 * time.Minute // tokens that adapters hand out last five at least
)

// GoesOut reports whether a start that was made ready for the nth time on one reading
// may go out on the newest one, age after it was asked for. same says that the two
// readings are one.
func GoesOut(n int, made, newest fleet.Sighting, same bool, age time.Duration) bool {
	alike := made.Address == newest.Address && bytes.Equal(made.State, newest.State) && made.Record == nil &&
		newest.Record == nil
	return same || alike && age <= tokenIsYoung || n >= prepareTries && newest.Address == made.Address
}

// Unprepared says of an error that kept a start from being made ready what it means, by
// how much one reading takes in; alone is for how long it asks to leave the subscription
// alone.
func Unprepared(scope fleet.Scope, vault fleet.Key, err error) (o PrepareFailed, alone time.Duration) {
	o = PrepareFailed{Vault: vault, Class: fleet.ClassOf(err), RetryAfter: fleet.RetryAfterOf(err), Detail: err.Error(),
		Brief: fleet.Brief(err),
		Refusal: fleet.Finding{Severity: fleet.SeverityError, Category: categoryStart, Code: fleet.CodeRefused,
			Message: err.Error(), Action: "correct this, then run again"}}
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		o.Refusal.Code, o.Refusal.Action = cmp.Or(ce.Code, o.Refusal.Code), cmp.Or(ce.Action, o.Refusal.Action)
		o.Learned = ce.Learned
	}
	switch {
	case o.Class == fleet.CallForbidden && scope == fleet.ScopeVault:
		o.Class = fleet.CallConflict // the check says that the vault may not be read
	case o.Class == fleet.CallRefused && scope == fleet.ScopeSubscription:
		o.Class = fleet.CallUnreachable // of a subscription: it may be shown later
	}
	if o.Class != fleet.CallNotYet { // that is about the vault alone
		alone = o.RetryAfter
	}
	return o, alone
}

// Unread says of an error of a reading what it means, by how much one takes in. vault is
// the one that was to be read, empty for all of the subscription.
func Unread(scope fleet.Scope, subscription string, vault fleet.Key, err error) ReadFailed {
	class := fleet.ClassOf(err)
	if class == fleet.CallForbidden && scope == fleet.ScopeVault {
		class = fleet.CallUnreachable // one vault may not be read: that says nothing of the others
	}
	return ReadFailed{Subscription: subscription, Vault: vault, Class: class, Detail: err.Error(),
		Brief: fleet.Brief(err)}
}

// Unchecked is the validation of a vault that cannot be read. What the cloud refuses to
// show of a subscription may be shown later; what it refuses of one vault, with words,
// is that vault's matter.
func Unchecked(scope fleet.Scope, err error) fleet.Validation {
	class, wait := fleet.ClassOf(err), fleet.RetryAfterOf(err)
	f := fleet.Finding{Severity: fleet.SeverityError, Category: "listing", Message: err.Error(),
		Code: fleet.CodeUnreachable, Action: "nothing: it is tried again"}
	verdict := fleet.VerdictBusy
	switch {
	case class == fleet.CallDenied:
		verdict, f.Code, f.Action = fleet.VerdictDenied, fleet.CodeNotSignedIn,
			"sign in, then check again; a run goes on with fleetup resume"
	case class == fleet.CallForbidden:
		verdict, f.Code = fleet.VerdictBlocked, fleet.CodeNoPermission
		f.Action = "ask for the permission; fleetup permissions prints the role that is needed"
	case class == fleet.CallThrottled:
		verdict, f.Code = fleet.VerdictThrottled, fleet.CodeThrottled
	case class == fleet.CallRefused && scope == fleet.ScopeVault:
		verdict, f.Code, f.Action = fleet.VerdictBlocked, fleet.CodeRefused, "correct this, then validate again"
	case wait > 0:
		verdict = fleet.VerdictThrottled // it said when to come back; the vault is not to blame
	}
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		f.Action = cmp.Or(ce.Action, f.Action)
	}
	return fleet.Validation{Verdict: verdict, RetryAfter: wait, Findings: []fleet.Finding{f}}
}

// RefreshRead is what a refresh reads next of a vault, after what it has reconciled.
type RefreshRead uint8

// The reads of a refresh.
const (
	ReadNoMore    RefreshRead = iota
	ReadTarget                // verify what the record calls upgraded
	ReadWhy                   // explain why our upgrade failed
	ReadReachable             // verify, to tell a target without an answer from a vault without one
)

// NextRead is what a refresh reads of a vault after it was reconciled.
func NextRead(saw fleet.Reconciliation) RefreshRead {
	switch r := saw.Record; {
	case r != nil && r.State == fleet.RecordUpgraded:
		return ReadTarget
	case r != nil && r.State == fleet.RecordFailed && saw.Reading == fleet.ReadOurs:
		return ReadWhy
	case saw.Reading == fleet.ReadUnreadable:
		return ReadReachable // that the target gave no answer is no finding about the vault
	}
	return ReadNoMore
}

// Concluded is what a refresh concludes of a vault: from what it was reconciled as, from
// its target where that was verified (nil: it was not), and from why it failed.
func (s *State) Concluded(i int, by fleet.Actor, saw fleet.Reconciliation, target *fleet.Verification,
	why []fleet.Finding) fleet.Refreshed {
	f := fleet.Refreshed{Vault: s.Plan.Vaults[i].Key, OperationID: s.Vaults[i].OperationID, Reading: saw.Reading,
		Record: saw.Record, Detail: saw.Detail, Findings: why, By: by,
		Late: saw.Record != nil && isOver(saw.Record) && saw.Record.EndedAt.IsZero()}
	if target == nil {
		return f
	}
	f.Verified, f.ResourceID = target.OK, target.ResourceID
	if !target.OK {
		f.Detail = target.Detail
		f.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Code: fleet.CodeNotVerified,
			Message: target.Detail,
			Action:  "look at the new vault; fleetup refresh reads it again"}}
	}
	return f
}

// AsksAgain is how long to wait before what failed is asked once more by somebody who
// has no run to come back to it; zero: not at all. Told to come later and not when, a
// poll.
func (s *State) AsksAgain(err error) time.Duration {
	if wait := fleet.RetryAfterOf(err); wait > 0 || fleet.ClassOf(err) != fleet.CallThrottled {
		return wait
	}
	return s.Plan.Timings.Poll
}
