package rolloutflow_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/engine/temporal/rolloutflow"
	"github.com/fleetup-dev/fleetup/engine/temporal/seal"
)

// recorded are the histories of this generation: segments of runs on a real server. They
// are added to and not made anew, unless Generation is raised (go test ./cmd/... -run Record
// -record FOLDER makes some).
func recorded(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("testdata/histories/generation-%d/*.json.gz", rolloutflow.Generation))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no recorded histories of this generation: raise it with some", err)
	}
	return files
}

func replay(t *testing.T, text []byte) error {
	t.Helper()
	history, err := client.HistoryFromJSON(bytes.NewReader(text), client.HistoryJSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: (*seal.Keys)(nil).Converter(blobs.Compression())})
	if err != nil {
		t.Fatal(err)
	}
	r.RegisterWorkflowWithOptions(rolloutflow.Rollout, workflow.RegisterOptions{Name: protocol.Rollout})
	return r.ReplayWorkflowHistory(nil, history)
}

func unpacked(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What was recorded is decided again, command by command: a worker that takes a run over
// goes on where the last one was.
func TestRecordedHistories(t *testing.T) {
	t.Parallel()
	for _, file := range recorded(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text := unpacked(t, file)
			for range 3 { // what differs from time to time, maps above all, is seen
				if err := replay(t, text); err != nil {
					t.Errorf("%v\n\nThis build cannot go on with runs of an earlier one of its generation: see "+
						"rolloutflow.Generation.", err)
				}
			}
		})
	}
}

// A history in which something else was decided is not taken for this build's.
func TestAnotherHistoryDoesNotReplay(t *testing.T) {
	t.Parallel()
	text := string(unpacked(t, recorded(t)[0]))
	changed := strings.Replace(text, `"name":"fleetup.send"`, `"name":"fleetup.call"`, 1)
	if changed == text {
		t.Fatal("no start is in the recorded history")
	}
	if err := replay(t, []byte(changed)); err == nil {
		t.Error("it was taken for what this build decides")
	}
}
