package state_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// factsOf returns n facts about n vaults and their records.
func factsOf(first, n int) ([]fleet.Event, []fleet.VaultRecord) {
	events, records := make([]fleet.Event, n), make([]fleet.VaultRecord, n)
	for i := range n {
		key, op := statetest.Key((first+i)%100_000), fmt.Sprint("4cc27b8b-8d4b-4f3e-9f5a-", first+i)
		events[i] = statetest.At(first+i, fleet.Observed{Vault: key, OperationID: op,
			Record: &fleet.Record{OperationID: op, State: fleet.RecordInProgress, StartedAt: statetest.At(i, nil).At}})
		records[i] = fleet.VaultRecord{Vault: key, RunID: "r1", Status: fleet.Upgrading, OperationID: op,
			StartedAt: statetest.At(i, nil).At}
	}
	return events, records
}

func benchLedger(b *testing.B) (*state.Ledger, func()) {
	b.Helper()
	lock, err := state.Acquire(filepath.Join(b.TempDir(), "fleet.db"), who("bench"))
	if err != nil {
		b.Fatal(err)
	}
	l, err := state.Open(lock, binding)
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
		b.Fatal(err)
	}
	return l, func() { l.Close(); lock.Close() }
}

// BenchmarkCommit shows what a synced commit costs by the size of its batch.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, done := benchLedger(b)
			defer done()
			n := 0
			for b.Loop() {
				if err := l.Commit(factsOf(n, size)); err != nil {
					b.Fatal(err)
				}
				n += size
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/fact")
		})
	}
}

// BenchmarkNight writes the journal of 100,000 vaults with 8 facts each, a
// thousand a commit, and reads it back.
func BenchmarkNight(b *testing.B) {
	const facts, batch = 800_000, 1000
	l, done := benchLedger(b)
	defer done()
	for n := 0; n < facts; n += batch {
		if err := l.Commit(factsOf(n, batch)); err != nil {
			b.Fatal(err)
		}
	}
	wrote := b.Elapsed()
	for b.Loop() {
		n := 0
		if err := l.Events("r1", func(uint64, fleet.Event) error { n++; return nil }); err != nil || n != facts+1 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(wrote.Seconds(), "s/write")
}
