package state_test

import (
	"path/filepath"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

var (
	_ statetest.Store = (*state.Ledger)(nil)
	_ statetest.Store = (*state.Memory)(nil)
)

func TestContractLedger(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) statetest.Opener {
		lock := acquire(t, filepath.Join(t.TempDir(), "fleet.db"))
		return func() statetest.Store { return open(t, lock) }
	})
}

func TestContractMemory(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) statetest.Opener {
		m, err := state.NewMemory(binding)
		if err != nil {
			t.Fatal(err)
		}
		return func() statetest.Store { m.Reopen(); return m }
	})
}
