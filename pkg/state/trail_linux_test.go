package state_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

func init() {
	roles["night"] = func(path string) error { return night(path, true) }
	roles["night without sync"] = func(path string) error { return night(path, false) }
	roles["ledger in place"] = inPlace
	roles["bbolt in place"] = boltInPlace
}

// night writes two runs, as a night does: batches of all sizes, the ledger
// closed and opened again in between. It acknowledges each step when it has
// returned: "IDENTITY/SEQUENCE/HASH/BATCH", with the size of a numbered batch.
func night(path string, sync bool) error {
	lock, err := state.Acquire(path, who("night"))
	if err != nil {
		return err
	}
	defer lock.Close()
	var l *state.Ledger
	reopen := func() error {
		if l != nil {
			if err := l.Close(); err != nil {
				return err
			}
		}
		if l, err = state.Open(lock, binding); err != nil {
			return err
		}
		if !sync {
			l.NoSync()
		}
		return acknowledge(l, 0)
	}
	n := 0
	commit := func(size int) error {
		n += size
		if err := l.Commit(nightBatch(n-size, n)); err != nil {
			return err
		}
		return acknowledge(l, size)
	}
	for run := range nightRuns {
		if err := reopen(); err != nil {
			return err
		}
		// The first run lets bbolt grow the file, the second has its room reserved.
		if run > 0 {
			if err := l.Reserve(2, 0); err != nil {
				return err
			}
		}
		id := fmt.Sprint("r", run)
		if err := errors.Join(l.Begin(nightPlan(id), statetest.Opening(id), nil), acknowledge(l, 0)); err != nil {
			return err
		}
		n++
		for i := range nightCommits {
			if i == nightCommits/2 {
				if err := reopen(); err != nil {
					return err
				}
			}
			if err := commit([]int{1, 2, 1, 9}[i%4]); err != nil {
				return err
			}
		}
		n++
		if err := errors.Join(l.Commit([]fleet.Event{statetest.At(n, fleet.RunClosed{})}, nil),
			acknowledge(l, 0)); err != nil {
			return err
		}
	}
	return l.Close()
}

const (
	nightRuns    = 2
	nightCommits = 20
	nightVaults  = 20
)

// nightPlan is a plan that does not pack well.
func nightPlan(id string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"plan":%q,"vaults":[`, id)
	for i := range 120 {
		h := state.Link(state.Hash{}, uint64(i), []byte(id))
		fmt.Fprintf(&b, "%q,", h.String())
	}
	b.WriteString("0]}")
	return []byte(b.String())
}

// nightBatch is the batch of the events after one and up to another, with the
// records of the vaults it touches. Each record tells of the batch's end.
func nightBatch(after, last int) ([]fleet.Event, []fleet.VaultRecord) {
	var events []fleet.Event
	var records []fleet.VaultRecord
	for n := after + 1; n <= last; n++ {
		events = append(events, statetest.At(n, fleet.StartIntended{Vault: statetest.Key(n % nightVaults),
			OperationID: fmt.Sprint("4cc27b8b-8d4b-4f3e-9f5a-", n), Attempt: 1}))
		records = append(records, fleet.VaultRecord{Vault: statetest.Key(n % nightVaults), Status: fleet.Starting,
			OperationID: strconv.Itoa(last)})
	}
	return events, records
}

func acknowledge(l *state.Ledger, batch int) error {
	seq, hash, err := l.Head()
	if err == nil {
		fmt.Printf("%s/%d/%s/%d\n", l.Info().ID, seq, hash, batch)
	}
	return err
}

// inPlace creates a ledger under its final name.
func inPlace(path string) error {
	if err := state.CreateInPlace(path, binding); err != nil {
		return err
	}
	return night(path, true)
}

// boltInPlace is what a program does that leaves its file to bbolt.
func boltInPlace(path string) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("events")); return err }),
		db.Close())
}

// trail is what must be in a ledger, by how much of the night was acknowledged.
type trail struct {
	id      string
	acks    []ack
	after   map[int]string               // hash by sequence number, of whole batches
	plans   map[string]string            // by run
	records map[int]map[fleet.Key]string // by sequence number: the batch each vault's record tells of
	pages   bool                         // bbolt's check of its pages is made

	judged, whole atomic.Int64
}

type ack struct {
	seq  int
	hash string
}

func newTrail(t *testing.T, r *recording) *trail {
	t.Helper()
	tr := &trail{after: map[int]string{}, pages: true, plans: map[string]string{},
		records: map[int]map[fleet.Key]string{}}
	for run := range nightRuns {
		id := fmt.Sprint("r", run)
		tr.plans[id] = string(nightPlan(id))
	}
	records := map[fleet.Key]string{}
	for _, line := range r.acks {
		parts := strings.Split(line, "/")
		seq, err1 := strconv.Atoi(parts[1])
		batch, err2 := strconv.Atoi(parts[3])
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		tr.id = parts[0]
		tr.acks = append(tr.acks, ack{seq, parts[2]})
		tr.after[seq] = parts[2]
		_, written := nightBatch(seq-batch, seq)
		for _, rec := range written {
			records[rec.Vault] = rec.OperationID
		}
		tr.records[seq] = maps.Clone(records)
	}
	if len(tr.acks) < 30 {
		t.Fatalf("the night acknowledged %d times only", len(tr.acks))
	}
	return tr
}

// judge says what is wrong with a ledger after a power loss.
func (tr *trail) judge(dir string, acked int) error {
	path := filepath.Join(dir, ledgerName)
	_, err := os.Lstat(path)
	there := err == nil
	if there {
		err = tr.judgeContent(path, acked)
	} else if acked > 0 {
		err = errors.New("what was acknowledged is gone: there is no ledger")
	} else {
		err = nil
	}
	if err != nil || !tr.pages {
		return err
	}
	if there {
		tr.whole.Add(1)
	}
	if err := goOn(path); err != nil {
		return fmt.Errorf("it cannot be gone on with: %w", err)
	}
	if !tr.again() {
		return nil
	}
	return state.CheckFile(path)
}

// again reports whether what was gone on with is checked once more: every
// eighth time. The first check has seen to its free pages already.
func (tr *trail) again() bool { return tr.pages && tr.judged.Add(1)%8 == 0 }

func (tr *trail) judgeContent(path string, acked int) error {
	r, err := state.OpenReadOnly(path)
	if err != nil {
		return err
	}
	defer r.Close()
	if tr.pages {
		err = state.CheckReader(r)
	} else {
		_, _, err = r.Verify()
	}
	if err != nil {
		return err
	}
	head, hash, err := r.Head()
	if err != nil {
		return err
	}
	seq := int(head)
	least, most := 0, 0
	if acked > 0 {
		least = tr.acks[acked-1].seq
	}
	if most = least; acked < len(tr.acks) {
		most = tr.acks[acked].seq
	}
	switch {
	case seq < least:
		return fmt.Errorf("%d events are there, %d were acknowledged", seq, least)
	case seq != least && seq != most:
		return fmt.Errorf("%d events are there; whole batches end at %d and %d", seq, least, most)
	case r.Info().ID != tr.id:
		return fmt.Errorf("it is another ledger, %s", r.Info().ID)
	case seq > 0 && hash != tr.after[seq]:
		return fmt.Errorf("event %d is not the one that was written", seq)
	}
	if err := tr.judgeRecords(r, seq); err != nil {
		return err
	}
	runs, err := r.Runs()
	if err != nil {
		return err
	}
	for _, run := range runs {
		if plan, err := r.Plan(run.PlanFingerprint); err != nil || string(plan) != tr.plans[run.ID] {
			return fmt.Errorf("the plan of run %s has %d bytes: %w", run.ID, len(plan), err)
		}
	}
	return nil
}

// judgeRecords says whether the records are of the same moment as the events.
func (tr *trail) judgeRecords(r *state.Reader, seq int) error {
	want := tr.records[seq]
	got := 0
	err := r.VaultRecords(func(rec fleet.VaultRecord) error {
		if got++; want[rec.Vault] != rec.OperationID {
			return fmt.Errorf("with %d events the record of %s is of the batch that ends at %s, not %q", seq, rec.Vault,
				rec.OperationID, want[rec.Vault])
		}
		return nil
	})
	if err == nil && got != len(want) {
		err = fmt.Errorf("with %d events there are %d records, not %d", seq, got, len(want))
	}
	return err
}

// goOn does what a resume does, or a first run where there is nothing yet.
func goOn(path string) error {
	lock, err := state.Acquire(path, who("resume"))
	if err != nil {
		return err
	}
	defer lock.Close()
	l, err := state.Open(lock, binding)
	if err != nil {
		return err
	}
	run, ok, err := l.LatestRun()
	switch {
	case err != nil:
	case !ok || run.Closed:
		err = l.Begin(statetest.PlanOf("next"), statetest.Opening("next"), nil)
	default:
		err = l.Commit([]fleet.Event{statetest.At(0, fleet.Resumed{Version: "after the loss"})},
			[]fleet.VaultRecord{{Vault: statetest.Key(0), OperationID: "after"}})
	}
	return errors.Join(err, l.Close())
}
