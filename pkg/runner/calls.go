package runner

import (
	"context"
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
	if seen, ok := r.snapshots.lastSeen(v); ok {
		return seen
	}
	snap, err := r.snapshots.get(r.reads, fleet.Followed{Vault: v, OperationID: a.OperationID, Operation: a.Operation.Followable()}, time.Time{})
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
	if snap, err := r.snapshots.recent(r.reads, v, time.Time{}); err != nil {
		res = rollout.Unchecked(r.snapshots.scope, err)
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

// prepare does everything that a start may wait for.
func (r *run) prepare(a rollout.Prepare) {
	v := r.vault(a.Vault)
	failed := func(err error) {
		o, alone := rollout.Unprepared(r.snapshots.scope, v.Key, err)
		r.slowDown(v.SubscriptionID, alone)
		r.post(o)
	}
	snap, err := r.snapshots.recent(r.reads, v, a.After)
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
		fresh, err := r.snapshots.recent(r.reads, v, a.After)
		if err != nil {
			failed(err)
			return
		}
		same, made := fresh == snap, seen
		snap = fresh
		seen, present = snap.Vaults[v.Key]
		if rollout.GoesOut(try, made, seen, same, r.clock.now().Sub(asked)) {
			break
		}
	}
	failpoint.Hit(failpoint.StartPrepared)
	start.OperationID = r.Cloud.NewOperationID(r.clock.now())
	r.post(rollout.PrepareDone{Vault: v.Key, Start: start, Seen: seen, Present: present})
}

// send makes the one POST of a start whose intent is on disk. Its context is
// not the run's: a run that leaves does not cut a start off.
func (r *run) send(a rollout.Send, decided rollout.Moment) {
	v := r.vault(a.Vault)
	answer := fleet.StartAnswer{Verdict: fleet.StartNotSent}
	if answer.Message = a.MayLeave(decided, r.moment(), r.interrupted() || r.reads.Err() != nil); answer.Message == "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.reads), r.Plan.Timings.StartTimeout)
		failpoint.Hit(failpoint.SendBefore)
		answer = r.Cloud.Send(ctx, v, a.Start)
		failpoint.Hit(failpoint.SendAnswered)
		cancel()
	}
	requests, starts := rollout.AfterStart(answer)
	r.pause(v.SubscriptionID, requests)
	r.hold(v.SubscriptionID, starts)
	r.post(rollout.SendDone{Vault: v.Key, OperationID: a.Start.OperationID, Answer: answer})
}

func (r *run) reconcile(a rollout.Reconcile) {
	v := r.vault(a.Vault)
	res := fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	failpoint.Hit(failpoint.ReconcileBefore)
	snap, err := r.snapshots.get(r.reads, fleet.Followed{Vault: v, OperationID: a.OperationID}, r.clock.now())
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
