package rollout

import (
	"fmt"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// testPlan is a plan of n vaults over subs subscriptions and locs locations,
// in the given waves' sizes (the last takes the rest).
func testPlan(n, subs, locs int, sizes ...int) *plan.Plan {
	p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitDefault}}
	if len(sizes) == 0 {
		sizes = []int{n}
	}
	wave, left := 0, sizes[0]
	for w := range sizes {
		p.Waves = append(p.Waves, plan.Wave{Name: fmt.Sprintf("w%d", w+1)})
	}
	for i := range n {
		for left == 0 && wave+1 < len(sizes) {
			wave++
			left = sizes[wave]
		}
		left--
		v := plan.Vault{Wave: wave}
		v.Kind, v.Name = fleet.KindClassic, fmt.Sprintf("v%03d", i)
		v.SubscriptionID = fmt.Sprintf("%08d-0000-0000-0000-000000000000", i%subs)
		v.SubscriptionName = fmt.Sprintf("s%d", i%subs)
		v.Location, v.ResourceType = fmt.Sprintf("loc%d", i%locs), fleet.BackupVault
		v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
		v.Predicted = plan.Prediction{P50: 20*time.Minute + time.Duration(i%40)*time.Minute, P90: 90 * time.Minute}
		p.Vaults = append(p.Vaults, v)
		p.Waves[wave].Vaults = append(p.Waves[wave].Vaults, i)
	}
	return p
}

// benchPlan is a large fleet under limits that grow with it.
func benchPlan(n int) *plan.Plan {
	p := testPlan(n, n/50, 12, 5, n/10, n)
	p.Limits.Upgrades, p.Limits.PerLocation = n/20, n/100
	return p
}

// BenchmarkRollout runs whole rollouts of growing fleets: the time per vault
// must grow no faster than a logarithm.
func BenchmarkRollout(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := benchPlan(n)
			steps := 0
			for b.Loop() {
				f, err := Simulate(p, time.Unix(0, 0), predicted)
				if err != nil {
					b.Fatal(err)
				}
				steps = f.Steps
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/vault")
			b.ReportMetric(float64(steps), "steps")
		})
	}
}

// BenchmarkStep measures Step alone, with one observation at a time, in the
// middle of a rollout: upgrades end, are verified, and make room for others.
// The time per Step must grow no faster than a logarithm of the fleet.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := benchPlan(n)
			p.Limits.Validations = 1
			var r *rota
			for b.Loop() {
				if r == nil || len(r.inbox) == 0 {
					b.StopTimer()
					r = newRota(p)
					b.StartTimer()
				}
				r.step()
			}
		})
	}
}

// rota answers whatever a machine asks, one answer a Step; an upgrade ends
// when its turn comes.
type rota struct {
	m     *Machine
	now   time.Time
	inbox []func() Observation
	cloud map[string]map[fleet.Key]fleet.Sighting // by subscription
}

func newRota(p *plan.Plan) *rota {
	r := &rota{m: New(p), now: time.Unix(0, 0), cloud: map[string]map[fleet.Key]fleet.Sighting{}}
	for i := range p.Vaults {
		r.cloud[p.Vaults[i].SubscriptionID] = map[fleet.Key]fleet.Sighting{}
	}
	if err := r.m.Apply(fleet.Event{At: r.now, Fact: fleet.RunOpened{RunID: "bench"}}); err != nil {
		panic(err)
	}
	r.act(r.m.Step(r.now, nil))
	return r
}

func (r *rota) step() {
	o := r.inbox[0]()
	r.inbox = r.inbox[1:]
	r.now = r.now.Add(time.Millisecond)
	r.act(r.m.Step(r.now, []Observation{o}))
}

func (r *rota) act(out Output) {
	if out.Err != nil {
		panic(out.Err)
	}
	for _, a := range out.Actions {
		switch a := a.(type) {
		case Validate:
			r.later(ValidateDone{r.m.key(a.Vault), fleet.Validation{Verdict: fleet.VerdictReady}})
		case Prepare:
			r.later(PrepareDone{Vault: r.m.key(a.Vault),
				Start: fleet.PreparedStart{OperationID: r.m.Plan.Vaults[a.Vault].Name}, Present: true})
		case Send:
			v := &r.m.Plan.Vaults[a.Vault]
			record := &fleet.Record{OperationID: a.Start.OperationID, State: fleet.RecordInProgress}
			r.cloud[v.SubscriptionID][v.Key] = fleet.Sighting{Record: record}
			r.later(SendDone{v.Key, a.Start.OperationID, fleet.StartAnswer{Verdict: fleet.StartAccepted}})
			r.inbox = append(r.inbox, func() Observation {
				record.State = fleet.RecordUpgraded
				return ReadDone{fleet.Snapshot{Subscription: v.SubscriptionID, ReadAt: r.now,
					Vaults: r.cloud[v.SubscriptionID]}}
			})
		case Verify:
			r.later(VerifyDone{Vault: r.m.key(a.Vault), OperationID: a.OperationID,
				Result: fleet.Verification{OK: true}})
		}
	}
}

func (r *rota) later(o Observation) { r.inbox = append(r.inbox, func() Observation { return o }) }

// TestRota keeps BenchmarkStep honest: what it measures is a rollout that
// upgrades every vault.
func TestRota(t *testing.T) {
	t.Parallel()
	p := benchPlan(1000)
	r := newRota(p)
	for len(r.inbox) > 0 {
		r.step()
	}
	if n := r.m.Totals.Of(fleet.Upgraded); n != len(p.Vaults) || !r.m.exited {
		t.Errorf("%d of %d vaults upgraded", n, len(p.Vaults))
	}
}
