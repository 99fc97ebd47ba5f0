package statetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func testEmpty(t *testing.T, open Opener) {
	s := open()
	if run, ok, err := s.LatestRun(); ok || err != nil {
		t.Fatalf("LatestRun = %v, %v, %v; want none", run, ok, err)
	}
	if runs, err := s.Runs(); len(runs) != 0 || err != nil {
		t.Fatalf("Runs = %v, %v; want none", runs, err)
	}
	if seq, hash, err := s.Head(); seq != 0 || len(hash) != 64 || err != nil {
		t.Fatalf("Head = %d, %q, %v; want 0 and a hash", seq, hash, err)
	}
	if got := RecordsOf(t, s); len(got) != 0 {
		t.Fatalf("VaultRecords = %v; want none", got)
	}
	if _, err := s.Plan("none"); !errors.Is(err, state.ErrNoPlan) {
		t.Fatalf("Plan: %v; want ErrNoPlan", err)
	}
	if err := s.Events("none", nil); !errors.Is(err, state.ErrNoRun) {
		t.Fatalf("Events: %v; want ErrNoRun", err)
	}
	if err := s.Commit([]fleet.Event{At(0, fleet.WaveOpened{Wave: "w"})}, nil); !errors.Is(err, state.ErrNoRun) ||
		!errors.Is(err, state.ErrCommit) {
		t.Fatalf("Commit before Begin: %v; want ErrNoRun and ErrCommit", err)
	}
}

// EveryFact returns one event of each fact that may stand inside a run, the
// fields filled.
func EveryFact() []fleet.Event {
	by := fleet.Actor{User: "ops", Host: "build-7", PID: 41, Credential: "cli"}
	found := []fleet.Finding{{Severity: fleet.SeverityError, Category: "agent", Code: "OldAgent",
		Message: "a | b; \"c\" <d>",
		Action:  "update", Items: []string{"m1", "m2"}}}
	record := &fleet.Record{OperationID: "op", State: fleet.RecordInProgress, Message: "m",
		Trigger:   fleet.TriggerForced,
		StartedAt: time.Date(2017, 3, 28, 10, 3, 17, 991535600, time.UTC), UpgradedResourceID: "/subscriptions/x"}
	v := Key(1)
	facts := []fleet.Fact{
		fleet.Resumed{By: by, Version: "v2"},
		fleet.WaveOpened{Wave: "canary"},
		fleet.Validated{Vault: v, Verdict: fleet.VerdictBlocked, Findings: found, Record: record,
			RequestIDs: []string{"r1"}},
		fleet.StartIntended{Vault: v, OperationID: "op", Attempt: 2},
		fleet.StartAnswered{Vault: v, OperationID: "op",
			Answer: fleet.StartAnswer{Verdict: fleet.StartThrottled, HTTPStatus: 429,
				Code: "c", Message: "m", Findings: found, ErrorBody: true, RequestID: "r2",
				RetryAfter: 7 * time.Second}},
		fleet.NotSent{Vault: v, OperationID: "op", Reason: "stopped"},
		fleet.StartWaits{Vault: v, Reason: "a role is not in force yet", Code: "c"},
		fleet.Reconciled{Vault: v, OperationID: "op", Read: 1, Reading: fleet.ReadAbsent, Record: record, Detail: "d"},
		fleet.Observed{Vault: v, OperationID: "op", Record: record, Foreign: true},
		fleet.Inspected{Vault: v, OperationID: "op", Reading: fleet.LastReading{At: time.Date(2026, 3, 16, 23, 0, 0, 5,
			time.UTC), What: "w", Differs: []string{"a is b, wanted c"},
			Poll: "HTTP 204", Action: "a", Settled: true, Running: true}},
		fleet.Verified{Vault: v, OperationID: "op", ResourceID: "/subscriptions/x"},
		fleet.Throttled{Subscription: "s", Until: time.Date(2026, 3, 16, 23, 0, 0, 5, time.UTC)},
		fleet.AccessDenied{Subscription: "s", Detail: "no co-administrator", GivenUp: true},
		fleet.DeadlinePassed{Vault: v, Deadline: fleet.DeadlineBusy},
		fleet.RunHalted{Scope: "canary", Wave: true, Failures: 2, Budget: 1},
		fleet.FailuresAccepted{By: by, Reason: "known"},
		fleet.Reopened{Vault: v, Disregard: []string{"op"}, By: by, Reason: "support said so", Case: "17"},
		fleet.WaveDone{Wave: "canary"},
		fleet.RunSuspended{Why: fleet.SuspendedSignal, Detail: "d", Code: fleet.ExitInterrupted},
		fleet.RunClosed{Code: fleet.ExitFailures},
	}
	var events []fleet.Event
	for i, f := range facts {
		events = append(events, At(i+1, f))
	}
	return events
}

func testEveryFact(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	want := EveryFact()
	for batch := range slices.Chunk(want, 4) {
		commit(t, s, batch)
	}
	got := EventsOf(t, s, "r1")
	Same(t, "events", got, numbered(1, append(Opening("r1"), want...)))
	for i, e := range got[1:] {
		if !e.Event.At.Equal(want[i].At) || fmt.Sprintf("%T", e.Event.Fact) != fmt.Sprintf("%T", want[i].Fact) {
			t.Fatalf("event %d = %v %T; want %v %T", e.Seq, e.Event.At, e.Event.Fact, want[i].At, want[i].Fact)
		}
	}
}

func testRecords(t *testing.T, open Opener) {
	s := open()
	rec := func(n int, st fleet.Status) fleet.VaultRecord {
		return fleet.VaultRecord{Vault: Key(n), RunID: "r1", Status: st, OperationID: fmt.Sprint("op", n),
			Disregard: []string{"x"}, StartedAt: At(n, nil).At, RequestIDs: []string{"q"}}
	}
	if err := s.Begin(PlanOf("r1"), Opening("r1"), []fleet.VaultRecord{rec(3, fleet.Pending)}); err != nil {
		t.Fatal(err)
	}
	commit(t, s, nil, rec(2, fleet.Starting), rec(1, fleet.Busy))
	commit(t, s, []fleet.Event{At(9, fleet.WaveOpened{Wave: "w"})}, rec(2, fleet.Upgrading))
	Same(t, "records", RecordsOf(t, s), []fleet.VaultRecord{rec(1, fleet.Busy), rec(2, fleet.Upgrading),
		rec(3, fleet.Pending)})
}

func testReopen(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	commit(t, s, EveryFact()[:5], fleet.VaultRecord{Vault: Key(1), Status: fleet.Starting})
	seq, hash, err := s.Head()
	if err != nil {
		t.Fatal(err)
	}
	before, recordsBefore := EventsOf(t, s, "r1"), RecordsOf(t, s)
	runsBefore, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	if seq2, hash2, err := s.Head(); seq2 != seq || hash2 != hash || err != nil {
		t.Fatalf("Head = %d %s %v; was %d %s", seq2, hash2, err, seq, hash)
	}
	Same(t, "events", EventsOf(t, s, "r1"), before)
	Same(t, "records", RecordsOf(t, s), recordsBefore)
	runs, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	Same(t, "runs", runs, runsBefore)
	if plan, err := s.Plan("plan of r1"); err != nil || string(plan) != string(PlanOf("r1")) {
		t.Fatalf("Plan = %s, %v", plan, err)
	}
	commit(t, s, EveryFact()[5:6])
	if got := EventsOf(t, s, "r1"); len(got) != len(before)+1 || got[len(got)-1].Seq != seq+1 {
		t.Fatalf("after the reopening %d events, the last %d; want %d and %d", len(got), got[len(got)-1].Seq,
			len(before)+1, seq+1)
	}
}

func testUnfinished(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	seq, hash, err := s.Head()
	if err != nil {
		t.Fatal(err)
	}
	err = s.Begin(PlanOf("r2"), Opening("r2"), nil)
	if !errors.Is(err, state.ErrUnfinished) || errors.Is(err, state.ErrCommit) || !strings.Contains(err.Error(), "r1") {
		t.Fatalf("Begin over r1: %v; want ErrUnfinished, which names r1", err)
	}
	if seq2, hash2, err := s.Head(); seq2 != seq || hash2 != hash || err != nil {
		t.Fatalf("a refused Begin moved the head from %d to %d (%v)", seq, seq2, err)
	}
	commit(t, s, []fleet.Event{At(1, fleet.RunClosed{Code: fleet.ExitFailures})})
	run, ok, err := s.LatestRun()
	if err != nil || !ok || !run.Closed || run.ExitCode != fleet.ExitFailures || !run.ClosedAt.Equal(At(1, nil).At) {
		t.Fatalf("LatestRun = %+v, %v, %v; want r1 closed with 3", run, ok, err)
	}
	begin(t, s, "r2")
}

func testBeginRefuses(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	commit(t, s, []fleet.Event{At(1, fleet.RunClosed{})})
	opening := Opening("r2")
	for _, c := range []struct {
		name   string
		plan   []byte
		events []fleet.Event
		vaults []fleet.VaultRecord
	}{
		{"no plan", nil, opening, nil},
		{"no events", PlanOf("r2"), nil, nil},
		{"another fact first", PlanOf("r2"), []fleet.Event{At(0, fleet.Resumed{}), opening[0]}, nil},
		{"no fact", PlanOf("r2"), []fleet.Event{{}}, nil},
		{"a pointer to a fact", PlanOf("r2"), []fleet.Event{opening[0], At(1, &fleet.Resumed{})}, nil},
		{"no run ID", PlanOf("r2"), []fleet.Event{At(0, fleet.RunOpened{PlanFingerprint: "x"})}, nil},
		{"no fingerprint", PlanOf("r2"), []fleet.Event{At(0, fleet.RunOpened{RunID: "x"})}, nil},
		{"opened twice", PlanOf("r2"), append(slices.Clone(opening), Opening("r3")...), nil},
		{"a run that was", PlanOf("r1"), Opening("r1"), nil},
		{"a record without a vault", PlanOf("r2"), opening, []fleet.VaultRecord{{}}},
	} {
		if err := s.Begin(c.plan, c.events, c.vaults); !errors.Is(err, state.ErrRefused) ||
			errors.Is(err, state.ErrCommit) {
			t.Fatalf("%s: %v; want ErrRefused", c.name, err)
		}
	}
	if runs, err := s.Runs(); len(runs) != 1 || err != nil {
		t.Fatalf("Runs = %v, %v; want r1 alone", runs, err)
	}
	begin(t, s, "r2")
}

func testRuns(t *testing.T, open Opener) {
	s := open()
	var want []state.RunInfo
	for i, id := range []string{"r1", "r2", "r3"} {
		seq, _, err := s.Head()
		if err != nil {
			t.Fatal(err)
		}
		begin(t, s, id)
		commit(t, s, []fleet.Event{At(i+1, fleet.WaveOpened{Wave: "wave of " + id})})
		commit(t, s, []fleet.Event{At(i+2, fleet.RunClosed{Code: fleet.ExitCode(i)})})
		want = append(want, state.RunInfo{Ordinal: uint64(i) + 1, ID: id, PlanFingerprint: "plan of " + id,
			OpenedAt: At(0, nil).At,
			FirstSeq: seq + 1, Closed: true, ClosedAt: At(i+2, nil).At, ExitCode: fleet.ExitCode(i)})
	}
	runs, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	Same(t, "runs", runs, want)
	for _, run := range want {
		got := EventsOf(t, s, run.ID)
		if len(got) != 3 || got[0].Seq != run.FirstSeq ||
			got[1].Event.Fact != (fleet.WaveOpened{Wave: "wave of " + run.ID}) {
			t.Fatalf("events of %s: %+v", run.ID, got)
		}
		if plan, err := s.Plan(run.PlanFingerprint); err != nil || string(plan) != string(PlanOf(run.ID)) {
			t.Fatalf("Plan = %s, %v", plan, err)
		}
	}
}

func testAfterClosed(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	commit(t, s, []fleet.Event{At(1, fleet.RunClosed{Code: fleet.ExitFailures})})
	again := At(2, fleet.Reopened{Vault: Key(1), Reason: "support said so"})
	commit(t, s, []fleet.Event{again}, fleet.VaultRecord{Vault: Key(1), Status: fleet.Pending})
	if got := EventsOf(t, s, "r1"); len(got) != 3 || got[2].Event.Fact.Name() != "Reopened" {
		t.Fatalf("events = %+v; want the re-opening last", got)
	}
	if run, _, err := s.LatestRun(); err != nil || !run.Closed || run.ExitCode != fleet.ExitFailures {
		t.Fatalf("LatestRun = %+v, %v; want it closed still", run, err)
	}
	begin(t, s, "r2")
	if got := EventsOf(t, s, "r1"); len(got) != 3 {
		t.Fatalf("r1 has %d events after r2 began; want 3", len(got))
	}
}

func testEmptyCommit(t *testing.T, open Opener) {
	s := open()
	commit(t, s, nil)
	begin(t, s, "r1")
	_, before, err := s.Head()
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, []fleet.Event{})
	if _, after, err := s.Head(); after != before || err != nil {
		t.Fatalf("an empty commit moved the head (%v)", err)
	}
}

func testHead(t *testing.T, open Opener) {
	s := open()
	seen := map[string]bool{}
	look := func(want uint64) {
		t.Helper()
		seq, hash, err := s.Head()
		if err != nil || seq != want || seen[hash] {
			t.Fatalf("Head = %d, %s, %v; want %d and a new hash", seq, hash, err, want)
		}
		seen[hash] = true
	}
	look(0)
	begin(t, s, "r1")
	look(1)
	same := At(5, fleet.WaveOpened{Wave: "w"})
	for i := range 3 {
		commit(t, s, []fleet.Event{same})
		look(uint64(i) + 2)
	}
	commit(t, s, []fleet.Event{same, same})
	look(6)
}

func testRefusedCommit(t *testing.T, open Opener) {
	good := At(7, fleet.WaveOpened{Wave: "good"})
	s := open()
	begin(t, s, "r1")
	commit(t, s, nil, fleet.VaultRecord{Vault: Key(1), Status: fleet.Ready})
	for _, c := range []struct {
		name   string
		events []fleet.Event
		vaults []fleet.VaultRecord
	}{
		{"no fact", []fleet.Event{good, {}}, nil},
		{"a pointer to a fact", []fleet.Event{good, At(1, (*fleet.Resumed)(nil))}, nil},
		{"a second opening", append([]fleet.Event{good}, Opening("r2")...), nil},
		{"closed twice", []fleet.Event{good, At(1, fleet.RunClosed{}), At(2, fleet.RunClosed{})}, nil},
		{"a record without a vault", []fleet.Event{good},
			[]fleet.VaultRecord{{Vault: Key(1), Status: fleet.Failed}, {}}},
	} {
		if err := s.Commit(c.events, c.vaults); !errors.Is(err, state.ErrCommit) || !errors.Is(err, state.ErrRefused) {
			t.Fatalf("%s: %v; want ErrCommit and ErrRefused", c.name, err)
		}
		if err := s.Commit([]fleet.Event{good}, nil); !errors.Is(err, state.ErrCommit) {
			t.Fatalf("%s: the commit after it: %v; want ErrCommit", c.name, err)
		}
		if err := s.Begin(PlanOf("r2"), Opening("r2"), nil); !errors.Is(err, state.ErrCommit) {
			t.Fatalf("%s: the Begin after it: %v; want ErrCommit", c.name, err)
		}
		if _, _, err := s.Head(); !errors.Is(err, state.ErrCommit) {
			t.Fatalf("%s: the Head after it: %v; want ErrCommit", c.name, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open()
		if got := EventsOf(t, s, "r1"); len(got) != 1 {
			t.Fatalf("%s: events = %+v; want RunOpened alone", c.name, got)
		}
		Same(t, c.name, RecordsOf(t, s), []fleet.VaultRecord{{Vault: Key(1), Status: fleet.Ready}})
	}
}

// LargeBatch is the number of vaults of the suite's largest commit.
const LargeBatch = 5000

func testLargeBatch(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	var events []fleet.Event
	var vaults []fleet.VaultRecord
	for i := range LargeBatch {
		events = append(events, At(i, fleet.StartIntended{Vault: Key(i), OperationID: fmt.Sprint("op-", i),
			Attempt: 1}))
		vaults = append(vaults, fleet.VaultRecord{Vault: Key(i), RunID: "r1", Status: fleet.Starting,
			OperationID: fmt.Sprint("op-", i)})
	}
	commit(t, s, events, vaults...)
	Same(t, "events", EventsOf(t, s, "r1")[1:], numbered(2, events))
	Same(t, "records", RecordsOf(t, s), vaults)
}

func testCallbackError(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	commit(t, s, EveryFact(), fleet.VaultRecord{Vault: Key(1)}, fleet.VaultRecord{Vault: Key(2)})
	enough := errors.New("enough")
	n := 0
	if err := s.Events("r1", func(uint64, fleet.Event) error { n++; return enough }); err != enough || n != 1 {
		t.Fatalf("Events: %v after %d events; want the callback's error after 1", err, n)
	}
	n = 0
	if err := s.VaultRecords(func(fleet.VaultRecord) error { n++; return enough }); err != enough || n != 1 {
		t.Fatalf("VaultRecords: %v after %d records; want the callback's error after 1", err, n)
	}
}

func testCallbackCommits(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	commit(t, s, EveryFact()[:3], fleet.VaultRecord{Vault: Key(1)})
	n := 0
	if err := s.Events("r1", func(seq uint64, _ fleet.Event) error {
		n++
		return s.Commit([]fleet.Event{At(int(seq), fleet.WaveOpened{Wave: "more"})}, nil)
	}); err != nil || n != 4 {
		t.Fatalf("Events: %v after %d events; want the 4 that were there", err, n)
	}
	if err := s.VaultRecords(func(v fleet.VaultRecord) error {
		v.Status = fleet.Busy
		return s.Commit(nil, []fleet.VaultRecord{v})
	}); err != nil {
		t.Fatal(err)
	}
	if got := EventsOf(t, s, "r1"); len(got) != 8 {
		t.Fatalf("%d events; want 8", len(got))
	}
}

func testClosed(t *testing.T, open Opener) {
	s := open()
	begin(t, s, "r1")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	errs := map[string]error{
		"Begin":        s.Begin(PlanOf("r2"), Opening("r2"), nil),
		"Commit":       s.Commit([]fleet.Event{At(1, fleet.Resumed{})}, nil),
		"Events":       s.Events("r1", nil),
		"VaultRecords": s.VaultRecords(nil),
	}
	_, errs["Runs"] = s.Runs()
	_, _, errs["LatestRun"] = s.LatestRun()
	_, errs["Plan"] = s.Plan("plan of r1")
	_, _, errs["Head"] = s.Head()
	for name, err := range errs {
		if !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s after Close: %v; want ErrClosed", name, err)
		}
	}
}
