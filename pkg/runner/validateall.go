package runner

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// ValidateAll makes the checks of every vault of a plan that is not held, at
// most limits.validations at once, and starts nothing. each is called once a
// vault, from one goroutine at a time, in no particular order. A subscription
// that asks to be left alone is waited for. disregard, unless nil, names the
// operations that speak for a vault no more, as a re-opening does.
//
// It returns early only when ctx ends, with its error.
func ValidateAll(ctx context.Context, p *plan.Plan, cloud Upgrader, limiter *Limiter, disregard map[fleet.Key][]string,
	each func(vault int, v fleet.Validation)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var checks errgroup.Group
	c := NewCalls(ctx, CallOptions{Plan: p, Cloud: cloud, Limiter: limiter})
	results := make(chan func())
	checks.SetLimit(p.Limits.Validations)
	go func() {
		for i := range p.Vaults {
			if p.Vaults[i].Excluded() || ctx.Err() != nil {
				continue
			}
			checks.Go(func() error {
				v := c.checkPatiently(&p.Vaults[i].Vault, disregard[p.Vaults[i].Key])
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
	c.Wait()
	return err
}

// checkPatiently checks one vault, waiting as often as it is told to.
func (c *Calls) checkPatiently(v *fleet.Vault, disregard []string) fleet.Validation {
	for {
		res := c.check(v, disregard, nil)
		if res.Verdict != fleet.VerdictThrottled || c.reads.Err() != nil {
			return res
		}
		pause := max(res.RetryAfter, c.Plan.Timings.Poll)
		c.pause(v.SubscriptionID, pause)
		if sleep(c.reads, pause) != nil {
			return res
		}
	}
}
