package histories_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
	"github.com/fleetup-dev/fleetup/engine/temporal/keeper"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

const inventory = `
apiVersion: fleetup/v1
cloud: Emulator
defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg}
subscriptions:
  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, name: dev, vaults: [{name: a}, {name: b}]}
waves: [{name: all}]
`

// server is what the server has of workflows on one ledger: segments by their IDs.
type server struct {
	client.Client
	segments map[string][]*historypb.HistoryEvent
}

func (s *server) GetWorkflowHistory(_ context.Context, _, run string, _ bool,
	_ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return &events{s.segments[run], s.segments[run] == nil}
}

type events struct {
	left []*historypb.HistoryEvent
	none bool
}

func (e *events) HasNext() bool { return e.none || len(e.left) > 0 }

func (e *events) Next() (*historypb.HistoryEvent, error) {
	if e.none {
		return nil, serviceerror.NewNotFound("dropped")
	}
	first := e.left[0]
	e.left = e.left[1:]
	return first, nil
}

// world is a keeper, and the histories of the workflows that speak to it.
type world struct {
	t      *testing.T
	dir    string
	plan   *plan.Plan
	ref    protocol.PlanRef
	store  *blobs.Store
	keeper *keeper.Keeper
	env    *testsuite.TestActivityEnvironment
	server *server
	past   *histories.Reader
	at     time.Time
	claims bool // payloads are stored as blobs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), server: &server{segments: map[string][]*historypb.HistoryEvent{}},
		at: time.Date(2026, 6, 11, 22, 0, 0, 0, time.UTC)}
	file := filepath.Join(w.dir, "fleet.yaml")
	if err := os.WriteFile(file, []byte(inventory), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	loaded, err := session.Load(file, false)
	if err != nil {
		t.Fatal(err)
	}
	w.plan = loaded.Plan
	if w.store, err = blobs.Open(t.Context(), "file://"+t.TempDir()); err != nil {
		t.Fatal(err)
	}
	data, err := plan.Encode(w.plan)
	if err != nil {
		t.Fatal(err)
	}
	key, err := w.store.PutPlan(t.Context(), w.plan.Fingerprint, data)
	if err != nil {
		t.Fatal(err)
	}
	w.ref = protocol.PlanRef{Fingerprint: w.plan.Fingerprint, Key: key}
	w.past = &histories.Reader{Client: w.server, Converter: converter.GetDefaultDataConverter(), Fetch: w.store.Fetch}
	w.keeper = &keeper.Keeper{Folder: w.dir, Version: "test", Keep: w.store.PutLedger, Blob: w.store.Get,
		Store: w.store.PutPlan, Past: w.past.Read,
		Plan: func(ctx context.Context, ref protocol.PlanRef) ([]byte, error) { return w.store.Get(ctx, ref.Key) }}
	t.Cleanup(func() { w.keeper.Close(); w.store.Close() })
	w.env = (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	w.env.RegisterActivity(w.keeper.Open)
	w.env.RegisterActivity(w.keeper.Record)
	return w
}

func (w *world) payloads(v any) *commonpb.Payloads {
	w.t.Helper()
	all, err := converter.GetDefaultDataConverter().ToPayloads(v)
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.claims {
		return all
	}
	driver := w.store.External().Drivers[0]
	claims, err := driver.Store(converter.StorageDriverStoreContext{Context: w.t.Context()}, all.Payloads)
	if err != nil {
		w.t.Fatal(err)
	}
	ref, err := protojson.Marshal(&sdkpb.ExternalStorageReference{DriverName: driver.Name(),
		ClaimData: claims[0].ClaimData})
	if err != nil {
		w.t.Fatal(err)
	}
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: ref, Metadata: map[string][]byte{
		converter.MetadataEncoding: []byte(converter.MetadataEncodingProtoJSON),
		"messageType":              []byte("temporal.api.sdk.v1.ExternalStorageReference")}}}}
}

// begin begins a workflow.
func (w *world) begin(segment, previous, runID string, resume *protocol.Resume) (protocol.Begun, error) {
	in := protocol.Input{Ledger: "fleet", Ref: w.ref, Previous: previous, Resume: resume}
	in.Opened = fleet.RunOpened{RunID: runID, Version: "test"}
	w.segment(segment, "", in)
	at := w.scheduled(segment, protocol.Open, protocol.Opening{})
	v, err := w.env.ExecuteActivity(w.keeper.Open,
		protocol.Opening{Ledger: "fleet", At: w.at, Opened: in.Opened, Ref: w.ref, Previous: previous, Resume: resume})
	var begun protocol.Begun
	if err == nil {
		err = v.Get(&begun)
		w.server.segments[segment] = append(w.server.segments[segment], &historypb.HistoryEvent{EventId: at + 1,
			Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
				ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
					ScheduledEventId: at, Result: w.payloads(begun)}}})
	}
	return begun, err
}

func (w *world) segment(id, before string, in protocol.Input) {
	w.server.segments[id] = []*historypb.HistoryEvent{{EventId: 1,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				ContinuedExecutionRunId: before, Input: w.payloads(in)}}}}
}

func (w *world) scheduled(segment, activity string, in any) int64 {
	at := int64(len(w.server.segments[segment]) + 1)
	w.server.segments[segment] = append(w.server.segments[segment], &historypb.HistoryEvent{EventId: at,
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
				ActivityType: &commonpb.ActivityType{Name: activity}, Input: w.payloads(in)}}})
	return at
}

// decide puts facts into the history, and into the file where they come so far.
func (w *world) decide(segment, runID string, first uint64, written bool, facts ...fleet.Fact) {
	w.t.Helper()
	in := protocol.Facts{Ledger: "fleet", RunID: runID, Ref: w.ref, First: first}
	for _, f := range facts {
		e, err := json.Marshal(fleet.Event{At: w.at, Fact: f})
		if err != nil {
			w.t.Fatal(err)
		}
		in.Events = append(in.Events, e)
	}
	w.scheduled(segment, protocol.Record, in)
	if written {
		if _, err := w.env.ExecuteActivity(w.keeper.Record, in); err != nil {
			w.t.Fatal(err)
		}
	}
}

// export makes the ledger again, and compares it with the one in the file.
func (w *world) export(segment string) {
	w.t.Helper()
	w.keeper.Close()
	told, err := w.past.Read(w.t.Context(), "fleet", segment)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.t.TempDir(), "again.db")
	seq, head, err := told.Rebuild(w.t.Context(), path, "test", w.store.Get)
	if err != nil {
		w.t.Fatal(err)
	}
	written, err := state.OpenReadOnly(w.keeper.Path("fleet"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer written.Close()
	if n, want, err := written.Head(); err != nil || n != seq || want != head {
		w.t.Errorf("the ledger that was made again ends with %d, %s, and the one that was written along with %d, %s, "+
			"%v", seq, head, n, want, err)
	}
	again, err := state.OpenReadOnly(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer again.Close()
	if found, err := audit.Check(again, head, "test"); err != nil || len(found.Faults) > 0 || !found.Found {
		w.t.Errorf("the audit of the ledger that was made again: %+v, %v", found, err)
	}
}

// A ledger is made again from the histories alone, over two runs and what was written
// between them, over segments that repeat facts, and over payloads that are blobs.
func TestALedgerFromHistoriesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.plan.Vaults[0].Key, w.plan.Vaults[1].Key
	if _, err := w.begin("s1", "", "run-1", nil); err != nil {
		t.Fatal(err)
	}
	w.decide("s1", "run-1", 2, true, fleet.WaveOpened{Wave: "all"},
		fleet.Validated{Vault: a, Verdict: fleet.VerdictReady})
	w.claims = true
	w.segment("s2", "s1", protocol.Input{})
	w.decide("s2", "run-1", 3, true, fleet.Validated{Vault: a, Verdict: fleet.VerdictReady},
		fleet.Validated{Vault: b, Verdict: fleet.VerdictReady})
	w.decide("s2", "run-1", 5, true, fleet.StartIntended{Vault: a, OperationID: "op", Attempt: 1},
		fleet.StartAnswered{Vault: a, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	w.export("s2")
	w.decide("s2", "run-1", 7, true, fleet.RunClosed{Code: fleet.ExitFailures})
	w.export("s2")
	// What people write to the file between two runs is in no history of the first one.
	w.keeper.Close()
	h, err := session.Process{Version: "test"}.OpenLocked(w.keeper.Path("fleet"))
	if err != nil {
		t.Fatal(err)
	}
	note := fleet.Event{At: w.at, Fact: fleet.Noted{Text: "looked at it"}}
	if err := h.Ledger.Commit([]fleet.Event{note}, nil); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if _, err := w.begin("s3", "s2", "run-2", nil); err != nil {
		t.Fatal(err)
	}
	w.decide("s3", "run-2", 2, true, fleet.WaveOpened{Wave: "all"},
		fleet.Validated{Vault: b, Verdict: fleet.VerdictReady})
	w.export("s3")
	delete(w.server.segments, "s1")
	if _, err := w.past.Read(t.Context(), "fleet", "s2"); err == nil || !strings.Contains(err.Error(), "retention") {
		t.Errorf("a segment that the server has dropped: %v", err)
	}
	delete(w.server.segments, "s2")
	w.export("s3")
}

// A workflow that was terminated leaves facts that were on their way: whoever goes on has
// them in the file first, a start that was intended above all; also where the file is gone.
func TestWhatATerminatedWorkflowDecided(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(w *world) error{
		"the file is behind": func(*world) error { return nil },
		"the file is gone":   func(w *world) error { return os.Remove(w.keeper.Path("fleet")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.plan.Vaults[0].Key
			if _, err := w.begin("s1", "", "run-1", nil); err != nil {
				t.Fatal(err)
			}
			w.decide("s1", "run-1", 2, true, fleet.WaveOpened{Wave: "all"},
				fleet.Validated{Vault: a, Verdict: fleet.VerdictReady})
			w.decide("s1", "run-1", 4, false, fleet.StartIntended{Vault: a, OperationID: "op", Attempt: 1})
			w.keeper.Close()
			if err := before(w); err != nil {
				t.Fatal(err)
			}
			if _, err := w.begin("s2", "s1", "run-2", nil); err == nil || !strings.Contains(err.Error(), "unfinished") {
				t.Errorf("a new run began over an unfinished one: %v", err)
			}
			w.keeper.Close()
			for range 2 { // a keeper that was lost with its answer is asked again
				begun, err := w.begin("s3", "s1", "", &protocol.Resume{Version: "test"})
				if err != nil {
					t.Fatal(err)
				}
				if begun.RunID != "run-1" || begun.Facts != 4 || len(begun.Snapshot) == 0 || begun.Ref.Key == "" {
					t.Errorf("the run was gone on with as %+v", begun)
				}
			}
			w.decide("s3", "run-1", 5, true, fleet.Resumed{Version: "test"})
			w.export("s3")
		})
	}
}

// A file that is not the one of the histories is not gone on with.
func TestAnotherFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.begin("s1", "", "run-1", nil); err != nil {
		t.Fatal(err)
	}
	w.decide("s1", "run-1", 2, true, fleet.WaveOpened{Wave: "all"}, fleet.RunClosed{Code: fleet.ExitOK})
	w.keeper.Close()
	if err := os.Remove(w.keeper.Path("fleet")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.begin("s2", "", "run-2", nil); err != nil { // as if the server had no history
		t.Fatal(err)
	}
	w.decide("s2", "run-2", 2, true, fleet.RunClosed{Code: fleet.ExitOK})
	if _, err := w.begin("s3", "s1", "run-3", nil); err == nil ||
		!strings.Contains(err.Error(), "older copy, or another one") {
		t.Errorf("another ledger was gone on with: %v", err)
	}
	if _, err := w.begin("s4", "s2", "", &protocol.Resume{}); err == nil ||
		!strings.Contains(err.Error(), "no run is unfinished") {
		t.Errorf("a run that is over was gone on with: %v", err)
	}
}
