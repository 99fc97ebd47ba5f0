package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// shownRun is a process that serves its page.
type shownRun struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	errs   *bufio.Reader
	client *http.Client
}

var shownAt = regexp.MustCompile(`^The run is shown at (http://\S+/)(?:\s|$)`)

// startShown starts the program and waits until it says where its page is.
func startShown(t *testing.T, env string, args ...string) *shownRun {
	t.Helper()
	r := &shownRun{t: t, cmd: exec.Command("fleetup", args...),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}}
	r.cmd.Env = append(os.Environ(), "TZ=UTC", env)
	pipe, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() }) // of a test that gave up
	r.errs = bufio.NewReader(pipe)
	for {
		line, err := r.errs.ReadString('\n')
		if m := shownAt.FindStringSubmatch(line); m != nil {
			r.url = m[1]
			return r
		}
		if err != nil {
			t.Fatalf("%q does not say where its page is: %q, %v", args, line, err)
		}
	}
}

// get asks for a path with a token, empty for none.
func (r *shownRun) get(path, token string) *http.Response {
	r.t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := r.client.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// until reads a stream of events to a text.
func until(t *testing.T, stream *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := stream.ReadString('\n')
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			t.Fatalf("the stream ends before it says %q: %v", text, err)
		}
	}
}

// end waits for the process and returns its exit code.
func (r *shownRun) end() int {
	r.t.Helper()
	if _, err := io.Copy(io.Discard, r.errs); err != nil {
		r.t.Fatal(err)
	}
	err := r.cmd.Wait()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return 0
}

// TestRunServesItsPage: a real run, watched as it goes, interrupted, and
// resumed behind a token to its end.
func TestRunServesItsPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/fleets")); err != nil {
		t.Fatal(err)
	}
	file, db := filepath.Join(dir, "slow.yaml"), filepath.Join(dir, "slow.db")

	r := startShown(t, "", "run", file, "--yes", "--listen", "127.0.0.1:0")
	page, err := io.ReadAll(r.get("", "").Body)
	if err != nil || !strings.Contains(string(page), "RUNNING: 0 OF 5 UPGRADED") {
		t.Errorf("the page says %.400s, %v", page, err)
	}
	events := bufio.NewReader(r.get("events", "").Body)
	until(t, events, "event: snapshot")
	until(t, events, `"status":"upgrading"`)
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	until(t, events, "INTERRUPTED")
	until(t, events, "event: end")
	if code := r.end(); code != int(fleet.ExitInterrupted) {
		t.Errorf("interrupted, it exits %d", code)
	}

	const token = "correct-horse-battery-staple"
	r = startShown(t, tokenVariable+"="+token, "resume", "--yes", "--state", db, "--listen", "127.0.0.1:0")
	if resp := r.get("api/status", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s", resp.Status)
	}
	metrics, err := io.ReadAll(r.get("metrics", token).Body)
	if err != nil || !strings.Contains(string(metrics), `fleetup_vaults{status="failed"} 0`) {
		t.Errorf("the metrics are %.400s, %v", metrics, err)
	}
	events = bufio.NewReader(r.get("events", token).Body)
	until(t, events, "FINISHED: ALL 5 UPGRADED")
	until(t, events, "event: end")
	if code := r.end(); code != 0 {
		t.Errorf("finished, it exits %d", code)
	}
}

// TestAPageThatCannotBeServed: it is said before anything begins.
func TestAPageThatCannotBeServed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	short, empty := filepath.Join(dir, "short"), filepath.Join(dir, "empty")
	for name, text := range map[string]string{short: "abc\n", empty: "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shared := filepath.Join(dir, "shared")
	if err := errors.Join(os.WriteFile(shared, []byte("correct horse battery staple\n"), 0o600),
		os.Chmod(shared, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code fleet.ExitCode
		says string
	}{
		{[]string{"--listen", "8080"}, fleet.ExitUsage, "this is not an address to listen on"},
		{[]string{"--listen", "0.0.0.0:0"}, fleet.ExitUsage, "needs a token"},
		{[]string{"--listen", ":0", "--listen-token-file", short}, fleet.ExitUsage, "too short"},
		{[]string{"--listen", ":0", "--listen-token-file", empty}, fleet.ExitUsage, "is empty"},
		{[]string{"--listen", ":0", "--listen-token-file", filepath.Join(dir, "none")}, fleet.ExitUsage,
			"cannot be read"},
		{[]string{"--listen", ":0", "--listen-token-file", shared}, fleet.ExitUsage, "others may read"},
		{[]string{"--listen-token-file", short}, fleet.ExitUsage, "without --listen"},
		{[]string{"--listen", taken.Addr().String()}, fleet.ExitInternal, syscall.EADDRINUSE.Error()},
	} {
		db := filepath.Join(dir, "none.db")
		code, _, errs := try(t, append([]string{"run", "testdata/fleets/fast.yaml", "--yes", "--state",
			db}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) || !strings.Contains(errs, "Next: ") {
			t.Errorf("%q exits %d: %s", c.args, code, errs)
		}
		if _, err := os.Stat(db); err == nil {
			t.Fatalf("%q began a run", c.args)
		}
	}
}
