package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServe: another process than the one that carries the run out shows its page and
// tells of it, also that it was killed, which it cannot tell itself; of its resume, its
// end, and of the ledger's next run.
func TestServe(t *testing.T) {
	t.Parallel()
	dir, h := fleets(t), newHook(t)
	db := filepath.Join(dir, "slow.db")
	first, _ := told(dir, nil, "run", "slow.yaml", "--yes")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Process.Kill() }() // of a test that gave up
	for file, end := filepath.Join(dir, "slow.db.emulator"),
		time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), `"start":{`) {
			break
		} else if time.Now().After(end) {
			t.Fatalf("nothing is started: %v", err)
		}
	}
	who := filepath.Join(dir, "who")
	if err := os.WriteFile(who, []byte("cloudevents="+h.URL+hookPath+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startShown(t, "FLEETUP_NOTIFY_SECRET="+hookSecret, "serve", "--state", db, "--listen", "127.0.0.1:0",
		"--notify-file", who)
	said := make(chan string, 1)
	go func() { rest, _ := io.ReadAll(r.errs); said <- string(rest) }()
	events := bufio.NewReader(r.get("events", "").Body)
	until(t, events, "event: snapshot")
	h.until("wave.finished")
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	h.until("interrupted")
	until(t, events, "Its process crashed or was killed")

	second, errs := told(dir, nil, "resume", "--state", "slow.db", "--yes")
	if err := second.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	h.until("finished")
	until(t, events, "FINISHED: ALL 5 UPGRADED")
	// The page of a run that is over stays until there is another, which it then shows.
	next, errs := told(dir, nil, "run", "slow.yaml", "--yes")
	if err := next.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := r.client.Get(r.url); err == nil {
			page, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(page), "by earlier runs") {
				break
			} else if time.Now().After(end) {
				t.Fatalf("the page does not come to the next run: %.600s", page)
			}
		}
	}
	h.until("finished") // the page may have come to the run while that went on
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	words := <-said
	if err := r.cmd.Wait(); err != nil || strings.Contains(words, "Not delivered") {
		t.Errorf("it ends with %v and says %s", err, words)
	}
	if got, want := h.all(), []string{"wave.finished", "interrupted", "resumed", "wave.finished", "finished",
		"started", "wave.finished", "wave.finished", "finished"}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}
