package runner

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Calls carries the brain's actions out, each in one call to the cloud or a few, and
// says what came of it in observations. It decides nothing. It keeps what calls
// share: the readings, and what a subscription asked of those that come after. It is
// safe for concurrent use.
type Calls struct {
	CallOptions
	clock     *clock
	reads     context.Context // of everything but starts
	readings  errgroup.Group
	snapshots *snapshotCache
}

// CallOptions is what calls need.
type CallOptions struct {
	Plan  *plan.Plan
	Cloud Upgrader
	// Limiter, where set, is told when a subscription asks to be left alone.
	Limiter *Limiter
	// Wall reads the wall clock, which may jump; time.Now where it is nil. It
	// decides about windows. Everything else follows the time that has really
	// passed, from Since on at the earliest: the time of the newest fact.
	Wall  func() time.Time
	Since time.Time
	// Leaving reports that nothing more is to be started; nil: never.
	Leaving func() bool
}

// NewCalls returns the calls of one plan. Reads end with ctx; starts do not.
func NewCalls(ctx context.Context, o CallOptions) *Calls {
	if o.Wall == nil {
		o.Wall = time.Now
	}
	if o.Leaving == nil {
		o.Leaving = func() bool { return false }
	}
	c := &Calls{CallOptions: o, reads: ctx, clock: newClock(o.Wall(), o.Since)}
	c.snapshots = newSnapshotCache(ctx, &c.readings, o.Cloud, o.Plan, c.clock)
	return c
}

// Wait returns when no reading is under way: call it when the context of NewCalls has
// ended, and no call is out.
func (c *Calls) Wait() { _ = c.readings.Wait() }

// Do carries out an action of a call: any but Watch, Wake and Exit. decided is when the
// brain decided it. tell is called with each observation, SendDone and its like last;
// Do returns when all is told.
func (c *Calls) Do(a rollout.Action, decided rollout.Moment, tell func(rollout.Observation)) {
	switch a := a.(type) {
	case rollout.Validate:
		c.validate(a, tell)
	case rollout.Prepare:
		c.prepare(a, tell)
	case rollout.Send:
		c.send(a, decided, tell)
	case rollout.Reconcile:
		c.reconcile(a, tell)
	case rollout.Verify:
		c.verify(a, tell)
	case rollout.Explain:
		v := c.vault(a.Vault)
		tell(rollout.ExplainDone{Vault: v.Key, OperationID: a.OperationID,
			Findings: c.Cloud.Explain(c.reads, v, c.lastSeen(v, a))})
	}
}

// lastSeen is the vault in the newest reading there is, or in one that is made
// where there is none.
func (c *Calls) lastSeen(v *fleet.Vault, a rollout.Explain) fleet.Sighting {
	snap, err := c.snapshots.get(c.reads,
		fleet.Followed{Vault: v, OperationID: a.OperationID, Operation: a.Operation.Followable()}, time.Time{})
	if err != nil {
		return fleet.Sighting{}
	}
	return snap.Vaults[v.Key]
}

func (c *Calls) vault(i int) *fleet.Vault { return &c.Plan.Vaults[i].Vault }

func (c *Calls) validate(a rollout.Validate, tell func(rollout.Observation)) {
	v := c.vault(a.Vault)
	res := c.check(v, a.Disregard, a.Learned)
	c.slowDown(tell, v.SubscriptionID, res.RetryAfter)
	tell(rollout.ValidateDone{Vault: v.Key, Result: res})
}

// check makes all checks of a vault once.
func (c *Calls) check(v *fleet.Vault, disregard []string, learned json.RawMessage) fleet.Validation {
	snap, err := c.snapshots.recent(c.reads, v, time.Time{})
	if err != nil {
		return rollout.Unchecked(c.snapshots.scope, err)
	}
	seen, present := snap.Vaults[v.Key]
	seen.Learned = learned
	res := c.Cloud.Validate(c.reads, v, seen, present, disregard)
	if res.State == nil {
		res.State = seen.State
	}
	return res
}

// prepare does everything that a start may wait for.
func (c *Calls) prepare(a rollout.Prepare, tell func(rollout.Observation)) {
	v := c.vault(a.Vault)
	failed := func(err error) {
		o, alone := rollout.Unprepared(c.snapshots.scope, v.Key, err)
		c.slowDown(tell, v.SubscriptionID, alone)
		tell(o)
	}
	snap, err := c.snapshots.recent(c.reads, v, a.After)
	if err != nil {
		failed(err)
		return
	}
	seen, present := snap.Vaults[v.Key]
	var start fleet.PreparedStart
	for try := 1; present; try++ {
		asked := c.clock.now()
		seen.Learned = a.Learned
		if start, err = c.Cloud.Prepare(c.reads, v, seen); err != nil {
			failed(err)
			return
		}
		// It may have waited long for its turn: the reading it goes out on must
		// still be recent (design.md#rule-7), and its token young.
		fresh, err := c.snapshots.recent(c.reads, v, a.After)
		if err != nil {
			failed(err)
			return
		}
		same, made := fresh == snap, seen
		snap = fresh
		seen, present = snap.Vaults[v.Key]
		if rollout.GoesOut(try, made, seen, same, c.clock.now().Sub(asked)) {
			break
		}
	}
	failpoint.Hit(failpoint.StartPrepared)
	start.OperationID = c.Cloud.NewOperationID(c.clock.now())
	tell(rollout.PrepareDone{Vault: v.Key, Start: start, Seen: seen, Present: present, ReadAt: snap.ReadAt})
}

// send makes the one POST of a start whose intent is on disk. Its context is
// not the run's: a run that leaves does not cut a start off.
func (c *Calls) send(a rollout.Send, decided rollout.Moment, tell func(rollout.Observation)) {
	v := c.vault(a.Vault)
	may := func() (time.Duration, string) {
		return a.MayLeave(decided, c.moment(), c.Leaving() || c.reads.Err() != nil)
	}
	answer := fleet.StartAnswer{Verdict: fleet.StartNotSent}
	if _, answer.Message = may(); answer.Message == "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.reads), c.Plan.Timings.StartTimeout)
		failpoint.Hit(failpoint.SendBefore)
		answer = c.Cloud.Send(ctx, v, a.Start, may)
		failpoint.Hit(failpoint.SendAnswered)
		cancel()
	}
	requests, starts := rollout.AfterStart(answer)
	c.pause(v.SubscriptionID, requests)
	c.hold(tell, v.SubscriptionID, starts)
	tell(rollout.SendDone{Vault: v.Key, OperationID: a.Start.OperationID, Answer: answer})
}

func (c *Calls) reconcile(a rollout.Reconcile, tell func(rollout.Observation)) {
	v := c.vault(a.Vault)
	res := fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	failpoint.Hit(failpoint.ReconcileBefore)
	snap, err := c.snapshots.get(c.reads, fleet.Followed{Vault: v, OperationID: a.OperationID}, c.clock.now())
	if err != nil {
		c.noteThrottle(tell, v.SubscriptionID, err)
		res.Detail = err.Error()
	} else {
		seen, present := snap.Vaults[v.Key]
		res = c.Cloud.Reconcile(c.reads, v, a.OperationID, seen, present, a.Before)
	}
	failpoint.Hit(failpoint.ReconcileAfter)
	tell(rollout.ReconcileDone{Vault: v.Key, OperationID: a.OperationID, Result: res})
}

func (c *Calls) verify(a rollout.Verify, tell func(rollout.Observation)) {
	v := c.vault(a.Vault)
	failpoint.Hit(failpoint.VerifyBefore)
	res, err := c.Cloud.Verify(c.reads, v, a.OperationID)
	failpoint.Hit(failpoint.VerifyAfter)
	c.noteThrottle(tell, v.SubscriptionID, err)
	done := rollout.VerifyDone{Vault: v.Key, OperationID: a.OperationID, Result: res}
	if err != nil {
		done.Failed = fleet.Brief(err)
	}
	tell(done)
}

// noteThrottle passes a request to slow down on, whatever answer it came with.
func (c *Calls) noteThrottle(tell func(rollout.Observation), subscription string, err error) {
	c.slowDown(tell, subscription, fleet.RetryAfterOf(err))
}

// slowDown leaves a subscription alone for as long as it asked.
func (c *Calls) slowDown(tell func(rollout.Observation), subscription string, d time.Duration) {
	c.pause(subscription, d)
	c.hold(tell, subscription, d)
}

// pause lets no more requests of a subscription out for a while.
func (c *Calls) pause(subscription string, d time.Duration) {
	if c.Limiter != nil {
		c.Limiter.Pause(subscription, d)
	}
}

// hold keeps starts and checks of a subscription back.
func (c *Calls) hold(tell func(rollout.Observation), subscription string, d time.Duration) {
	if d > 0 {
		tell(rollout.SlowDown{Subscription: subscription, Until: c.clock.now().Add(d)})
	}
}

func (c *Calls) moment() rollout.Moment {
	return rollout.Moment{At: c.clock.now(), Wall: c.Wall().Round(0)}
}
