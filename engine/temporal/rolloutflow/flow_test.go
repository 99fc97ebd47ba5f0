package rolloutflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/activities"
	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/keeper"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/engine/temporal/rolloutflow"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

const inventory = `
apiVersion: fleetup/v1
cloud: Emulator
emulator: {scenario: scenario.yaml}
timings: {poll: 2s, startTimeout: 2s, reconcileGrace: 3s}
defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg}
subscriptions:
  - id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03
    name: dev
    vaults: [{name: a}, {name: b}, {name: c}]
  - id: 53a3c692-5283-4f0a-baf6-49412f5ebefe
    name: prod
    vaults: [{name: d}, {name: e}, {name: f, hold: not yet}]
waves:
  - {name: first, size: 1}
  - {name: rest}
failureBudget: 3
`

const scenario = `
seed: 7
timeScale: 1200
duration: {constant: 20m}
faults:
  - {vault: dev/b, kind: fails, for: 5m, code: Broken, message: it failed}
  - {vault: prod/d, kind: server-error, calls: [upgrade], status: 503, accepted: true, times: 1}
  - {vault: prod/e, kind: already}
`

// stage is a cloud, and what the workflow's activities need to speak to it.
type stage struct {
	env    *testsuite.TestWorkflowEnvironment
	cloud  *emulator.Cloud
	plan   *plan.Plan
	input  protocol.Input
	keeper *keeper.Keeper
	worker *activities.Worker
}

func newStage(t *testing.T, inventory string) *stage {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"fleet.yaml": inventory, "scenario.yaml": scenario} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := session.Load(filepath.Join(dir, "fleet.yaml"), false)
	if err != nil {
		t.Fatal(err)
	}
	p := loaded.Plan
	cloud, err := session.Fresh(p, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := session.Serve("127.0.0.1:0", cloud)
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	plans := func(context.Context, protocol.PlanRef) ([]byte, error) { return data, nil }
	connect := func(p *plan.Plan) (*session.Cloud, error) {
		k, err := session.KindOf(p.Kind)
		if err != nil {
			return nil, err
		}
		limiter := runner.NewLimiter(p.Limits.RequestsPerSecond)
		up, _, err := k.Connect(p, session.ConnectOptions{}, azure.Options{Version: "test", Pacer: limiter,
			Cloud: fleet.Cloud{Name: fleet.Emulator, ServiceManagement: url, ResourceManager: url}})
		if err != nil {
			return nil, err
		}
		return &session.Cloud{Upgrader: up, Limiter: limiter, Disconnect: up.Close}, nil
	}
	store, err := blobs.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{cloud: cloud, plan: p, keeper: &keeper.Keeper{Folder: dir, Version: "test", Plan: plans,
		Keep: store.PutLedger, Blob: store.Get, Store: store.PutPlan},
		worker: &activities.Worker{Plan: plans, Connect: connect}}
	t.Cleanup(func() { s.worker.Close(); s.keeper.Close(); stop(); _ = cloud.Close(); store.Close() })
	s.input = protocol.Input{Ledger: "fleet", Plan: data, Scope: fleet.ScopeSubscription,
		Ref:    protocol.PlanRef{Fingerprint: p.Fingerprint},
		Opened: fleet.RunOpened{RunID: "run", By: session.Actor(fleet.Credentials{}), Version: "test"}}
	s.serve()
	return s
}

// serve makes the server anew, for a workflow or a segment of it.
func (s *stage) serve() {
	s.env = (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	s.env.SetTestTimeout(time.Minute)
	// The environment's clock moves with its timers alone, and skips to the next one while
	// no activity is out. One that is out, and a timer that ticks, make it go with the time
	// of the activities. It falls behind by what each tick comes late, so there are few.
	over := make(chan struct{})
	s.env.RegisterActivityWithOptions(func() error { <-over; return nil }, activity.RegisterOptions{Name: "hold"})
	s.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in protocol.Input) (protocol.Result, error) {
		defer close(over)
		workflow.ExecuteActivity(workflow.WithActivityOptions(ctx,
			workflow.ActivityOptions{StartToCloseTimeout: time.Hour}), "hold")
		workflow.Go(ctx, func(ctx workflow.Context) {
			for workflow.Sleep(ctx, 100*time.Millisecond) == nil {
			}
		})
		return rolloutflow.Rollout(ctx, in)
	}, workflow.RegisterOptions{Name: protocol.Rollout})
	for name, do := range map[string]any{protocol.Check: s.worker.Check, protocol.Call: s.worker.Call,
		protocol.Send:  s.worker.Send,
		protocol.Watch: s.worker.Watch,
		protocol.Open:  s.keeper.Open, protocol.Record: s.keeper.Record} {
		s.env.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
}

// run carries the run out, over as many segments as it takes.
func (s *stage) run(t *testing.T) (result protocol.Result) {
	t.Helper()
	s.env.ExecuteWorkflow(protocol.Rollout, s.input)
	if !s.env.IsWorkflowCompleted() {
		t.Fatal("the workflow does not end")
	}
	if err := s.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := s.env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	return result
}

// statuses are those that the ledger has, by the vaults' names.
func (s *stage) statuses(t *testing.T) map[string]fleet.Status {
	t.Helper()
	s.keeper.Close()
	run, ok, err := session.ReadLatest(s.keeper.Path("fleet"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	got := map[string]fleet.Status{}
	for i := range run.State.Vaults {
		got[run.State.Plan.Vaults[i].Name] = run.State.Vaults[i].Status
	}
	return got
}

var wanted = map[string]fleet.Status{"a": fleet.Upgraded, "b": fleet.Failed, "c": fleet.Upgraded, "d": fleet.Upgraded,
	"e": fleet.Already, "f": fleet.Excluded}

// A whole night against the emulated cloud ends as it does on one machine, and the
// ledger has it.
func TestANight(t *testing.T) {
	t.Parallel()
	s := newStage(t, inventory)
	result := s.run(t)
	if result.ExitCode != fleet.ExitFailures {
		t.Errorf("exit code %d, want %d", result.ExitCode, fleet.ExitFailures)
	}
	if got := s.statuses(t); !maps.Equal(got, wanted) {
		t.Errorf("the ledger has %v, want %v", got, wanted)
	}
	if truth := s.cloud.Summary(); truth.SentAgain+truth.DoubleAccepted > 0 || truth.Accepted != 4 {
		t.Errorf("the cloud saw %+v", truth)
	}
}

// A worker that is lost with a start leaves it unknown. It is never sent again: what
// came of it is read.
func TestALostSend(t *testing.T) {
	t.Parallel()
	s := newStage(t, inventory)
	sent := 0
	s.env.OnActivity(protocol.Send, mock.Anything,
		mock.Anything).Return(func(ctx context.Context, in protocol.Action) (protocol.Told, error) {
		if sent++; sent == 2 {
			_, err := s.worker.Send(ctx, in) // it goes out, and its answer is lost with the worker
			return protocol.Told{}, errors.Join(err, errors.New("the worker was killed"))
		}
		return s.worker.Send(ctx, in)
	})
	s.run(t)
	if got := s.statuses(t); !maps.Equal(got, wanted) {
		t.Errorf("the ledger has %v, want %v", got, wanted)
	}
	if truth := s.cloud.Summary(); truth.SentAgain+truth.DoubleAccepted > 0 || truth.Accepted != 4 || sent != 4 {
		t.Errorf("%d starts were sent, and the cloud saw %+v", sent, truth)
	}
}

// What a person says is decided by the brain before it is taken, and is in the ledger.
func TestOrders(t *testing.T) {
	t.Parallel()
	s := newStage(t, inventory)
	by := fleet.Actor{User: "kim", Host: "desk"}
	said := make(map[string]error)
	say := func(name string, o rollout.Order) {
		s.env.UpdateWorkflow(protocol.Order, name, &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { said[name] = err },
			OnComplete: func(_ any, err error) { said[name] = err },
		}, protocol.Ask{Order: o, By: by})
	}
	s.env.RegisterDelayedCallback(func() {
		say("note", rollout.Order{Do: "note", Reason: "all is well"})
		say("wave", rollout.Order{Do: "approve", Wave: "none", Reason: "go"})
		say("stop", rollout.Order{Do: "stop", Close: true, Reason: "enough"})
	}, time.Millisecond)
	s.run(t)
	if said["note"] != nil || said["stop"] != nil {
		t.Errorf("note: %v, stop: %v", said["note"], said["stop"])
	}
	if said["wave"] == nil {
		t.Error("a wave that is not there was approved")
	}
	s.keeper.Close()
	run, _, err := session.ReadLatest(s.keeper.Path("fleet"))
	if err != nil {
		t.Fatal(err)
	}
	if run.State.Run.Closed == nil || !run.State.Closing() {
		t.Errorf("the ledger has the run %+v", run.State.Run)
	}
}

// To cancel the workflow is to tell the run to leave in order: what is out ends, the
// facts are written, and the run can be resumed.
func TestCancelled(t *testing.T) {
	t.Parallel()
	s := newStage(t, inventory)
	s.env.OnActivity(protocol.Send, mock.Anything,
		mock.Anything).Return(func(ctx context.Context, in protocol.Action) (protocol.Told, error) {
		s.env.CancelWorkflow()
		return s.worker.Send(ctx, in)
	})
	if result := s.run(t); result.ExitCode != fleet.ExitInterrupted {
		t.Errorf("exit code %d, want %d", result.ExitCode, fleet.ExitInterrupted)
	}
	s.keeper.Close()
	run, ok, err := session.ReadLatest(s.keeper.Path("fleet"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if n := run.State.InFlight(); run.State.Run.Closed != nil || n != 1 {
		t.Errorf("%d upgrades are in flight, and the run is %+v", n, run.State.Run)
	}
	if truth := s.cloud.Summary(); truth.Accepted != 1 {
		t.Errorf("the cloud saw %+v", truth)
	}
	// It is gone on with: what was in flight is followed, and nothing is sent again.
	s.serve()
	s.input = protocol.Input{Ledger: "fleet",
		Resume: &protocol.Resume{By: session.Actor(fleet.Credentials{}), Version: "test"}}
	if result := s.run(t); result.ExitCode != fleet.ExitFailures {
		t.Errorf("exit code %d, want %d", result.ExitCode, fleet.ExitFailures)
	}
	if got := s.statuses(t); !maps.Equal(got, wanted) {
		t.Errorf("the ledger has %v, want %v", got, wanted)
	}
	if truth := s.cloud.Summary(); truth.SentAgain+truth.DoubleAccepted > 0 || truth.Accepted != 4 {
		t.Errorf("the cloud saw %+v", truth)
	}
	// A run that is over is not gone on with.
	s.serve()
	s.env.ExecuteWorkflow(protocol.Rollout, s.input)
	if err := s.env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "no run is unfinished") {
		t.Errorf("a run that is over was gone on with: %v", err)
	}
}

// What nobody can carry out ends the run, rather than leave it waiting for an answer.
func TestACallThatNobodyCarriesOut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{protocol.Check, protocol.Call} {
		s := newStage(t, inventory)
		s.env.OnActivity(name, mock.Anything, mock.Anything).Return(protocol.Told{},
			temporal.NewNonRetryableApplicationError("no such vault", "Misplaced", nil))
		// The environment goes on with activities when the workflow has failed, and the folder is gone then.
		s.env.OnActivity(protocol.Record, mock.Anything, mock.Anything).Return(protocol.Told{}, nil)
		s.env.ExecuteWorkflow(protocol.Rollout, s.input)
		if err := s.env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "no such vault") {
			t.Errorf("%s: the workflow ended with %v", name, err)
		}
	}
}

// Checks that are decided together are made together: those of one subscription in one
// activity, as many as fit into one.
func TestChecksComeTogether(t *testing.T) {
	t.Parallel()
	var y strings.Builder
	y.WriteString("apiVersion: fleetup/v1\ncloud: Emulator\nemulator: {scenario: scenario.yaml}\n" +
		"timings: {poll: 2s}\n" +
		"defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg}\n" +
		"limits: {validations: 60, upgrades: 60, perSubscription: 60, requestsPerSecond: 200}\n" +
		"subscriptions:\n")
	for i, name := range []string{"dev", "prod"} {
		fmt.Fprintf(&y, "  - id: 11111111-2222-4333-8444-%012d\n    name: %s\n    vaults:\n", i+1, name)
		for j := range 25 - 15*i {
			fmt.Fprintf(&y, "      - {name: '%c'}\n", 'a'+j)
		}
	}
	s := newStage(t, y.String())
	var mu sync.Mutex
	var sizes []int
	checked := map[string]int{}
	do := s.worker.Check
	s.env.OnActivity(protocol.Check, mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in protocol.Checks) (protocol.Told, error) {
			mu.Lock()
			sizes = append(sizes, len(in.Actions))
			for _, a := range in.Actions {
				checked[string(a)]++
			}
			mu.Unlock()
			return do(ctx, in)
		})
	s.run(t)
	slices.Sort(sizes)
	if want := []int{5, 5, 5, 5, 5, 5, 5}; !slices.Equal(sizes, want) {
		t.Errorf("the checks came in batches of %v, want %v", sizes, want)
	}
	if len(checked) != 35 {
		t.Errorf("%d vaults were checked, want 35", len(checked))
	}
}

// A server suggests to go on anew long before a history is too long: what ends a segment is
// another reason, and the number of events that is its own.
func TestWhatEndsASegment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reasons []workflow.ContinueAsNewSuggestedReason
		again   bool
	}{
		{[]workflow.ContinueAsNewSuggestedReason{workflow.ContinueAsNewSuggestedReasonTooManyHistoryEvents}, false},
		{[]workflow.ContinueAsNewSuggestedReason{workflow.ContinueAsNewSuggestedReasonHistorySizeTooLarge}, true},
		{[]workflow.ContinueAsNewSuggestedReason{workflow.ContinueAsNewSuggestedReasonTooManyHistoryEvents,
			workflow.ContinueAsNewSuggestedReasonTooManyUpdates}, true},
		{nil, true}, // an older server gives none
	} {
		s := newStage(t, inventory)
		s.env.SetContinueAsNewSuggested(true)
		s.env.SetContinueAsNewSuggestedReasons(c.reasons)
		s.env.ExecuteWorkflow(protocol.Rollout, s.input)
		_, again := errors.AsType[*workflow.ContinueAsNewError](s.env.GetWorkflowError())
		if again != c.again || !s.env.IsWorkflowCompleted() {
			t.Errorf("suggested for %v: another segment %v, want %v", c.reasons, again, c.again)
		}
	}
}

// A segment ends when its history is long, with nothing out, and the next one goes on
// with all that the brain knows.
func TestSegments(t *testing.T) {
	t.Parallel()
	s := newStage(t, inventory)
	s.input.Options.MaxEvents = 40
	segments := 1
	for ; segments < 50; segments++ {
		if segments < 3 { // whoever keeps the file is away: the run goes on, and so do the facts
			s.env.OnActivity(protocol.Record, mock.Anything, mock.Anything).Return(protocol.Told{},
				errors.New("nobody is there"))
		}
		begun := 0
		s.env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
			if begun++; begun == 12 {
				s.env.SetCurrentHistoryLength(41)
			}
		})
		s.env.ExecuteWorkflow(protocol.Rollout, s.input)
		if !s.env.IsWorkflowCompleted() {
			t.Fatalf("segment %d does not end", segments)
		}
		next, again := errors.AsType[*workflow.ContinueAsNewError](s.env.GetWorkflowError())
		if !again {
			break
		}
		s.input = protocol.Input{}
		if err := json.Unmarshal(next.Input.Payloads[0].Data, &s.input); err != nil {
			t.Fatal(err)
		}
		s.serve()
	}
	if err := s.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var result protocol.Result
	if err := s.env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	if segments < 3 || result.Segments != segments {
		t.Errorf("%d segments, and the result says %d", segments, result.Segments)
	}
	if got := s.statuses(t); !maps.Equal(got, wanted) {
		t.Errorf("the ledger has %v, want %v", got, wanted)
	}
	if truth := s.cloud.Summary(); truth.SentAgain+truth.DoubleAccepted > 0 || truth.Accepted != 4 {
		t.Errorf("the cloud saw %+v", truth)
	}
}
