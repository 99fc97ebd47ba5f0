package report

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Finish is when a run is expected to end, seen from a moment in it. It is a
// guess: what is left is simulated with the forecast's durations, as the plan's
// own forecast is made, as if everything still to be checked were ready, nothing
// failed and approvals came at once. The zero value is no guess.
type Finish struct {
	P50, P90 time.Time
}

// inFlightFirst is a prediction that no vault has: where the longest start
// first, what is in flight comes before all that waits.
const inFlightFirst = 10_000 * time.Hour

// Estimate guesses anew when the run ends, for the views. It costs what a
// forecast of the plan costs, O(vaults · log vaults), outside of the lock: call
// it seldom, from a goroutine of its own.
func (t *Tracker) Estimate(now time.Time) (Finish, error) {
	t.mu.Lock()
	r := t.remaining(now)
	t.mu.Unlock()
	p50, err := r.simulate(func(i int, p plan.Prediction) time.Duration { return left(r.age[i], p.P50, p) })
	if err != nil {
		return Finish{}, err
	}
	p90, err := r.simulate(func(i int, p plan.Prediction) time.Duration { return left(r.age[i], p.P90, p) })
	if err != nil {
		return Finish{}, err
	}
	f := Finish{p50, later(p50, p90)}
	t.mu.Lock()
	t.finish = f
	t.mu.Unlock()
	return f, nil
}

// left is how much longer an upgrade is taken to run that was to take so long.
// One that has outlived its prediction says nothing about when it ends: it gets
// a share of the prediction's spread.
func left(age, whole time.Duration, p plan.Prediction) time.Duration {
	return max(whole-age, (p.P90-p.P50)/2, time.Second)
}

// rest is what is left of a run, as a plan that can be simulated.
type rest struct {
	plan  *plan.Plan
	whole *plan.Plan
	index map[fleet.Key]int
	now   time.Time
	age   map[int]time.Duration // of what is in flight, by vault
}

// remaining makes the plan of what is left. The caller holds the lock.
func (t *Tracker) remaining(now time.Time) rest {
	q := *t.plan
	r := rest{plan: &q, whole: t.plan, index: t.index, now: now, age: make(map[int]time.Duration, len(t.flying))}
	q.Vaults, q.Waves = slices.Clone(q.Vaults), slices.Clone(q.Waves)
	q.Calendars = append(slices.Clone(q.Calendars), plan.Calendar{}) // always open
	// What is simulated does not fail: budgets matter only to a hard ceiling.
	q.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: max(t.budget.Limit-t.budget.Failed, 1)}
	q.SubscriptionBudget = nil
	ending := t.run.Halt != nil || t.run.Stopped != nil // nothing more starts
	for i := range q.Vaults {
		v := &q.Vaults[i]
		f, flying := t.flying[i]
		switch {
		case flying:
			r.age[i] = max(now.Sub(f.since), 0)
			// It runs already, whatever windows say.
			v.Predicted, v.Calendar = plan.Prediction{P50: inFlightFirst}, len(q.Calendars)
		case ending || !mayStart(t.status[i]) && t.status[i] != fleet.Validating:
			v.Hold = &fleet.Hold{Reason: "decided"}
		}
	}
	for w := range q.Waves {
		ws, wave := &t.waves[w], &q.Waves[w]
		wave.MaxFailures = nil
		if ws.DoneAt.IsZero() {
			continue
		}
		wave.Soak = max(0, ws.DoneAt.Add(wave.Soak).Sub(now))
		wave.Approval = nil
	}
	if l := t.run.Limits.Upgrades; l > 0 {
		q.Limits.Upgrades = min(q.Limits.Upgrades, l)
	}
	q.Limits.PerSubscription = lowest(q.Limits.PerSubscription, t.run.Limits.PerSubscription)
	q.Limits.PerLocation = lowest(q.Limits.PerLocation, t.run.Limits.PerLocation)
	return r
}

// simulate plays what is left to its end.
func (r rest) simulate(takes func(i int, p plan.Prediction) time.Duration) (time.Time, error) {
	f, err := rollout.Simulate(r.plan, r.now, func(v *plan.Vault) time.Duration {
		i := r.index[v.Key]
		return takes(i, r.whole.Vaults[i].Predicted)
	})
	return f.EndsAt, err
}

// lowest is the lower of two limits, of which 0 is none.
func lowest(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
