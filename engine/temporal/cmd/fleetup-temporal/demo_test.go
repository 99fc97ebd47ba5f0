package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var devserver = flag.String("devserver", "", "the development server's program; the demo is not tried without")

// TestMain lets the test's program be a worker: the demo starts itself as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		main()
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

func needsServer(t *testing.T) {
	t.Helper()
	if *devserver == "" {
		t.Skip("no -devserver")
	}
}

// stage is a night whose server is there.
func stage(t *testing.T) *night {
	t.Helper()
	needsServer(t)
	program, err := filepath.Abs(*devserver)
	if err != nil {
		t.Fatal(err)
	}
	n := &night{dir: t.TempDir(), server: program, began: time.Now(), address: "127.0.0.1:0"}
	t.Cleanup(n.over)
	return n
}

// The demonstration ends as scripted, with a worker and the server killed half-way.
func TestDemo(t *testing.T) {
	t.Parallel()
	if err := stage(t).play(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A workflow is terminated with starts in flight, the worker that keeps the ledger dies,
// and its file is lost. The run is gone on with from the history alone, and ends as
// scripted: nothing is sent twice.
func TestTerminatedAndResumed(t *testing.T) {
	t.Parallel()
	n := stage(t)
	ctx := t.Context()
	if err := n.set(ctx); err != nil {
		t.Fatal(err)
	}
	options := protocol.Options{Heartbeat: 3 * time.Second}
	run, err := n.conn.begin(ctx, "demo", n.plan, false, options)
	if err != nil {
		t.Fatal(err)
	}
	ends := make(chan error, 1)
	go func() { ends <- run.Get(ctx, nil) }()
	if err := n.until(ctx, 12, ends); err != nil {
		t.Fatal(err)
	}
	by := protocol.Resume{By: session.Actor(fleet.Credentials{}), Version: "test"}
	if _, err := n.conn.resume(ctx, "demo", by, options); err == nil {
		t.Error("a run that is under way was gone on with")
	}
	n.kill(n.workers[0])
	if err := n.conn.client.TerminateWorkflow(ctx, "demo", "", "to see what comes of it"); err != nil {
		t.Fatal(err)
	}
	if err := <-ends; err == nil {
		t.Fatal("the run ended before it was terminated")
	}
	if err := os.Remove(filepath.Join(n.dir, "ledgers", "demo.db")); err != nil {
		t.Fatal(err)
	}
	if n.workers[0], err = n.startWorker(0); err != nil {
		t.Fatal(err)
	}
	run, err = n.conn.resume(ctx, "demo", by, options)
	if err != nil {
		t.Fatal(err)
	}
	var result protocol.Result
	if err := run.Get(ctx, &result); err != nil {
		t.Fatal(err)
	}
	if err := n.conclude(ctx, result); err != nil {
		t.Error(err)
	}
	run, err = n.conn.resume(ctx, "demo", by, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := ended(run.Get(ctx, nil)); err == nil || !strings.Contains(err.Error(), "no run is unfinished") {
		t.Errorf("a run that is over was gone on with: %v", err)
	}
}
