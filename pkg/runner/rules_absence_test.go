package runner_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// slowDisk takes its time for every transaction.
type slowDisk struct{ runner.Store }

func slowly(s runner.Store) runner.Store { return slowDisk{s} }

func (d slowDisk) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	time.Sleep(7 * time.Second)
	return d.Store.Commit(events, vaults)
}

// Rule 1: the intent is on disk before the POST, and between the two nothing
// waits: neither a slow disk nor a scarce rate of requests comes in between.
func TestRule01_AtMostOnce_TheIntentIsOnDiskBeforeThePOST(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 6, 1, func(in *plan.Input) { in.Limits.RequestsPerSecond = 0.5; in.Limits.PerSubscription = 6 })
		n.disk = slowly
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded) // the audit compares the steps and the times
		for _, c := range n.trace.commits {
			for _, e := range c.events {
				if _, ok := e.Fact.(fleet.StartIntended); ok != isIntent(c.events[0]) {
					t.Errorf("a transaction of intents holds a %s too", e.Fact.Name())
				}
			}
		}
	})
}

func isIntent(e fleet.Event) bool { _, ok := e.Fact.(fleet.StartIntended); return ok }

// Rule 1: the proof of absence takes two reads, a grace apart, the first a
// grace after the POST's deadline. Then the vault is sent again, under a new
// operation ID.
func TestRule01_AtMostOnce_TheProofTakesTwoReadsAGraceApart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil)
		n.once(v00, reset)
		n.ends(fleet.ExitOK, fleet.Upgraded)
		cs := n.sent(v00, 2)
		tm := n.plan.Timings
		first := cs[0].at.Add(tm.StartTimeout + tm.ReconcileGrace)
		fs, at := facts[fleet.Reconciled](n)
		if len(fs) != 2 || at[0].Before(first) || at[1].Sub(at[0]) < tm.ReconcileGrace || cs[1].at.Before(at[1]) {
			t.Errorf("reads at %v, the first was due at %v, the second start went out at %v", at, first, cs[1].at)
		}
		if slack := at[0].Sub(first); slack > tm.Poll {
			t.Errorf("the first read came %v late", slack)
		}
	})
}

// Rule 1: after a crash the grace counts from the resume.
func TestRule01_AtMostOnce_AfterACrashTheGraceCountsFromTheResume(t *testing.T) {
	t.Parallel()
	for _, accepted := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			n := scene(t, 1, 1, nil)
			first := crash{atCommit: 3, after: true} // of the intent: nothing is sent
			if accepted {
				first = crash{atCommit: 4} // of the answer
			}
			n.crash = func(p int) crash { return map[int]crash{0: first}[p] }
			_, _ = n.process()
			if v := n.vault(0); v.Status != fleet.Starting {
				t.Fatalf("the crash left the vault %s, not between its intent and the answer", v.Status)
			}
			time.Sleep(3 * time.Hour)
			resumed := time.Now()
			n.ends(fleet.ExitOK, fleet.Upgraded)
			fs, at := facts[fleet.Reconciled](n)
			n.sent(v00, 1)
			if accepted {
				return
			}
			if grace := n.plan.Timings.ReconcileGrace; len(fs) != 2 || at[0].Before(resumed.Add(grace)) ||
				at[1].Sub(at[0]) < grace {
				t.Errorf("resumed at %v, read at %v", resumed, at)
			}
		})
	}
}

// Rule 1: what proves nothing. Each of these lasts while the start is in doubt
// and ends it as unknown; the vault is not sent again.
func TestRule01_AtMostOnce_WhatProvesNothing(t *testing.T) {
	t.Parallel()
	foreign := &fleet.Record{OperationID: "somebody-else", State: fleet.RecordInProgress}
	for name, trouble := range map[string]func(n *night, k fleet.Key){
		"the vault is missing": func(n *night, k fleet.Key) {
			n.tilt(func(vs map[fleet.Key]fleet.Sighting) {
				if len(n.trace.starts()) > 0 {
					delete(vs, k)
				}
			})
		},
		"a foreign operation": func(n *night, k fleet.Key) {
			n.tilt(func(vs map[fleet.Key]fleet.Sighting) {
				if len(n.trace.starts()) > 0 {
					show(vs, k, foreign)
				}
			})
		},
		"the listing fails":      func(n *night, _ fleet.Key) { n.refuse("list", 503) },
		"the listing is garbage": func(n *night, _ fleet.Key) { n.refuse("list", 200) },
		"the target fails":       func(n *night, _ fleet.Key) { n.refuse("target", 503) },
		"the target is denied":   func(n *night, _ fleet.Key) { n.refuse("target", 403) },
		"the target is there":    func(n *night, _ fleet.Key) { n.refuse("target", 200) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 1, 1, nil)
				n.once(v00, reset)
				trouble(n, n.plan.Vaults[0].Key)
				n.ends(fleet.ExitFailures, fleet.Unknown)
				n.sent(v00, 1)
			})
		})
	}
}

// refuse answers a kind of call in the cloud's place once a start is out.
func (n *night) refuse(kind string, status int) {
	start := n.answer
	n.answer = func(req *http.Request, c *call) (*http.Response, error) {
		if c.kind == kind && len(n.trace.starts()) > 0 {
			return says(status, "application/json", `{"properties":{"provisioningState":"Succeeded"}}`), nil
		}
		return start(req, c)
	}
}

// Rule 1: one read is no proof, whatever comes between it and the next.
func TestRule01_AtMostOnce_OneReadIsNoProof(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		// The connection breaks; the service takes the start after the first
		// read, which is not forbidden to it.
		n := scene(t, 1, 1, func(in *plan.Input) { in.Timings.StartTimeout = 10 * time.Second },
			emulator.Fault{Kind: "reset-after", Vault: "v00", Delay: "3m"})
		n.ends(fleet.ExitOK, fleet.Upgraded)
		n.sent(v00, 1)
		fs, _ := facts[fleet.Reconciled](n)
		if len(fs) == 0 || fs[0].Reading != fleet.ReadAbsent {
			t.Errorf("the first read was to find nothing: %+v", fs)
		}
	})
}

// Rule 1: a foreign record between two absences breaks the proof.
func TestRule01_AtMostOnce_AForeignRecordBreaksTheProof(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil)
		n.once(v00, reset)
		var reads int
		n.tilt(func(vs map[fleet.Key]fleet.Sighting) {
			if fs, _ := facts[fleet.Reconciled](n); len(fs) == 1 {
				reads++
				show(vs, n.plan.Vaults[0].Key,
					&fleet.Record{OperationID: "somebody-else", State: fleet.RecordInProgress})
			}
		})
		n.ends(fleet.ExitOK, fleet.Upgraded)
		fs, _ := facts[fleet.Reconciled](n)
		var got []fleet.Reading
		for _, f := range fs {
			got = append(got, f.Reading)
		}
		if len(got) != 4 || got[0] != fleet.ReadAbsent || got[1] != fleet.ReadForeign || got[2] != fleet.ReadAbsent ||
			got[3] != fleet.ReadAbsent {
			t.Errorf("the reads were %v", got)
		}
	})
}

// Rule 1: an operation once seen accepted is never proved absent, though the
// listing forgets it, and over a resume too.
func TestRule01_AtMostOnce_OnceAcceptedNeverAbsent(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(map[fleet.Key]fleet.Sighting, fleet.Key){
		"the record is gone": func(vs map[fleet.Key]fleet.Sighting, k fleet.Key) { show(vs, k, nil) },
		"the vault is gone":  func(vs map[fleet.Key]fleet.Sighting, k fleet.Key) { delete(vs, k) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 1, 1, nil, emulator.Fault{Kind: "fails", Vault: "v00", For: "1s"}) // its target stays 404
				n.tilt(func(vs map[fleet.Key]fleet.Sighting) {
					if len(n.trace.starts()) > 0 {
						forget(vs, n.plan.Vaults[0].Key)
					}
				})
				n.crash = func(p int) crash { return crash{stopAt: map[int]time.Duration{0: 8 * time.Minute}[p]} }
				n.ends(fleet.ExitFailures, fleet.Unknown)
				n.sent(v00, 1)
				n.open("run-2")
				n.ends(fleet.ExitFailures, fleet.Unknown)
				n.sent(v00, 1)
			})
		})
	}
}

// TestRule04_APauseLongerThanTheReconcileDeadline: a subscription that asks to
// be left alone for longer than a start may stay in doubt does not brand the
// start as unknown for good; it is read when it may be.
func TestRule04_APauseLongerThanTheReconcileDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := scene(t, 2, 1, oneAtATime)
		done := false
		var lost *call
		n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
			switch {
			case c.kind == "upgrade" && lost == nil:
				lost = c
				return nil, errReset
			case c.kind == "list" && lost != nil && !done && time.Since(n.began) > time.Minute:
				done = true
				return says(429, "text/plain", "later", "Retry-After", "7200"), nil
			}
			return nil, nil
		}
		n.ends(fleet.ExitOK, fleet.Upgraded)
	})
}
