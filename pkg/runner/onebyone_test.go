package runner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// looked is a reading of one vault.
type looked struct {
	vault     string
	at        time.Time
	operation *fleet.Operation
}

// oneByOne is a cloud whose vaults are read one by one. Each change takes two
// minutes and is followed by its operation, which is first to be asked for after
// firstLook, and then every nextLook.
type oneByOne struct {
	mu      sync.Mutex
	ids     int
	reads   []looked
	starts  map[string]time.Time
	trouble func(vault string, operation bool, n int) error // of the nth such reading of a vault, from 1
	sent    func(vault string)
	slow    time.Duration // how long the answer about an operation takes
	silent  bool          // it never says when to come back
	takes   time.Duration // a change, where not changeTakes

	prepares time.Duration // how long a start takes to be made ready, once the vault is read
}

const (
	changeTakes = 2 * time.Minute
	firstLook   = 40 * time.Second
	nextLook    = 25 * time.Second
)

var settingsBefore = json.RawMessage(`{"mode":"off"}`)

func (*oneByOne) Scope() fleet.Scope { return fleet.ScopeVault }

func (c *oneByOne) NewOperationID(time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	return fmt.Sprintf("op-%d", c.ids)
}

func (c *oneByOne) Read(_ context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	f := vaults[0]
	if f.Operation != nil {
		defer time.Sleep(c.slow) // once what is answered is decided
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(vaults) != 1 {
		return nil, fmt.Errorf("%d vaults in one reading", len(vaults))
	}
	at, v := time.Now(), f.Vault
	c.reads = append(c.reads, looked{v.Name, at, f.Operation})
	n := len(c.of(v.Name, f.Operation != nil))
	if c.trouble != nil {
		if err := c.trouble(v.Name, f.Operation != nil, n); err != nil {
			return nil, err
		}
	}
	s := fleet.Sighting{State: settingsBefore}
	snap := &fleet.Snapshot{Subscription: subscription, Only: v.Key, ReadAt: at}
	if f.Operation != nil {
		s = fleet.Sighting{Record: &fleet.Record{OperationID: f.OperationID, State: fleet.RecordInProgress}}
		if !c.silent {
			snap.Next = nextLook
		}
		if at.Sub(c.starts[v.Name]) >= cmp.Or(c.takes, changeTakes) {
			s.Record.State = fleet.RecordUpgraded
		}
	}
	snap.Vaults = map[fleet.Key]fleet.Sighting{v.Key: s}
	return snap, nil
}

// of are the readings of a vault: of its operation, or of itself.
func (c *oneByOne) of(vault string, operation bool) (out []looked) {
	for _, l := range c.reads {
		if l.vault == vault && (l.operation != nil) == operation {
			out = append(out, l)
		}
	}
	return out
}

func (*oneByOne) Validate(_ context.Context, _ *fleet.Vault, seen fleet.Sighting, _ bool, _ []string) fleet.Validation {
	return fleet.Validation{Verdict: fleet.VerdictReady, State: seen.State}
}

func (c *oneByOne) Prepare(context.Context, *fleet.Vault, fleet.Sighting) (fleet.PreparedStart, error) {
	time.Sleep(c.prepares)
	return fleet.PreparedStart{}, nil
}

func (c *oneByOne) Send(_ context.Context, v *fleet.Vault, _ fleet.PreparedStart, _ fleet.MayLeave) fleet.StartAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.starts == nil {
		c.starts = map[string]time.Time{}
	}
	c.starts[v.Name] = time.Now()
	if c.sent != nil {
		c.sent(v.Name)
	}
	o := &fleet.Operation{StatusURL: "/operations/" + v.Name, Final: fleet.FinalStatus}
	if !c.silent {
		o.RetryAfter = firstLook
	}
	return fleet.StartAnswer{Verdict: fleet.StartAccepted, HTTPStatus: 202, Operation: o}
}

func (*oneByOne) Reconcile(context.Context, *fleet.Vault, string, fleet.Sighting, bool, []string) fleet.Reconciliation {
	return fleet.Reconciliation{Reading: fleet.ReadUnreadable}
}

func (*oneByOne) Verify(context.Context, *fleet.Vault, string) (fleet.Verification, error) {
	return fleet.Verification{OK: true}, nil
}

func (*oneByOne) Explain(context.Context, *fleet.Vault, fleet.Sighting) []fleet.Finding { return nil }

// vaultRun is a run of such a cloud in virtual time.
type vaultRun struct {
	t     *testing.T
	plan  *plan.Plan
	store *state.Memory
	cloud *oneByOne
}

func newVaultRun(t *testing.T, vaults, upgrades int) *vaultRun {
	t.Helper()
	p := fleetOf(t, vaults, 1, []plan.WaveSpec{{Name: "all", CatchAll: true}}, func(in *plan.Input) {
		ofToday(in, rsv.Alerts().Spec)
		in.Timings.Poll = 10 * time.Second
		in.Limits = plan.Limits{Validations: 8, Upgrades: upgrades, RequestsPerSecond: 100}
		for i := range in.Subscriptions[0].Vaults {
			in.Subscriptions[0].Vaults[i].ProtectedItems = 0 // in the order of their names
		}
	})
	store, err := state.NewMemory(state.Binding{Cloud: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Begin([]byte("{}"), []fleet.Event{{At: time.Now(),
		Fact: fleet.RunOpened{RunID: "run", PlanFingerprint: p.Fingerprint}}}, nil); err != nil {
		t.Fatal(err)
	}
	return &vaultRun{t: t, plan: p, store: store, cloud: &oneByOne{}}
}

func (r *vaultRun) carryOut(interrupt <-chan struct{}, commands ...fleet.Fact) fleet.ExitCode {
	r.t.Helper()
	code, err := runner.Run(r.t.Context(), runner.Options{Plan: r.plan, Store: r.store, Cloud: r.cloud,
		Commands: commands, Interrupt: interrupt, Begins: r.state()})
	if err != nil {
		r.t.Fatal(err)
	}
	return code
}

// state is where the run stands by its facts.
func (r *vaultRun) state() *rollout.State {
	r.t.Helper()
	st := rollout.NewState(r.plan)
	if err := r.store.Events("run", func(_ uint64, e fleet.Event) error { return st.Apply(e) }); err != nil {
		r.t.Fatal(err)
	}
	return st
}

// stand is where a vault stands.
func (r *vaultRun) stand(i int) *rollout.VaultState {
	r.t.Helper()
	st := r.state()
	return &st.Vaults[i]
}

// Only what is in flight is read, by its operation, not before the cloud said, and
// not more often than it said. What waits is read when it is checked and before it
// starts.
func TestVaultsAreReadOneByOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 3, 1)
		if code := r.carryOut(nil); code != fleet.ExitOK {
			t.Fatalf("exit %d", code)
		}
		for i, name := range []string{"v00", "v01", "v02"} {
			itself, operation := r.cloud.of(name, false), r.cloud.of(name, true)
			if want := []int{1, 2, 2}[i]; len(itself) != want {
				t.Errorf("%s was read %d times, want %d: %v", name, len(itself), want, itself)
			}
			at := r.cloud.starts[name]
			if len(operation) == 0 || operation[0].at.Sub(at) != firstLook {
				t.Fatalf("%s, started at %v, was followed at %v", name, at, operation)
			}
			for n := 1; n < len(operation); n++ {
				if gap := operation[n].at.Sub(operation[n-1].at); gap != nextLook {
					t.Errorf("%s was asked for after %v", name, gap)
				}
				if operation[n].operation.StatusURL != "/operations/"+name {
					t.Errorf("%s was followed at %+v", name, operation[n].operation)
				}
			}
			if v := r.stand(i); v.Status != fleet.Upgraded || len(operation) != 5 {
				t.Errorf("%s is %s after %d looks", name, v.Status, len(operation))
			}
		}
	})
}

// What the service asks to wait counts from its answer, however long that took.
func TestWaitsCountFromTheAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 1, 1)
		r.cloud.slow = 9 * time.Second
		if code := r.carryOut(nil); code != fleet.ExitOK {
			t.Fatalf("exit %d", code)
		}
		looks := r.cloud.of("v00", true)
		for n := 1; n < len(looks); n++ {
			if gap := looks[n].at.Sub(looks[n-1].at); gap != r.cloud.slow+nextLook {
				t.Errorf("asked again after %v, of which the answer took %v: want %v more", gap, r.cloud.slow, nextLook)
			}
		}
		if len(looks) < 3 {
			t.Errorf("looked %d times", len(looks))
		}
	})
}

// One vault that may not be read is no missing sign-in: the others go on, and it
// is asked for again.
func TestOneForbiddenVaultStopsNoOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 4, 2)
		r.cloud.trouble = func(vault string, operation bool, n int) error {
			switch {
			case vault == "v00" && operation && n <= 20:
				return &fleet.CallError{Op: "follow " + vault, Class: fleet.CallForbidden, HTTPStatus: 403}
			case vault == "v03" && !operation && n > 1:
				return &fleet.CallError{Op: "read " + vault, Class: fleet.CallForbidden, HTTPStatus: 403}
			}
			return nil
		}
		if code := r.carryOut(nil); code != fleet.ExitNotUpgraded {
			t.Errorf("exit %d", code)
		}
		for i, want := range []fleet.Status{fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Blocked} {
			if v := r.stand(i); v.Status != want {
				t.Errorf("v%02d is %s: %s", i, v.Status, v.Reason)
			}
		}
		last := r.cloud.of("v00", true)
		if ended := last[len(last)-1].at; !r.cloud.starts["v02"].Before(ended) {
			t.Error("the others waited for the one that may not be read")
		}
		if _, ok := r.cloud.starts["v03"]; ok {
			t.Error("a vault was changed that could not be read before")
		}
		if v := r.stand(3); len(v.Findings) == 0 || v.Findings[0].Code != fleet.CodeNoPermission {
			t.Errorf("blocked with %+v", v.Findings)
		}
	})
}

// A poll that asks to be left alone is not made again before that.
func TestOnePollIsLeftAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 1, 1)
		r.cloud.trouble = func(_ string, operation bool, n int) error {
			if operation && n == 2 {
				return &fleet.CallError{Op: "follow it", Class: fleet.CallThrottled, RetryAfter: 90 * time.Second}
			}
			return nil
		}
		if code := r.carryOut(nil); code != fleet.ExitOK {
			t.Errorf("exit %d", code)
		}
		at := r.cloud.of("v00", true)
		if gap := at[2].at.Sub(at[1].at); gap != 90*time.Second {
			t.Errorf("asked again after %v", gap)
		}
	})
}

// The next process follows the same operation, from the journal, and sends nothing.
func TestTheNextProcessFollowsTheOperation(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 1, 1)
		stop := make(chan struct{})
		r.cloud.sent = func(string) { close(stop) }
		if code := r.carryOut(stop); code != fleet.ExitInterrupted {
			t.Fatalf("exit %d", code)
		}
		if n := len(r.cloud.of("v00", true)); n != 0 {
			t.Fatalf("followed %d times before the interruption", n)
		}
		started := r.cloud.starts["v00"]
		r.cloud.sent = func(string) { t.Error("sent twice") }
		time.Sleep(time.Hour)
		if code := r.carryOut(nil, fleet.Resumed{}); code != fleet.ExitOK {
			t.Errorf("exit %d", code)
		}
		if !r.cloud.starts["v00"].Equal(started) {
			t.Error("it was started again")
		}
		if looks := r.cloud.of("v00", true); len(looks) != 1 || looks[0].operation.StatusURL != "/operations/v00" {
			t.Errorf("followed by %+v", looks)
		}
		var before []string
		_ = r.store.Events("run", func(_ uint64, e fleet.Event) error { // it hands out what it holds
			if f, ok := e.Fact.(fleet.StartIntended); ok {
				before = append(before, string(f.Before))
			}
			return nil
		})
		if !slices.Equal(before, []string{string(settingsBefore)}) {
			t.Errorf("recorded before: %v", before)
		}
	})
}
