package runner_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Rule 4: an unknown start holds its slot until reading resolves it.
func TestRule04_UnknownIsAnOutcome_ItHoldsItsSlot(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 3, 1, oneAtATime)
		first := ""
		n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
			if c.kind == "upgrade" && first == "" {
				first = c.vault
				return nil, errReset
			}
			return nil, nil
		}
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
		_, resolved := facts[fleet.Reconciled](n)
		if cs := n.trace.starts(); len(resolved) != 2 || cs[1].at.Before(resolved[1]) {
			t.Errorf("the next start went out at %v, the first was in doubt until %v", cs[1].at, resolved)
		}
	})
}

// Rule 4: an unknown start counts in the budget while it is in doubt: nothing
// starts that the budget would not allow if it had failed. When it stays
// unknown, it halts the run.
func TestRule04_UnknownIsAnOutcome_ItCountsInTheBudget(t *testing.T) {
	t.Parallel()
	for name, mends := range map[string]bool{"resolved": true, "unknown for good": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 3, 1,
					func(in *plan.Input) { oneAtATime(in); in.Limits.PerSubscription = 2; budgetOf(0)(in) })
				var lost *call
				n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
					switch {
					case c.kind == "upgrade" && lost == nil:
						lost = c
						return nil, errReset
					case c.kind == "target" && lost != nil && c.vault == lost.vault && !mends:
						return says(503, "text/plain", "later"), nil
					}
					return nil, nil
				}
				code, err := n.process()
				if err != nil {
					t.Fatal(err)
				}
				fs, at := facts[fleet.Reconciled](n)
				if mends {
					if code != fleet.ExitOK || len(fs) != 2 {
						t.Fatalf("exit %d, reads %+v", code, fs)
					}
					for _, c := range n.trace.starts() {
						if c.at.After(lost.done) && c.at.Before(at[1]) {
							t.Errorf("%s was sent while the budget was in doubt", c)
						}
					}
					return
				}
				if code != fleet.ExitHalted {
					t.Errorf("exit %d", code)
				}
				if cs := n.trace.starts(); len(cs) > 2 || cs[len(cs)-1].at.After(lost.done) {
					t.Errorf("%d starts went out", len(cs))
				}
				if halt := n.state().Run.Halt; halt == nil || halt.Failures != 1 || halt.Budget != 0 {
					t.Errorf("the halt says %+v", halt)
				}
			})
		})
	}
}

// Rule 5: a failed vault is not sent again by a resume nor by a later run,
// until a person re-opens it; and it counts in no new budget.
func TestRule05_AFailedVaultStaysFailed(t *testing.T) {
	t.Parallel()
	for _, fault := range []emulator.Fault{
		{Kind: "start-refused", Vault: "v00", Times: 1}, // known to the journal alone
		{Kind: "fails", Vault: "v00", Times: 1},         // known to the cloud too
		{Kind: "server-error", Vault: "v00", Calls: []string{"upgrade"}, Status: 500, ErrorBody: true, Times: 1},
	} {
		t.Run(fault.Kind, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 3, 1, func(in *plan.Input) { oneAtATime(in); budgetOf(1)(in) }, fault)
				n.crash = func(p int) crash {
					return map[int]crash{0: {stopAt: 25 * time.Minute}, 1: {stopAt: 10 * time.Minute},
						2: {atCommit: 4}}[p]
				}
				n.ends(fleet.ExitFailures, fleet.Failed, fleet.Upgraded, fleet.Upgraded)
				if n.started < 3 {
					t.Errorf("only %d processes", n.started)
				}
				n.sent(v00, 1)
				for _, run := range []string{"run-2", "run-3"} {
					n.open(run)
					n.ends(fleet.ExitFailures, fleet.Failed, fleet.Already, fleet.Already)
					n.sent(v00, 1)
					if b := n.state().RunBudget(); b.Failed != 0 || b.Base != 2 {
						t.Errorf("the carried failure counts in a new budget: %+v", b)
					}
				}
				n.reopen(0)
				n.open("run-4")
				n.ends(fleet.ExitOK, fleet.Upgraded)
				n.sent(v00, 2)
			})
		})
	}
}

// Rule 5: a cloud record Failed counts, so that a lost ledger does not forget.
func TestRule05_AFailedVaultStaysFailed_ThoughTheLedgerIsLost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 2, 1, budgetOf(0), emulator.Fault{Kind: "failed-before", Vault: "v00"})
		var cancel context.CancelFunc
		n.ctx, cancel = context.WithTimeout(t.Context(), time.Hour) // it must end by itself
		defer cancel()
		n.ends(fleet.ExitFailures, fleet.Failed, fleet.Upgraded)
		n.sent(v00, 0)
	})
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil, emulator.Fault{Kind: "fails", Vault: "v00"})
		n.ends(fleet.ExitFailures, fleet.Failed)
		lost, err := state.NewMemory(state.Binding{Cloud: "Emulator"})
		if err != nil {
			t.Fatal(err)
		}
		n.ledger = lost
		n.open("run-2")
		n.ends(fleet.ExitFailures, fleet.Failed)
		n.sent(v00, 1)
	})
}

// Rule 5: a permit is spent on the next answer: what fails again stays failed,
// and its old operation is no excuse for the new one.
func TestRule05_AFailedVaultStaysFailed_APermitIsSpentOnTheNextAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil, emulator.Fault{Kind: "fails", Vault: "v00", Times: 2})
		n.ends(fleet.ExitFailures, fleet.Failed)
		n.reopen(0)
		n.open("run-2")
		n.ends(fleet.ExitFailures, fleet.Failed)
		n.sent(v00, 2)
		if d := n.vault(0).Disregard; len(d) != 0 {
			t.Errorf("the permit for %v is not spent", d)
		}
		n.open("run-3")
		n.ends(fleet.ExitFailures, fleet.Failed)
		n.sent(v00, 2)
	})
}

// Rule 6: blocked comes back by itself in the next run; busy waits inside the
// run, with a deadline.
func TestRule06_BlockedAndBusyComeBackByThemselves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 3, 1, nil,
			emulator.Fault{Kind: "busy", Vault: "v00", For: "17m"},
			emulator.Fault{Kind: "busy", Vault: "v01", For: "3h"},
			emulator.Fault{Kind: "start-busy", Vault: "v02"})
		n.ends(fleet.ExitNotUpgraded, fleet.Upgraded, fleet.Blocked, fleet.Upgraded)
		if waited := time.Since(n.began); waited < n.plan.Timings.BusyDeadline ||
			waited > n.plan.Timings.BusyDeadline+n.plan.Timings.BusyRetry {
			t.Errorf("the run waited %v for what stays busy", waited)
		}
		time.Sleep(time.Hour)
		n.open("run-2")
		n.ends(fleet.ExitOK, fleet.Already, fleet.Upgraded, fleet.Already)
	})
}

// Rule 6: what a halt kept from starting is started once the failures are
// accepted; the failed vault is not.
func TestRule06_DeferredComesBackByItself(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 3, 1, func(in *plan.Input) { oneAtATime(in); budgetOf(0)(in) },
			emulator.Fault{Kind: "fails", Rate: 1, Times: 1})
		if code, err := n.process(); code != fleet.ExitHalted || err != nil {
			t.Fatalf("exit %d, %v", code, err)
		}
		if len(n.trace.starts()) != 1 {
			t.Errorf("%d starts before the halt", len(n.trace.starts()))
		}
		if code, err := n.process(); code != fleet.ExitHalted || err != nil || len(n.trace.starts()) != 1 {
			t.Errorf("a resume that accepts nothing: exit %d, %v, %d starts", code, err, len(n.trace.starts()))
		}
		n.ends(fleet.ExitFailures)
		for i := range 3 {
			n.sent(name(&n.plan.Vaults[i]), 1)
		}
	})
}

// Rule 12: somebody else's upgrade is followed to its end, takes no slot and no
// budget of ours, and is never sent again.
func TestRule12_NobodyElsesUpgradeIsOurs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 4, 1, func(in *plan.Input) { oneAtATime(in); budgetOf(0)(in) },
			emulator.Fault{Kind: "foreign", Vault: "v00", For: "50m", Ends: "Upgraded"},
			emulator.Fault{Kind: "foreign", Vault: "v01", For: "50m", Ends: "Failed"},
			emulator.Fault{Kind: "foreign", Vault: "v02", For: "12h", Ends: "Upgraded"})
		n.ends(fleet.ExitNotUpgraded, fleet.Already, fleet.Blocked, fleet.Blocked, fleet.Upgraded)
		for _, v := range []string{"/v00", "/v01", "/v02"} {
			n.sent(sub1+v, 0)
		}
		if c := n.sent(sub1+"/v03", 1)[0]; c.at.Sub(n.began) > time.Minute {
			t.Errorf("ours waited %v for a slot that somebody else's upgrade took", c.at.Sub(n.began))
		}
		if b := n.state().RunBudget(); b.Failed != 0 {
			t.Errorf("somebody else's failure counts in our budget: %+v", b)
		}
	})
}
