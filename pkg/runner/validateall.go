package runner

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// ValidateAll makes the checks of every vault of a plan that is not held, at
// most limits.validations at once, and starts nothing. each is called once a
// vault, from one goroutine at a time, in no particular order. A subscription
// that asks to be left alone is waited for. disregard, unless nil, names the
// operations that speak for a vault no more, as a re-opening does.
//
// It returns early only when ctx ends, with its error.
func ValidateAll(ctx context.Context, p *plan.Plan, cloud Upgrader, limiter *Limiter, disregard map[fleet.Key][]string, each func(vault int, v fleet.Validation)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readings, checks errgroup.Group
	l := newSnapshotCache(ctx, &readings, cloud, p, newClock(time.Now(), time.Time{}))
	results := make(chan func())
	checks.SetLimit(p.Limits.Validations)
	go func() {
		for i := range p.Vaults {
			if p.Vaults[i].Excluded() || ctx.Err() != nil {
				continue
			}
			checks.Go(func() error {
				v := validatePatiently(ctx, l, cloud, limiter, &p.Vaults[i].Vault, disregard[p.Vaults[i].Key])
				results <- func() { each(i, v) }
				return nil
			})
		}
		_ = checks.Wait() // outcomes are data
		close(results)
	}()
	for deliver := range results {
		if ctx.Err() == nil {
			deliver()
		}
	}
	err := ctx.Err()
	cancel()
	_ = readings.Wait()
	return err
}

// validatePatiently validates one vault, waiting as often as it is told to.
func validatePatiently(ctx context.Context, l *snapshotCache, cloud Upgrader, limiter *Limiter, v *fleet.Vault, disregard []string) fleet.Validation {
	for {
		var res fleet.Validation
		if snap, err := l.recent(ctx, v, time.Time{}); err != nil {
			res = rollout.Unchecked(l.scope, err)
		} else {
			seen, present := snap.Vaults[v.Key]
			res = cloud.Validate(ctx, v, seen, present, disregard)
			if res.State == nil {
				res.State = seen.State
			}
		}
		if res.Verdict != fleet.VerdictThrottled || ctx.Err() != nil {
			return res
		}
		pause := max(res.RetryAfter, l.poll)
		if limiter != nil {
			limiter.Pause(v.SubscriptionID, pause)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return res
		}
	}
}
