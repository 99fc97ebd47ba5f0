package test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// audited is what `audit verify -o json` says.
type audited struct {
	Good bool
	Runs int
}

func (w *world) audit() audited {
	w.t.Helper()
	c := w.start("audit", "verify", "-o", "json", "--state", w.db).ends(0)
	var a audited
	if err := json.Unmarshal([]byte(c.stdout.String()), &a); err != nil || !a.Good {
		w.t.Fatalf("the audit says %s, %v", c.stdout.String(), err)
	}
	return a
}

// Runs that create one ledger in the same instant: one at a time has it, each of
// the others is turned away, the ledger is whole, and nothing is sent twice.
func TestRunsAtTheSameInstant(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quick())
			plainFleet(w, 4, 400*time.Millisecond)
			w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}}})
			var runs []*client
			for range 3 {
				runs = append(runs, w.start("run", w.inv, "--yes"))
			}
			ran := 0
			for _, r := range runs {
				switch code := r.wait(); code {
				case 0:
					ran++ // a late one finds the ledger free again, and every vault upgraded
				case 6:
					r.says("is in use by", "Next: ")
				default:
					t.Errorf("a run exited %d\n%s", code, r.stderr.String())
				}
			}
			if ran == 0 {
				t.Error("nobody ran")
			}
			if a := w.audit(); a.Runs != ran {
				t.Errorf("%d processes ran, and the ledger has %d runs", ran, a.Runs)
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

// Whoever reads never keeps anybody out: with statuses, reports and audits all
// the time, every run and resume gets the ledger, and readers alone get it too.
func TestReadersNeverInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 6, 300*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 3}, Waves: []strict.Wave{{Name: "all"}}})
	readers := [][]string{{"status", "--state", w.db}, {"report", "-o", "json", "--state", w.db},
		{"audit", "verify", "--state", w.db}}
	var over atomic.Bool
	done := make(chan string, len(readers))
	for _, args := range readers {
		// Each has a world of its own to start its processes in.
		own := *w
		own.clients = nil
		go func() {
			said, n := "", 0
			for ; !over.Load() || n < 3; n++ {
				c := own.start(args...)
				select {
				case <-c.done:
				case <-time.After(patience):
					said = fmt.Sprintf("%v does not end", args)
				}
				// 0; 2 before there is a run; 6 while somebody writes.
				if code := c.cmd.ProcessState.ExitCode(); said == "" && !slices.Contains([]int{0, 2, 6}, code) {
					said = fmt.Sprintf("%v exited %d: %s", args, code, c.stderr.String())
				}
				if said != "" {
					break
				}
			}
			done <- said
		}()
	}
	run := w.start("run", w.inv, "--yes")
	w.until("two upgrades are accepted", func() bool { return w.accepted() >= 2 })
	run.signal(os.Interrupt)
	run.ends(5)
	for range 2 {
		w.start("resume", "--state", w.db, "--yes").ends(0)
	}
	for range 2 {
		w.start("run", w.inv, "--yes").ends(0)
	}
	over.Store(true)
	for range readers {
		if said := <-done; said != "" {
			t.Error(said)
		}
	}
	var together []*client
	for range 2 {
		for _, args := range readers {
			together = append(together, w.start(args...))
		}
	}
	for _, c := range together {
		c.ends(0)
	}
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}

// A run whose ledger is replaced by another file stops before it sends anything
// more, and a lock file that is taken away lets no reader in.
func TestLedgerReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 4, 5*time.Second) // a reader looks for its socket for three
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 2, PerSubscription: 2},
		Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("two upgrades are accepted", func() bool { return w.accepted() >= 2 })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Remove(w.db + ".lock"))
	w.start("status", "--state", w.db).ends(6)
	must(os.Link(w.db, w.db+".kept"))
	must(os.WriteFile(w.db+".other", []byte("something else"), 0o600))
	must(os.Rename(w.db+".other", w.db))
	run.ends(1).says("was replaced by another file while it was open\nNext: find out who did that; go on only with " +
		"the file that has the newest journal\nThen, with that file back at its path: fleetup resume --yes --state " +
		w.db)
	if n := w.accepted(); n != 2 {
		t.Errorf("%d starts were accepted, want the 2 from before the ledger was replaced", n)
	}
	must(os.Rename(w.db+".kept", w.db))
	w.start("resume", "--state", w.db, "--yes").ends(0)
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.audit()
	w.judge()
}
