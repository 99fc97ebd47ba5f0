package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// TestStandingStill stops the program (SIGSTOP, as a laptop's lid or a debugger
// may) at the boundaries of a start, and lets it go on when every one of its
// deadlines has passed: the start's timeout, the grace and the deadline of a
// start in doubt, that of a busy vault, and many polls. Nothing is sent twice,
// nothing is sent on what was seen before, and every vault ends as it should.
func TestStandingStill(t *testing.T) {
	t.Parallel()
	for _, p := range []failpoint.Point{failpoint.FactsAfter, failpoint.StartPrepared, failpoint.IntentsAfter,
		failpoint.SendBefore,
		failpoint.SendWritten, failpoint.AnswerBefore, failpoint.ReconcileBefore, failpoint.ReconciledAfter,
		failpoint.VerifyBefore} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			timings := hasty()
			timings.StartTimeout, timings.BusyDeadline, timings.ReconcileDeadline = 800*time.Millisecond, time.Second,
				1500*time.Millisecond
			const still = 3 * time.Second
			w := newWorld(t, timings)
			first := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "first",
				ProtectedItems: 200}).Duration(100 * time.Millisecond)
			if p == failpoint.ReconcileBefore || p == failpoint.ReconciledAfter {
				first.Start(strictcloud.ResetBeforeAcceptance)
			}
			w.cloud.AddVault(strictcloud.Vault{Subscription: subB,
				Name: "lost"}).Duration(100 * time.Millisecond).Start(strictcloud.ResetAfterAcceptance)
			w.cloud.AddVault(strictcloud.Vault{Subscription: subA,
				Name: "busy"}).Duration(100 * time.Millisecond).BusyFor(300 * time.Millisecond)
			w.cloud.AddVault(strictcloud.Vault{Subscription: subB, Name: "plain"}).Duration(100 * time.Millisecond)
			w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}}, FailureBudget: "100",
				Limits: strict.Limits{Upgrades: 1}})
			c := w.startAt(fmt.Sprintf("%s=stop", p), "run", w.inv, "--yes")
			w.until("it has stopped",
				func() bool { return strings.Contains(c.stderr.String(), "stopped at "+string(p)) })
			posts := len(first.Report().Starts)
			time.Sleep(still)
			if n := len(first.Report().Starts); n != posts && p != failpoint.SendWritten {
				t.Errorf("first was started %d times, and then %d, by a process that stood still", posts, n)
			}
			c.signal(syscall.SIGCONT)
			c.wait()
			for processes := 0; !w.over(); processes++ {
				if processes > 2 {
					t.Fatal("the run does not end")
				}
				w.start("resume", "--state", w.db, "--yes").wait()
			}
			_, events := w.journal()
			intents, notSent := map[string]bool{}, map[string]bool{}
			for _, f := range facts[fleet.StartIntended](events) {
				intents[f.OperationID] = true
			}
			for _, f := range facts[fleet.NotSent](events) {
				notSent[f.OperationID] = true
			}
			for _, v := range w.cloud.Report().Vaults {
				for _, s := range v.Starts {
					if !intents[s.OperationID] || notSent[s.OperationID] {
						t.Errorf("%s: operation %s was sent, intended: %v, recorded as not sent: %v", v.Vault.Name,
							s.OperationID, intents[s.OperationID], notSent[s.OperationID])
					}
				}
			}
			if (p == failpoint.IntentsAfter || p == failpoint.SendBefore) && len(notSent) == 0 {
				t.Error("the start that stood still was not held back")
			}
			s := w.status(w.db)
			for _, v := range s.Vaults {
				inDoubt := p == failpoint.ReconcileBefore || p == failpoint.ReconciledAfter
				switch {
				case v.Status == "upgraded":
				case v.Name == "busy" && v.Status == "blocked", v.Name == "first" && v.Status == "unknown" && inDoubt:
					// Its deadline passed; it is not sent again.
				default:
					t.Errorf("%s is %s (%s)", v.Name, v.Status, v.why())
				}
			}
			w.judge()
		})
	}
}

// TestStoppedAnywhere stops the program in the middle of a fleet, wherever it
// is, again and again.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 8, 150*time.Millisecond)
	w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Upgrades: 3, PerSubscription: 2}})
	c := w.start("run", w.inv, "--yes")
	for n := 1; n <= 5; n += 2 {
		w.until("another start was accepted", func() bool { return w.accepted() >= n })
		c.signal(syscall.SIGSTOP)
		time.Sleep(w.timings.StartTimeout + 4*w.timings.Poll)
		c.signal(syscall.SIGCONT)
	}
	c.ends(0)
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}
