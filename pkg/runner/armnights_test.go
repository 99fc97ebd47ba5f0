package runner_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/azure/kvrbac"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

var (
	todaySeed = flag.Int64("today-seed", 0,
		"run the night of today's vaults with this seed alone; with -v it tells its story")
	todayNights = flag.Int("today-nights", 100, "how many nights TestTodaysNights simulates")
)

// adapterOf is the adapter of a plan's kind.
func adapterOf(p *plan.Plan, sm, rm *azure.APIClients) (runner.Upgrader, error) {
	for _, change := range []arm.Change{rsv.Alerts(), kvrbac.Roles()} {
		if change.Spec.Kind == p.Kind {
			return arm.New(change, arm.Options{ResourceManager: rm, Subscriptions: p.Subscriptions,
				Kind: p.Upgrade.Options})
		}
	}
	return classic.New(classic.Options{ServiceManagement: sm, ResourceManager: rm, Subscriptions: p.Subscriptions})
}

// resourcesOf are the vaults of a plan that are today's.
func resourcesOf(p *plan.Plan) (rs []emulator.Resource) {
	for i := range p.Vaults {
		if v := &p.Vaults[i]; v.ResourceGroup != "" {
			rs = append(rs, emulator.Resource{SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName,
				ResourceGroup: v.ResourceGroup,
				Type:          string(v.ResourceType), Name: v.Name, Location: v.Location,
				ProtectedItems: v.ProtectedItems})
		}
	}
	return rs
}

// ofToday makes the vaults of a plan's input today's, of a kind.
func ofToday(in *plan.Input, spec fleet.KindSpec) {
	options, _ := spec.Complete(nil) // its defaults
	up := spec.Describe(options)
	in.Kind, in.Upgrade = spec.Kind, &up
	for s := range in.Subscriptions {
		for i := range in.Subscriptions[s].Vaults {
			v := &in.Subscriptions[s].Vaults[i]
			v.ResourceType, v.ResourceGroup, v.TargetResourceGroup = spec.Type, "rg", ""
		}
	}
}

// TestTodaysNights is TestNights for vaults that are read one by one, changed by
// a PATCH and followed by the URL of an operation.
func TestTodaysNights(t *testing.T) {
	t.Parallel()
	if *todaySeed != 0 {
		todaysNight(t, *todaySeed)
		return
	}
	const shards = 4
	for s := range shards {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			for seed := int64(s + 1); seed <= int64(*todayNights); seed += shards {
				if todaysNight(t, seed); t.Failed() {
					t.Fatalf("this night alone: go test ./pkg/runner -run TestTodaysNights -today-seed %d -v", seed)
				}
			}
		})
	}
}

func todaysNight(t *testing.T, seed int64) {
	inBubble(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(uint64(seed), 71))
		p := fleetOf(t, 3+r.IntN(8), 1+r.IntN(3), []plan.WaveSpec{{Name: "all", CatchAll: true}}, func(in *plan.Input) {
			ofToday(in, rsv.Alerts().Spec)
			in.Timings.Poll = time.Duration(10+r.IntN(90)) * time.Second
			in.Limits = plan.Limits{Validations: 1 + r.IntN(8), Upgrades: 1 + r.IntN(6), PerSubscription: r.IntN(4),
				PerLocation: r.IntN(4), RequestsPerSecond: 10}
			if r.IntN(3) == 0 {
				in.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: r.IntN(3)}
			}
		})
		sc := emulator.Scenario{Seed: seed, Duration: emulator.Duration{Min: "20s", Max: "10m"}}
		sc.Shape = []string{"", "", "recorded-2024", "specification"}[seed%4]
		menu := todaysTroubles(r)
		for range 1 + r.IntN(6) {
			f := menu[r.IntN(len(menu))]
			if f.Rate == 0 {
				f.Rate = 0.1 + 0.5*r.Float64()
			}
			sc.Faults = append(sc.Faults, f)
		}
		if r.IntN(6) == 0 { // a vault of which no answer about its operation says anything, and which is not changed
			name := p.Vaults[r.IntN(len(p.Vaults))].Name
			sc.Faults = append(sc.Faults, emulator.Fault{Vault: name, Kind: "created"},
				emulator.Fault{Vault: name, Kind: "ineffective"})
			if r.IntN(2) == 0 {
				sc.Faults = append(sc.Faults,
					emulator.Fault{Vault: name, Kind: "bad-status", Answer: senseless[r.IntN(len(senseless))],
						Times: -1})
			}
		}
		n := newNight(t, p, sc)
		n.crash, n.hold = randomCrashes(r, 5), rand.New(rand.NewPCG(uint64(seed), 18))
		defer func() {
			if t.Failed() || *todaySeed != 0 {
				t.Logf("seed %d: %d vaults, limits %+v, faults:\n%+v", seed, len(p.Vaults), p.Limits, sc.Faults)
				t.Logf("%s of seed %d:\n%s", n.runID, seed, strings.Join(n.story(), "\n"))
			}
		}()
		n.checkToday(n.finish())
		n.checkLiveness(0, sc)

		// Another run on the same ledger starts no failed vault again, and asks
		// for nothing to be changed that is as it should be.
		n.crash = nil
		before, was := n.cloud.Summary(), n.state()
		n.open("run-2")
		n.checkToday(n.finish())
		n.checkLiveness(0, sc)
		after := n.cloud.Summary()
		for i := range p.Vaults {
			v := &p.Vaults[i]
			a, _ := before.Resource(v.SubscriptionID, v.Name)
			b, _ := after.Resource(v.SubscriptionID, v.Name)
			if s := was.Vaults[i].Status; (s == fleet.Failed || s == fleet.Upgraded || s == fleet.Already) &&
				a.Requests["patch"] != b.Requests["patch"] {
				t.Errorf("%s was %s and was sent another PATCH by the next run", v.Ref(), s)
			}
		}
	})
}

// checkToday compares how the run ended with what the cloud saw.
func (n *night) checkToday(code fleet.ExitCode) {
	t := n.t
	t.Helper()
	for _, b := range n.audit() {
		t.Error(b)
	}
	st, sum := n.state(), n.cloud.Summary()
	if sum.Mistakes > 0 {
		t.Errorf("the protocol was broken: %v", sum.MistakeList)
	}
	n.checkLimits(&sum)
	for i := range st.Vaults {
		v, pv := &st.Vaults[i], &n.plan.Vaults[i]
		c, ok := sum.Resource(pv.SubscriptionID, pv.Name)
		if !ok {
			t.Fatalf("the cloud does not know %s", pv.Ref())
		}
		reached := strings.Contains(fmt.Sprint(c.Properties["monitoringSettings"]),
			"alertsForCriticalOperations:Disabled")
		switch {
		case v.Open():
			t.Errorf("rule 8: %s ended as %s", pv.Ref(), v.Status)
		case c.Accepted > 1:
			t.Errorf("rule 1: %s was accepted %d times, %d times the same", pv.Ref(), c.Accepted, c.DoubleAccepted)
		case (v.Status == fleet.Upgraded || v.Status == fleet.Already) && !reached:
			t.Errorf("%s is reported %s, and has %v", pv.Ref(), v.Status, c.Properties)
		case v.Status == fleet.Upgraded && c.Accepted < 1:
			t.Errorf("%s is reported upgraded, and was accepted %d times", pv.Ref(), c.Accepted)
		case v.Status == fleet.Failed && reached:
			t.Errorf("%s is reported failed (%s), and is as it should be", pv.Ref(), v.Reason)
		case v.Status == fleet.Blocked && c.Accepted > 0:
			t.Errorf("%s is reported blocked (%s), but its start was accepted", pv.Ref(), v.Reason)
		}
	}
	if want := st.Verdict(); want != code {
		t.Errorf("exit %d, but the run stands at %d", code, want)
	}
}

// senseless are the answers of a status address that say nothing of its operation.
var senseless = []string{"denied", "gone", "no-content", "empty", "vault", "page", "wrapped"}

// todaysTroubles is the menu of these nights.
func todaysTroubles(r *rand.Rand) []emulator.Fault {
	patch, read := []string{"patch"}, []string{"vault"}
	return []emulator.Fault{
		{Kind: "busy", For: "7m"}, {Kind: "start-busy", Times: 1 + r.IntN(2)}, {Kind: "start-refused", Status: 400},
		{Kind: "fails", For: "3m"}, {Kind: "takes", For: "50m"}, {Kind: "synchronous"}, {Kind: "ineffective"},
		{Kind: "state", Properties: map[string]any{"monitoringSettings": nil}},
		{Kind: "locked", For: "20m"}, {Kind: "policy"}, {Kind: "guarded"}, {Kind: "deny-assignment"}, {Kind: "created"},
		{Kind: "being-made", For: "9m"},
		{Kind: "bad-status", Answer: senseless[r.IntN(len(senseless))], Times: 1 + r.IntN(4)},
		{Kind: "bad-status", Answer: senseless[r.IntN(len(senseless))], Times: -1},
		{Kind: "vanished", After: "start", For: "3m"},
		{Kind: "throttled", Calls: patch, RetryAfter: 30, Times: 1 + r.IntN(3)},
		{Kind: "throttled", Calls: []string{"vault", "operation"}, RetryAfter: 90, Times: 2},
		{Kind: "throttled", Calls: []string{"operation"}, RetryAfter: 900, Times: 1},
		{Kind: "server-error", Calls: patch, Status: 503, Times: 1},
		{Kind: "server-error", Calls: patch, Status: 503, Accepted: true, RetryAfter: 600, Times: 1},
		{Kind: "server-error", Calls: patch, Status: 500, ErrorBody: true, Times: 1},
		{Kind: "server-error", Calls: []string{"vault", "operation", "locks", "rules"}, Status: 503, Chance: 0.3,
			Times: 20, Rate: 0.7},
		{Kind: "denied", Calls: patch, Status: 403, Times: 1},
		{Kind: "denied", Calls: []string{"vault", "operation"}, Status: 401, Times: 2, Rate: 0.4},
		{Kind: "denied", Calls: read, Status: 403, Times: 1},
		{Kind: "slow", Calls: patch, Delay: "40s", Times: 1}, {Kind: "slow", Calls: read, Delay: "20s", Times: 3},
		{Kind: "hang", Calls: patch, Times: 1}, {Kind: "hang", Calls: patch, Times: 1, Accepted: true},
		{Kind: "garbage", Calls: patch, Times: 1}, {Kind: "garbage", Calls: patch, Times: 1, Accepted: true},
		{Kind: "garbage", Calls: []string{"vault", "operation", "locks"}, Times: 1, Rate: 0.5},
		{Kind: "reset-before", Calls: patch, Times: 1}, {Kind: "reset-after", Times: 1},
		{Kind: "reset-after", Times: 1, Delay: "3m"},
		{Kind: "reset-before", Calls: []string{"vault", "operation"}, Chance: 0.3, Times: 10, Rate: 1},
		{Kind: "no-alert-rule", Rate: 0.5},
	}
}

// TestTodaysNightsMeetEveryTrouble keeps the menu complete.
func TestTodaysNightsMeetEveryTrouble(t *testing.T) {
	t.Parallel()
	menu := todaysTroubles(rand.New(rand.NewPCG(1, 1)))
	// Somebody else's change, and subscriptions that cannot be used, are told in
	// the adapter's own tests; roles are of key vaults, the index of other commands.
	elsewhere := []string{"foreign", "csp", "disabled-subscription", "provider-unregistered", "feature-missing",
		"roles-late", "principal-missing", "role", "unlicensed", "index-late", "unseen"}
	for _, k := range emulator.FaultKinds() {
		met := slices.ContainsFunc(menu, func(f emulator.Fault) bool { return f.Kind == k.Kind })
		if !met && k.Only != emulator.OnlyClassic && !slices.Contains(elsewhere, k.Kind) {
			t.Errorf("no night ever meets the fault %q", k.Kind)
		}
	}
}
