package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// threeWaves is a plan of three waves with a vault each: an approval after the first,
// before the second and after the last.
func threeWaves() *plan.Plan {
	p := testPlan(3, 1, 1, 1, 1, 1)
	p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter}
	p.Waves[1].Approval = &plan.Approval{When: plan.ApprovalBefore}
	p.Waves[2].Approval = &plan.Approval{When: plan.ApprovalAfter}
	return p
}

// folded is the state after some facts, all of one moment.
func folded(t *testing.T, p *plan.Plan, facts ...fleet.Fact) *State {
	t.Helper()
	st := NewState(p)
	for _, f := range facts {
		if err := st.Apply(fleet.Event{At: scriptStart, Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

// TestNextGate: a run stands before the gate of the wave that it is in, then of the next
// one; one that was opened, or that nothing needs, is none.
func TestNextGate(t *testing.T) {
	t.Parallel()
	p := threeWaves()
	var open, opened [3]fleet.Fact
	for w, when := range []string{fleet.GateAfter, fleet.GateBefore, fleet.GateAfter} {
		open[w], opened[w] = fleet.WaveOpened{Wave: p.Waves[w].Name},
			fleet.GateOpened{Wave: p.Waves[w].Name, When: when}
	}
	found := func(i int, v fleet.Verdict) fleet.Fact { return fleet.Validated{Vault: p.Vaults[i].Key, Verdict: v} }
	type gate struct {
		wave int
		when string
	}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		want  gate // without a name: none
	}{
		"before the first wave": {nil, gate{}},
		"in the first":          {[]fleet.Fact{open[0]}, gate{0, fleet.GateAfter}},
		"behind its gate":       {[]fleet.Fact{open[0], opened[0]}, gate{1, fleet.GateBefore}},
		"behind both":           {[]fleet.Fact{open[0], opened[0], opened[1]}, gate{}},
		"in the second":         {[]fleet.Fact{open[0], opened[0], opened[1], open[1]}, gate{}},
		"in the last":           {[]fleet.Fact{open[0], opened[0], opened[1], open[1], open[2]}, gate{}},
		"the first is as wanted": {[]fleet.Fact{open[0], found(0, fleet.VerdictAlready)},
			gate{1, fleet.GateBefore}},
		"the first has shown nothing": {[]fleet.Fact{open[0], found(0, fleet.VerdictBlocked)},
			gate{0, fleet.GateAfter}},
		"the second is as wanted": {[]fleet.Fact{open[0], opened[0], found(1, fleet.VerdictAlready)}, gate{}},
		"both are": {[]fleet.Fact{open[0], found(0, fleet.VerdictAlready),
			found(1, fleet.VerdictAlready)}, gate{}},
		"the gate of another side is open": {[]fleet.Fact{open[0],
			fleet.GateOpened{Wave: p.Waves[0].Name, When: fleet.GateBefore}}, gate{0, fleet.GateAfter}},
	} {
		w, when, ok := folded(t, p, append([]fleet.Fact{fleet.RunOpened{RunID: "r"}}, c.facts...)...).NextGate()
		if got := (gate{w, when}); got != c.want || ok != (c.want.when != "") {
			t.Errorf("%s: it stands before %+v (%v), want %+v", name, got, ok, c.want)
		}
	}
	left := fleet.RunOpened{RunID: "r", Upgraded: []fleet.Key{p.Vaults[1].Key}}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		want  bool
	}{
		"it is not checked yet":         {nil, false},
		"it is as it was left":          {[]fleet.Fact{found(1, fleet.VerdictAlready)}, false},
		"it is not":                     {[]fleet.Fact{found(1, fleet.VerdictReady)}, true},
		"nobody knows while it is busy": {[]fleet.Fact{found(1, fleet.VerdictBusy)}, true},
	} {
		facts := append([]fleet.Fact{left, open[0], opened[0]}, c.facts...)
		w, when, ok := folded(t, p, facts...).NextGate()
		if ok != c.want || ok && (w != 1 || when != fleet.GateBefore) {
			t.Errorf("the second was left done, and %s: it stands before %d %s (%v)", name, w, when, ok)
		}
	}
	p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalBefore}
	if w, when, ok := folded(t, p, fleet.RunOpened{RunID: "r"}).NextGate(); w != 0 || when != fleet.GateBefore || !ok {
		t.Errorf("before the first wave it stands before %d %s (%v)", w, when, ok)
	}
}

// TestCheckApproval: an approval holds for what was looked at, for as long as it says,
// and where the plan asks for another person than the starter, by another.
func TestCheckApproval(t *testing.T) {
	t.Parallel()
	p := threeWaves()
	p.Fingerprint = "fp"
	p.Waves[0].Approval.NotBy = plan.NotByStarter
	k := p.Vaults[0].Key
	started := []fleet.Fact{fleet.RunOpened{RunID: "r", By: fleet.Actor{User: "sam"}},
		fleet.WaveOpened{Wave: p.Waves[0].Name},
		fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1}}
	failed := fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartFailed}}
	doubtful := fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}}
	given := func(change func(*fleet.Approved)) fleet.Fact {
		a := fleet.Approved{Wave: p.Waves[0].Name, When: fleet.GateAfter, By: fleet.Actor{User: "kim"},
			PlanFingerprint: "fp", ExpiresAt: scriptStart.Add(time.Hour)}
		change(&a)
		return a
	}
	plain := func(*fleet.Approved) {}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		says  string // why it does not hold; empty: it does
	}{
		"nobody approved": {nil, "nobody has approved it"},
		"approved":        {[]fleet.Fact{given(plain)}, ""},
		"until now": {[]fleet.Fact{given(func(a *fleet.Approved) { a.ExpiresAt = scriptStart })},
			"the approval of kim expired at "},
		"a moment longer": {
			[]fleet.Fact{given(func(a *fleet.Approved) { a.ExpiresAt = scriptStart.Add(1) })}, ""},
		"for another plan": {[]fleet.Fact{given(func(a *fleet.Approved) { a.PlanFingerprint = "other" })},
			"the plan has changed since kim approved it"},
		"by the starter": {[]fleet.Fact{given(func(a *fleet.Approved) { a.By.User = "sam" })},
			"sam started the run, and another person must approve it"},
		"one failed since": {[]fleet.Fact{given(plain), failed},
			"since kim approved it, failures rose from 0 to 1 and unknown ones from 0 to 0"},
		"one is in doubt since": {[]fleet.Fact{given(plain), doubtful},
			"since kim approved it, failures rose from 0 to 0 and unknown ones from 0 to 1"},
		"a failure was seen": {[]fleet.Fact{given(func(a *fleet.Approved) { a.Evidence.Failed = 1 }),
			failed}, ""},
		"a doubt was seen": {[]fleet.Fact{given(func(a *fleet.Approved) { a.Evidence.Unknown = 1 }),
			doubtful}, ""},
		"one more failed than was seen": {[]fleet.Fact{given(func(a *fleet.Approved) { a.Evidence.Unknown = 1 }),
			failed}, "failures rose from 0 to 1"},
		"the newest approval counts": {[]fleet.Fact{given(func(a *fleet.Approved) { a.PlanFingerprint = "other" }),
			given(plain)}, ""},
		"of the other side of that wave": {[]fleet.Fact{given(func(a *fleet.Approved) { a.When = fleet.GateBefore })},
			"nobody has approved it"},
	} {
		st := folded(t, p, append(started[:4:4], c.facts...)...)
		err := st.CheckApproval(0, fleet.GateAfter, scriptStart)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	// What counts before a wave is how the one before it ended.
	early := given(func(a *fleet.Approved) { a.Wave, a.When = p.Waves[1].Name, fleet.GateBefore })
	if err := folded(t, p, append(started[:4:4], early)...).CheckApproval(1, fleet.GateBefore,
		scriptStart); err != nil {
		t.Errorf("before a wave: %v", err)
	}
	if err := folded(t, p, append(started[:4:4], early, failed)...).CheckApproval(1, fleet.GateBefore,
		scriptStart); err == nil {
		t.Error("before a wave a failure of the one before it counts for nothing")
	}
	first := given(func(a *fleet.Approved) { a.When = fleet.GateBefore })
	if err := folded(t, p, append(started[:4:4], first, failed)...).CheckApproval(0, fleet.GateBefore,
		scriptStart); err != nil {
		t.Errorf("before the first wave: %v", err)
	}
}

// TestVerdict: the code of a run follows from how its vaults stand, and from what ended
// its last process; one that is over keeps its own until a refresh finds otherwise.
func TestVerdict(t *testing.T) {
	t.Parallel()
	p := testPlan(2, 1, 1, 2)
	k, other := p.Vaults[0].Key, p.Vaults[1].Key
	found := func(k fleet.Key, v fleet.Verdict) fleet.Fact { return fleet.Validated{Vault: k, Verdict: v} }
	begun := []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: p.Waves[0].Name}}
	sent := func(v fleet.StartVerdict) []fleet.Fact {
		return []fleet.Fact{found(k, fleet.VerdictReady), fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1},
			fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: v}}}
	}
	facts := func(lists ...[]fleet.Fact) (all []fleet.Fact) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	and := func(fs ...fleet.Fact) []fleet.Fact { return fs }
	already, blocked := found(other, fleet.VerdictAlready), found(other, fleet.VerdictBlocked)
	halted, closing := fleet.RunHalted{Scope: "run"}, fleet.Stopped{Close: true}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		want  fleet.ExitCode
	}{
		"nothing is done":            {nil, fleet.ExitInterrupted},
		"all is as wanted":           {and(found(k, fleet.VerdictAlready), already), fleet.ExitOK},
		"one is open":                {and(already), fleet.ExitInterrupted},
		"one is blocked":             {and(found(k, fleet.VerdictAlready), blocked), fleet.ExitNotUpgraded},
		"one failed":                 {facts(sent(fleet.StartFailed), and(already)), fleet.ExitFailures},
		"one failed, one is blocked": {facts(sent(fleet.StartFailed), and(blocked)), fleet.ExitFailures},
		"one failed, one is open":    {sent(fleet.StartFailed), fleet.ExitInterrupted},
		"halted":                     {facts(sent(fleet.StartFailed), and(halted)), fleet.ExitHalted},
		"halted, and one is flying":  {facts(sent(fleet.StartAccepted), and(halted)), fleet.ExitInterrupted},
		"halted, and one in doubt":   {facts(sent(fleet.StartUnknown), and(halted)), fleet.ExitInterrupted},
		"closing, and one is open":   {and(already, closing), fleet.ExitNotUpgraded},
		"closing, and one is flying": {facts(sent(fleet.StartAccepted), and(closing)), fleet.ExitInterrupted},
		"left for a sign-in": {and(fleet.RunSuspended{Why: fleet.SuspendedSignIn, Code: fleet.ExitSignIn}),
			fleet.ExitSignIn},
		"left, and resumed": {and(fleet.RunSuspended{Why: fleet.SuspendedSignIn, Code: fleet.ExitSignIn},
			fleet.Resumed{}), fleet.ExitInterrupted},
		"left, then over": {and(found(k, fleet.VerdictAlready), blocked,
			fleet.RunSuspended{Why: fleet.SuspendedSignIn, Code: fleet.ExitSignIn},
			fleet.RunClosed{Code: fleet.ExitNotUpgraded}), fleet.ExitNotUpgraded},
		"left, then closed": {and(already,
			fleet.RunSuspended{Why: fleet.SuspendedSignIn, Code: fleet.ExitSignIn}, closing), fleet.ExitNotUpgraded},
		"over": {facts(sent(fleet.StartFailed),
			and(already, fleet.RunClosed{Code: fleet.ExitFailures})), fleet.ExitFailures},
		"over, by another rule then": {and(found(k, fleet.VerdictAlready), already,
			fleet.RunClosed{Code: fleet.ExitFailures}), fleet.ExitFailures},
		"over, and put right": {facts(sent(fleet.StartFailed), and(already, fleet.RunClosed{Code: fleet.ExitFailures},
			fleet.Refreshed{Vault: k, OperationID: "op", Reading: fleet.ReadOurs,
				Record: &fleet.Record{OperationID: "op", State: fleet.RecordUpgraded}, Verified: true})), fleet.ExitOK},
	} {
		if got := folded(t, p, append(begun[:2:2], c.facts...)...).Verdict(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
