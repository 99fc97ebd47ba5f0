package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// told is a cloud that answers each call as it is told to, and remembers what it was
// asked.
type told struct {
	fake
	validation     fleet.Validation
	prepare        func() error
	answer         fleet.StartAnswer
	reconciliation fleet.Reconciliation
	verifies       error
	asked          []string
}

func (c *told) ask(call string, v *fleet.Vault, about ...any) {
	c.asked = append(c.asked, fmt.Sprintln(append([]any{call, v.Key}, about...)...))
}

func (c *told) Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	if f := vaults[0]; f.OperationID != "" {
		c.ask("read", f.Vault, f.OperationID, f.Operation != nil)
	}
	return c.fake.Read(ctx, subscription, vaults)
}

func (c *told) Validate(_ context.Context, v *fleet.Vault, seen fleet.Sighting, present bool,
	disregard []string) fleet.Validation {
	c.ask("validate", v, seen.Address, present, disregard)
	return c.validation
}

func (c *told) Prepare(_ context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error) {
	c.ask("prepare", v, seen.Address)
	var err error
	if c.prepare != nil {
		err = c.prepare()
	}
	return fleet.PreparedStart{Path: "/" + seen.Address}, err
}

func (c *told) NewOperationID(time.Time) string { return "new" }

func (c *told) Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart,
	may fleet.MayLeave) fleet.StartAnswer {
	if within, reason := may(); reason != "" || within != time.Second {
		c.ask("may not leave", v, within, reason)
	}
	deadline, _ := ctx.Deadline()
	c.ask("send", v, start.OperationID, time.Until(deadline))
	return c.answer
}

func (c *told) Reconcile(_ context.Context, v *fleet.Vault, op string, seen fleet.Sighting, present bool,
	before []string) fleet.Reconciliation {
	c.ask("reconcile", v, op, seen.Address, present, before)
	return c.reconciliation
}

func (c *told) Verify(_ context.Context, v *fleet.Vault, op string) (fleet.Verification, error) {
	c.ask("verify", v, op)
	return fleet.Verification{OK: c.verifies == nil}, c.verifies
}

func (c *told) Explain(_ context.Context, v *fleet.Vault, seen fleet.Sighting) []fleet.Finding {
	c.ask("explain", v, seen.Address)
	return []fleet.Finding{{Code: "why"}}
}

// bubble is when the time of a test begins that is not of the world outside (testing/synctest).
var bubble = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestCalls: each call ends in one observation, whatever came, and what a subscription
// asks for is passed on: to the limiter, which lets nothing out meanwhile, and to the
// machine, which starts nothing.
func TestCalls(t *testing.T) {
	t.Parallel()
	busy := &fleet.CallError{Op: "list", Class: fleet.CallThrottled, Message: "later", RetryAfter: time.Hour}
	unreadable := func(n int) func(*told, *Calls) {
		return func(c *told, _ *Calls) {
			c.read = func(_ context.Context, nth int) error {
				if nth >= n {
					return busy
				}
				return nil
			}
		}
	}
	oneByOne := func(c *told, calls *Calls) {
		c.one = true
		calls.snapshots = newSnapshotCache(calls.reads, &calls.readings, c, calls.Plan, calls.clock)
	}
	unprepared := func(err error) rollout.Observation {
		o, _ := rollout.Unprepared(fleet.ScopeSubscription, "v0", err)
		return o
	}
	send := rollout.Send{Start: fleet.PreparedStart{OperationID: "op"}}
	sent := func(a fleet.StartAnswer) rollout.Observation {
		return rollout.SendDone{Vault: "v0", OperationID: "op", Answer: a}
	}
	throttled, unknown := fleet.StartAnswer{Verdict: fleet.StartThrottled, RetryAfter: time.Hour},
		fleet.StartAnswer{Verdict: fleet.StartUnknown, RetryAfter: time.Hour}
	for name, c := range map[string]struct {
		given  func(*told, *Calls)
		action rollout.Action
		asked  []string
		want   rollout.Observation
		starts bool // are held back, for an hour
		all    bool // requests are
	}{
		"checked": {func(c *told, _ *Calls) { c.validation = fleet.Validation{Verdict: fleet.VerdictReady} },
			rollout.Validate{Disregard: []string{"old"}},
			[]string{"validate v0 1 true [old]\n"},
			rollout.ValidateDone{Vault: "v0",
				Result: fleet.Validation{Verdict: fleet.VerdictReady, State: json.RawMessage("as read")}}, false,
			false},
		"checked, and the check says how it is": {func(c *told,
			_ *Calls) {
			c.validation = fleet.Validation{State: json.RawMessage("as checked")}
		}, rollout.Validate{},
			[]string{"validate v0 1 true []\n"},
			rollout.ValidateDone{Vault: "v0", Result: fleet.Validation{State: json.RawMessage("as checked")}}, false,
			false},
		"the check is throttled": {func(c *told, _ *Calls) {
			c.validation = fleet.Validation{State: json.RawMessage("{}"), RetryAfter: time.Hour}
		}, rollout.Validate{},
			[]string{"validate v0 1 true []\n"},
			rollout.ValidateDone{Vault: "v0",
				Result: fleet.Validation{State: json.RawMessage("{}"), RetryAfter: time.Hour}}, true, true},
		"nothing can be checked": {unreadable(1), rollout.Validate{}, nil,
			rollout.ValidateDone{Vault: "v0", Result: rollout.Unchecked(fleet.ScopeSubscription, busy)}, true, true},

		"ready": {nil, rollout.Prepare{}, []string{"prepare v0 1\n"},
			rollout.PrepareDone{Vault: "v0", Start: fleet.PreparedStart{Path: "/1", OperationID: "new"},
				Seen: fleet.Sighting{Address: "1", State: json.RawMessage("as read")}, Present: true, ReadAt: bubble},
			false, false},
		"nothing can be read": {unreadable(1), rollout.Prepare{}, nil, unprepared(busy), true, true},
		"not made ready": {func(c *told, _ *Calls) { c.prepare = func() error { return busy } }, rollout.Prepare{},
			[]string{"prepare v0 1\n"}, unprepared(busy), true, true},
		"what it needs is not in force": {func(c *told, _ *Calls) {
			c.prepare = func() error { return &fleet.CallError{Class: fleet.CallNotYet, RetryAfter: time.Hour} }
		}, rollout.Prepare{}, []string{"prepare v0 1\n"},
			unprepared(&fleet.CallError{Class: fleet.CallNotYet, RetryAfter: time.Hour}), false, false},
		// Its turn came more than a poll after the reading: another one decides.
		"ready late": {func(c *told, calls *Calls) {
			c.prepare = func() error { time.Sleep(2 * calls.Plan.Timings.Poll); c.prepare = nil; return nil }
		}, rollout.Prepare{}, []string{"prepare v0 1\n", "prepare v0 2\n"},
			rollout.PrepareDone{Vault: "v0", Start: fleet.PreparedStart{Path: "/2", OperationID: "new"},
				Seen: fleet.Sighting{Address: "2", State: json.RawMessage("as read")}, Present: true,
				ReadAt: bubble.Add(2 * planOf(1).Timings.Poll)}, false, false},
		"ready late, and nothing can be read": {func(c *told, calls *Calls) {
			unreadable(2)(c, calls)
			c.prepare = func() error { time.Sleep(2 * calls.Plan.Timings.Poll); return nil }
		}, rollout.Prepare{}, []string{"prepare v0 1\n"}, unprepared(busy), true, true},

		"accepted": {func(c *told, _ *Calls) { c.answer.Verdict = fleet.StartAccepted }, send,
			[]string{"send v0 op 1m40s\n"}, sent(fleet.StartAnswer{Verdict: fleet.StartAccepted}), false, false},
		// That it was throttled the machine learns from the answer itself.
		"throttled": {func(c *told, _ *Calls) { c.answer = throttled }, send, []string{"send v0 op 1m40s\n"},
			sent(throttled), false, true},
		// The reads that must tell what came of it do not wait.
		"in doubt": {func(c *told, _ *Calls) { c.answer = unknown }, send, []string{"send v0 op 1m40s\n"},
			sent(unknown), true, false},
		"told to leave": {func(_ *told, calls *Calls) {
			calls.Leaving = func() bool { return true }
		}, send, nil, sent(fleet.StartAnswer{Verdict: fleet.StartNotSent, Message: "the run was told to stop"}), false,
			false},
		"left": {func(_ *told, calls *Calls) {
			ctx, cancel := context.WithCancel(calls.reads)
			cancel()
			calls.reads = ctx
		}, send, nil, sent(fleet.StartAnswer{Verdict: fleet.StartNotSent, Message: "the run was told to stop"}), false,
			false},

		"looked for": {func(c *told, _ *Calls) { c.reconciliation.Reading = fleet.ReadAbsent },
			rollout.Reconcile{OperationID: "op", Before: []string{"old"}},
			[]string{"reconcile v0 op 1 true [old]\n"},
			rollout.ReconcileDone{Vault: "v0", OperationID: "op",
				Result: fleet.Reconciliation{Reading: fleet.ReadAbsent}}, false, false},
		"cannot be looked for": {unreadable(1), rollout.Reconcile{OperationID: "op"}, nil,
			rollout.ReconcileDone{Vault: "v0", OperationID: "op",
				Result: fleet.Reconciliation{Reading: fleet.ReadUnreadable, Detail: busy.Error()}}, true, true},

		"verified": {nil, rollout.Verify{OperationID: "op"}, []string{"verify v0 op\n"},
			rollout.VerifyDone{Vault: "v0", OperationID: "op", Result: fleet.Verification{OK: true}}, false, false},
		"cannot be verified": {func(c *told, _ *Calls) { c.verifies = busy }, rollout.Verify{OperationID: "op"},
			[]string{"verify v0 op\n"},
			rollout.VerifyDone{Vault: "v0", OperationID: "op", Failed: fleet.Brief(busy)}, true, true},

		"explained, after a reading": {func(_ *told, calls *Calls) {
			_,
				_ = calls.snapshots.recent(calls.reads, calls.vault(0), time.Time{})
		}, rollout.Explain{OperationID: "op"},
			[]string{"explain v0 1\n"}, rollout.ExplainDone{Vault: "v0", OperationID: "op",
				Findings: []fleet.Finding{{Code: "why"}}}, false, false},
		"explained, after a poll": {func(_ *told, calls *Calls) {
			_, _ = calls.snapshots.recent(calls.reads, calls.vault(0), time.Time{})
			time.Sleep(2 * calls.Plan.Timings.Poll)
		}, rollout.Explain{OperationID: "op"}, []string{"explain v0 1\n"},
			rollout.ExplainDone{Vault: "v0", OperationID: "op", Findings: []fleet.Finding{{Code: "why"}}}, false,
			false},
		"explained, first of all": {nil, rollout.Explain{OperationID: "op"},
			[]string{"explain v0 1\n"}, rollout.ExplainDone{Vault: "v0", OperationID: "op",
				Findings: []fleet.Finding{{Code: "why"}}}, false, false},
		"looked for, one by one": {func(c *told,
			calls *Calls) {
			oneByOne(c, calls)
			c.reconciliation.Reading = fleet.ReadAbsent
		}, rollout.Reconcile{OperationID: "op"},
			[]string{"read v0 op false\n", "reconcile v0 op 1 true []\n"},
			rollout.ReconcileDone{Vault: "v0", OperationID: "op",
				Result: fleet.Reconciliation{Reading: fleet.ReadAbsent}}, false, false},
		"explained, one by one": {oneByOne,
			rollout.Explain{OperationID: "op", Operation: &fleet.Operation{StatusURL: "/op"}},
			[]string{"read v0 op true\n", "explain v0 1\n"},
			rollout.ExplainDone{Vault: "v0", OperationID: "op", Findings: []fleet.Finding{{Code: "why"}}}, false,
			false},
		"explained, unread": {unreadable(1), rollout.Explain{OperationID: "op"},
			[]string{"explain v0 \n"}, rollout.ExplainDone{Vault: "v0", OperationID: "op",
				Findings: []fleet.Finding{{Code: "why"}}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cloud := &told{}
				cloud.state = json.RawMessage("as read")
				ctx, cancel := context.WithCancel(t.Context())
				calls := NewCalls(ctx, CallOptions{Plan: planOf(2), Cloud: cloud, Limiter: NewLimiter(100)})
				defer func() { cancel(); calls.Wait() }()
				if c.given != nil {
					c.given(cloud, calls)
				}
				action := c.action
				if s, ok := action.(rollout.Send); ok {
					s.StaleAfter = calls.moment().At.Add(time.Second)
					action = s
				}
				var got []rollout.Observation
				calls.Do(action, calls.moment(), func(o rollout.Observation) { got = append(got, o) })
				var want []rollout.Observation
				if c.starts {
					want = append(want, rollout.SlowDown{Subscription: subA, Until: calls.moment().At.Add(time.Hour)})
				}
				want = append(want, c.want)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("it ends in\n%+v\nwant\n%+v", got, want)
				}
				if !reflect.DeepEqual(cloud.asked, c.asked) {
					t.Errorf("the cloud was asked %q, want %q", cloud.asked, c.asked)
				}
				began, pause := time.Now(), time.Duration(0)
				if c.all {
					pause = time.Hour
				}
				if err := calls.Limiter.Wait(t.Context(), subA, "any"); err != nil || time.Since(began) != pause {
					t.Errorf("the next request waits for %v, %v; want %v", time.Since(began), err, pause)
				}
			})
		})
	}
}

// never is a store into which nothing may be written.
type never struct{ t *testing.T }

func (s never) Commit(events []fleet.Event, _ []fleet.VaultRecord) error {
	s.t.Errorf("%d facts were committed", len(events))
	return nil
}

// TestRunThatCannotGoOn: a run that its journal contradicts asks the cloud nothing,
// writes nothing and says why.
func TestRunThatCannotGoOn(t *testing.T) {
	t.Parallel()
	torn := errors.New("the journal is torn")
	answered := fleet.StartAnswered{Vault: "v0", OperationID: "never intended",
		Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}
	for name, c := range map[string]struct {
		options Options
		says    string
	}{
		"the journal cannot be read": {Options{Replay: func(func(fleet.Event) error) error { return torn }},
			"cannot be rebuilt from its journal: the journal is torn"},
		"the journal contradicts itself": {
			Options{Replay: func(apply func(fleet.Event) error) error { return apply(fleet.Event{Fact: answered}) }},
			"cannot be rebuilt from its journal: "},
		"a command contradicts the journal": {Options{Commands: []fleet.Fact{answered}},
			"stopped, nothing more was sent: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cloud := &told{}
				o := c.options
				o.Plan, o.Cloud, o.Store = planOf(1), cloud, never{t}
				o.Plan.Waves = []plan.Wave{{Name: "all", Vaults: []int{0}}}
				code, err := Run(t.Context(), o)
				if code != fleet.ExitInternal || err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("exit %d, %v", code, err)
				}
				if len(cloud.asked) > 0 || cloud.count() > 0 {
					t.Errorf("the cloud was asked %q, and read %d times", cloud.asked, cloud.count())
				}
			})
		})
	}
}
