package dryrun

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Forecasts simulates the plan from o.Now on, once with the median and once with
// the 90th percentile of every upgrade, both at the same time: a machine reads its plan
// and writes only what is its own. What earlier runs left failed, unknown or as
// wanted does not start, nor, where there are validations, does a vault that was found
// blocked, upgraded, upgrading or failed.
func Forecasts(p *plan.Plan, o PlanOptions) (p50, p90 rollout.Forecast, err error) {
	q, changed := Startable(p, o), o.Memory.Changed(p)
	rehearse := func(duration func(*plan.Vault) time.Duration) (rollout.Forecast, error) {
		return rollout.Rehearse(q, rollout.Rehearsal{Start: o.Now, Changed: changed, Duration: duration})
	}
	var other sync.WaitGroup
	var otherErr error
	other.Go(func() {
		p90, otherErr = rehearse(func(v *plan.Vault) time.Duration { return v.Predicted.P90 })
	})
	p50, err = rehearse(func(v *plan.Vault) time.Duration { return v.Predicted.P50 })
	other.Wait()
	if err = cmp.Or(err, otherErr); err != nil {
		return p50, p90, fmt.Errorf("forecast the plan: %w", err)
	}
	return p50, p90, nil
}

// Startable is the plan with everything held that will not start, as far as is
// known: what forecasts are made of.
func Startable(p *plan.Plan, o PlanOptions) *plan.Plan {
	o = o.knowing(p)
	if o.Validations == nil && len(o.Memory.Carried) == 0 && len(o.Memory.AsWanted) == 0 {
		return p
	}
	q := *p
	q.Vaults = make([]plan.Vault, len(p.Vaults))
	copy(q.Vaults, p.Vaults)
	for i := range q.Vaults {
		if v := &q.Vaults[i]; !rollout.StartsFrom(o.prospects().Of(v)) {
			v.Hold = &fleet.Hold{Reason: "does not start"}
		}
	}
	return &q
}

// knowing are the options with what the plan itself knows: the one place that decides
// which checks count, for what is shown, what is forecast and what is asked alike.
func (o PlanOptions) knowing(p *plan.Plan) PlanOptions {
	if o.Validations == nil {
		if own := rollout.ProspectsOf(p); own.Checks != nil {
			o.Validations, o.CheckedAt = own.Checks, own.CheckedAt
		}
	}
	return o
}

// prospects are what these options know of the plan's vaults.
func (o *PlanOptions) prospects() *rollout.Prospects {
	return &rollout.Prospects{Memory: o.Memory, Checks: o.Validations, CheckedAt: o.CheckedAt}
}

// Expired lists the vaults that a run may start although the inventory holds them.
func Expired(p *plan.Plan, o PlanOptions) (vaults []int) {
	o = o.knowing(p)
	return o.prospects().Expired(p)
}

// bound is the least time the plan's waves can take with the median durations:
// per wave the longest upgrade, all of them over the limit, the fullest
// subscription and the fullest location over theirs.
func bound(p *plan.Plan) time.Duration {
	var sum time.Duration
	for w := range p.Waves {
		var longest, total time.Duration
		subs, locs := map[string]time.Duration{}, map[string]time.Duration{}
		for _, i := range p.Waves[w].Vaults {
			v := &p.Vaults[i]
			if v.Excluded() {
				continue
			}
			d := v.Predicted.P50
			longest, total = max(longest, d), total+d
			subs[v.SubscriptionID] += d
			locs[fleet.NormalizeLocation(v.Location)] += d
		}
		l := p.LimitsOf(w)
		least := max(longest, over(total, l.Upgrades))
		for _, d := range subs {
			least = max(least, over(d, l.PerSubscription))
		}
		for _, d := range locs {
			least = max(least, over(d, l.PerLocation))
		}
		sum += least
	}
	return sum
}

func over(d time.Duration, limit int) time.Duration {
	if limit < 1 {
		return 0
	}
	return d / time.Duration(limit)
}

// atOnce is how many upgrades of a wave the limits let be under way together.
func atOnce(p *plan.Plan, w int) int {
	return p.MostAtOnce(p.LimitsOf(w), func(yield func(int) bool) {
		for _, i := range p.Waves[w].Vaults {
			if !p.Vaults[i].Excluded() && !yield(i) {
				return
			}
		}
	})
}
