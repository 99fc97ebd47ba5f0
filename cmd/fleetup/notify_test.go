package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/notify"
)

// hook is a webhook that checks signatures and keeps what came.
type hook struct {
	*httptest.Server
	t    *testing.T
	came chan string // types, as they come

	mu    sync.Mutex
	types []string
	ids   map[string]int
}

const (
	hookSecret = "the secret of the test"
	hookPath   = "/hook/s3cr3t-of-the-url"
)

func newHook(t *testing.T) *hook {
	h := &hook{t: t, ids: map[string]int{}, came: make(chan string, 100)}
	h.Server = httptest.NewServer(http.HandlerFunc(h.receive))
	t.Cleanup(h.Close)
	return h
}

// named writes the file that names the hook to those who tell, into a folder.
func (h *hook) named(dir string) string {
	h.t.Helper()
	file := filepath.Join(dir, "who")
	if err := os.WriteFile(file, []byte("# the night's people\ncloudevents="+h.URL+hookPath+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return file
}

func (h *hook) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Error(err)
	}
	if got, want := r.Header.Get(notify.HeaderSignature),
		notify.Sign([]byte(hookSecret), r.Header.Get(notify.HeaderTimestamp), body); got != want ||
		r.URL.Path != hookPath {
		h.t.Errorf("signature %s at %s, want %s", got, r.URL.Path, want)
	}
	var e struct{ SpecVersion, ID, Type, Source string }
	if err := json.Unmarshal(body, &e); err != nil || e.SpecVersion != "1.0" ||
		!strings.HasPrefix(e.Source, "urn:fleetup:run:") {
		h.t.Errorf("%v: %s", err, body)
	}
	kind := strings.TrimPrefix(e.Type, "dev.fleetup.run.")
	h.mu.Lock()
	h.types = append(h.types, kind)
	h.ids[e.ID]++
	h.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	h.came <- kind
}

// until waits for a notification.
func (h *hook) until(kind string) {
	h.t.Helper()
	for {
		select {
		case k := <-h.came:
			if k == kind {
				return
			}
		case <-time.After(2 * time.Minute):
			h.t.Fatalf("%s does not come; %v did", kind, h.types)
		}
	}
}

func (h *hook) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, n := range h.ids {
		if n != 1 {
			h.t.Errorf("%s came %d times", id, n)
		}
	}
	return slices.Clone(h.types)
}

// told runs the program with people to tell.
func told(dir string, env []string, args ...string) (cmd *exec.Cmd, errs *bytes.Buffer) {
	cmd, errs = exec.Command("fleetup", args...), &bytes.Buffer{}
	cmd.Dir, cmd.Stderr = dir, errs
	cmd.Env = append(append(os.Environ(), "TZ=UTC"), env...)
	return cmd, errs
}

func fleets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/fleets")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPeopleAreTold: a run that is killed and resumed tells of each thing once,
// from its start to its end, and its URL is nowhere.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	dir, h := fleets(t), newHook(t)
	env := []string{"FLEETUP_NOTIFY=cloudevents=" + h.URL + hookPath, "FLEETUP_NOTIFY_SECRET=" + hookSecret}
	first, said := told(dir, env, "run", "slow.yaml", "--yes", "--log-file", "log", "--log-level", "debug")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	h.until("wave.finished")
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	second, more := told(dir, env, "resume", "--state", "slow.db", "--yes", "--report", "r.html", "--log-file", "log",
		"--log-level", "debug")
	var page bytes.Buffer
	second.Stdout = &page
	if err := second.Run(); err != nil {
		t.Fatalf("%v\n%s", err, more)
	}
	if got, want := h.all(), []string{"started", "wave.finished", "resumed", "wave.finished",
		"finished"}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	var written bytes.Buffer
	for _, name := range []string{"slow.db", "r.html", "log"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		written.Write(data)
	}
	for where, b := range map[string][]byte{"stderr": append(said.Bytes(), more.Bytes()...), "stdout": page.Bytes(),
		"what was written": written.Bytes()} {
		if bytes.Contains(b, []byte("s3cr3t-of-the-url")) || bytes.Contains(b, []byte(hookSecret)) {
			t.Errorf("%s holds a secret", where)
		}
	}
}

// TestAHaltAndAnInterruptAreTold: what nobody must sleep through.
func TestAHaltAndAnInterruptAreTold(t *testing.T) {
	t.Parallel()
	dir, h := fleets(t), newHook(t)
	file := h.named(dir)
	env := []string{"FLEETUP_NOTIFY_SECRET=" + hookSecret}
	halts, said := told(dir, env, "run", "halts.yaml", "--yes", "--notify-file", "who")
	if err := halts.Run(); halts.ProcessState.ExitCode() != 4 {
		t.Fatalf("%v\n%s", err, said)
	}
	if got := h.all(); !slices.Contains(got, "halted") || got[0] != "started" {
		t.Errorf("told %v", got)
	}
	slow, said := told(dir, env, "run", "slow.yaml", "--yes", "--notify-file", "who")
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	h.until("started")
	h.until("started") // of the second run
	if err := slow.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := slow.Wait(); slow.ProcessState.ExitCode() != 5 {
		t.Fatalf("%v\n%s", err, said)
	}
	if got := h.all(); got[len(got)-1] != "interrupted" {
		t.Errorf("told %v", got)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	open, said := told(dir, env, "run", "fast.yaml", "--yes", "--notify-file", "who")
	if err := open.Run(); open.ProcessState.ExitCode() != 2 ||
		!strings.Contains(said.String(), "others may read who") || strings.Contains(said.String(), "s3cr3t") {
		t.Errorf("%v\n%s", err, said)
	}
}

// TestADeadEndpointDelaysNothing: one that never answers and one that is not
// there leave the run's facts when they were, and hold up the end by seconds.
func TestADeadEndpointDelaysNothing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(release) }) // first
	gone := httptest.NewServer(nil)
	gone.Close()
	dir := fleets(t)
	cmd, said := told(dir, nil, "run", "fast.yaml", "--yes", "--notify", "slack="+hangs.URL+hookPath, "--notify",
		"teams="+gone.URL+hookPath)
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	took := time.Since(began)
	lines := strings.Split(said.String(), "\n")
	finished := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, " finished   5 upgraded") })
	if finished < 0 {
		t.Fatalf("it did not finish:\n%s", said)
	}
	for _, host := range []string{"slack at " + strings.TrimPrefix(hangs.URL, "http://"),
		"teams at " + strings.TrimPrefix(gone.URL, "http://")} {
		if !strings.Contains(said.String(), fmt.Sprintf("Not delivered: %s was not told %q", host, "Run finished")) {
			t.Errorf("it does not say that %s was not told:\n%s", host, said)
		}
	}
	if strings.Contains(said.String(), "s3cr3t") {
		t.Errorf("stderr holds a secret:\n%s", said)
	}
	if took > lastWords+time.Minute { // a machine under load; without a bound it would be a quarter of an hour
		t.Errorf("the run took %s", took)
	}
}
