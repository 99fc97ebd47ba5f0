package runner

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// perform carries an action out. Calls run in goroutines of their own and end
// in one observation; nothing here waits.
func (r *run) perform(a rollout.Action) {
	switch a := a.(type) {
	case rollout.Wake:
		r.wake = a.At
	case rollout.Watch:
		r.watch(a)
	case rollout.Validate:
		r.call(func() { r.validate(a) })
	case rollout.Prepare:
		r.call(func() { r.prepare(a) })
	case rollout.Send:
		decided := r.stepped
		r.call(func() { r.send(a, decided) })
	case rollout.Reconcile:
		r.call(func() { r.reconcile(a) })
	case rollout.Verify:
		r.call(func() { r.verify(a) })
	case rollout.Explain:
		v := r.vault(a.Vault)
		r.call(func() {
			fs := r.Cloud.Explain(r.reads, v, r.lastSeen(v, a))
			r.post(rollout.ExplainDone{Vault: v.Key, OperationID: a.OperationID, Findings: fs})
		})
	}
}

// lastSeen is the vault in the newest reading there is, or in one that is made
// where there is none.
func (r *run) lastSeen(v *fleet.Vault, a rollout.Explain) fleet.Sighting {
	if seen, ok := r.lister.lastSeen(v); ok {
		return seen
	}
	snap, err := r.lister.get(r.reads, fleet.Followed{Vault: v, OperationID: a.OperationID, Operation: a.Operation.Followable()}, time.Time{})
	if err != nil {
		return fleet.Sighting{}
	}
	return snap.Vaults[v.Key]
}

func (r *run) call(do func()) {
	r.calls.Go(func() error { do(); return nil })
}

func (r *run) vault(i int) *fleet.Vault { return &r.Plan.Vaults[i].Vault }

func (r *run) validate(a rollout.Validate) {
	v := r.vault(a.Vault)
	var res fleet.Validation
	if snap, err := r.lister.recent(r.reads, v, time.Time{}); err != nil {
		res = r.lister.unread(err)
	} else {
		seen, present := snap.Vaults[v.Key]
		res = r.Cloud.Validate(r.reads, v, seen, present, a.Disregard)
		if res.State == nil {
			res.State = seen.State
		}
	}
	r.slowDown(v.SubscriptionID, res.RetryAfter)
	r.post(rollout.ValidateDone{Vault: v.Key, Result: res})
}

// unread is the validation of a vault that cannot be read. What the cloud refuses
// to show of a subscription may be shown later; what it refuses of one vault, with
// words, is that vault's matter.
func (l *lister) unread(err error) fleet.Validation {
	f := fleet.Finding{Severity: fleet.SeverityError, Category: "listing", Message: err.Error()}
	res := fleet.Validation{RetryAfter: fleet.RetryAfterOf(err)}
	class := fleet.ClassOf(err)
	switch class {
	case fleet.CallDenied:
		res.Verdict, f.Code, f.Action = fleet.VerdictDenied, fleet.CodeNotSignedIn, "sign in, then check again; a run goes on with fleetup resume"
	case fleet.CallForbidden:
		res.Verdict, f.Code = fleet.VerdictBlocked, fleet.CodeNoPermission
		f.Action = "ask for the permission; fleetup permissions prints the role that is needed"
	case fleet.CallThrottled:
		res.Verdict, f.Code, f.Action = fleet.VerdictThrottled, fleet.CodeThrottled, "nothing: it is tried again"
	default:
		res.Verdict, f.Code, f.Action = fleet.VerdictBusy, fleet.CodeUnreachable, "nothing: it is tried again"
		if class == fleet.CallRefused && !l.whole {
			res.Verdict, f.Code, f.Action = fleet.VerdictBlocked, fleet.CodeRefused, "correct this, then validate again"
		}
	}
	if res.Verdict == fleet.VerdictBusy && res.RetryAfter > 0 {
		res.Verdict = fleet.VerdictThrottled // it said when to come back; the vault is not to blame
	}
	if ce, ok := errors.AsType[*fleet.CallError](err); ok && ce.Action != "" {
		f.Action = ce.Action
	}
	res.Findings = []fleet.Finding{f}
	return res
}

// refusal is what keeps a vault from being started until a person has mended it.
func refusal(err error) fleet.Finding {
	f := fleet.Finding{Severity: fleet.SeverityError, Category: "start", Code: fleet.CodeRefused, Message: err.Error(), Action: "correct this, then run again"}
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		if ce.Code != "" {
			f.Code = ce.Code
		}
		if ce.Action != "" {
			f.Action = ce.Action
		}
	}
	return f
}

// A start that waited longer than a poll for its turn goes out on a newer reading:
// as it was made ready, where that shows the same vault and its token is young
// enough; else it is made ready anew, at most prepareTries times, and then goes
// out as made ready last. Turns are scarce when a cloud asks to be slow: none is
// given away for nothing.
const (
	prepareTries = 3
	tokenIsYoung = 4 * time.Minute // tokens that adapters hand out last five at least
)

// alike reports whether two readings show a vault with nothing that a start would
// have to be made anew for.
func alike(a, b fleet.Sighting) bool {
	return a.Address == b.Address && bytes.Equal(a.State, b.State) && a.Record == nil && b.Record == nil
}

// prepare does everything that a start may wait for.
func (r *run) prepare(a rollout.Prepare) {
	v := r.vault(a.Vault)
	failed := func(err error) {
		class := fleet.ClassOf(err)
		switch {
		case class == fleet.CallForbidden && !r.lister.whole:
			class = fleet.CallConflict // the check says that the vault may not be read
		case class == fleet.CallRefused && r.lister.whole:
			class = fleet.CallUnreachable // of a subscription: it may be shown later
		}
		if class != fleet.CallNotYet { // that is about the vault alone
			r.noteThrottle(v.SubscriptionID, err)
		}
		r.post(rollout.PrepareFailed{Vault: v.Key, Class: class, RetryAfter: fleet.RetryAfterOf(err), Detail: err.Error(), Brief: fleet.Brief(err), Refusal: refusal(err)})
	}
	snap, err := r.lister.recent(r.reads, v, a.After)
	if err != nil {
		failed(err)
		return
	}
	seen, present := snap.Vaults[v.Key]
	var start fleet.PreparedStart
	for try := 1; present; try++ {
		asked := r.clock.now()
		if start, err = r.Cloud.Prepare(r.reads, v, seen); err != nil {
			failed(err)
			return
		}
		// It may have waited long for its turn: the reading it goes out on must
		// still be recent (design.md#rule-7), and its token young.
		fresh, err := r.lister.recent(r.reads, v, a.After)
		if err != nil {
			failed(err)
			return
		}
		last, before := fresh == snap, seen
		snap = fresh
		seen, present = snap.Vaults[v.Key]
		if last || alike(before, seen) && r.clock.now().Sub(asked) <= tokenIsYoung || try == prepareTries && seen.Address == before.Address {
			break
		}
	}
	failpoint.Hit(failpoint.StartPrepared)
	start.OperationID = r.Cloud.NewOperationID(r.clock.now())
	r.post(rollout.PrepareDone{Vault: v.Key, Start: start, Seen: seen, Present: present})
}

// send makes the one POST of a start whose intent is on disk. Its context is
// not the run's: a run that leaves does not cut a start off.
func (r *run) send(a rollout.Send, decided moment) {
	v := r.vault(a.Vault)
	answer := fleet.StartAnswer{Verdict: fleet.StartNotSent, Message: "the run was told to stop"}
	now := r.moment()
	switch {
	case r.interrupted() || r.reads.Err() != nil:
	case !a.NotAfter.IsZero() && now.wall.After(a.NotAfter):
		answer.Message = "its upgrade would no longer end inside the window"
	case !a.NotAfter.IsZero() && now.wall.Before(decided.wall):
		answer.Message = "the clock was set back, perhaps out of the window"
	case now.at.After(a.StaleAfter) || now.wall.Sub(decided.wall) > a.StaleAfter.Sub(decided.at):
		answer.Message = "the process stood still: the vault's reading is too old"
	default:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.reads), r.Plan.Timings.StartTimeout)
		failpoint.Hit(failpoint.SendBefore)
		answer = r.Cloud.Send(ctx, v, a.Start)
		failpoint.Hit(failpoint.SendAnswered)
		cancel()
	}
	switch answer.Verdict {
	case fleet.StartThrottled:
		r.pause(v.SubscriptionID, answer.RetryAfter) // the answer itself tells the machine
	case fleet.StartUnknown:
		// Starts and checks wait; the reads that must tell what came of this
		// one do not.
		r.hold(v.SubscriptionID, answer.RetryAfter)
	}
	r.post(rollout.SendDone{Vault: v.Key, OperationID: a.Start.OperationID, Answer: answer})
}

func (r *run) reconcile(a rollout.Reconcile) {
	v := r.vault(a.Vault)
	res := fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	failpoint.Hit(failpoint.ReconcileBefore)
	snap, err := r.lister.get(r.reads, fleet.Followed{Vault: v, OperationID: a.OperationID}, r.clock.now())
	if err != nil {
		r.noteThrottle(v.SubscriptionID, err)
		res.Detail = err.Error()
	} else {
		seen, present := snap.Vaults[v.Key]
		res = r.Cloud.Reconcile(r.reads, v, a.OperationID, seen, present, a.Before)
	}
	failpoint.Hit(failpoint.ReconcileAfter)
	r.post(rollout.ReconcileDone{Vault: v.Key, OperationID: a.OperationID, Result: res})
}

func (r *run) verify(a rollout.Verify) {
	v := r.vault(a.Vault)
	failpoint.Hit(failpoint.VerifyBefore)
	res, err := r.Cloud.Verify(r.reads, v, a.OperationID)
	failpoint.Hit(failpoint.VerifyAfter)
	r.noteThrottle(v.SubscriptionID, err)
	done := rollout.VerifyDone{Vault: v.Key, OperationID: a.OperationID, Result: res}
	if err != nil {
		done.Failed = fleet.Brief(err)
	}
	r.post(done)
}

// noteThrottle passes a request to slow down on, whatever answer it came with.
func (r *run) noteThrottle(subscription string, err error) {
	r.slowDown(subscription, fleet.RetryAfterOf(err))
}

// slowDown leaves a subscription alone for as long as it asked.
func (r *run) slowDown(subscription string, d time.Duration) {
	r.pause(subscription, d)
	r.hold(subscription, d)
}

// pause lets no more requests of a subscription out for a while.
func (r *run) pause(subscription string, d time.Duration) {
	if d > 0 && r.Limiter != nil {
		r.Limiter.Pause(subscription, d)
	}
}

// hold keeps starts and checks of a subscription back.
func (r *run) hold(subscription string, d time.Duration) {
	if d > 0 {
		r.post(rollout.SlowDown{Subscription: subscription, Until: r.clock.now().Add(d)})
	}
}
