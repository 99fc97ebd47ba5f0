package runner_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

func vaultsOf(p *plan.Plan) (vs []emulator.Vault) {
	if p.Upgrade != nil {
		return nil
	}
	for i := range p.Vaults {
		v := &p.Vaults[i]
		vs = append(vs, emulator.Vault{SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName,
			Name: v.Name, Location: v.Location, ResourceType: string(v.ResourceType),
			TargetResourceGroup: v.TargetResourceGroup, ProtectedItems: v.ProtectedItems})
	}
	return vs
}

// fleetOf makes a plan of n vaults over subs subscriptions, one vault for each
// in turn, with a budget that never halts.
func fleetOf(t testing.TB, n, subs int, waves []plan.WaveSpec, edit func(*plan.Input)) *plan.Plan {
	t.Helper()
	in := plan.Input{Inventory: "test.yaml", Cloud: fleet.Cloud{Name: fleet.Emulator}, Kind: fleet.KindClassic,
		Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitPercent, Percent: 100},
		Waves:         waves, Now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	for s := range subs {
		in.Subscriptions = append(in.Subscriptions, plan.SubscriptionSpec{Subscription: fleet.Subscription{
			ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", s+1), Name: fmt.Sprintf("s%d", s)}})
	}
	locations := []string{"West US", "East US", "Australia East"}
	for i := range n {
		s := &in.Subscriptions[i%subs]
		s.Vaults = append(s.Vaults, fleet.Vault{Name: fmt.Sprintf("v%02d", i), Location: locations[i%len(locations)],
			ResourceType: fleet.ResourceTypes()[i%5/4], TargetResourceGroup: "rg", ProtectedItems: i * 7 % 100,
			AcceptWarnings: i%2 == 0, Labels: map[string]string{"ring": fmt.Sprint(i % 3)}})
	}
	if edit != nil {
		edit(&in)
	}
	p, issues := plan.Build(in)
	if len(issues) > 0 {
		t.Fatalf("the test's plan is wrong: %v", issues)
	}
	return p
}

// Some nights have windows, and a wall clock that jumps; in some all troubles
// come at once.
func hasWindows(seed int64) bool { return seed%10 == 3 }
func isStorm(seed int64) bool    { return seed%10 == 7 }

// Nights from here on have timings of their own.
const timingNights = int64(1) << 40

func hasTimings(seed int64) bool { return seed >= timingNights }

// anyTimings are such as an inventory may have: each is short, long, or anything
// between, whatever the others are.
func anyTimings(r *rand.Rand) plan.Timings {
	some := func(least, most time.Duration) time.Duration {
		switch r.IntN(4) {
		case 0:
			return least
		case 1:
			return most
		}
		return least + time.Duration(r.Int64N(int64(most-least)))
	}
	t := plan.DefaultTimings()
	t.Poll = some(10*time.Second, 15*time.Minute)
	t.ValidationMaxAge = some(time.Minute, 6*time.Hour)
	t.BusyRetry, t.BusyDeadline = some(10*time.Second, time.Hour), some(time.Minute, 6*time.Hour)
	t.StartTimeout, t.ReconcileGrace = some(10*time.Second, 20*time.Minute), some(30*time.Second, 40*time.Minute)
	t.ReconcileDeadline = t.ReconcileGrace + some(time.Second, 2*time.Hour)
	t.Overdue = some(time.Minute, 4*time.Hour)
	return t
}

// calm is how long after its beginning no more calls of a stormy night go wrong,
// and no more processes are made to end.
const calm = 3 * time.Hour

// randomNight makes a fleet, a policy and a scenario from a seed.
func randomNight(t testing.TB, r *rand.Rand, seed int64) (*plan.Plan, emulator.Scenario) {
	var waves []plan.WaveSpec
	if r.IntN(2) == 0 {
		waves = []plan.WaveSpec{{Name: "canary", Match: map[string]string{"ring": "0"}}, {Name: "rest", CatchAll: true}}
	}
	p := fleetOf(t, 3+r.IntN(8), 1+r.IntN(3), waves, func(in *plan.Input) {
		in.Timings.Poll = time.Duration(1+r.IntN(3)) * time.Minute // fewer readings a night, more nights
		if hasTimings(seed) {
			in.Timings = anyTimings(rand.New(rand.NewPCG(uint64(seed), 19)))
		}
		in.Limits = plan.Limits{Validations: 1 + r.IntN(8), Upgrades: 1 + r.IntN(6), PerSubscription: r.IntN(4),
			PerLocation: r.IntN(4), RequestsPerSecond: 10}
		if hasWindows(seed) {
			in.Calendar = manyWindows()
		}
		if r.IntN(3) == 0 {
			in.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: r.IntN(3)}
		}
	})
	sc := emulator.Scenario{Seed: seed, Duration: emulator.Duration{Min: "5m", Max: "30m"}}
	if isStorm(seed) {
		sc.Faults = storm(r, calm)
		return p, sc
	}
	menu := troubles(r)
	for range 1 + r.IntN(5) {
		f := menu[r.IntN(len(menu))]
		if f.Rate == 0 {
			f.Rate = 0.1 + 0.5*r.Float64()
		}
		sc.Faults = append(sc.Faults, f)
	}
	return p, sc
}

// troubles is the menu that nights choose from: each kind of fault the emulator
// has, some in several forms.
func troubles(r *rand.Rand) []emulator.Fault {
	list, upgrade := []string{"list"}, []string{"upgrade"}
	return []emulator.Fault{
		{Kind: "blocked"}, {Kind: "warnings"}, {Kind: "busy", For: "17m"}, {Kind: "start-busy", Times: 1 + r.IntN(2)},
		{Kind: "start-refused", Shape: 1 + r.IntN(3)}, {Kind: "fails", For: "9m"}, {Kind: "fails", Times: 1},
		{Kind: "already"}, {Kind: "failed-before"},
		{Kind: "foreign", For: "40m", Ends: "Upgraded"}, {Kind: "foreign", For: "40m", Ends: "Failed"},
		{Kind: "vanished", After: "start", For: "3m"}, {Kind: "vanished", After: "start", For: "50m"},
		{Kind: "target-exists"}, {Kind: "group-missing"},
		{Kind: "throttled", Calls: upgrade, RetryAfter: 30, Times: 1 + r.IntN(3)},
		{Kind: "throttled", Calls: []string{"prereqs", "target"}, RetryAfter: 90, Times: 1},
		{Kind: "throttled", Calls: list, RetryAfter: 200, Times: 2, Rate: 0.5},
		{Kind: "throttled", Calls: []string{"list", "upgrade"}, RetryAfter: 7200, Times: 1, Rate: 0.2},
		{Kind: "server-error", Calls: upgrade, Status: 503, Times: 1},
		{Kind: "server-error", Calls: upgrade, Status: 503, Accepted: true, RetryAfter: 600, Times: 1},
		{Kind: "server-error", Calls: upgrade, Status: 500, ErrorBody: true, Times: 1},
		{Kind: "server-error", Calls: []string{"list", "prereqs", "target"}, Status: 503, Chance: 0.3, Times: 20,
			Rate: 0.7},
		{Kind: "server-error", Calls: list, Status: 503, RetryAfter: 1200, Chance: 0.2, Times: 3, Rate: 0.5},
		{Kind: "denied", Calls: upgrade, Status: 403, Times: 1},
		{Kind: "denied", Calls: []string{"list", "prereqs", "upgrade"}, Status: 401, Times: 2, Rate: 0.4},
		{Kind: "slow", Calls: upgrade, Delay: "40s", Times: 1}, {Kind: "slow", Calls: list, Delay: "20s", Times: 3},
		{Kind: "hang", Calls: upgrade, Times: 1}, {Kind: "hang", Calls: upgrade, Times: 1, Accepted: true},
		{Kind: "garbage", Calls: upgrade, Times: 1}, {Kind: "garbage", Calls: upgrade, Times: 1, Accepted: true},
		{Kind: "garbage", Calls: []string{"list", "prereqs"}, Times: 1, Rate: 0.5},
		{Kind: "reset-before", Calls: upgrade, Times: 1}, {Kind: "reset-after", Times: 1},
		{Kind: "reset-after", Times: 1, Delay: "3m"},
		{Kind: "reset-before", Calls: list, Chance: 0.3, Times: 10, Rate: 1},
		{Kind: "target-late", For: "4m"}, {Kind: "takes", For: "110m"},
		{Kind: "csp"}, {Kind: "disabled-subscription"}, {Kind: "provider-unregistered"}, {Kind: "feature-missing"},
	}
}

// storm is every trouble there is at once, and a few that strike again and
// again, until a time after which the cloud is only as it is.
func storm(r *rand.Rand, until time.Duration) (faults []emulator.Fault) {
	always := func(kind string, chance float64, calls ...string) emulator.Fault {
		return emulator.Fault{Kind: kind, Rate: 1, Calls: calls, Times: -1, Chance: chance}
	}
	faults = append(troubles(r), always("server-error", 0.2, "list", "prereqs", "target", "upgrade"),
		always("reset-before", 0.2, "upgrade"),
		always("garbage", 0.1, "list", "prereqs", "upgrade"),
		always("denied", 0.05, "list", "prereqs", "upgrade", "target"),
		emulator.Fault{Kind: "reset-after", Rate: 1, Times: -1, Chance: 0.3, Delay: "30s"})
	for i := range faults {
		f := &faults[i]
		if f.Rate == 0 {
			f.Rate = 0.1
		}
		if slices.ContainsFunc(emulator.FaultKinds(),
			func(k emulator.FaultKind) bool { return k.Kind == f.Kind && slices.Contains(k.Params, "until") }) {
			f.Until = until.String()
		}
	}
	if r.IntN(2) == 0 { // half of the storms hide nothing: there nobody may be left in doubt
		faults = slices.DeleteFunc(faults, func(f emulator.Fault) bool { return f.Kind == "vanished" })
	}
	r.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	return faults
}

// manyWindows is open most of the day, in stretches.
func manyWindows() *plan.Calendar {
	c := &plan.Calendar{}
	for _, w := range [][2]int{{0, 180}, {240, 460}, {500, 720}, {790, 1000}, {1050, 1380}} {
		c.Windows = append(c.Windows, plan.Window{Days: everyDay, Start: w[0], End: w[1], Zone: "Australia/Sydney"})
	}
	return c
}

// randomCrashes ends up to so many processes at a random failpoint, at a random
// commit or by a signal.
func randomCrashes(r *rand.Rand, most int) func(int) crash {
	points := slices.Sorted(maps.Keys(ways))
	ends := make([]crash, r.IntN(most+1))
	for i := range ends {
		e := &ends[i]
		switch r.IntN(6) {
		case 0:
			e.stopAt = time.Duration(1 + r.Int64N(int64(2*time.Hour)))
		case 1:
			e.atCommit, e.after, e.lives = 1+r.IntN(25), r.IntN(2) == 0, r.IntN(2) == 0
		default:
			e.at, e.nth = points[r.IntN(len(points))], 1+r.IntN(6)
			switch e.at {
			case failpoint.SuspendedBefore, failpoint.SuspendedAfter:
				e.nth, e.stopAt = 1, time.Duration(1+r.Int64N(int64(time.Hour)))
			case failpoint.ResumedBefore, failpoint.ResumedAfter, failpoint.ClosedBefore, failpoint.ClosedAfter:
				e.nth = 1
			}
		}
	}
	return func(n int) crash {
		if n < len(ends) {
			return ends[n]
		}
		return crash{}
	}
}
