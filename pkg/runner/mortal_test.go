package runner_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// crash is how a process is made to end.
type crash struct {
	at       failpoint.Point // where it dies; empty: nowhere
	nth      int             // at which time of coming there, from 1
	atCommit int             // the commit at which it dies, 0: none
	after    bool            // that commit reaches the disk
	lives    bool            // the process does not die: its disk fails
	stopAt   time.Duration   // when it is told to stop, 0: never
}

// ways tells for each failpoint of the runner through which of its ports a
// night dies there.
var ways = map[failpoint.Point]string{
	failpoint.ResumedBefore: "Store", failpoint.ResumedAfter: "Store",
	failpoint.FactsBefore: "Store", failpoint.FactsAfter: "Store",
	failpoint.IntentsBefore: "Store", failpoint.IntentsAfter: "Store",
	failpoint.StartPrepared: "Upgrader",
	failpoint.SendBefore:    "Upgrader", failpoint.SendWritten: "wire", failpoint.SendAnswered: "Upgrader",
	failpoint.AnswerBefore: "Store", failpoint.AnswerAfter: "Store",
	failpoint.ReconcileBefore: "Upgrader", failpoint.ReconcileAfter: "Upgrader",
	failpoint.ReconciledBefore: "Store", failpoint.ReconciledAfter: "Store",
	failpoint.ObservedBefore: "Store", failpoint.ObservedAfter: "Store",
	failpoint.VerifyBefore: "Upgrader", failpoint.VerifyAfter: "Upgrader",
	failpoint.VerifiedBefore: "Store", failpoint.VerifiedAfter: "Store",
	failpoint.SuspendedBefore: "Store", failpoint.SuspendedAfter: "Store",
	failpoint.ClosedBefore: "Store", failpoint.ClosedAfter: "Store",
}

// elsewhere are the failpoints that are none of the runner's: the ledger is made
// and a run opened before it is called, and a transaction is the ledger's own
// affair. The real program dies there in package test.
var elsewhere = []failpoint.Point{failpoint.LedgerBuilt, failpoint.LedgerLinked, failpoint.BeginBefore,
	failpoint.BeginAfter,
	failpoint.TransactionOpen}

// TestNightsDieAtEveryFailpoint keeps the nights complete.
func TestNightsDieAtEveryFailpoint(t *testing.T) {
	t.Parallel()
	for _, m := range failpoint.Meanings() {
		if (ways[m.Point] != "") == slices.Contains(elsewhere, m.Point) {
			t.Errorf("no night can die at %s, and nobody says that it need not", m.Point)
		}
	}
}

// doom ends a process at its point: it is cut off from the ledger and the
// network at once, as by a kill.
type doom struct {
	crash crash
	kill  context.CancelFunc

	mu   sync.Mutex
	came int
	dead bool
}

// errDisk is what the ledger says when its disk fails; errDead, when the
// process that asks no longer lives.
var (
	errDisk = errors.New("no space left on device")
	errDead = errors.New("the process was killed")
)

// hit reports whether the process is dead once it has come to a point.
func (d *doom) hit(points ...failpoint.Point) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead || !slices.Contains(points, d.crash.at) {
		return d.dead
	}
	if d.came++; d.came == d.crash.nth {
		d.dead = true
		d.kill()
		deaths.Store(d.crash.at, true)
	}
	return d.dead
}

// deaths are the points at which a night has died.
var deaths sync.Map

// die ends the process wherever it is.
func (d *doom) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	d.kill()
}

// mortal is a store whose process dies, or whose disk fails, at one of its
// commits.
type mortal struct {
	runner.Store
	doom *doom
	n    int
}

func (m *mortal) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	before, after := runner.Around(events)
	if m.doom.hit(before...) {
		return errDead
	}
	c := &m.doom.crash
	m.n++
	switch {
	case c.atCommit == 0 || m.n < c.atCommit:
		if err := m.Store.Commit(events, vaults); err != nil {
			return err
		}
		if m.doom.hit(after...) {
			return errDead
		}
		return nil
	case m.n > c.atCommit:
		return errDisk
	}
	if !c.lives {
		m.doom.die()
	}
	if c.after {
		if err := m.Store.Commit(events, vaults); err != nil {
			return err
		}
	}
	return errDisk
}

// mortalCloud is an upgrader whose process dies at one of its calls. What it
// answers then nobody hears.
type mortalCloud struct {
	runner.Upgrader
	doom *doom
}

func (m mortalCloud) Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error) {
	start, err := m.Upgrader.Prepare(ctx, v, seen)
	if err == nil && m.doom.hit(failpoint.StartPrepared) {
		err = errDead
	}
	return start, err
}

func (m mortalCloud) Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart,
	may fleet.MayLeave) fleet.StartAnswer {
	if m.doom.hit(failpoint.SendBefore) {
		return fleet.StartAnswer{Verdict: fleet.StartUnknown}
	}
	answer := m.Upgrader.Send(ctx, v, start, may)
	m.doom.hit(failpoint.SendAnswered)
	return answer
}

func (m mortalCloud) Reconcile(ctx context.Context, v *fleet.Vault, operationID string, seen fleet.Sighting,
	present bool, before []string) fleet.Reconciliation {
	if m.doom.hit(failpoint.ReconcileBefore) {
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	}
	res := m.Upgrader.Reconcile(ctx, v, operationID, seen, present, before)
	m.doom.hit(failpoint.ReconcileAfter)
	return res
}

func (m mortalCloud) Verify(ctx context.Context, v *fleet.Vault, operationID string) (fleet.Verification, error) {
	if m.doom.hit(failpoint.VerifyBefore) {
		return fleet.Verification{}, errDead
	}
	res, err := m.Upgrader.Verify(ctx, v, operationID)
	m.doom.hit(failpoint.VerifyAfter)
	return res, err
}
