package state_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// Whatever is begun, committed and reopened, in whatever order, the ledger on
// disk says what the ledger in memory says.
func TestLedgerEqualsTheModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n, ".db"))
		lock, err := state.Acquire(path, who("property"))
		if err != nil {
			rt.Fatal(err)
		}
		defer func() {
			lock.Close()
			os.Remove(path)
			os.Remove(path + ".lock")
		}()
		var l *state.Ledger
		reopen := func() {
			if l != nil {
				if err := l.Close(); err != nil {
					rt.Fatal(err)
				}
			}
			if l, err = state.Open(lock, binding); err != nil {
				rt.Fatal(err)
			}
			l.NoSync()
		}
		reopen()
		model, err := state.NewMemory(binding)
		if err != nil {
			rt.Fatal(err)
		}
		sample := statetest.EveryFact()
		both := func(what string, got, want error) {
			for _, target := range []error{state.ErrRefused, state.ErrUnfinished, state.ErrNoRun, state.ErrCommit} {
				if errors.Is(got, target) != errors.Is(want, target) {
					rt.Fatalf("%s: the ledger says %v, the model %v", what, got, want)
				}
			}
			if errors.Is(got, state.ErrCommit) {
				reopen()
				model.Reopen()
			}
		}
		records := func() []fleet.VaultRecord {
			return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) fleet.VaultRecord {
				return fleet.VaultRecord{
					Vault:  statetest.Key(rapid.IntRange(0, 9).Draw(rt, "vault")),
					Status: rapid.SampledFrom(fleet.Statuses()).Draw(rt, "status"),
					Reason: rapid.String().Draw(rt, "reason"),
				}
			}), 0, 5).Draw(rt, "records")
		}
		compare := func(rt *rapid.T) {
			got, err1 := l.Runs()
			want, err2 := model.Runs()
			if err := errors.Join(err1, err2); err != nil {
				rt.Fatal(err)
			}
			statetest.Same(rt, "runs", got, want)
			for _, run := range want {
				statetest.Same(rt, run.ID, statetest.EventsOf(rt, l, run.ID), statetest.EventsOf(rt, model, run.ID))
			}
			statetest.Same(rt, "records", statetest.RecordsOf(rt, l), statetest.RecordsOf(rt, model))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				id := fmt.Sprint("r", rapid.IntRange(1, 6).Draw(rt, "run"))
				rs := records()
				both("begin", l.Begin(statetest.PlanOf(id), statetest.Opening(id), rs),
					model.Begin(statetest.PlanOf(id), statetest.Opening(id), rs))
			},
			"commit": func(rt *rapid.T) {
				events := rapid.SliceOfN(rapid.SampledFrom(sample), 0, 12).Draw(rt, "events")
				rs := records()
				both("commit", l.Commit(events, rs), model.Commit(events, rs))
			},
			"reopen":  func(*rapid.T) { reopen() },
			"compare": compare,
		})
		compare(rt)
		if err := errors.Join(l.Close(), state.CheckFile(path)); err != nil {
			rt.Fatal(err)
		}
	})
}
