package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/engine/temporal/rolloutflow"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var measure = flag.Int("measure", 0, "measure a run of so many vaults; none is without")

// TestMeasure carries a large fleet out and says what it took: server, three workers and
// the emulated cloud on one machine, and the same fleet by the runner besides.
func TestMeasure(t *testing.T) {
	if *measure == 0 {
		t.Skip("no -measure")
	}
	n := stage(t)
	n.folder = t.TempDir()
	var y strings.Builder
	y.WriteString("apiVersion: fleetup/v1\ncloud: Emulator\nemulator: {scenario: scenario.yaml}\ntimings: {poll: " +
		"30s}\nwaves: [{name: first, size: 1%}, {name: rest}]\nfailureBudget: 5%\n" +
		"limits: {validations: 64, upgrades: 1000, perSubscription: 40, " +
		"requestsPerSecond: 200}\ndefaults: {location: " +
		"Australia East, resourceType: BackupVault, targetResourceGroup: rg}\nsubscriptions:\n")
	for i := range *measure {
		if i%500 == 0 {
			fmt.Fprintf(&y, "  - id: 11111111-2222-4333-8444-%012d\n    name: s%02d\n    vaults:\n", i, i/500)
		}
		fmt.Fprintf(&y, "      - {name: vault-%06d}\n", i)
	}
	for name, text := range map[string]string{"fleet.yaml": y.String(),
		"scenario.yaml": "seed: 7\ntimeScale: 60\nduration: {constant: 30m}\n"} {
		if err := os.WriteFile(filepath.Join(n.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	if err := n.set(ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	run, err := n.conn.begin(ctx, "demo", n.plan, false, protocol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var result protocol.Result
	if err := run.Get(ctx, &result); err != nil {
		t.Fatal(err)
	}
	t.Logf("the engine: %v, %d facts in %d segments, exit code %d", time.Since(began).Round(time.Second), result.Facts,
		result.Segments, result.ExitCode)
	for i, p := range append(slices.Clone(n.workers), n.process) {
		name := fmt.Sprintf("worker %d", i)
		if p == n.process {
			name = "the server"
		}
		used := cpu(p.Process.Pid)
		t.Logf("%s: CPU %v (%.1f ms a vault), at most %d MiB of memory", name, used.Round(time.Second),
			float64(used.Milliseconds())/float64(*measure), peak(p.Process.Pid)>>20)
	}
	if truth := n.cloud.Summary(); truth.Accepted != *measure || truth.SentAgain+truth.DoubleAccepted > 0 {
		t.Errorf("the cloud saw %+v", truth)
	}
	var events, longest, bytes, largest int64
	var longestOne string
	execution, _, err := n.conn.past().Newest(ctx, "demo")
	for execution != "" && err == nil {
		d, derr := n.conn.client.DescribeWorkflow(ctx, "demo", execution)
		if derr != nil {
			t.Fatal(derr)
		}
		info := d.RawResponse.GetWorkflowExecutionInfo()
		events, bytes = events+info.GetHistoryLength(), bytes+info.GetHistorySizeBytes()
		if info.GetHistoryLength() > longest {
			longest, longestOne = info.GetHistoryLength(), execution
		}
		largest = max(largest, info.GetHistorySizeBytes())
		first, ferr := n.conn.client.GetWorkflowHistory(ctx, "demo", execution, false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		if err = ferr; err == nil {
			execution = first.GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events (%.1f a vault), %d in the longest segment; histories of %d KB, the largest %d KB", events,
		float64(events)/float64(*measure), longest, bytes>>10, largest>>10)
	replayed(t, n, longestOne)
	var blobs, heaviest int64
	if err := filepath.WalkDir(filepath.Join(n.dir, "blobs"), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			info, ierr := entry.Info()
			if err = ierr; err == nil {
				blobs, heaviest = blobs+info.Size(), max(heaviest, info.Size())
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	db, err := os.Stat(filepath.Join(n.dir, "temporal.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("blobs: %d KB, the largest payload %d KB; the server's file: %d KB", blobs>>10, heaviest>>10, db.Size()>>10)
	for _, p := range append(slices.Clone(n.workers), n.process) { // nothing beside the runner
		n.kill(p)
	}
	began, used := time.Now(), cpu(os.Getpid())
	code, one, _ := oneMachine(t, n.plan, n.folder)
	t.Logf("one machine: %v, CPU %v with the cloud's, exit code %d, %d upgraded", time.Since(began).Round(time.Second),
		cpu(os.Getpid())-used, code, one.Totals.Of(fleet.Upgraded))
}

// replayed says how long a worker needs that takes a segment over at its end.
func replayed(t *testing.T, n *night, execution string) {
	t.Helper()
	history := &historypb.History{}
	for events := n.conn.client.GetWorkflowHistory(t.Context(), "demo", execution, false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, e)
	}
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: n.conn.converter,
		ExternalStorage: n.conn.store.External()})
	if err != nil {
		t.Fatal(err)
	}
	r.RegisterWorkflowWithOptions(rolloutflow.Rollout, workflow.RegisterOptions{Name: protocol.Rollout})
	began, used := time.Now(), cpu(os.Getpid())
	if err := r.ReplayWorkflowHistory(nil, history); err != nil {
		t.Error(err)
	}
	t.Logf("the longest segment is replayed in %v, with %v of CPU", time.Since(began).Round(time.Millisecond),
		cpu(os.Getpid())-used)
}

// peak is the most memory that a process had at once, in bytes.
func peak(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(rest, &kib)
	return kib << 10
}

// cpu is the processor time that a process has used.
func cpu(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
