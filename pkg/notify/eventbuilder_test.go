package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Names that mean something to those that show them.
const (
	hostileWave   = "canary <!channel> & *bold* [x](http://evil.example)"
	hostileReason = "<https://evil.example|click> \x1b[2J \u202eexe"
)

var t0 = time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)

// night is a run that facts are added to.
type night struct {
	t    *testing.T
	st   *rollout.State
	tell *EventBuilder
	told []Event
}

func newNight(t *testing.T, kind fleet.Kind) *night {
	p := &plan.Plan{Kind: kind, Fingerprint: "7f3a9c21", Inventory: "/home/ops/contoso.yaml",
		Limits:        plan.DefaultLimits(),
		Timings:       plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitCount, Count: 0},
		Waves: []plan.Wave{{Name: hostileWave, Soak: 30 * time.Minute,
			Approval: &plan.Approval{When: plan.ApprovalAfter, NotBy: plan.NotByStarter, Expiry: time.Hour}},
			{Name: "rest"}}}
	for i := range 3 {
		v := plan.Vault{Wave: min(i, 1)}
		v.Name, v.SubscriptionID = fmt.Sprintf("v%d", i), "s"
		v.Key = fleet.KeyOf(fleet.KindClassic, "s", fleet.BackupVault, "x", v.Name)
		p.Vaults = append(p.Vaults, v)
		p.Waves[v.Wave].Vaults = append(p.Waves[v.Wave].Vaults, i)
	}
	if kind != "" {
		p.Upgrade = &fleet.Upgrade{}
	}
	n := &night{t: t, st: rollout.NewState(p), tell: NewEventBuilder(1)}
	n.tell.Ledger, n.tell.Reports = "contoso.db", []string{"contoso.html"}
	n.fold(0, fleet.RunOpened{RunID: "20260316-1100-3f", By: ops})
	n.told = n.tell.Begun(n.st)
	return n
}

var ops = fleet.Actor{User: "ops", Host: "bastion"}

func (n *night) fold(minutes int, f fleet.Fact) fleet.Event {
	n.t.Helper()
	e := fleet.Event{At: t0.Add(time.Duration(minutes) * time.Minute), Fact: f}
	if err := n.st.Apply(e); err != nil {
		n.t.Fatal(err)
	}
	return e
}

// facts folds facts as one batch and tells of them.
func (n *night) facts(minutes int, fs ...fleet.Fact) {
	n.t.Helper()
	var batch []fleet.Event
	for _, f := range fs {
		batch = append(batch, n.fold(minutes, f))
	}
	n.told = append(n.told, n.tell.Events(n.st, batch)...)
}

func (n *night) upgrade(minutes, i int) {
	n.t.Helper()
	k := n.st.Plan.Vaults[i].Key
	n.facts(minutes, fleet.Validated{Vault: k, Verdict: fleet.VerdictReady})
	n.facts(minutes, fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1})
	n.facts(minutes, fleet.StartAnswered{Vault: k, OperationID: "op",
		Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
}

// wholeNight is a run in which everything happens that people are told of.
func wholeNight(t *testing.T, kind fleet.Kind) *night {
	n := newNight(t, kind)
	key := func(i int) fleet.Key { return n.st.Plan.Vaults[i].Key }
	n.facts(0, fleet.WaveOpened{Wave: hostileWave})
	n.upgrade(1, 0)
	n.facts(20, fleet.Verified{Vault: key(0), OperationID: "op", ResourceID: "id"}, fleet.WaveDone{Wave: hostileWave})
	n.facts(55, fleet.RunSuspended{Why: fleet.SuspendedWait, Gate: fleet.GateAfter, Wave: hostileWave,
		Code: fleet.ExitInterrupted})
	n.facts(60, fleet.Approved{Wave: hostileWave, When: fleet.GateAfter, By: ops, ExpiresAt: t0.Add(5 * time.Hour),
		PlanFingerprint: "7f3a9c21"})
	n.facts(61, fleet.Resumed{By: ops})
	n.facts(61, fleet.GateOpened{Wave: hostileWave, When: fleet.GateAfter}, fleet.WaveOpened{Wave: "rest"})
	n.upgrade(62, 1)
	n.upgrade(63, 2)
	n.facts(64, fleet.Paused{By: ops, Reason: hostileReason})
	n.facts(65, fleet.Paused{Off: true, By: ops, Reason: "over"})
	n.facts(66, fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted})
	n.told = append(n.told, n.tell.Broken(n.st, t0.Add(67*time.Minute), errors.New("no space left on device")))
	n.facts(70, fleet.Resumed{By: ops})
	n.facts(80, fleet.Observed{Vault: key(1), OperationID: "op",
		Record: &fleet.Record{OperationID: "op", State: fleet.RecordFailed}},
		fleet.RunHalted{Scope: "run", Failures: 1})
	n.facts(81, fleet.FailuresAccepted{By: ops, Reason: "known"},
		fleet.Verified{Vault: key(2), OperationID: "op", ResourceID: "id"},
		fleet.WaveDone{Wave: "rest"}, fleet.RunClosed{Code: fleet.ExitFailures})
	return n
}

// TestTheSameWaitIsToldOnce: who resumes a run every few minutes to see whether it may go
// on is told when it does, and of another wait. Each resume is a process of its own.
func TestTheSameWaitIsToldOnce(t *testing.T) {
	t.Parallel()
	gate := fleet.RunSuspended{Why: fleet.SuspendedWait, Gate: fleet.GateAfter, Wave: hostileWave,
		Code: fleet.ExitInterrupted}
	window := fleet.RunSuspended{Why: fleet.SuspendedWait, Until: t0.Add(30 * time.Hour), Code: fleet.ExitInterrupted}
	n := newNight(t, "")
	kinds := func() (ks []Kind) {
		for _, e := range n.told {
			ks = append(ks, e.Kind)
		}
		n.told = nil
		return ks
	}
	said := func(want ...Kind) {
		t.Helper()
		if got := kinds(); !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
	}
	another := func() { // process
		seq := n.tell.seq
		n.tell = NewEventBuilder(seq)
		n.tell.Stood = n.st.Run.Suspended
	}
	n.facts(0, fleet.WaveOpened{Wave: hostileWave})
	n.upgrade(1, 0)
	n.facts(2, fleet.Verified{Vault: n.st.Plan.Vaults[0].Key, OperationID: "op", ResourceID: "id"},
		fleet.WaveDone{Wave: hostileWave}, gate)
	if e := n.told[len(n.told)-1]; !strings.Contains(e.Data.Sentence, "waits for an approval after wave ") {
		t.Errorf("it says not for what: %s", e.Data.Sentence)
	}
	said(Started, WaveFinished, ApprovalNeeded, Waiting)
	for tick := range 3 {
		another()
		n.facts(10+tick, fleet.Resumed{By: ops})
		n.facts(10+tick, n.checked(1, fleet.VerdictReady))
		n.facts(10+tick, gate)
		said()
	}
	another()
	n.facts(20, fleet.Approved{Wave: hostileWave, When: fleet.GateAfter, By: ops, ExpiresAt: t0.Add(5 * time.Hour),
		PlanFingerprint: "7f3a9c21"})
	n.facts(20, fleet.Resumed{By: ops})
	n.facts(20, fleet.GateOpened{Wave: hostileWave, When: fleet.GateAfter}, fleet.WaveOpened{Wave: "rest"})
	if e := n.told[0]; e.Data.Phase != standing.Running || !strings.HasSuffix(e.ID, fmt.Sprint("/", n.tell.seq-2)) {
		t.Errorf("%s is of a run that is %s", e.ID, e.Data.Phase)
	}
	n.facts(21, window)
	if e := n.told[1]; !strings.Contains(e.Data.Sentence, "the window that opens 2026-") {
		t.Errorf("it says not until when: %s", e.Data.Sentence)
	}
	said(Resumed, Waiting)
	another()
	n.facts(30, fleet.Resumed{By: ops})
	n.facts(30, window)
	said()
	another()
	n.facts(40, fleet.Resumed{By: ops})
	later := window
	later.Until = window.Until.Add(24 * time.Hour)
	n.facts(40, later)
	said(Resumed, Waiting)
}

// TestCountsAreThoseOfTheFact: a run hands facts over as they were committed, a process that
// watches it one by one; a wave's end that was committed with the process's leaving
// shows the same counts in both, those of a run that is carried out.
func TestCountsAreThoseOfTheFact(t *testing.T) {
	t.Parallel()
	counts := func(batch bool) (c []map[fleet.Status]int) {
		n := newNight(t, "")
		n.facts(0, fleet.WaveOpened{Wave: hostileWave})
		n.upgrade(1, 0)
		fs := []fleet.Fact{fleet.Verified{Vault: n.st.Plan.Vaults[0].Key, OperationID: "op", ResourceID: "id"},
			fleet.WaveDone{Wave: hostileWave}, fleet.RunSuspended{Why: fleet.SuspendedWait, Gate: fleet.GateAfter,
				Wave: hostileWave}}
		if batch {
			n.facts(2, fs...)
		} else {
			for _, f := range fs {
				n.facts(2, f)
			}
		}
		for _, e := range n.told {
			if c = append(c, e.Data.Totals); e.Kind == WaveFinished && e.Data.Totals[fleet.Pending] != 2 {
				t.Errorf("%s counts %v", e.Kind, e.Data.Totals)
			}
			for _, w := range e.Data.Waves {
				c = append(c, w.Totals)
			}
		}
		return c
	}
	if a, b := counts(true), counts(false); !reflect.DeepEqual(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// TestLeftSaysHowTheRunStands: a process that was killed has left no exit code, and the
// run has one all the same: the one that status and runs show. An engine may go on.
func TestLeftSaysHowTheRunStands(t *testing.T) {
	t.Parallel()
	n := newNight(t, "")
	n.facts(0, fleet.WaveOpened{Wave: hostileWave})
	n.upgrade(1, 0)
	left := func() Data { return n.tell.Left(n.st, t0.Add(2*time.Minute)).Data }
	if d := left(); d.ExitCode == nil || *d.ExitCode != int(fleet.ExitInterrupted) || *d.Verdict != "interrupted" {
		t.Errorf("killed with one in flight: %v %v", d.ExitCode, d.Verdict)
	}
	n.facts(20, fleet.Observed{Vault: n.st.Plan.Vaults[0].Key, OperationID: "op",
		Record: &fleet.Record{OperationID: "op", State: fleet.RecordFailed}},
		fleet.RunHalted{Scope: "run", Failures: 1})
	if d := left(); d.ExitCode == nil || *d.ExitCode != int(fleet.ExitHalted) || *d.Verdict != n.st.Verdict().Name() {
		t.Errorf("killed when it had halted: %v %v", d.ExitCode, d.Verdict)
	}
	n.facts(21, fleet.Resumed{By: ops, Engine: fleet.EngineTemporal})
	if d := left(); !n.st.Elsewhere() || d.ExitCode != nil || d.Verdict != nil {
		t.Errorf("of an engine: %v", d.ExitCode)
	}
}

// TestBodies keeps the form of every notification in every format.
func TestBodies(t *testing.T) {
	t.Parallel()
	told := wholeNight(t, "").told
	seen := map[Kind]bool{}
	for _, f := range Formats() {
		var out bytes.Buffer
		for _, e := range told {
			seen[e.Kind] = true
			body, contentType, err := Body(f, e)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "# %s %s %s\n", e.Kind, e.ID, contentType)
			if f == Mail {
				out.Write(body)
			} else if err := json.Indent(&out, body, "", "  "); err != nil {
				t.Fatal(err)
			}
			out.WriteString("\n")
			if bytes.ContainsRune(body, '\x1b') || f != CloudEvents && bytes.ContainsRune(body, '\u202e') {
				t.Errorf("%s %s: a name steers whoever shows it: %q", f, e.Kind, body)
			}
			if f == Slack && (bytes.Contains(body, []byte("<!")) || bytes.Contains(body, []byte("<http"))) {
				t.Errorf("%s: a name mentions or links: %s", e.Kind, body)
			}
		}
		golden(t, string(f)+".golden", out.Bytes())
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("no notification is %s", k)
		}
	}
	ids := map[string]bool{}
	for _, e := range told {
		if ids[e.ID] {
			t.Errorf("%s is the ID of two", e.ID)
		}
		ids[e.ID] = true
	}
}

// The same facts have the same IDs for a process that comes later and has not
// seen those before: they are the journal's.
func TestIDsAreTheJournals(t *testing.T) {
	t.Parallel()
	whole := newNight(t, "")
	whole.facts(1, fleet.WaveOpened{Wave: hostileWave})
	whole.facts(2, fleet.Resumed{By: ops})
	whole.facts(2, fleet.Paused{By: ops})
	late := newNight(t, "")
	late.tell.seq = 3 // another process: the journal ended after Resumed
	late.told = nil
	late.facts(2, fleet.Paused{By: ops})
	if got, want := late.told[0].ID, whole.told[len(whole.told)-1].ID; got != want || !strings.HasSuffix(want, "/4") {
		t.Errorf("ID %s, want %s, which ends in /4", got, want)
	}
}

// A gate that somebody has approved already asks nobody; one whose approval does not
// hold asks as if there were none, as every view does.
func TestNoApprovalIsAskedThatIsGiven(t *testing.T) {
	t.Parallel()
	anna, later := fleet.Actor{User: "anna"}, t0.Add(time.Hour)
	for given, want := range map[*fleet.Approved]int{
		nil: 1,
		{By: anna, ExpiresAt: later, PlanFingerprint: "7f3a9c21"}:                        0,
		{By: anna, ExpiresAt: later, PlanFingerprint: "another"}:                         1,
		{By: anna, ExpiresAt: t0.Add(10 * time.Minute), PlanFingerprint: "7f3a9c21"}:     1,
		{By: ops, ExpiresAt: later, PlanFingerprint: "7f3a9c21", Reason: "my own night"}: 1,
	} {
		n := newNight(t, "")
		n.facts(0, fleet.WaveOpened{Wave: hostileWave})
		if given != nil {
			given.Wave, given.When = hostileWave, fleet.GateAfter
			n.facts(1, *given)
		}
		n.facts(20, fleet.WaveDone{Wave: hostileWave})
		asked := 0
		for _, e := range n.told {
			if e.Kind == ApprovalNeeded {
				asked++
			}
		}
		if asked != want {
			t.Errorf("approved %+v: asked %d times, want %d", given, asked, want)
		}
	}
}

// The gate before a wave that earlier runs left done asks nobody while its vaults are
// checked, and once when that shows that it needs somebody, or cannot go on.
func TestAnApprovalIsAskedOnceChecksShowItIsNeeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(n *night)
		want int
	}{
		"as it was left": {func(n *night) {
			n.facts(2, n.checked(1, fleet.VerdictAlready))
			n.facts(3, n.checked(2, fleet.VerdictAlready))
		}, 0},
		"not as it was left": {func(n *night) {
			n.facts(2, n.checked(1, fleet.VerdictReady))
			n.facts(3, n.checked(2, fleet.VerdictReady))
		}, 1},
		"it cannot be checked": {func(n *night) {
			n.facts(2, fleet.AccessDenied{Subscription: "s", Detail: "no"})
			n.facts(3, fleet.AccessDenied{Subscription: "s", Detail: "no", GivenUp: true})
		}, 1},
	} {
		n := newNight(t, "")
		p := n.st.Plan
		p.Waves[0].Approval, p.Waves[1].Approval = nil, &plan.Approval{When: plan.ApprovalBefore}
		n.fold(0, fleet.RunOpened{RunID: "20260316-1100-3f", Upgraded: []fleet.Key{p.Vaults[1].Key, p.Vaults[2].Key}})
		n.facts(1, fleet.WaveOpened{Wave: hostileWave}, n.checked(0, fleet.VerdictAlready),
			fleet.WaveDone{Wave: hostileWave})
		asked := func() (k int) {
			for _, e := range n.told {
				if e.Kind == ApprovalNeeded {
					k++
				}
			}
			return k
		}
		if asked() != 0 {
			t.Errorf("%s: it is asked before it is checked", name)
		}
		if c.then(n); asked() != c.want {
			t.Errorf("%s: asked %d times, want %d", name, asked(), c.want)
		}
	}
}

func (n *night) checked(i int, v fleet.Verdict) fleet.Fact {
	return fleet.Validated{Vault: n.st.Plan.Vaults[i].Key, Verdict: v}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; read it and rewrite with -update if it is right\n--- got\n%s", path, got)
	}
}
