package runner

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// RefreshOptions is what a refresh needs.
type RefreshOptions struct {
	State   *rollout.State
	Vaults  []int // by their index in the plan
	Cloud   Upgrader
	Limiter *Limiter    // where set, told when a subscription asks to be left alone
	By      fleet.Actor // who asked for it
}

// Refreshed is what was read of one vault.
type Refreshed struct {
	Vault int
	Fact  fleet.Refreshed // to be recorded; means nothing with an error
	Err   error           // the read that failed: nothing was learnt
}

// Refresh reads the cloud for vaults of a run that failed or are unknown, at most
// limits.validations at once, with one listing a subscription. It reads and
// nothing else: it starts nothing, and does not even ask for the prerequisites,
// which is a POST. A subscription that asks to be left alone is waited for.
//
// The results stand in the order of the vaults. It keeps and changes no state.
// When ctx ends, what was not read by then carries its error.
func Refresh(ctx context.Context, o RefreshOptions) []Refreshed {
	reads, cancel := context.WithCancel(ctx)
	defer cancel()
	var vaults errgroup.Group
	r := &refresher{o, NewCalls(reads, CallOptions{Plan: o.State.Plan, Cloud: o.Cloud, Limiter: o.Limiter})}
	vaults.SetLimit(o.State.Plan.Limits.Validations)
	results := make([]Refreshed, len(o.Vaults))
	for n, i := range o.Vaults {
		vaults.Go(func() error {
			results[n] = r.patiently(reads, i)
			return nil
		})
	}
	_ = vaults.Wait() // outcomes are data
	cancel()
	r.calls.Wait()
	return results
}

type refresher struct {
	RefreshOptions
	calls *Calls
}

// patiently reads one vault, waiting as often as it is told to.
func (r *refresher) patiently(ctx context.Context, i int) Refreshed {
	for {
		fact, err := r.read(ctx, i)
		pause := r.State.AsksAgain(err)
		if pause == 0 || ctx.Err() != nil {
			return Refreshed{i, fact, err}
		}
		r.calls.pause(r.State.Plan.Vaults[i].SubscriptionID, pause)
		if err := sleep(ctx, pause); err != nil {
			return Refreshed{i, fact, err}
		}
	}
}

// read reads one vault: its subscription's listing, and its target where that
// has something to tell.
func (r *refresher) read(ctx context.Context, i int) (f fleet.Refreshed, err error) {
	v, s := &r.State.Plan.Vaults[i].Vault, &r.State.Vaults[i]
	snap, err := r.calls.snapshots.get(ctx,
		fleet.Followed{Vault: v, OperationID: s.OperationID, Operation: s.Operation.Followable()},
		r.calls.clock.now().Add(-r.State.Plan.Timings.Poll))
	if err != nil {
		return f, err
	}
	seen, present := snap.Vaults[v.Key]
	saw := r.Cloud.Reconcile(ctx, v, s.OperationID, seen, present, s.Before())
	var target *fleet.Verification
	var why []fleet.Finding
	switch rollout.NextRead(saw) {
	case rollout.ReadTarget:
		good, err := r.Cloud.Verify(ctx, v, saw.Record.OperationID)
		if err != nil {
			return f, err
		}
		target = &good
	case rollout.ReadWhy:
		why = r.Cloud.Explain(ctx, v, seen)
	case rollout.ReadReachable:
		if _, err := r.Cloud.Verify(ctx, v, s.OperationID); err != nil {
			return f, err
		}
	}
	return r.State.Concluded(i, r.By, saw, target, why), ctx.Err()
}
