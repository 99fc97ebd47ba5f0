package test

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// During a run everybody may ask how it stands, as often as they like, and the
// run goes on undisturbed.
func TestAskALiveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 6, 1500*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 6, PerSubscription: 1},
		Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("an upgrade is accepted", func() bool { return w.accepted() >= 1 })
	asked := 0
	for running := true; running; {
		select {
		case <-run.done:
			running = false
		default:
			s := w.asked()
			if len(s.Vaults) != 6 {
				t.Errorf("status of a live run shows %d vaults", len(s.Vaults))
			}
			if s.Run.Status == "running" {
				asked++
			}
			time.Sleep(w.timings.Poll) // as often as it changes, and no busier
		}
	}
	run.ends(0)
	if asked == 0 {
		t.Error("the run was never seen running")
	}
	w.judge()
}

// asked is where a run stands that may be live: a moment later it may stand
// elsewhere.
func (w *site) asked() (s standing) {
	w.t.Helper()
	c := w.start("status", "-o", "json", "--state", w.db).ends(0)
	if err := json.Unmarshal([]byte(c.stdout.String()), &s); err != nil {
		w.t.Fatalf("status: %v\n%s", err, c.stdout.String())
	}
	return s
}

// What a person says to a live run is done at once: nothing starts while it is
// paused, a gate opens on its approval, and a stop ends the process in order.
func TestTellALiveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 8, 500*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 2, PerSubscription: 1},
		Extra: "waves:\n  - {name: canary, size: 2, approval: after}\n  - {name: rest}\n"})
	run := w.start("run", w.inv, "--yes")
	w.until("the run waits at its gate", func() bool {
		c := w.start("status", "-o", "json", "--state", w.db)
		return c.wait() == 0 && strings.Contains(c.stdout.String(), `"waitingFor": "an approval after wave canary"`)
	})
	w.start("pause", "--state", w.db, "--reason", "a customer calls").ends(0)
	w.start("approve", "--state", w.db, "--reason", "looks good").ends(0)
	before := w.accepted()
	w.until("the rest was checked", func() bool { return strings.Count(run.stderr.String(), "rest opened") == 1 })
	time.Sleep(10 * w.timings.Poll) // long enough for a start, were there one
	if n := w.accepted(); n != before {
		t.Errorf("%d vaults were started during the pause", n-before)
	}
	w.start("pause", "--off", "--state", w.db, "--reason", "all is well").ends(0)
	w.until("it goes on", func() bool { return w.accepted() > before })
	w.start("stop", "--state", w.db, "--reason", "enough").ends(0)
	run.ends(5)
	w.start("resume", "--state", w.db, "--yes").ends(0)
	for _, v := range w.status(w.db).Vaults {
		if v.Status != "upgraded" {
			t.Errorf("%s is %s", v.Name, v.Status)
		}
	}
	w.judge()
}

// A socket that a killed process left behind misleads nobody: readers use the
// file, and the next process opens its own.
func TestStaleSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 3, 6*time.Second)
	w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("an upgrade is accepted", func() bool { return w.accepted() >= 1 })
	run.kill()
	w.gate.quiet(t)
	w.cloud.ClientDied()
	sock := filepath.Join(w.db+".live", "control.sock")
	if fi, err := os.Stat(sock); err != nil || fi.Mode() != os.ModeSocket|0o600 {
		t.Fatalf("the killed process left no socket of mode 0600: %v, %v", fi, err)
	}
	if s := w.asked(); s.Run.Status != "interrupted" {
		t.Errorf("the killed run is %s", s.Run.Status)
	}
	resume := w.start("resume", "--state", w.db, "--yes")
	w.until("the resumed run answers", func() bool { return w.asked().Run.Status == "running" })
	resume.ends(0)
	if _, err := os.Stat(filepath.Dir(sock)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder is left behind: %v", err)
	}
	w.judge()
}

// Clients that say nothing, and read nothing of what they asked for, do not
// slow the run down; one that is stopped itself is said not to answer.
func TestHostileClientsOfALiveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 6, 300*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 6, PerSubscription: 2},
		Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("an upgrade is accepted", func() bool { return w.accepted() >= 1 })
	sock := filepath.Join(w.db+".live", "control.sock")
	for n := range 200 {
		conn, err := net.Dial("unix", sock)
		if err != nil {
			break // the run was quicker
		}
		defer conn.Close()
		if n%2 == 0 {
			// it may be turned away
			_, _ = conn.Write([]byte("GET /v1/events?run=x&after=0 HTTP/1.1\r\nHost: run\r\n\r\n"))
		}
	}
	run.ends(0)
	w.judge()
}

// A live run that is itself stopped does not answer, and is not waited for
// without end.
func TestStoppedRunDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 2, time.Second)
	w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("an upgrade is accepted", func() bool { return w.accepted() >= 1 })
	run.signal(syscall.SIGSTOP)
	w.start("status", "--state", w.db).ends(6).says("does not answer", "kill -CONT")
	run.signal(syscall.SIGCONT)
	run.ends(0)
	w.judge()
}
