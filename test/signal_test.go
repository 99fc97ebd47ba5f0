package test

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// slowStarts is a world of n vaults whose starts are answered after d, two at
// once, and a channel that tells when a start has come.
func slowStarts(t *testing.T, n int, d time.Duration) (*world, <-chan string) {
	t.Helper()
	timings := quick()
	timings.StartTimeout = d + 10*time.Second
	w := newWorld(t, timings)
	for i := range n {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: fmt.Sprintf("v%d", i)}).
			Duration(200 * time.Millisecond).Start(strictcloud.SlowAnswer(d))
	}
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 2, PerSubscription: 2},
		Waves: []strict.Wave{{Name: "all"}}})
	came := make(chan string, 100)
	w.gate.on(func(r *http.Request) {
		if isStart(r) {
			came <- r.Header.Get("x-ms-client-request-id")
		}
	}, nil)
	return w, came
}

// The first signal lets the starts that are out end, records their answers and
// starts nothing more (design.md#rule-10).
func TestFirstSignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			const slow = 1200 * time.Millisecond
			w, came := slowStarts(t, 6, slow)
			c := w.start("run", w.inv, "--yes")
			<-came
			<-came
			signalled := time.Now()
			c.signal(sig)
			c.ends(5)
			if waited := c.ended.Sub(signalled); waited < slow/2 {
				t.Errorf("the process left %v after the signal, while its starts were out", waited)
			}
			s, r := w.status(w.db), w.cloud.Report()
			if s.Run.Status != "interrupted" || s.Run.ExitCode != 5 {
				t.Errorf("the run stands as %+v", s.Run)
			}
			sent := 0
			for _, v := range r.Vaults {
				got := s.find(t, v.Vault.Name)
				if len(v.Starts) == 0 {
					if got.Status != "deferred" {
						t.Errorf("%s was not started and is %s, want deferred", got.Name, got.Status)
					}
					continue
				}
				sent++
				// The answer was waited for: nothing is in doubt.
				if (got.Status != "upgrading" && got.Status != "upgraded") || got.OperationID == nil ||
					*got.OperationID != v.Starts[0].OperationID {
					t.Errorf("%s is %s with operation %v, want upgrading with %s", got.Name, got.Status,
						got.OperationID, v.Starts[0].OperationID)
				}
			}
			if sent != 2 {
				t.Errorf("%d starts were sent, want the 2 that were out at the signal", sent)
			}
			w.start("status", "--exit-code", "--state", w.db).ends(5)

			w.start("resume", "--state", w.db, "--yes").ends(0)
			for _, v := range w.status(w.db).Vaults {
				if v.Status != "upgraded" {
					t.Errorf("after the resume %s is %s", v.Name, v.Status)
				}
			}
			for name, n := range w.starts() {
				if n != 1 {
					t.Errorf("%s was started %d times", name, n)
				}
			}
			w.judge()
		})
	}
}

// The second signal ends the process at once, whichever the two are. The starts
// that were out are in doubt, and the resume finds them by their operation IDs.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	for _, signals := range [][2]os.Signal{{syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT},
		{syscall.SIGINT, syscall.SIGINT}, {syscall.SIGTERM, syscall.SIGTERM}} {
		t.Run(fmt.Sprint(signals), func(t *testing.T) {
			t.Parallel()
			const slow = 8 * time.Second
			w, came := slowStarts(t, 2, slow)
			c := w.start("run", w.inv, "--yes")
			<-came
			<-came
			signalled := time.Now()
			c.signal(signals[0])
			// Two of one kind that come at once are one: wait until the first was
			// seen, that is until nothing new is asked of the cloud.
			time.Sleep(3 * w.timings.Poll)
			c.signal(signals[1])
			c.ends(5)
			if waited := c.ended.Sub(signalled); waited > slow/2 {
				t.Errorf("the process left only %v after the second signal", waited)
			}
			w.gate.quiet(t)
			w.cloud.ClientDied()
			s := w.status(w.db)
			for _, v := range w.cloud.Report().Vaults {
				// Nobody waited for the answer; a listing may have been quicker.
				if got := s.find(t, v.Vault.Name); got.Status != "starting" && got.Status != "upgrading" &&
					got.Status != "upgraded" {
					t.Errorf("%s is %s, want starting", got.Name, got.Status)
				}
			}
			w.start("resume", "--state", w.db, "--yes").ends(0)
			for name, n := range w.starts() {
				if n != 1 {
					t.Errorf("%s was started %d times", name, n)
				}
			}
			w.judge()
		})
	}
}

// A signal before anything was sent, while the first listing is read or the
// first vault is checked, stops a run before it starts anything.
func TestSignalBeforeAnyStart(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, call := range []string{"/cloudservices", "/checkPrereqsForUpgrade"} {
			t.Run(sig.String()+call, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, quick())
				w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"})
				w.write(strictcloud.Inventory{})
				came, signalled := make(chan struct{}), make(chan struct{})
				first := sync.OnceFunc(func() { close(came); <-signalled })
				w.gate.on(func(r *http.Request) {
					if strings.HasSuffix(r.URL.Path, call) {
						first()
					}
				}, nil)
				c := w.start("run", w.inv, "--yes")
				<-came
				c.signal(sig)
				// It leaves without the answer: that is not known to come.
				c.ends(5)
				close(signalled)
				if n := w.starts()["v1"]; n != 0 {
					t.Errorf("%d starts after the signal", n)
				}
				w.gate.quiet(t)
				w.start("resume", "--state", w.db, "--yes").ends(0)
				w.judge()
			})
		}
	}
}

// The deadline of a busy vault runs only while somebody waits for it: a resume
// after it looks again before it gives the vault up.
func TestBusyAcrossResume(t *testing.T) {
	t.Parallel()
	timings := quick()
	timings.BusyDeadline = time.Second
	w := newWorld(t, timings)
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA,
		Name: "v1"}).Duration(100 * time.Millisecond).BusyFor(500 * time.Millisecond)
	w.write(strictcloud.Inventory{})
	checked := make(chan struct{}, 100)
	w.gate.on(nil, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/checkPrereqsForUpgrade") {
			checked <- struct{}{}
		}
	})
	c := w.start("run", w.inv, "--yes")
	<-checked
	<-checked // the first answer is in the ledger
	c.signal(syscall.SIGTERM)
	c.ends(5)
	time.Sleep(timings.BusyDeadline + 100*time.Millisecond)
	w.start("resume", "--state", w.db, "--yes").ends(0)
	w.judge()
}

// A terminal that goes away ends a run in order, as any first signal does.
func TestATerminalThatGoesAway(t *testing.T) {
	t.Parallel()
	// Where the tests themselves run under nohup a child would have it ignored: what is caught
	// is not handed on.
	hung := make(chan os.Signal, 1)
	signal.Notify(hung, syscall.SIGHUP)
	defer signal.Stop(hung)
	w := newWorld(t, hasty())
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "slow"}).Duration(time.Minute)
	w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}}, Limits: strict.Limits{Upgrades: 1}})
	c := w.start("run", w.inv, "--yes")
	w.until("it is under way", func() bool { return strings.Contains(c.stderr.String(), "started") })
	c.signal(syscall.SIGHUP)
	if code := c.wait(); code != 5 {
		t.Errorf("the run exits %d, want 5\n%s", code, c.stderr.String())
	}
	if _, events := w.journal(); len(facts[fleet.RunSuspended](events)) != 1 {
		t.Error("the run was not left in order")
	}
}
