package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// copyFleets puts the fleets of the scripts into a folder of the test's own.
func copyFleets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/fleets")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// emulate starts fleetup emulate and returns the line that it prints, and what
// stops it.
func emulate(t *testing.T, args ...string) (line string, stop func() fleet.ExitCode) {
	t.Helper()
	r, w := io.Pipe()
	e := &environment{stdin: strings.NewReader(""), stdout: w, stderr: io.Discard, interrupt: make(chan struct{})}
	code := make(chan fleet.ExitCode, 1)
	go func() {
		code <- e.run(append([]string{"fleetup", "emulate"}, args...))
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("emulate exited %d without a line: %v", <-code, err)
	}
	return strings.TrimSpace(line), func() fleet.ExitCode {
		close(e.interrupt)
		return <-code
	}
}

func summary(t *testing.T, line string) emulator.Summary {
	t.Helper()
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line)
	resp, err := http.Get(url + "/_emulator/summary")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var s emulator.Summary
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEmulateServesARun: an inventory pointed at a served emulator by the line
// that emulate prints runs against it; the log and the summary tell what came.
func TestEmulateServesARun(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	file, log, truth := filepath.Join(dir, "mixed.yaml"), filepath.Join(dir, "requests.jsonl"),
		filepath.Join(dir, "truth")
	line, stop := emulate(t, file, "--log", log, "--truth", truth)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^emulator:.*\n`).ReplaceAllString(string(data), "")
	text = strings.Replace(text, "cloud: Emulator", line, 1)
	own := filepath.Join(dir, "own.yaml")
	if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := try(t, "run", own, "--yes"); code != fleet.ExitFailures {
		t.Fatalf("the run exited %d\n%s\n%s", code, out, errs)
	}
	s := summary(t, line)
	if s.Accepted != 3 || s.DoubleAccepted != 0 || s.SentAgain != 0 || s.Mistakes != 0 {
		t.Errorf("accepted %d, twice %d, sent again %d, mistakes %v", s.Accepted, s.DoubleAccepted, s.SentAgain,
			s.MistakeList)
	}
	if code := stop(); code != fleet.ExitOK {
		t.Errorf("emulate exited %d", code)
	}
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(logged), []byte("\n"))
	for _, l := range lines {
		if !json.Valid(l) {
			t.Errorf("the log has a line that is no JSON: %s", l)
		}
	}
	requests := 0
	for _, n := range s.Requests {
		requests += n
	}
	if len(lines) < requests {
		t.Errorf("%d lines for %d requests", len(lines), requests)
	}

	// It goes on from its truth.
	line, stop = emulate(t, file, "--truth", truth)
	if again := summary(t, line); again.Accepted != 3 {
		t.Errorf("after a restart it remembers %d starts, want 3", again.Accepted)
	}
	stop()
}

// TestScenariosOfTheDocs: what the page shows can be used.
func TestScenariosOfTheDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 2 {
		t.Fatalf("found %d scenarios", len(blocks))
	}
	for _, b := range blocks {
		path := filepath.Join(t.TempDir(), "scenario.yaml")
		if err := os.WriteFile(path, b[1], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := session.Scenario(path); err != nil {
			t.Errorf("%v in\n%s", err, b[1])
		}
	}
}
