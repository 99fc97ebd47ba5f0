package rollout

import (
	"fmt"
	"hash/fnv"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// config is everything a world follows from. The rates are in percent, but for
// Crash and Interrupt, which are per step and in per cent too.
type config struct {
	Seed                               uint64
	Runs                               int
	Vaults, Subs, Locs                 int
	Waves                              []int
	Validations, Upgrades              int
	PerSub, PerLoc                     int
	Budget                             plan.Budget
	WaveBudget                         int // -1: none
	Hold                               int
	Crash, Interrupt, Reopen           int
	Foreign, Fail, Vanish, Forget, Lag int
	Deny, Throttle, Unreachable        int
	Block, Busy, Answer, Unverified    int
	policy
	Past    int // vaults that somebody else upgraded before the run
	Meddle  int // how often a person interferes, per step
	Timings plan.Timings
	Cuts    int // how often a machine is restored from the world's own, per step; 0: never
	// of the answers that are not a plain acceptance: 17, of which the last seven are one, or the first 3
	AnswerKinds int
}

// configs draws worlds, from the very small.
var configs = rapid.Custom(func(t *rapid.T) config {
	upTo := func(name string, n int) int { return rapid.IntRange(0, n).Draw(t, name) }
	c := config{
		Seed:        rapid.Uint64().Draw(t, "seed"),
		Runs:        1 + upTo("more runs", 1),
		Vaults:      1 + upTo("vaults", 13),
		Subs:        1 + upTo("subscriptions", 3),
		Locs:        1 + upTo("locations", 2),
		Validations: 1 + upTo("validations", 5),
		Upgrades:    1 + upTo("upgrades", 4),
		PerSub:      upTo("per subscription", 2),
		PerLoc:      upTo("per location", 3),
		WaveBudget:  upTo("wave budget", 3) - 1,
		Hold:        upTo("hold", 20),
		Crash:       upTo("crash", 4),
		Interrupt:   upTo("interrupt", 1),
		Reopen:      upTo("reopen", 50),
		Foreign:     upTo("foreign", 30),
		Fail:        upTo("fail", 30),
		Vanish:      upTo("vanish", 20),
		Forget:      upTo("forget", 30),
		Lag:         upTo("lag", 40),
		Deny:        upTo("deny", 30),
		Throttle:    upTo("throttle", 20),
		Unreachable: upTo("unreachable", 30),
		Block:       upTo("block", 20),
		Busy:        upTo("busy", 20),
		Answer:      upTo("answer", 60),
		Unverified:  upTo("unverified", 20),
		AnswerKinds: 17,
		Meddle:      upTo("meddle", 8),
		Past:        upTo("past", 20),
	}
	c.Timings = timings.Draw(t, "timings")
	c.Waves = []int{c.Vaults}
	if c.Vaults > 1 {
		c.Waves = rapid.SampledFrom([][]int{{c.Vaults}, {1, c.Vaults}, {1, c.Vaults / 2, c.Vaults}}).Draw(t, "waves")
	}
	c.Budget = rapid.SampledFrom([]plan.Budget{{Unit: plan.UnitDefault}, {Unit: plan.UnitCount},
		{Unit: plan.UnitCount, Count: 2},
		{Unit: plan.UnitPercent, Percent: 30}, {Unit: plan.UnitCount, Count: 100}}).Draw(t, "budget")
	c.policy = policies.Draw(t, "policy")
	return c
})

// durations are those that a world's timings are drawn from: an inventory may
// combine them as it likes.
var durations = []time.Duration{5 * time.Second, 24 * time.Second, time.Minute, 100 * time.Second, 2 * time.Minute,
	10 * time.Minute, time.Hour}

// timings draws timings that an inventory may have: the defaults, most often.
var timings = rapid.Custom(func(t *rapid.T) plan.Timings {
	d := plan.DefaultTimings()
	d.Poll = time.Minute
	if rapid.IntRange(0, 2).Draw(t, "default timings") > 0 {
		return d
	}
	some := func(name string) time.Duration { return rapid.SampledFrom(durations).Draw(t, name) }
	d.Poll = max(time.Minute, min(some("poll"), 10*time.Minute)) // each costs a step
	d.StartTimeout, d.ReconcileGrace = some("start timeout"), max(12*time.Second, some("grace"))
	d.ReconcileDeadline = d.ReconcileGrace + some("reconcile deadline")
	d.BusyRetry, d.BusyDeadline = some("busy retry"), some("busy deadline")
	d.ValidationMaxAge, d.Overdue = max(10*time.Minute, some("validation age")), max(10*time.Minute, some("overdue"))
	return d
})

// plan is the plan of the config's fleet.
func (c *config) plan() *plan.Plan {
	p := testPlan(c.Vaults, c.Subs, c.Locs, c.Waves...)
	p.Limits.Validations, p.Limits.Upgrades = c.Validations, c.Upgrades
	p.Limits.PerSubscription, p.Limits.PerLocation = c.PerSub, c.PerLoc
	p.Timings = c.Timings
	p.FailureBudget = c.Budget
	if c.WaveBudget >= 0 {
		p.Waves[0].MaxFailures = &plan.Budget{Unit: plan.UnitCount, Count: c.WaveBudget}
	}
	c.adopt(p)
	for i := range p.Vaults {
		if c.chance(c.Hold, "hold", i) {
			p.Vaults[i].Hold = worldHold
		}
	}
	return p
}

// pick returns a number below n that depends on the seed and the parts alone.
func (c *config) pick(n int, parts ...any) int {
	h := fnv.New64a()
	fmt.Fprint(h, c.Seed, parts)
	x := h.Sum64() // a finisher: FNV's low bits alone are poor
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return int(x % uint64(n))
}

// chance is true in so many per cent of all cases.
func (c *config) chance(percent int, parts ...any) bool {
	return percent > 0 && c.pick(100, parts...) < percent
}

// fault is a chance that ends at the horizon.
func (w *world) fault(percent int, parts ...any) bool {
	return percent > 0 && w.now.Sub(w.epoch()) < w.horizon() && w.chance(percent, parts...)
}
