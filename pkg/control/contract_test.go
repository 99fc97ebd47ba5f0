package control

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// shared is a ledger that is written directly and read through its socket.
type shared struct {
	*Client
	*state.Ledger
}

// Close closes the ledger; its socket goes on saying so.
func (s *shared) Close() error { return s.Ledger.Close() }

// What both parts of shared can do is done through the socket.
func (s *shared) LatestRun() (state.RunInfo, bool, error) { return s.Client.LatestRun() }
func (s *shared) Runs() ([]state.RunInfo, error)          { return s.Client.Runs() }
func (s *shared) Plan(f string) ([]byte, error)           { return s.Client.Plan(f) }
func (s *shared) Head() (uint64, string, error)           { return s.Client.Head() }
func (s *shared) Events(id string, fn func(uint64, fleet.Event) error) error {
	return s.Client.Events(id, fn)
}
func (s *shared) VaultRecords(fn func(fleet.VaultRecord) error) error {
	return s.Client.VaultRecords(fn)
}

// Whoever reads a live run sees what a reader of its ledger would: the
// contract of every ledger holds through the socket.
func TestContractThroughTheSocket(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) statetest.Opener {
		open, lock := ledgerIn(t, t.TempDir())
		var server *Server
		var client *Client
		shut := func() {
			if server != nil {
				client.Close()
				server.Close()
			}
		}
		t.Cleanup(shut)
		return func() statetest.Store {
			shut()
			l := open()
			t.Cleanup(func() { l.Close() })
			server = serving(t, Config{Ledger: lock.Real(), Journal: l, Obey: deaf})
			client = dialled(t, server)
			return &shared{client, l}
		}
	})
}

func serving(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Serve(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dialled(t *testing.T, s *Server) *Client {
	t.Helper()
	c, err := Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ledgerIn makes a ledger in a folder of its own.
func ledgerIn(t *testing.T, dir string) (open func() *state.Ledger, lock *state.Lock) {
	t.Helper()
	lock, err := state.Acquire(filepath.Join(dir, "fleet.db"), state.Holder{Host: "here", PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	return func() *state.Ledger {
		l, err := state.Open(lock, state.Binding{Cloud: "Emulator"})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}, lock
}

// deaf takes no orders.
func deaf(context.Context, Peer, json.RawMessage) (any, error) {
	return nil, &Refusal{Message: "nobody takes orders here"}
}
