package runner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// night is one rollout in virtual time: the real brain, runner, adapter and
// emulator, with no network between them, in as many processes as it takes.
type night struct {
	t     testing.TB
	plan  *plan.Plan
	cloud *emulator.Cloud
	store *state.Memory
	runID string
	began time.Time

	started  int               // processes so far
	fresh    bool              // the run was opened and no process has had it yet
	crash    func(n int) crash // decides how process n ends; nil: by itself
	lastCode fleet.ExitCode
}

// crash is how a process is made to end.
type crash struct {
	atCommit int           // the commit at which it dies, 0: none
	after    bool          // that commit reaches the disk
	stopAt   time.Duration // when it is told to stop, 0: never
}

// newNight makes the cloud and opens the run. Call it inside a bubble.
func newNight(t testing.TB, p *plan.Plan, sc emulator.Scenario) *night {
	cloud, err := emulator.New(emulator.Config{Scenario: sc, Vaults: vaultsOf(p)})
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.NewMemory(state.Binding{Cloud: "Emulator"})
	if err != nil {
		t.Fatal(err)
	}
	n := &night{t: t, plan: p, cloud: cloud, store: store, began: time.Now(), fresh: true}
	n.open("run-1", nil)
	return n
}

// open begins another run on the same ledger.
func (n *night) open(id string, carried []fleet.Carried) {
	n.t.Helper()
	n.runID = id
	opened := fleet.RunOpened{RunID: id, PlanFingerprint: n.plan.Fingerprint, Carried: carried}
	if err := n.store.Begin([]byte("{}"), []fleet.Event{{At: time.Now().UTC(), Fact: opened}}, nil); err != nil {
		n.t.Fatal(err)
	}
}

// process runs one process to its end and returns its exit code.
func (n *night) process(commands ...fleet.Fact) (fleet.ExitCode, error) {
	n.t.Helper()
	var c crash
	if n.crash != nil {
		c = n.crash(n.started)
	}
	if !n.fresh {
		commands = append([]fleet.Fact{fleet.Resumed{}}, commands...)
	}
	n.fresh = false
	n.started++
	sm, rm, err := azure.NewSides(azure.Options{
		Cloud:     fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "http://127.0.0.1:1", ResourceManager: "http://127.0.0.1:1"},
		Version:   "test",
		Transport: emulator.Transport(n.cloud),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	limiter := runner.NewLimiter(n.plan.Limits.RequestsPerSecond)
	up, err := classic.New(classic.Options{ServiceManagement: sm, ResourceManager: rm, Limiter: limiter})
	if err != nil {
		n.t.Fatal(err)
	}
	defer up.Close()
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	interrupt := make(chan struct{})
	if c.stopAt > 0 {
		stop := time.AfterFunc(c.stopAt, func() { close(interrupt) })
		defer stop.Stop()
	}
	code, err := runner.Run(ctx, runner.Options{
		Plan: n.plan, Cloud: up, Limiter: limiter, Commands: commands, Interrupt: interrupt,
		Store: &mortal{Store: n.store, crash: c, die: kill},
		Replay: func(apply func(fleet.Event) error) error {
			return n.store.Events(n.runID, func(_ uint64, e fleet.Event) error { return apply(e) })
		},
	})
	n.lastCode = code
	return code, err
}

// finish runs processes until the run is over, as an operator would: resuming
// what was interrupted, accepting failures after a halt.
func (n *night) finish() fleet.ExitCode {
	n.t.Helper()
	for range 60 {
		var commands []fleet.Fact
		if !n.fresh && n.state().Run.Halt != nil && n.lastCode == fleet.ExitHalted {
			commands = append(commands, fleet.FailuresAccepted{Reason: "test"})
		}
		code, err := n.process(commands...)
		if err != nil && !errors.Is(err, errKilled) {
			n.t.Fatalf("process %d: %v", n.started, err)
		}
		if st := n.state(); st.Run.Closed != nil {
			return st.Run.Closed.Code
		}
		if code == fleet.ExitSignIn {
			time.Sleep(time.Hour) // virtual: somebody signs in again
		}
	}
	n.t.Fatalf("the run does not end; it stands at %v", n.state().Verdict())
	return 0
}

// state folds the run's journal.
func (n *night) state() *rollout.State {
	n.t.Helper()
	st := rollout.NewState(n.plan)
	if err := n.store.Events(n.runID, func(_ uint64, e fleet.Event) error { return st.Apply(e) }); err != nil {
		n.t.Fatal(err)
	}
	return st
}

// carried is what the ledger knows of vaults that are over and not upgraded.
func (n *night) carried() (cs []fleet.Carried) {
	n.t.Helper()
	err := n.store.VaultRecords(func(r fleet.VaultRecord) error {
		if r.Status == fleet.Failed || r.Status == fleet.Unknown {
			cs = append(cs, fleet.Carried{Vault: r.Vault, Status: r.Status, OperationID: r.OperationID,
				Accepted: r.Accepted, ErrorBody: r.ErrorBody})
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return cs
}

var errKilled = errors.New("killed")

// mortal is a store whose process dies at one of its commits.
type mortal struct {
	runner.Store
	crash crash
	die   func()
	n     int
}

func (m *mortal) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	m.n++
	if m.n != m.crash.atCommit {
		return m.Store.Commit(events, vaults)
	}
	m.die()
	if m.crash.after {
		if err := m.Store.Commit(events, vaults); err != nil {
			return err
		}
	}
	return errKilled
}

func vaultsOf(p *plan.Plan) (vs []emulator.Vault) {
	for i := range p.Vaults {
		v := &p.Vaults[i]
		vs = append(vs, emulator.Vault{SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName,
			Name: v.Name, Location: v.Location, ResourceType: string(v.ResourceType),
			TargetResourceGroup: v.TargetResourceGroup, ProtectedItems: v.ProtectedItems})
	}
	return vs
}

// fleetOf makes a plan of n vaults over subs subscriptions.
func fleetOf(t testing.TB, n, subs int, waves []plan.WaveSpec, edit func(*plan.Input)) *plan.Plan {
	t.Helper()
	in := plan.Input{Inventory: "test.yaml", Cloud: fleet.Cloud{Name: fleet.Emulator}, Kind: fleet.KindClassic,
		Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(), FailureBudget: plan.Budget{Unit: plan.UnitPercent, Percent: 100},
		Waves: waves, Now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
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

// randomNight makes a fleet, a policy and a scenario from a seed.
func randomNight(t testing.TB, r *rand.Rand, seed int64) (*plan.Plan, emulator.Scenario) {
	var waves []plan.WaveSpec
	if r.IntN(2) == 0 {
		waves = []plan.WaveSpec{{Name: "canary", Match: map[string]string{"ring": "0"}}, {Name: "rest", CatchAll: true}}
	}
	p := fleetOf(t, 3+r.IntN(8), 1+r.IntN(3), waves, func(in *plan.Input) {
		in.Timings.Poll = time.Minute // half the readings of a night, twice the nights
		in.Limits = plan.Limits{Validations: 1 + r.IntN(8), Upgrades: 1 + r.IntN(6), PerSubscription: r.IntN(4),
			PerLocation: r.IntN(4), RequestsPerSecond: 10}
		if r.IntN(3) == 0 {
			in.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: r.IntN(3)}
		}
	})
	sc := emulator.Scenario{Seed: seed, Duration: emulator.Duration{Min: "5m", Max: "30m"}}
	menu := []emulator.Fault{
		{Kind: "blocked"}, {Kind: "warnings"}, {Kind: "busy", For: "17m"}, {Kind: "start-busy", Times: 1 + r.IntN(2)},
		{Kind: "start-refused", Shape: 1 + r.IntN(3)}, {Kind: "fails", For: "9m"}, {Kind: "already"}, {Kind: "failed-before"},
		{Kind: "foreign", For: "40m", Ends: "Upgraded"}, {Kind: "foreign", For: "40m", Ends: "Failed"},
		{Kind: "vanished", After: "start", For: "3m"}, {Kind: "vanished", After: "start", For: "50m"},
		{Kind: "target-exists"}, {Kind: "group-missing"},
		{Kind: "throttled", Calls: []string{"upgrade"}, RetryAfter: 30, Times: 1 + r.IntN(3)},
		{Kind: "throttled", Calls: []string{"prereqs", "target"}, RetryAfter: 90, Times: 1},
		{Kind: "throttled", Calls: []string{"list"}, RetryAfter: 200, Times: 2, Rate: 0.5},
		{Kind: "server-error", Calls: []string{"upgrade"}, Status: 503, Times: 1},
		{Kind: "server-error", Calls: []string{"upgrade"}, Status: 500, ErrorBody: true, Times: 1},
		{Kind: "server-error", Calls: []string{"list", "prereqs", "target"}, Status: 503, Chance: 0.3, Times: 20, Rate: 0.7},
		{Kind: "denied", Calls: []string{"upgrade"}, Status: 403, Times: 1},
		{Kind: "denied", Calls: []string{"list", "prereqs", "upgrade"}, Status: 401, Times: 2, Rate: 0.4},
		{Kind: "slow", Calls: []string{"upgrade"}, Delay: "40s", Times: 1}, {Kind: "slow", Calls: []string{"list"}, Delay: "20s", Times: 3},
		{Kind: "hang", Calls: []string{"upgrade"}, Times: 1}, {Kind: "hang", Calls: []string{"upgrade"}, Times: 1, Accepted: true},
		{Kind: "garbage", Calls: []string{"upgrade"}, Times: 1}, {Kind: "garbage", Calls: []string{"upgrade"}, Times: 1, Accepted: true},
		{Kind: "garbage", Calls: []string{"list", "prereqs"}, Times: 1, Rate: 0.5},
		{Kind: "reset-before", Calls: []string{"upgrade"}, Times: 1}, {Kind: "reset-after", Times: 1},
		{Kind: "reset-before", Calls: []string{"list"}, Chance: 0.3, Times: 10, Rate: 1},
		{Kind: "target-late", For: "4m"}, {Kind: "takes", For: "110m"},
	}
	for range 1 + r.IntN(5) {
		f := menu[r.IntN(len(menu))]
		if f.Rate == 0 {
			f.Rate = 0.1 + 0.5*r.Float64()
		}
		sc.Faults = append(sc.Faults, f)
	}
	return p, sc
}

// randomCrashes ends some processes at a random commit or by a signal.
func randomCrashes(r *rand.Rand) func(int) crash {
	ends := make([]crash, r.IntN(5))
	for i := range ends {
		switch r.IntN(3) {
		case 0:
			ends[i] = crash{stopAt: time.Duration(1 + r.Int64N(int64(2*time.Hour)))}
		default:
			ends[i] = crash{atCommit: 1 + r.IntN(25), after: r.IntN(2) == 0}
		}
	}
	return func(n int) crash {
		if n < len(ends) {
			return ends[n]
		}
		return crash{}
	}
}

// inBubble runs a night in virtual time.
func inBubble(t *testing.T, do func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, do)
}
