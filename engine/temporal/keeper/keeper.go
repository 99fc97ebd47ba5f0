// Package keeper answers "where is the evidence": it keeps the ledgers' files on the
// host that has them, writes to them what the workflows' histories say, and speaks for
// a run to the people on that host, by the words and the commands that a run on one
// machine has.
//
// The history is what counts. Facts are written in their order, each once, however
// often and in whatever order they are brought; a keeper that was gone goes on where
// the file ends.
package keeper

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"

	"go.temporal.io/sdk/temporal"

	"github.com/fleetup-dev/fleetup/engine/temporal/heartbeat"
	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Keeper keeps the ledgers of one folder. It is safe for concurrent use.
type Keeper struct {
	Folder  string
	Version string
	// Plan reads a plan from the store that all workers share.
	Plan func(ctx context.Context, ref protocol.PlanRef) ([]byte, error)
	// Keep stores what is kept of a ledger, and returns its key; Blob reads it.
	Keep func(ctx context.Context, data []byte) (key string, err error)
	Blob func(ctx context.Context, key string) ([]byte, error)
	// Store stores a plan that a ledger has.
	Store func(ctx context.Context, fingerprint string, data []byte) (key string, err error)
	// Past reads the history of a ledger's workflow.
	Past func(ctx context.Context, ledger, execution string) (*histories.Told, error)
	// Say gives a run an order; nil: nobody can speak to runs here.
	Say func(ctx context.Context, ledger string, a protocol.Ask) (rollout.Said, error)

	mu    sync.Mutex
	books map[string]*book
}

// book is a ledger that is open.
type book struct {
	mu     sync.Mutex
	grown  chan struct{} // closed when facts were written, and another put in its place
	lock   *state.Lock
	ledger *state.Ledger
	socket *control.Server
	runID  string
	state  *rollout.State
	index  map[fleet.Key]int
	facts  uint64 // of the run
}

// Path is where the ledger of a name is.
func (k *Keeper) Path(ledger string) string { return filepath.Join(k.Folder, ledger+".db") }

// Close lets go of the files.
func (k *Keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, b := range k.books {
		b.close()
		delete(k.books, name)
	}
}

func (b *book) close() {
	if b.socket != nil {
		_ = b.lock.Announce("")
		b.socket.Close()
		b.socket = nil
	}
	if b.ledger != nil {
		b.ledger.Close()
	}
	if b.lock != nil {
		b.lock.Close()
	}
}

// refusal is an error that the same attempt would meet again.
func refusal(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), "Refused", err)
}

// book opens a ledger, and reads its newest run. cloud is what it must be bound to; it is
// made where there is none. Empty: the ledger that is there, whatever its cloud.
func (k *Keeper) book(name, cloud string) (*book, error) {
	if b := k.books[name]; b != nil {
		return b, nil
	}
	lock, err := session.Process{Command: "temporal keeper", Version: k.Version}.Acquire(k.Path(name))
	if err != nil {
		return nil, err
	}
	b := &book{lock: lock, grown: make(chan struct{})}
	if cloud == "" {
		b.ledger, err = state.OpenExisting(lock)
	} else {
		b.ledger, err = state.Open(lock, state.Binding{Cloud: cloud, Version: k.Version})
	}
	if err == nil {
		err = b.load()
	}
	if err == nil && b.runID != "" && b.state.Run.Closed == nil {
		err = k.listen(name, b)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	if k.books == nil {
		k.books = map[string]*book{}
	}
	k.books[name] = b
	return b, nil
}

// load rebuilds the newest run of the ledger.
func (b *book) load() error {
	info, ok, err := b.ledger.LatestRun()
	if err != nil || !ok {
		return err
	}
	data, err := b.ledger.Plan(info.PlanFingerprint)
	if err != nil {
		return err
	}
	var p plan.Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	b.of(info.ID, rollout.NewState(&p))
	return b.ledger.Events(info.ID, func(_ uint64, e fleet.Event) error {
		b.facts++
		return b.state.Apply(e)
	})
}

// of makes the book that of a run.
func (b *book) of(runID string, st *rollout.State) {
	b.runID, b.state, b.facts, b.index = runID, st, 0, st.Plan.Index()
}

// Record writes facts of a run, those that the file does not have yet. Facts before
// them that are still on their way are waited for.
func (k *Keeper) Record(ctx context.Context, in protocol.Facts) (protocol.Told, error) {
	b, err := heartbeat.Do(ctx, func() (*book, error) { return k.of(ctx, in) })
	if err != nil {
		return protocol.Told{}, err
	}
	for {
		grown, err := b.write(in)
		if grown == nil {
			// After an error what is known here and what is on disk may differ: the next
			// try reads the file.
			if err != nil || b.state.Run.Closed != nil {
				k.drop(in.Ledger, b)
			}
			return protocol.Told{}, err
		}
		if _, ok := heartbeat.Await(ctx, grown); !ok {
			return protocol.Told{}, ctx.Err()
		}
	}
}

// of is the book of a run.
func (k *Keeper) of(ctx context.Context, in protocol.Facts) (*book, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.books[in.Ledger]
	if b == nil {
		data, err := k.Plan(ctx, in.Ref)
		if err != nil {
			return nil, err
		}
		var p plan.Plan
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, err
		}
		if b, err = k.book(in.Ledger, session.CloudIdentity(p.Cloud)); err != nil {
			return nil, err
		}
	}
	if b.runID != in.RunID {
		return nil, fmt.Errorf("the ledger %s has the run %s and not %s", k.Path(in.Ledger), b.runID, in.RunID)
	}
	return b, nil
}

// write writes what is new of some facts; grown is closed when facts were written that
// may be the ones that are missing before them.
func (b *book) write(in protocol.Facts) (grown <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if in.First > b.facts+1 {
		return b.grown, nil
	}
	have := b.facts + 1 - in.First
	if have >= uint64(len(in.Events)) {
		return nil, nil
	}
	var events []fleet.Event
	var records []fleet.VaultRecord
	for _, data := range in.Events[have:] {
		var e fleet.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, err // of a newer build
		}
		if err := b.state.Apply(e); err != nil {
			return nil, err
		}
		events = append(events, e)
		if f, ok := e.Fact.(fleet.VaultFact); ok {
			records = append(records, b.state.Record(b.index[f.VaultKey()]))
		}
	}
	if err := b.ledger.Commit(events, records); err != nil {
		return nil, err
	}
	b.facts += uint64(len(events))
	close(b.grown)
	b.grown = make(chan struct{})
	return nil, nil
}

// drop lets go of a ledger: of a run that has ended, which others may have then, or to
// read it anew.
func (k *Keeper) drop(name string, b *book) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.books[name] == b {
		b.close()
		delete(k.books, name)
	}
}
