package rollout

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// worldStarter is who opens the runs.
const worldStarter = "alex"

// wall is what the machine's wall clock shows.
func (w *world) wall() time.Time { return w.now.Add(w.skew) }

// setClocks plans the jumps of the wall clock, up to an hour either way, one
// after the other. A process notices within a minute, or when it next does
// something.
func (w *world) setClocks() {
	for n := range w.Jumps {
		at := time.Duration(w.pick(int(w.horizon()/time.Second), "jump at", n)) * time.Second
		w.after(0, at, func() []Observation {
			w.skew = time.Duration(w.pick(7200, "jump", n)-3600) * time.Second
			if w.chance(40, "a small jump", n) {
				w.skew = time.Duration(w.pick(1900, "jump", n)-950) * time.Millisecond
			}
			w.seen["clock jumped"]++
			if w.m != nil {
				w.after(w.process, time.Duration(1+w.pick(60, "noticed", n))*time.Second, func() []Observation {
					return []Observation{Clock{w.wall()}}
				})
			}
			return nil
		})
	}
}

// attend lets a person look at a gate that the run stands before.
func (w *world) attend() {
	if w.m == nil || w.asked {
		return
	}
	g := w.m.Waiting()
	if g.Gate == "" {
		if w.chance(10, "ahead of time", w.steps) {
			w.approveAhead()
		}
		return
	}
	w.seen["waits for an approval"]++
	w.asked = true
	key := g.Wave + " " + g.Gate
	w.tries[key]++
	n := w.tries[key]
	w.after(0, time.Duration(w.pick(600, "approves after", key, n))*time.Minute, func() []Observation {
		w.asked = false
		return w.command(w.approval(g.Wave, g.Gate, n))
	})
}

// approveAhead approves a gate before its time, on what is known by then.
func (w *world) approveAhead() {
	if wave, when, ok := w.committed.NextGate(); ok {
		w.command(w.approval(w.committed.Waves[wave].Name, when, 100))
	}
}

// approval is a person's word on a gate. The first ones may be worth nothing.
func (w *world) approval(wave, when string, n int) fleet.Approved {
	at := w.waveIndex(wave)
	a := fleet.Approved{Wave: wave, When: when, By: fleet.Actor{User: "kim"}, Reason: "looks good",
		PlanFingerprint: w.plan.Fingerprint,
		Evidence:        w.committed.Evidence(at, when), ExpiresAt: w.wall().Add(plan.DefaultApprovalExpiry)}
	kind := w.pick(6, "approval", wave, when, n)
	if n > 4 && n != 100 {
		kind = 0
	}
	switch kind {
	case 1:
		a.Evidence.Failed, a.Evidence.Unknown = max(0, a.Evidence.Failed-1), max(0, a.Evidence.Unknown-1)
	case 2:
		a.By.User = worldStarter
	case 3:
		a.ExpiresAt = w.wall().Add(-time.Minute)
	case 4:
		a.PlanFingerprint = "another plan"
	case 5:
		a.ExpiresAt = w.wall().Add(time.Duration(1+w.pick(40, "expires", wave, when, n)) * time.Minute)
	}
	return a
}

// command is a person's command: to the live process, or left in the ledger for
// the next.
func (w *world) command(f fleet.Fact) []Observation {
	if w.committed.Run.Closed != nil {
		return nil
	}
	if w.m != nil {
		// It comes as an event of its own: a command is never lost with a process.
		w.after(w.process, 0, func() []Observation { return []Observation{Commanded{f}} })
		return nil
	}
	w.commit([]fleet.Event{{At: w.now, Fact: f}})
	return nil
}

func (w *world) waveIndex(name string) int {
	for i := range w.plan.Waves {
		if w.plan.Waves[i].Name == name {
			return i
		}
	}
	w.broken("no wave %q", name)
	return -1
}

// checkPolicy looks at a fact that is about to be committed.
func (w *world) checkPolicy(f fleet.Fact) {
	switch f := f.(type) {
	case fleet.Approved:
		w.approved[f.Wave+" "+f.When] = f
	case fleet.GateOpened:
		w.checkGate(f)
	case fleet.WaveOpened:
		w.checkTurn(w.waveIndex(f.Wave))
	case fleet.WaveDone:
		for _, i := range w.plan.Waves[w.waveIndex(f.Wave)].Vaults {
			if w.committed.Vaults[i].Open() {
				w.broken("wave %s is done and %s is %s", f.Wave, w.plan.Vaults[i].Name, w.committed.Vaults[i].Status)
			}
		}
		w.done[f.Wave] = w.now
	case fleet.RunHalted:
		if f.SameError != "" {
			w.seen["halted by the same error"]++
		}
		if f.Subscription {
			w.seen["halted by a subscription"]++
		}
	}
}

// checkGate compares the approval that opens a gate with what is true.
func (w *world) checkGate(f fleet.GateOpened) {
	a, ok := w.approved[f.Wave+" "+f.When]
	at := w.waveIndex(f.Wave)
	rule, about := w.plan.Waves[at].Approval, at
	if f.When == fleet.GateBefore {
		about--
	}
	failed, unknown := 0, 0
	if about >= 0 {
		for _, i := range w.plan.Waves[about].Vaults {
			switch w.committed.Vaults[i].Status {
			case fleet.Failed:
				failed++
			case fleet.Unknown:
				unknown++
			}
		}
	}
	w.seen["gate opened"]++
	if f.Needless {
		w.seen["gate needs no approval"]++
		already, earlier, blocked := 0, 0, 0
		for _, i := range w.plan.Waves[at].Vaults {
			switch v := &w.committed.Vaults[i]; {
			case v.Sent > 0, v.Status != fleet.Already && v.Status != fleet.Excluded && v.Status != fleet.Blocked:
				w.broken("the gate %s wave %s opens by itself and %s is %s", f.When, f.Wave, w.plan.Vaults[i].Name,
					v.Status)
			case f.When == fleet.GateBefore && v.Held != nil && !v.Earlier && !v.WasAlready:
				w.broken("the gate before wave %s opens by itself, and a person may release %s", f.Wave,
					w.plan.Vaults[i].Name)
			case v.Status == fleet.Already:
				already++
				if v.Earlier {
					earlier++
				}
			case v.Status == fleet.Blocked:
				blocked++
			}
		}
		if blocked > 0 {
			w.seen["gate of blocked vaults needs no approval"]++
			if earlier == 0 {
				w.broken("the gate %s wave %s opens by itself, and nothing was ever upgraded in it", f.When, f.Wave)
			}
		}
		if rule == nil || string(rule.When) != f.When || already == 0 {
			w.broken("the gate %s wave %s opens by itself", f.When, f.Wave)
		}
		w.gates[f.Wave+" "+f.When] = true
		return
	}
	switch {
	case !ok:
		w.broken("the gate %s wave %s opens and nobody has approved it", f.When, f.Wave)
	case rule == nil || string(rule.When) != f.When:
		w.broken("there is no gate %s wave %s", f.When, f.Wave)
	case a.PlanFingerprint != w.plan.Fingerprint, !w.wall().Before(a.ExpiresAt), rule.NotBy != "" &&
		a.By.User == worldStarter,
		failed > a.Evidence.Failed, unknown > a.Evidence.Unknown:
		w.broken("the gate %s wave %s opens by %+v at %s, with %d failed and %d unknown", f.When, f.Wave, a, w.wall(),
			failed, unknown)
	}
	w.gates[f.Wave+" "+f.When] = true
}

// checkTurn compares the opening of a wave with the one before.
func (w *world) checkTurn(at int) {
	name := w.plan.Waves[at].Name
	if r := w.plan.Waves[at].Approval; r != nil && r.When == plan.ApprovalBefore &&
		!w.gates[name+" "+fleet.GateBefore] {
		w.broken("wave %s opens before its approval", name)
	}
	if date := w.plan.Waves[at].NotBefore; date.After(w.wall()) {
		w.broken("wave %s opens at %s, before its date, %s", name, w.wall(), date)
	} else if !date.IsZero() && w.wall().Sub(date) < time.Minute {
		w.seen["waited for a date"]++
	}
	if at == 0 {
		return
	}
	last := &w.plan.Waves[at-1]
	done, ok := w.done[last.Name]
	switch {
	case !ok || w.committed.Waves[at-1].DoneAt.IsZero():
		w.broken("wave %s opens before wave %s is done", name, last.Name)
	case w.now.Before(w.soaked(at - 1)):
		w.broken("wave %s opens %s after wave %s, which soaks %s", name, w.now.Sub(done), last.Name, last.Soak)
	case last.Approval != nil && last.Approval.When == plan.ApprovalAfter && !w.gates[last.Name+" "+fleet.GateAfter]:
		w.broken("wave %s opens before wave %s is approved", name, last.Name)
	}
	if last.Soak > 0 {
		w.seen["soaked"]++
	}
}

// soaked is when a wave that is done has soaked: its soak after whatever happened to
// its vaults last, in this run or in one before, and after its end if that was in this.
func (w *world) soaked(at int) (until time.Time) {
	for _, i := range w.plan.Waves[at].Vaults {
		until = later(until, w.moved[i])
		if v := &w.committed.Vaults[i]; v.Sent > 0 || v.Status == fleet.Upgraded || !v.Carried &&
			(v.Status == fleet.Failed || v.Status == fleet.Unknown) {
			until = later(until, w.done[w.plan.Waves[at].Name])
		}
	}
	if until.IsZero() {
		return until
	}
	until = until.Add(w.plan.Waves[at].Soak)
	if done := w.done[w.plan.Waves[at].Name]; w.plan.Waves[at].Soak > 0 && until.After(done) &&
		until.Before(done.Add(w.plan.Waves[at].Soak)) {
		w.seen["soaked from a run before"]++
	}
	return until
}

// checkWindow looks at a POST: its upgrade must end inside the window, should it
// take as long as nine out of ten do.
func (w *world) checkWindow(i int) {
	v := &w.plan.Vaults[i]
	c := w.plan.CalendarFor(i)
	if !w.almanac.fits(c, w.wall(), v.Predicted.P90) {
		w.broken("%s starts at %s and may take %s: that is not inside a window of %+v", v.Name, w.wall(),
			v.Predicted.P90, c)
	}
	if c != nil {
		w.seen["started in a window"]++
	}
}

// checkCeiling counts final failures against hard budgets. Carried failures
// and accepted ones do not count, nor those of a vault whose upgrade came to
// light without a start: nobody could have kept it back.
func (w *world) checkCeiling() {
	if !w.Hard {
		return
	}
	run, waves, subs := 0, make([]int, len(w.plan.Waves)), map[string]int{}
	for i := range w.committed.Vaults {
		v := &w.committed.Vaults[i]
		if v.Carried || v.Forgiven || w.adopted[i] || v.Status != fleet.Failed &&
			!(v.Status == fleet.Unknown && v.Final) {
			continue
		}
		run++
		waves[w.plan.Vaults[i].Wave]++
		subs[w.plan.Vaults[i].SubscriptionID]++
	}
	over := func(scope string, n int, b *plan.Budget) {
		if b != nil && n > b.Count {
			w.broken("%d failures in %s under a hard ceiling of %d", n, scope, b.Count)
		}
		if b != nil && n == b.Count {
			w.seen["a hard budget used up"]++
		}
	}
	over("the run", run, &w.plan.FailureBudget)
	for n := range waves {
		over(fmt.Sprint("wave ", n), waves[n], w.plan.Waves[n].MaxFailures)
	}
	for s, n := range subs {
		over(s, n, w.plan.SubscriptionBudget)
	}
}

// checkPaused looks at a process that left rather than wait for the end of a
// pause.
func (w *world) checkPaused() {
	w.seen["left rather than wait for the end of a pause"]++
	if !w.LeaveWaiting || w.committed.Run.Paused == nil || w.committed.InFlight() > 0 {
		w.broken("the process leaves because of a pause: %+v", w.committed.Run)
	}
}

// checkWaiting looks at a process that left rather than wait.
func (w *world) checkWaiting() {
	w.seen["left rather than wait"]++
	if !w.LeaveWaiting {
		w.broken("the process leaves, but should wait")
	}
	for i := range w.committed.Vaults {
		v, p := &w.committed.Vaults[i], &w.plan.Vaults[i]
		switch {
		case v.InFlight():
			w.broken("the process leaves to wait while %s is %s", p.Name, v.Status)
		case v.Open() && !w.committed.Waves[p.Wave].OpenedAt.IsZero() &&
			w.almanac.fits(w.plan.CalendarFor(i), w.wall(), p.Predicted.P90):
			w.broken("the process leaves to wait, but %s could start", p.Name)
		}
	}
}
