package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestApplyRefuses feeds the fold facts that cannot follow the ones before
// them: a damaged journal is an error, never a panic and never believed.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	k := p.Vaults[0].Key
	ready := fleet.Validated{Vault: k, Verdict: fleet.VerdictReady}
	intent := fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1}
	answer := func(v fleet.StartVerdict) fleet.Fact {
		return fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: v}}
	}
	inProgress := &fleet.Record{OperationID: "op", State: fleet.RecordInProgress}
	read := func(r fleet.Reading, rec *fleet.Record) fleet.Fact {
		return fleet.Reconciled{Vault: k, OperationID: "op", Read: 1, Reading: r, Record: rec}
	}
	for _, c := range []struct {
		name  string
		facts []fleet.Fact
		want  string
	}{
		{"a vault that is not planned", []fleet.Fact{fleet.Verified{Vault: "other"}}, "not in the plan"},
		{"a wave that is not planned", []fleet.Fact{fleet.WaveOpened{Wave: "other"}}, "no wave"},
		{"a start of a vault that is not ready", []fleet.Fact{intent}, "may not take it from pending to starting"},
		{"a start of an upgraded vault", []fleet.Fact{ready, intent, answer(fleet.StartAccepted),
			fleet.Verified{Vault: k, OperationID: "op"}, intent}, "may not take it from upgraded to starting"},
		{"a start of a failed vault", []fleet.Fact{ready, intent, answer(fleet.StartFailed), intent},
			"may not take it from failed to starting"},
		{"a check of a start in doubt", []fleet.Fact{ready, intent, answer(fleet.StartUnknown), ready},
			"may not take it from unknown to validating"},
		{"an answer for another operation", []fleet.Fact{ready, intent,
			fleet.StartAnswered{Vault: k, OperationID: "other",
				Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}}, "but op is under way"},
		{"an answer without a meaning", []fleet.Fact{ready, intent, answer(fleet.StartNotSent)}, "no outcome"},
		{"a verdict that is no outcome", []fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictDenied}},
			"no outcome"},
		{"an upgrade under way without its record",
			[]fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictUpgrading}}, "record is missing"},
		{"our operation without its record",
			[]fleet.Fact{ready, intent, answer(fleet.StartUnknown), read(fleet.ReadOurs, nil)}, "record is missing"},
		{"an observation without its record", []fleet.Fact{ready, intent, fleet.Observed{Vault: k, OperationID: "op"}},
			"record is missing"},
		{"a foreign observation without its record",
			[]fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictUpgrading, Record: inProgress},
				fleet.Observed{Vault: k, OperationID: "op", Foreign: true}}, "record is missing"},
		{"an observation of another operation", []fleet.Fact{ready, intent,
			fleet.Observed{Vault: k, OperationID: "other", Record: inProgress}}, "but op is followed"},
		{"absence of what was seen accepted",
			[]fleet.Fact{ready, intent, answer(fleet.StartUnknown), read(fleet.ReadOurs, inProgress),
				fleet.Observed{Vault: k, OperationID: "op", Vanished: true}, read(fleet.ReadAbsent, nil)},
			"proves nothing"},
		{"a reading without a conclusion",
			[]fleet.Fact{ready, intent, answer(fleet.StartUnknown), read(fleet.ReadUnreadable, nil)}, "not conclusive"},
		{"an unknown deadline", []fleet.Fact{fleet.DeadlinePassed{Vault: k, Deadline: "tea"}}, "unknown deadline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := NewState(p)
			last := len(c.facts) - 1
			for n, f := range c.facts {
				err := s.Apply(fleet.Event{At: time.Unix(int64(n), 0), Fact: f})
				switch {
				case n < last && err != nil:
					t.Fatalf("fact %d: %v", n+1, err)
				case n == last && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Fatalf("got %v; want an error with %q", err, c.want)
				}
			}
		})
	}
}

func TestReplaySaysWhichFact(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	err := NewState(p).Replay([]fleet.Event{{Fact: fleet.Resumed{}},
		{Fact: fleet.StartIntended{Vault: p.Vaults[0].Key}}})
	if te, ok := errors.AsType[*fleet.TransitionError](err); !ok || te.From != fleet.Pending ||
		te.To != fleet.Starting {
		t.Fatalf("got %v, want a TransitionError from pending to starting", err)
	}
	if !strings.Contains(err.Error(), "fact 2 ") {
		t.Errorf("%v does not say which fact", err)
	}
}

// TestStepStopsOnContradiction: a contradiction between facts is loud.
func TestStepStopsOnContradiction(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	m := New(p)
	if err := m.Apply(fleet.Event{Fact: fleet.RunOpened{}}); err != nil {
		t.Fatal(err)
	}
	m.Step(time.Unix(0, 0), nil)
	out := m.Step(time.Unix(1, 0), []Observation{Commanded{fleet.Reopened{Vault: "other"}}})
	if out.Err == nil {
		t.Error("a command for a vault that is not planned gave no error")
	}
}

// TestStepIgnoresWhatNobodyAskedFor: late, doubled and foreign observations
// change nothing.
func TestStepIgnoresWhatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	k := p.Vaults[0].Key
	m := New(p)
	if err := m.Apply(fleet.Event{Fact: fleet.RunOpened{}}); err != nil {
		t.Fatal(err)
	}
	m.Step(time.Unix(0, 0), nil) // asks for a validation
	out := m.Step(time.Unix(1, 0), []Observation{
		PrepareDone{Vault: k, Start: fleet.PreparedStart{OperationID: "op"}, Present: true},
		PrepareFailed{Vault: k},
		SendDone{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}},
		ReconcileDone{Vault: k, Result: fleet.Reconciliation{Reading: fleet.ReadAbsent}},
		VerifyDone{Vault: k, Result: fleet.Verification{OK: true}},
		ExplainDone{Vault: k, Findings: []fleet.Finding{{}}},
		ValidateDone{Vault: "other", Result: fleet.Validation{Verdict: fleet.VerdictReady}},
		ReadDone{fleet.Snapshot{Subscription: "other"}},
		ReadFailed{Subscription: "other", Class: fleet.CallDenied},
		SlowDown{Subscription: "other", Until: time.Unix(100, 0)},
	})
	if out.Err != nil || len(out.Facts)+len(out.Intents)+len(out.Actions) != 0 {
		t.Errorf("got %+v", out)
	}
}

// TestStepTimeNeverGoesBack: facts carry times in order whatever the caller's
// clock does.
func TestStepTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	m := New(p)
	if err := m.Apply(fleet.Event{Fact: fleet.RunOpened{}}); err != nil {
		t.Fatal(err)
	}
	m.Step(time.Unix(100, 0), nil)
	out := m.Step(time.Unix(50, 0), []Observation{ValidateDone{p.Vaults[0].Key,
		fleet.Validation{Verdict: fleet.VerdictBlocked}}})
	if len(out.Facts) == 0 {
		t.Fatal("no fact")
	}
	for _, e := range out.Facts {
		if e.At.Before(time.Unix(100, 0)) {
			t.Errorf("%s is dated %v", e.Fact.Name(), e.At)
		}
	}
}

// TestCarriedDoubtCountsFromItsStart: whatever the clock says when a run is opened,
// a start that an earlier one left in doubt may be on its way until its deadline.
func TestCarriedDoubtCountsFromItsStart(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1, 1)
	began := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	for _, opened := range []time.Duration{-time.Hour, time.Second, p.Timings.StartTimeout, time.Hour} {
		s := NewState(p)
		f := fleet.RunOpened{RunID: "run",
			Carried: []fleet.Carried{{Vault: p.Vaults[0].Key, Status: fleet.Unknown, OperationID: "one",
				StartedAt: began}}}
		if err := s.Apply(fleet.Event{At: began.Add(opened), Fact: f}); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Vaults[0].ProofFrom.Sub(began), max(opened, p.Timings.StartTimeout); got != want {
			t.Errorf("opened %v after the start: the grace counts from %v after it, want %v", opened, got, want)
		}
	}
}

// TestAnAcceptanceOfAnOlderVersion: a version that knew less has journalled a 202 as an
// answer that says nothing. No reading proves the start's absence all the same, also after a
// crash, while one of a 503 does.
func TestAnAcceptanceOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fleet.Status{202: fleet.Unknown, 503: fleet.Ready} {
		p := testPlan(1, 1, 1, 1)
		key, at := p.Vaults[0].Key, time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
		m := New(p)
		for _, f := range []fleet.Fact{fleet.RunOpened{RunID: "run"}, fleet.WaveOpened{Wave: p.Waves[0].Name},
			fleet.Validated{Vault: key, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: key, OperationID: "one", Attempt: 1},
			fleet.StartAnswered{Vault: key, OperationID: "one",
				Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: status}}, fleet.Resumed{}} {
			if err := m.Apply(fleet.Event{At: at, Fact: f}); err != nil {
				t.Fatal(err)
			}
		}
		var obs []Observation
		for range 10 {
			at = at.Add(3 * time.Minute)
			out := m.Step(at, obs)
			if out.Err != nil {
				t.Fatal(out.Err)
			}
			obs = nil
			for _, a := range out.Actions {
				switch a := a.(type) {
				case Reconcile:
					obs = append(obs, ReconcileDone{Vault: key, OperationID: a.OperationID,
						Result: fleet.Reconciliation{Reading: fleet.ReadAbsent}})
				case Prepare:
					obs = append(obs, PrepareDone{Vault: key, Start: fleet.PreparedStart{OperationID: "two"},
						Present: true, ReadAt: at})
				}
			}
		}
		if got := m.Vaults[0].Status; got != want {
			t.Errorf("a start that was answered %d is %s after readings without it, want %s", status, got, want)
		}
	}
}

// TestDoubtOutlastsItsStartWhateverTheClockSays: a process that takes a start in doubt
// up lets the start's whole timeout go by before it proves anything, however far the
// clock says that the start is past; the timings that everybody has cost nothing more.
func TestDoubtOutlastsItsStartWhateverTheClockSays(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	for _, c := range []struct{ timeout, grace time.Duration }{{20 * time.Second, time.Second},
		{100 * time.Second, 2 * time.Minute}, {time.Minute, time.Minute}} {
		for _, after := range []time.Duration{time.Second, 2 * time.Hour} {
			for _, answered := range []bool{false, true} {
				p := testPlan(1, 1, 1, 1)
				p.Timings.StartTimeout, p.Timings.ReconcileGrace = c.timeout, c.grace
				key := p.Vaults[0].Key
				s := NewState(p)
				facts := []fleet.Event{{At: began, Fact: fleet.RunOpened{RunID: "run"}},
					{At: began, Fact: fleet.Validated{Vault: key, Verdict: fleet.VerdictReady}},
					{At: began, Fact: fleet.StartIntended{Vault: key, OperationID: "one", Attempt: 1}}}
				if answered {
					facts = append(facts,
						fleet.Event{At: began,
							Fact: fleet.StartAnswered{Vault: key, OperationID: "one",
								Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}}})
				}
				resumed := began.Add(after)
				for _, e := range append(facts, fleet.Event{At: resumed, Fact: fleet.Resumed{}}) {
					if err := s.Apply(e); err != nil {
						t.Fatal(err)
					}
				}
				reads := s.Vaults[0].ProofFrom.Add(c.grace)
				want := max(resumed.Sub(began)+max(c.timeout, c.grace), c.timeout+c.grace)
				if got := reads.Sub(began); got != want {
					t.Errorf("timeout %v, grace %v, answered %v, resumed %v after the start: the first reading "+
						"counts %v after it, want %v", c.timeout, c.grace, answered, after, got, want)
				}
			}
		}
	}
}
