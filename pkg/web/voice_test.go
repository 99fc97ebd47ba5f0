package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// carriedNight is a night that the brain carries out, in virtual time: everything is
// instant but an upgrade.
type carriedNight struct {
	*night
	m        *rollout.Machine
	live     bool
	wasLive  bool // when it was looked at last
	told     []rollout.Observation
	wake     time.Time
	ends     map[int]time.Time // of the upgrades under way
	watched  map[int]bool
	takes    func(i int) time.Duration
	fails    map[int]bool
	theirs   map[int]bool // others upgrade it, since it was first read
	journal  []fleet.Event
	seen     map[string]bool // what the night has gone through
	moments  int
	lookedAt time.Time
}

func carry(t *testing.T) *carriedNight {
	n := &carriedNight{night: newNight(t, 24), live: true, ends: map[int]time.Time{}, watched: map[int]bool{},
		fails: map[int]bool{}, theirs: map[int]bool{12: true, 13: true}, seen: map[string]bool{}}
	p := n.plan
	p.Limits.Upgrades, p.Limits.PerSubscription = 3, 3
	p.FailureBudget.Count = 1
	p.Waves[0].Soak, p.Waves[0].Approval = 20*time.Minute,
		&plan.Approval{When: plan.ApprovalAfter, Expiry: 8 * time.Hour}
	n.begin()
	n.say(fleet.RunOpened{RunID: "20260316-220000-7f3a9c", PlanFingerprint: p.Fingerprint,
		By: fleet.Actor{User: "ops"}, Upgraded: []fleet.Key{p.Vaults[14].Key}})
	return n
}

// begin begins a process on what is journalled.
func (n *carriedNight) begin() {
	n.m, n.live, n.told, n.wake, n.watched = rollout.New(n.plan), true, nil, time.Time{}, map[int]bool{}
	if err := n.m.Replay(n.journal); err != nil {
		n.t.Fatal(err)
	}
}

// say journals facts that a process begins with.
func (n *carriedNight) say(facts ...fleet.Fact) {
	for _, f := range facts {
		e := fleet.Event{At: n.now, Fact: f}
		if err := n.m.Apply(e); err != nil {
			n.t.Fatal(err)
		}
		n.record([]fleet.Event{e})
	}
}

func (n *carriedNight) record(events []fleet.Event) {
	n.journal = append(n.journal, events...)
	n.night.journal(events)
}

// order says something to the run.
func (n *carriedNight) order(o rollout.Order) {
	n.t.Helper()
	o.Reason = cmp.Or(o.Reason, "so it is")
	facts, err := n.m.Decide(o, fleet.Actor{User: "anna"}, n.now)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range facts {
		n.told = append(n.told, rollout.Commanded{Fact: f})
	}
	n.step()
}

// resume carries the run on in another process.
func (n *carriedNight) resume(accept bool) {
	n.begin()
	for _, f := range n.m.Resume(fleet.Resumed{By: fleet.Actor{User: "ops"}, Version: "v2"}, accept, "known") {
		n.told = append(n.told, rollout.Commanded{Fact: f})
	}
	n.step()
}

// step steps until nothing is left to do at this moment, and looks at every surface
// now and then when something was journalled; whenever it is about the run, and after a
// person's word, at each of its steps.
func (n *carriedNight) step() {
	n.t.Helper()
	spoken := false
	if len(n.told) > 0 {
		_, spoken = n.told[0].(rollout.Commanded)
	}
	for again := true; again && n.live; {
		obs := append(n.told, rollout.Clock{Wall: n.now})
		n.told = nil
		out := n.m.Step(n.now, obs)
		if out.Err != nil {
			n.t.Fatal(out.Err)
		}
		events := append(out.Facts, out.Intents...)
		if len(events) > 0 {
			n.record(events)
		}
		for _, a := range out.Actions {
			n.perform(a)
		}
		if len(events) > 0 && (spoken || slices.ContainsFunc(events, redirects) ||
			n.now.Sub(n.lookedAt) >= 3*time.Minute) {
			n.compare(true)
		}
		again = len(n.told) > 0
	}
}

func redirects(e fleet.Event) bool { return standing.Redirects(e.Fact) }

func (n *carriedNight) perform(a rollout.Action) {
	key := func(i int) fleet.Key { return n.plan.Vaults[i].Key }
	answer := func(o rollout.Observation) { n.told = append(n.told, o) }
	switch a := a.(type) {
	case rollout.Validate:
		v := fleet.Validation{Verdict: fleet.VerdictReady}
		switch {
		case a.Vault == 6:
			v = fleet.Validation{Verdict: fleet.VerdictBlocked, Findings: []fleet.Finding{problemFact("AgentTooOld")}}
		case slices.Contains([]int{14, 15}, a.Vault): // one of them by an earlier run
			v.Verdict = fleet.VerdictAlready
		case n.theirs[a.Vault]:
			n.ends[a.Vault] = n.now.Add(10 * time.Minute)
			v = fleet.Validation{Verdict: fleet.VerdictUpgrading, Record: n.record1(a.Vault)}
		}
		answer(rollout.ValidateDone{Vault: key(a.Vault), Result: v})
	case rollout.Prepare:
		answer(rollout.PrepareDone{Vault: key(a.Vault),
			Start: fleet.PreparedStart{OperationID: fmt.Sprint("op-", a.Vault)}, Present: true})
	case rollout.Send:
		n.ends[a.Vault] = n.now.Add(n.takes(a.Vault))
		answer(rollout.SendDone{Vault: key(a.Vault), OperationID: a.Start.OperationID,
			Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	case rollout.Reconcile:
		answer(rollout.ReconcileDone{Vault: key(a.Vault), OperationID: a.OperationID,
			Result: fleet.Reconciliation{Reading: fleet.ReadOurs, Record: n.record1(a.Vault)}})
	case rollout.Verify:
		answer(rollout.VerifyDone{Vault: key(a.Vault), OperationID: a.OperationID,
			Result: fleet.Verification{OK: true}})
	case rollout.Explain:
		answer(rollout.ExplainDone{Vault: key(a.Vault), OperationID: a.OperationID,
			Findings: []fleet.Finding{problemFact("UpgradeInternalError")}})
	case rollout.Watch:
		n.watched[a.Vault] = a.On
	case rollout.Wake:
		n.wake = a.At
	case rollout.Exit:
		n.live = false
	}
}

func problemFact(code string) fleet.Finding {
	return fleet.Finding{Severity: fleet.SeverityError, Code: code, Message: "it is " + code, Action: "mend it"}
}

// record1 is what the cloud says of an upgrade now.
func (n *carriedNight) record1(i int) *fleet.Record {
	r := &fleet.Record{OperationID: fmt.Sprint("op-", i), State: fleet.RecordInProgress}
	if n.theirs[i] {
		r.OperationID = fmt.Sprint("theirs-", i)
	}
	if over := n.ends[i]; !over.After(n.now) {
		r.EndedAt, r.State = over, fleet.RecordUpgraded
		if n.fails[i] {
			r.State, r.Message = fleet.RecordFailed, "Boom"
		}
	}
	return r
}

// pass lets time pass, a poll at a time, and looks at every surface now and then though
// nothing was journalled, with the guess that was made before.
func (n *carriedNight) pass(d time.Duration) {
	n.t.Helper()
	for until := n.now.Add(d); n.now.Before(until); {
		n.now = n.now.Add(time.Minute)
		if !n.live {
			n.now = until
		}
		snap := fleet.Snapshot{Subscription: n.plan.Subscriptions[0].ID, ReadAt: n.now,
			Vaults: map[fleet.Key]fleet.Sighting{}}
		for i, on := range n.watched {
			if i >= 0 && on {
				snap.Vaults[n.plan.Vaults[i].Key] = fleet.Sighting{Record: n.record1(i)}
			}
		}
		if n.live && len(snap.Vaults) > 0 {
			n.told = append(n.told, rollout.ReadDone{Snapshot: snap})
		}
		n.step()
		if n.now.Minute()%20 == 0 || !n.live {
			n.compare(false)
		}
	}
}

// left looks once more at a run whose process has left.
func (n *carriedNight) left() {
	n.t.Helper()
	if n.live {
		n.t.Fatalf("at %s the process has not left: %+v", n.now, n.m.Run)
	}
	n.compare(true)
}

// compare looks at every surface; anew: each guesses the end anew before.
func (n *carriedNight) compare(anew bool) {
	n.t.Helper()
	n.moments, n.lookedAt = n.moments+1, n.now
	anew, n.wasLive = anew || n.live != n.wasLive, n.live // who sees that a process is gone guesses anew
	n.desk.view()                                         // it takes in what it was told
	o := n.desk.ends.Outlook()
	var s surfaces
	if anew {
		s = n.look(n.live)
	} else {
		s = n.see(n.live, o)
	}
	n.seen[fmt.Sprint(at(s.status, "run", "phase"))] = true
	if open, _ := plan.CompileCalendar(n.plan.Calendar); len(n.ends) > 0 {
		if _, ok := open.OpenAt(n.now); !ok && at(s.beat, "inFlight") != 0.0 {
			n.seen["in flight outside of a window"] = true
		}
	}
	for _, m := range alreadySaid.FindAllStringSubmatch(s.terminal, -1) {
		n.seen[m[2]] = true
	}
	for _, late := range []string{"past-median", "beyond-p90", "overdue"} {
		if slices.Contains(list(s.status["inFlight"], "late", func(any) bool { return true }), late) {
			n.seen[late] = true
		}
	}
	if p50 := o.P50; !anew && !p50.IsZero() && p50.Before(n.now) && s.ends != "" {
		n.seen["overtaken guess"] = true
	}
	n.t.Run(fmt.Sprintf("%s-%d", n.now.Format("Mon1504"), n.moments), func(t *testing.T) { s.agree(t) })
}

// TestOneVoice: the brain carries a run out over three nights, in virtual time, against
// a cloud that is quicker than foreseen and then slower, while people limit it, pause
// it, stop it, approve, accept its failures and close it; upgrades are in flight when
// the window closes, and a budget halts it. At every moment terminal, lines, stream,
// status, report, page, metrics and notifications say the same: when it and each wave
// end, what is in flight and how late it is, what needs a person, and how many there
// are of everything; and of those that are as wanted without the run, whose work that was.
func TestOneVoice(t *testing.T) {
	t.Parallel()
	n := carry(t)
	to := func(day, hour, minute int) { n.pass(time.Date(2026, 3, day, hour, minute, 0, 0, time.UTC).Sub(n.now)) }
	n.takes = func(int) time.Duration { return 2 * time.Minute } // quicker than foreseen
	n.fails[2] = true
	to(16, 22, 3)
	n.order(rollout.Order{Do: "limit", Limits: map[string]int{"upgrades": 1}})
	n.takes = func(int) time.Duration { return 130 * time.Minute } // and slower
	to(16, 22, 8)
	n.order(rollout.Order{Do: "limit", Limits: map[string]int{"upgrades": fleet.AsPlanned}})
	to(16, 22, 18)
	n.order(rollout.Order{Do: "pause"})
	to(16, 22, 58)
	n.order(rollout.Order{Do: "pause", Off: true})
	to(17, 20, 0) // the window closes at 23:59, with upgrades in flight
	n.takes = func(int) time.Duration { return 15 * time.Minute }
	to(17, 22, 30)
	n.order(rollout.Order{Do: "approve", Wave: "canary"})
	n.fails[9], n.fails[10] = true, true
	to(17, 22, 40)
	n.order(rollout.Order{Do: "stop"})
	to(17, 22, 45)
	n.left()
	n.resume(false)
	to(17, 23, 10) // the budget halts it
	n.left()
	n.resume(true)
	to(18, 20, 0) // the third night
	n.takes = func(int) time.Duration { return 100 * time.Minute }
	to(18, 21, 5)
	n.order(rollout.Order{Do: "stop", Close: true})
	to(18, 23, 0)
	n.left()
	if n.m.Run.Closed == nil {
		t.Fatalf("the run is not closed: %+v", n.m.Totals)
	}
	for _, what := range []string{"running", "waiting", "paused", "interrupted", "halting", "halted", "closed",
		"in flight outside of a window",
		"past-median", "beyond-p90", "overdue", "overtaken guess",
		"by earlier runs", "by others meanwhile", "already"} {
		if !n.seen[what] {
			t.Errorf("the night has not gone through: %s", what)
		}
	}
	if n.moments < 50 {
		t.Errorf("only %d moments were looked at", n.moments)
	}
	t.Logf("%d moments; went through %s", n.moments, strings.Join(slices.Sorted(maps.Keys(n.seen)), ", "))
}
