package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// TestServe: another process than the one that carries the run out shows its page and
// tells of it, also that it was killed, which it cannot tell itself; of its resume, its
// end, and of the ledger's next run.
func TestServe(t *testing.T) {
	t.Parallel()
	dir, h := fleets(t), newHook(t)
	db := filepath.Join(dir, "slow.db")
	data, err := os.ReadFile(filepath.Join(dir, "slow.yaml"))
	slow := strings.Replace(string(data), "{name: web}", "{name: web}\n      - {name: shop, hold: not yet}", 1)
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "slow.yaml"), []byte(slow), 0o600)); err != nil {
		t.Fatal(err)
	}
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
	who := h.named(dir)
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
	// Of a run with a gate the approval is asked for when it is needed, and not because a
	// wave is open when the run is first seen.
	gated := strings.NewReplacer("{name: shop, hold: not yet}", "{name: shop}",
		"match: {env: dev}", "match: {env: dev}, approval: after").Replace(slow)
	if err := os.WriteFile(filepath.Join(dir, "gate.yaml"), []byte(gated), 0o600); err != nil {
		t.Fatal(err)
	}
	gate, errs := told(dir, nil, "run", "gate.yaml", "--yes", "--exit-when-waiting", "--state", "slow.db")
	if err := gate.Run(); gate.ProcessState.ExitCode() != int(fleet.ExitInterrupted) {
		t.Fatalf("%v\n%s", err, errs)
	}
	h.until("waiting")
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	words := <-said
	if err := r.cmd.Wait(); err != nil || strings.Contains(words, "Not delivered") {
		t.Errorf("it ends with %v and says %s", err, words)
	}
	if got, want := h.all(), []string{"wave.finished", "interrupted", "resumed", "wave.finished", "finished",
		"started", "wave.finished", "wave.finished", "finished",
		"started", "wave.finished", "approval.needed", "waiting"}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

// TestServeFindsARunDead: that nobody carries a run out is told also where it was so when
// serve began, or began again, to look.
func TestServeFindsARunDead(t *testing.T) {
	t.Parallel()
	dir, h := t.TempDir(), newHook(t)
	db, who := filepath.Join(dir, "fleet.db"), h.named(dir)
	lock, l := begun(t, db)
	l.Close()
	lock.Close()
	env := []string{"FLEETUP_NOTIFY_SECRET=" + hookSecret}
	serve, errs := told(dir, env, "serve", "--state", db, "--notify-file", who)
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	h.until("interrupted")
	if err := errors.Join(serve.Process.Signal(syscall.SIGTERM), serve.Wait()); err != nil {
		t.Errorf("it ends with %v\n%s", err, errs)
	}
}

// A run that was halted has left in good order: nobody is told that it was killed.
func TestServeKnowsThatAHaltedRunHasLeft(t *testing.T) {
	t.Parallel()
	dir, h := t.TempDir(), newHook(t)
	db, who := filepath.Join(dir, "fleet.db"), h.named(dir)
	lock, l := begun(t, db)
	commit := func(f fleet.Fact) {
		if err := l.Commit([]fleet.Event{{At: session.Now(), Fact: f}}, nil); err != nil {
			t.Fatal(err)
		}
		l.Close()
		lock.Close()
	}
	commit(fleet.RunHalted{Scope: "run", Failures: 1})
	r := startShown(t, "FLEETUP_NOTIFY_SECRET="+hookSecret, "serve", "--state", db, "--listen", "127.0.0.1:0",
		"--notify-file", who)
	until(t, bufio.NewReader(r.get("events", "").Body), "event: snapshot")
	var err error
	if lock, err = state.Acquire(db, state.Holder{Host: "here", PID: 1}); err != nil {
		t.Fatal(err)
	}
	if l, err = state.Open(lock, state.Binding{Cloud: "Emulator"}); err != nil {
		t.Fatal(err)
	}
	commit(fleet.Paused{By: fleet.Actor{User: "anna"}, Reason: "lunch"})
	h.until("paused") // what was to be told before has come before it
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.types, "interrupted") {
		t.Errorf("told were %v", h.types)
	}
}

// TestServeShowsACopyOfItsRun: where an older copy of the run takes the ledger's place, the
// page and the numbers are the copy's; who is told hears of what comes in it, and nothing
// again that the two have in common.
func TestServeShowsACopyOfItsRun(t *testing.T) {
	t.Parallel()
	dir, h := t.TempDir(), newHook(t)
	db := filepath.Join(dir, "fleet.db")
	lock, l := begun(t, db)
	commit := func(at int64, f fleet.Fact) {
		t.Helper()
		if err := l.Commit([]fleet.Event{{At: time.Unix(at, 0), Fact: f}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	closes := func() {
		t.Helper()
		if err := errors.Join(l.Close(), lock.Close()); err != nil {
			t.Fatal(err)
		}
	}
	reopen := func() {
		t.Helper()
		var err error
		if lock, err = state.Acquire(db, state.Holder{Host: "here", PID: 1}); err != nil {
			t.Fatal(err)
		}
		if l, err = state.Open(lock, state.Binding{Cloud: "Emulator"}); err != nil {
			t.Fatal(err)
		}
	}
	commit(1, fleet.RunHalted{Scope: "run", Failures: 1})
	commit(2, fleet.Paused{By: fleet.Actor{User: "anna"}, Reason: "one"})
	closes()
	older, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	reopen()
	commit(3, fleet.Paused{By: fleet.Actor{User: "anna"}, Off: true})
	commit(4, fleet.RunClosed{})
	closes()
	r := startShown(t, "FLEETUP_NOTIFY_SECRET="+hookSecret, "serve", "--state", db, "--listen", "127.0.0.1:0",
		"--notify-file", h.named(dir))
	said := make(chan string, 1)
	go func() { rest, _ := io.ReadAll(r.errs); said <- string(rest) }()
	events := bufio.NewReader(r.get("events", "").Body)
	until(t, events, "event: snapshot")
	if err := errors.Join(os.WriteFile(db+".new", older, 0o600), os.Rename(db+".new", db)); err != nil {
		t.Fatal(err)
	}
	until(t, events, "event: next")
	numbers, err := io.ReadAll(r.get("metrics", "").Body)
	if err != nil || !strings.Contains(string(numbers), "\nfleetup_run_changed_timestamp_seconds 2\n") {
		t.Errorf("the numbers are not the copy's: %v\n%s", err, numbers)
	}
	reopen()
	commit(5, fleet.Paused{By: fleet.Actor{User: "ben"}, Off: true})
	commit(6, fleet.Paused{By: fleet.Actor{User: "ben"}, Reason: "two"})
	closes()
	h.until("paused")
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	words := <-said
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("it ends with %v and says %s", err, words)
	}
	if got, want := h.all(), []string{"continued", "paused"}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}
