package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// The same night, from the same seed, ends on the engine as it does on one machine: every
// vault with the same status, every wave with the same totals, with the same exit code and
// the same halt. Budgets, soaks and windows hold in both.
func TestTheSameNight(t *testing.T) {
	t.Parallel()
	quickstart := func(old, new, fault string) string {
		dir := t.TempDir()
		for _, name := range []string{"fleet.yaml", "scenario.yaml"} {
			data, err := os.ReadFile(filepath.Join("../../../../examples/quickstart", name))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(data), old, new, 1)
			if name == "scenario.yaml" {
				text += fault
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for name, folder := range map[string]string{
		"classic, with a soak and a window": quickstart("failureBudget: 14",
			"failureBudget: 14\nwindows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: \"00:00\", end: "+
				"\"24:00\", timezone: UTC}]", ""),
		"a budget halts it": quickstart("  - name: canary\n", "  - name: canary\n    soak: 1s\n    maxFailures: 0\n",
			"  - {vault: dev/sandbox, kind: fails, for: 14m}\n"),
		"alerts":     "../../../../examples/alerts",
		"key vaults": "../../../../examples/keyvaults",
		"a patch":    "../../../../examples/patch",
	} {
		t.Run(name, func(t *testing.T) {
			n := stage(t)
			n.folder = folder
			ctx := t.Context()
			if err := n.set(ctx); err != nil {
				t.Fatal(err)
			}
			code, one, truth := oneMachine(t, n.plan, folder)
			run, err := n.conn.begin(ctx, "demo", n.plan, false, protocol.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var result protocol.Result
			if err := run.Get(ctx, &result); err != nil {
				t.Fatal(err)
			}
			ledger, ok, err := session.ReadLatest(filepath.Join(n.dir, "ledgers", "demo.db"))
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if result.ExitCode != code {
				t.Errorf("exit code %d, and %d on one machine", result.ExitCode, code)
			}
			got := ledger.State
			for i := range one.Vaults {
				if got, want := got.Vaults[i].Status, one.Vaults[i].Status; got != want {
					t.Errorf("%s is %s, and %s on one machine", n.plan.Vaults[i].Name, got, want)
				}
			}
			for i := range one.Waves {
				if got, want := got.Waves[i].Totals, one.Waves[i].Totals; got != want {
					t.Errorf("wave %s ends with %v, and with %v on one machine", n.plan.Waves[i].Name, got, want)
				}
			}
			if (got.Run.Halt == nil) != (one.Run.Halt == nil) {
				t.Errorf("it was halted by %+v, and by %+v on one machine", got.Run.Halt, one.Run.Halt)
			}
			if saw := n.cloud.Summary(); saw.SentAgain+saw.DoubleAccepted > 0 || saw.Accepted != truth.Accepted {
				t.Errorf("the cloud saw %+v, and %+v of one machine", saw, truth)
			}
		})
	}
}

// oneMachine carries the same plan out by the runner, on a cloud of its own.
func oneMachine(t *testing.T, p *plan.Plan, folder string) (fleet.ExitCode, *rollout.State, emulator.Summary) {
	t.Helper()
	cloud, err := session.Fresh(p, folder, "")
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := session.Serve("127.0.0.1:0", cloud)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = cloud.Close() }()
	conn, err := cloudOf(p, url, newShares(1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Disconnect()
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.NewMemory(state.Binding{Cloud: string(fleet.Emulator)})
	if err != nil {
		t.Fatal(err)
	}
	opened := fleet.Event{At: session.Now(),
		Fact: fleet.RunOpened{RunID: "run", PlanFingerprint: p.Fingerprint, Version: "test"}}
	if err := store.Begin(data, []fleet.Event{opened}, nil); err != nil {
		t.Fatal(err)
	}
	replay := func(apply func(fleet.Event) error) error {
		return store.Events("run", func(_ uint64, e fleet.Event) error { return apply(e) })
	}
	code, err := runner.Run(t.Context(),
		runner.Options{Plan: p, Store: store, Cloud: conn, Limiter: conn.Limiter, Replay: replay})
	if err != nil {
		t.Fatal(err)
	}
	st := rollout.NewState(p)
	if err := replay(st.Apply); err != nil {
		t.Fatal(err)
	}
	return code, st, cloud.Summary()
}
