package runner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// secondEngine carries a rollout out by itself, over nothing but bytes: the plan, the
// brain's snapshot, and what the codecs write. Each step and each call is made with what
// a process has that has just begun. It returns the facts.
func secondEngine(t *testing.T, planned []byte, endpoint string) (journal []fleet.Event) {
	p := planOf(t, planned)
	m := rollout.New(p)
	opened := fleet.Event{At: time.Now().UTC(), Fact: fleet.RunOpened{RunID: "run", PlanFingerprint: p.Fingerprint}}
	if err := m.Apply(opened); err != nil {
		t.Fatal(err)
	}
	snapshot, journal := m.Snapshot(), []fleet.Event{opened}
	watched := map[string][]byte{} // by what is watched
	keys := map[fleet.Key][]byte{} // the signatures of operations' addresses: they are in nothing that is written
	var told [][]byte
	var wake time.Time
	for {
		facts, actions, next := secondStep(t, planned, snapshot, told)
		snapshot, journal, told = next, append(journal, facts...), nil
		for _, a := range actions {
			switch a := action(t, a).(type) {
			case rollout.Exit:
				return journal
			case rollout.Wake:
				wake = a.At
			case rollout.Watch:
				id := fmt.Sprint(a.Subscription, a.Vault)
				if delete(watched, id); a.On {
					watched[id] = encoded(t, a)
				}
			default:
				told = append(told, secondWorker(t, planned, endpoint, keys, encoded(t, a))...)
			}
		}
		if len(told) > 0 {
			continue
		}
		if time.Since(opened.At) > 5*time.Minute {
			t.Fatalf("it does not end:\n%s\nand watches %s", bare(t, journal), watched)
		}
		time.Sleep(min(p.Timings.Poll, max(time.Until(cmp.Or(wake, time.Now().Add(time.Hour))), 0)))
		for _, id := range slices.Sorted(maps.Keys(watched)) {
			told = append(told, secondWorker(t, planned, endpoint, keys, watched[id])...)
		}
	}
}

// secondStep is one step of a process that has just begun.
func secondStep(t *testing.T, planned, snapshot []byte, told [][]byte) (facts []fleet.Event, actions [][]byte,
	next []byte) {
	m, err := rollout.Restore(planOf(t, planned), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	var obs []rollout.Observation
	for _, data := range told {
		o, err := rollout.DecodeObservation(data)
		if err != nil {
			t.Fatal(err)
		}
		obs = append(obs, o)
	}
	out := m.Step(time.Now().UTC(), obs)
	if out.Err != nil {
		t.Fatal(out.Err)
	}
	for _, a := range out.Actions {
		actions = append(actions, encoded(t, a))
	}
	return append(out.Facts, out.Intents...), actions, m.Snapshot()
}

// secondWorker carries one action out in a process that has just begun, and says what
// came of it.
func secondWorker(t *testing.T, planned []byte, endpoint string, keys map[fleet.Key][]byte,
	data []byte) (told [][]byte) {
	t.Helper()
	p, ctx := planOf(t, planned), context.Background()
	up, done := workerOn(t, p, endpoint)
	defer done()
	read := func(i int, operationID string, o *fleet.Operation) (fleet.Sighting, bool, *fleet.Snapshot) {
		v := &p.Vaults[i].Vault
		if o != nil {
			o.Open(keys[v.Key])
		}
		vaults := []fleet.Followed{{Vault: v, OperationID: operationID, Operation: o.Followable()}}
		snap, err := up.Read(ctx, v.SubscriptionID, vaults)
		if err != nil {
			t.Fatal(err)
		}
		seen, present := snap.Vaults[v.Key]
		return seen, present, snap
	}
	tell := func(o rollout.Observation) {
		data, err := rollout.EncodeObservation(o)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, data)
	}
	switch a := action(t, data).(type) {
	case rollout.Validate:
		v := &p.Vaults[a.Vault].Vault
		seen, present, _ := read(a.Vault, "", nil)
		seen.Learned = a.Learned
		res := up.Validate(ctx, v, seen, present, a.Disregard)
		if res.State == nil {
			res.State = seen.State
		}
		tell(rollout.ValidateDone{Vault: v.Key, Result: res})
	case rollout.Prepare:
		v := &p.Vaults[a.Vault].Vault
		seen, present, _ := read(a.Vault, "", nil)
		seen.Learned = a.Learned
		start, err := up.Prepare(ctx, v, seen)
		if err != nil {
			t.Fatal(err)
		}
		start.OperationID = up.NewOperationID(time.Now())
		tell(rollout.PrepareDone{Vault: v.Key, Start: start, Seen: seen, Present: present})
	case rollout.Send:
		v := &p.Vaults[a.Vault].Vault
		ctx, cancel := context.WithTimeout(ctx, p.Timings.StartTimeout)
		defer cancel()
		taken := rollout.Moment{At: time.Now(), Wall: time.Now()}
		answer := up.Send(ctx, v, a.Start, func() (time.Duration, string) {
			return a.MayLeave(taken, rollout.Moment{At: time.Now(), Wall: time.Now()}, false)
		})
		if answer.Operation != nil {
			_, keys[v.Key] = answer.Operation.Seal()
		}
		tell(rollout.SendDone{Vault: v.Key, OperationID: a.Start.OperationID, Answer: answer})
	case rollout.Reconcile:
		v := &p.Vaults[a.Vault].Vault
		seen, present, _ := read(a.Vault, a.OperationID, nil)
		tell(rollout.ReconcileDone{Vault: v.Key, OperationID: a.OperationID,
			Result: up.Reconcile(ctx, v, a.OperationID, seen, present, a.Before)})
	case rollout.Verify:
		v := &p.Vaults[a.Vault].Vault
		res, err := up.Verify(ctx, v, a.OperationID)
		if err != nil {
			t.Fatal(err)
		}
		tell(rollout.VerifyDone{Vault: v.Key, OperationID: a.OperationID, Result: res})
	case rollout.Explain:
		v := &p.Vaults[a.Vault].Vault
		seen, _, _ := read(a.Vault, a.OperationID, a.Operation)
		tell(rollout.ExplainDone{Vault: v.Key, OperationID: a.OperationID, Findings: up.Explain(ctx, v, seen)})
	case rollout.Watch:
		i := max(a.Vault, 0)
		_, _, snap := read(i, a.OperationID, a.Operation)
		tell(rollout.ReadDone{Snapshot: *snap})
	default:
		t.Fatalf("nobody carries %T out", a)
	}
	return told
}

func planOf(t *testing.T, planned []byte) *plan.Plan {
	var p plan.Plan
	if err := json.Unmarshal(planned, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

func encoded(t *testing.T, a rollout.Action) []byte {
	data, err := rollout.EncodeAction(a)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func action(t *testing.T, data []byte) rollout.Action {
	a, err := rollout.DecodeAction(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// workerOn is the adapter of a process that has just begun, with connections and tokens
// of its own.
func workerOn(t *testing.T, p *plan.Plan, endpoint string) (up runner.Upgrader, done func()) {
	sm, rm, err := azure.NewAPIClients(azure.Options{Version: "test",
		Cloud: fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: endpoint, ResourceManager: endpoint}})
	if err == nil {
		up, err = adapterOf(p, sm, rm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return up, func() { sm.Close(); rm.Close() }
}

// A second engine, which shares with the runner nothing but the brain and the ports,
// carries a whole night out on the same cloud, and ends with the same facts.
func TestSecondEngine(t *testing.T) {
	t.Parallel()
	quick := func(in *plan.Input) {
		in.Timings = plan.Timings{Poll: 200 * time.Millisecond, ValidationMaxAge: time.Hour, BusyRetry: time.Second,
			BusyDeadline: time.Hour,
			StartTimeout: time.Minute, ReconcileGrace: 30 * time.Second, ReconcileDeadline: time.Hour,
			Overdue: time.Hour}
		in.Limits.RequestsPerSecond = 200
	}
	waves := []plan.WaveSpec{{Name: "canary", Match: map[string]string{"ring": "0"}}, {Name: "rest", CatchAll: true}}
	at := func(vault int, f emulator.Fault) emulator.Fault {
		f.Vault = fmt.Sprintf("s%d/v%02d", vault%2, vault)
		return f
	}
	lost := emulator.Fault{Kind: "server-error", Calls: []string{"upgrade"}, Status: 503, Accepted: true, Times: 1}
	for name, c := range map[string]struct {
		plan   *plan.Plan
		faults []emulator.Fault
		want   map[string]fleet.Status
	}{
		"classic": {fleetOf(t, 6, 2, waves, quick),
			[]emulator.Fault{at(1, emulator.Fault{Kind: "blocked"}), at(2, emulator.Fault{Kind: "fails"}),
				at(3, emulator.Fault{Kind: "already"}), at(4, lost), at(5, emulator.Fault{Kind: "start-refused"})},
			map[string]fleet.Status{"v00": fleet.Upgraded, "v01": fleet.Blocked, "v02": fleet.Failed,
				"v03": fleet.Already, "v04": fleet.Upgraded, "v05": fleet.Failed}},
		"alerts": {fleetOf(t, 4, 2, waves, func(in *plan.Input) { quick(in); ofToday(in, rsv.Alerts().Spec) }),
			[]emulator.Fault{at(1, emulator.Fault{Kind: "fails"}), at(2, lost)},
			map[string]fleet.Status{"v00": fleet.Upgraded, "v01": fleet.Failed, "v02": fleet.Upgraded,
				"v03": fleet.Upgraded}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planned, err := json.Marshal(c.plan)
			if err != nil {
				t.Fatal(err)
			}
			cloud := func() string {
				cloud, err := emulator.New(emulator.Config{Vaults: vaultsOf(c.plan), Resources: resourcesOf(c.plan),
					Scenario: emulator.Scenario{Seed: 7, TimeScale: 200, Duration: emulator.Duration{Constant: "100s"},
						Faults: c.faults}})
				if err != nil {
					t.Fatal(err)
				}
				srv := httptest.NewServer(cloud)
				t.Cleanup(func() { srv.Close(); _ = cloud.Close() })
				return srv.URL
			}
			second := secondEngine(t, planned, cloud())

			store, err := state.NewMemory(state.Binding{Cloud: "Emulator"})
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Begin(planned, second[:1], nil); err != nil {
				t.Fatal(err)
			}
			up, done := workerOn(t, c.plan, cloud())
			defer done()
			replay := func(apply func(fleet.Event) error) error {
				return store.Events("run", func(_ uint64, e fleet.Event) error { return apply(e) })
			}
			if _, err := runner.Run(t.Context(),
				runner.Options{Plan: c.plan, Store: store, Cloud: up, Replay: replay}); err != nil {
				t.Fatal(err)
			}
			var first []fleet.Event
			if err := replay(func(e fleet.Event) error { first = append(first, e); return nil }); err != nil {
				t.Fatal(err)
			}
			for engine, journal := range map[string][]fleet.Event{"the runner": first, "the second engine": second} {
				st := rollout.NewState(c.plan)
				if err := st.Replay(journal); err != nil || st.Run.Closed == nil {
					t.Fatalf("%s: %v", engine, err)
				}
				for i := range st.Vaults {
					name, got := c.plan.Vaults[i].Name, &st.Vaults[i]
					if got.Status != c.want[name] {
						t.Errorf("%s leaves %s %s (%s), want %s", engine, name, got.Status, got.Reason, c.want[name])
					}
				}
			}
			if a, b := bare(t, first), bare(t, second); a != b {
				t.Errorf("the runner's facts are\n%s\nand those of the second engine\n%s", a, b)
			}
		})
	}
}

// ownNames are the names that a night gives: of operations and requests, and times.
var ownNames = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]*[1-9a-f][0-9a-f]*|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?(-P)?`)

// bare are the facts of a journal, vault by vault, without what two nights need not
// have in common: times, and the names of operations and requests. That an upgrade is
// under way is seen before or after its start is answered.
func bare(t *testing.T, journal []fleet.Event) string {
	var lines []string
	for n, e := range journal {
		data, err := json.Marshal(e.Fact)
		if err != nil {
			t.Fatal(err)
		}
		text := ownNames.ReplaceAllString(string(data), "NAME")
		about := ""
		if f, ok := e.Fact.(fleet.VaultFact); ok {
			about = string(f.VaultKey())
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		strip(fields)
		if o, ok := e.Fact.(fleet.Observed); ok && o.Record != nil && o.Record.State == fleet.RecordInProgress {
			continue
		}
		if e.Fact.Name() == "Inspected" {
			continue
		}
		kept, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %04d %s %s", about, n, e.Fact.Name(), kept))
	}
	slices.Sort(lines)
	for n := range lines { // their order is kept, not their number
		about, rest, _ := strings.Cut(lines[n], " ")
		_, rest, _ = strings.Cut(rest, " ")
		lines[n] = about + " " + rest
	}
	return strings.Join(lines, "\n")
}

// strip takes away what differs from night to night.
func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			switch k {
			case "startedAt", "updatedAt", "endedAt", "at", "requestId", "requestIds", "operation", "reading":
				delete(v, k)
			default:
				if s, ok := x.(string); ok {
					if head, _, cut := strings.Cut(s, " (request "); cut {
						v[k] = head
					}
				}
				strip(x)
			}
		}
	case []any:
		for _, x := range v {
			strip(x)
		}
	}
}
