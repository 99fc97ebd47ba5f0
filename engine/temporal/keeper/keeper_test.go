package keeper

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

const inventory = `
apiVersion: fleetup/v1
cloud: Emulator
defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg}
subscriptions:
  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, name: dev, vaults: [{name: a}]}
waves: [{name: all}]
`

func storeIn(t *testing.T) *blobs.Store {
	t.Helper()
	store, err := blobs.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// Facts come in any order, twice, and after some that were not taken: the file has each
// once, in order, and a batch that was refused leaves nothing of itself behind.
func TestFactsAreWrittenOnceAndInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "fleet.yaml")
	if err := os.WriteFile(file, []byte(inventory), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := session.Load(file, false)
	if err != nil {
		t.Fatal(err)
	}
	p := loaded.Plan
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	store := storeIn(t)
	k := &Keeper{Folder: dir, Version: "test", Keep: store.PutLedger,
		Plan: func(context.Context, protocol.PlanRef) ([]byte, error) { return data, nil }}
	t.Cleanup(k.Close)
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(k.Open)
	env.RegisterActivity(k.Record)
	at := time.Date(2026, 6, 11, 22, 0, 0, 0, time.UTC)
	opening := protocol.Opening{Ledger: "fleet", At: at,
		Opened: fleet.RunOpened{RunID: "run", Version: "test", Engine: fleet.EngineTemporal}}
	for range 2 { // a keeper that was lost with its answer is asked again
		if _, err := env.ExecuteActivity(k.Open, opening); err != nil {
			t.Fatal(err)
		}
	}
	record := func(first uint64, facts ...fleet.Fact) error {
		in := protocol.Facts{Ledger: "fleet", RunID: "run", First: first}
		for _, f := range facts {
			e, err := json.Marshal(fleet.Event{At: at, Fact: f})
			if err != nil {
				t.Fatal(err)
			}
			in.Events = append(in.Events, e)
		}
		_, err := env.ExecuteActivity(k.Record, in)
		return err
	}
	v, note := p.Vaults[0].Key, fleet.Noted{Text: "all is well"}
	started := []fleet.Fact{fleet.WaveOpened{Wave: "all"}, fleet.Validated{Vault: v, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: v, OperationID: "op", Attempt: 1}}
	contradiction := fleet.StartAnswered{Vault: v, OperationID: "never intended",
		Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}
	if err := record(2, append(slices.Clip(started), contradiction)...); err == nil {
		t.Fatal("a contradiction was written")
	}
	early := make(chan error, 1)
	go func() { early <- record(5, note) }() // it waits for the one before
	for range 2 {
		if err := record(2, started...); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-early; err != nil {
		t.Fatal(err)
	}
	// A keeper that comes back holds what is unfinished: nobody goes on with it beside it.
	k.Close()
	k.Hold()
	if _, err := (session.Process{Version: "test"}).OpenLocked(k.Path("fleet")); err == nil ||
		!strings.Contains(err.Error(), "in use") {
		t.Errorf("another process took a ledger with an unfinished run: %v", err)
	}
	k.Close()
	// Nor does anybody while none is there: the ledger says that an engine carries it out.
	if _, err := (session.Process{Version: "test"}).OpenLocked(k.Path("fleet")); err == nil ||
		!strings.Contains(err.Error(), "two would decide") {
		t.Errorf("another process took the ledger of a run that may go on: %v", err)
	}
	run, ok, err := session.ReadLatest(k.Path("fleet"))
	if err != nil || !ok || run.Evidence.Events != 5 || run.State.Vaults[0].Status != fleet.Starting {
		t.Fatalf("the ledger has %+v, %v, %v", run.Evidence, ok, err)
	}
	if err := record(6, fleet.RunClosed{Code: fleet.ExitOK}); err != nil {
		t.Fatal(err)
	}
	k.Hold()
	h, err := session.Process{Version: "test"}.OpenLocked(k.Path("fleet"))
	if err != nil {
		t.Fatalf("a ledger whose run is over is held: %v", err)
	}
	h.Close()
}
