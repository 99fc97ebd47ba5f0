package main

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// dying is the journal of a process that is killed when it is asked something
// for the last time: the answer breaks off, and ledger and lock are let go.
type dying struct {
	*state.Ledger
	lock *state.Lock

	mu   sync.Mutex
	left int // questions that it lives to answer
	died bool
}

func (d *dying) asked() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left--; d.left >= 0 {
		return
	}
	if !d.died {
		d.died = true
		_ = d.Ledger.Close()
		_ = d.lock.Close()
	}
	panic(http.ErrAbortHandler)
}

func (d *dying) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.died
}

func (d *dying) Runs() ([]state.RunInfo, error)    { d.asked(); return d.Ledger.Runs() }
func (d *dying) Head() (uint64, string, error)     { d.asked(); return d.Ledger.Head() }
func (d *dying) Plan(print string) ([]byte, error) { d.asked(); return d.Ledger.Plan(print) }
func (d *dying) EventsAfter(run string, after uint64, fn func(uint64, fleet.Event) error) error {
	d.asked()
	return d.Ledger.EventsAfter(run, after, fn)
}

func (d *dying) VaultRecords(fn func(fleet.VaultRecord) error) error {
	d.asked()
	return d.Ledger.VaultRecords(fn)
}

// aDyingRun is a live run that is killed after so many answers, and its ledger.
func aDyingRun(t *testing.T, answers int) (*dying, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock, ledger := begun(t, path)
	d := &dying{Ledger: ledger, lock: lock, left: answers}
	server, err := control.Serve(control.Config{Ledger: lock.Real(), Version: "test", RunID: "run-1", Journal: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		_, _ = ledger.Close(), lock.Close()
	})
	if err := lock.Announce(server.Path()); err != nil {
		t.Fatal(err)
	}
	return d, path
}

// TestTheLiveRunEndsWhileItIsAsked: whatever it was asked last, who reads the
// ledger is told what the file says.
func TestTheLiveRunEndsWhileItIsAsked(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct{ live, over string }{
		"runs -o json":                           {`"status": "running"`, `"status": "interrupted"`},
		"show dev/web -o json":                   {`"status": "pending"`, `"status": "deferred"`},
		"status -o json":                         {`"status": "running"`, `"status": "interrupted"`},
		"report -o json":                         {`"status": "running"`, `"status": "interrupted"`},
		"plan testdata/fleets/slow.yaml -o json": {`"vaults"`, `"vaults"`},
	} {
		t.Run(strings.Fields(args)[0], func(t *testing.T) {
			t.Parallel()
			deaths := 0
			for {
				d, path := aDyingRun(t, deaths)
				var out, errs bytes.Buffer
				e := &environment{stdout: &out, stderr: &errs, interrupt: make(chan struct{})}
				code := e.run(append([]string{"fleetup"}, append(strings.Fields(args), "--state", path)...))
				died, says := d.dead(), want.over
				if !died {
					says = want.live
				}
				if code != fleet.ExitOK || !strings.Contains(out.String(), says) {
					t.Errorf("after %d answers, dead %t: exit %d, without %s:\n%s%s", deaths, died, code, says,
						out.String(), errs.String())
				}
				if !died {
					break // it had fewer questions
				}
				deaths++
			}
			if deaths == 0 {
				t.Error("it asked the live run nothing")
			}
		})
	}
}

// TestFollowerOfARunThatDies: it is told all the same what has come last,
// and that nobody carries the run out any more.
func TestFollowerOfARunThatDies(t *testing.T) {
	t.Parallel()
	d, path := aDyingRun(t, 1000)
	f := &follower{path: path}
	if news, ok, err := f.look(); !news || !ok || err != nil || !f.run.Live {
		t.Fatalf("news %t, a run %t, live %t, %v", news, ok, f.run.Live, err)
	}
	paused := fleet.Event{At: time.Unix(1, 0), Fact: fleet.Paused{Reason: "a customer calls"}}
	if err := d.Commit([]fleet.Event{paused}, nil); err != nil {
		t.Fatal(err)
	}
	d.left = 2 // it lives to list its runs and to tell what has come, and not to tell the head
	if news, ok, err := f.look(); !news || !ok || err != nil || f.run.Live || f.run.Seq != 2 ||
		f.run.Evidence.Events != 2 {
		t.Fatalf("news %t, a run %t, live %t, up to event %d with the head of event %d, %v", news, ok, f.run.Live,
			f.run.Seq, f.run.Evidence.Events, err)
	}
}
