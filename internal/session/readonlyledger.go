package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// LookFor is how long a command looks for the socket of a process that has
// the ledger: one that has just begun opens it in a moment, and one that only
// wrote a line has let go of the ledger by then.
const LookFor = 3 * time.Second

// ReadOnlyLedger is a ledger that can be read, or a live run in its place.
type ReadOnlyLedger struct {
	journal.Reader
	Live   *control.Client // nil: nobody carries the run out
	Partly bool            // a journal that does not verify is read as far as it does
	Close  func() error
}

// OpenReadOnly opens a ledger for reading, or asks the process that has it. It
// needs no lock.
func OpenReadOnly(path string) (*ReadOnlyLedger, error) {
	for until := time.Now().Add(LookFor); ; time.Sleep(20 * time.Millisecond) {
		r, err := state.OpenReadOnly(path)
		if err == nil {
			return &ReadOnlyLedger{Reader: r, Close: r.Close}, nil
		}
		busy, ok := errors.AsType[*state.BusyError](err)
		if errors.Is(err, state.ErrNoLedger) {
			return nil, NoLedger(path)
		}
		if !ok {
			return nil, err
		}
		client, err := Reach(busy.Holder, path)
		switch {
		case err == nil:
			return &ReadOnlyLedger{Reader: client, Live: client, Close: client.Close}, nil
		case !errors.Is(err, control.ErrNotThere):
			return nil, err
		case time.Now().After(until):
			return nil, failure.New(fleet.ExitInUse, busy,
				"ask again when it has ended: it cannot be asked while it runs")
		}
	}
}

// Reach connects to the process that has a ledger; control.ErrNotThere while
// it has no socket.
func Reach(h state.Holder, path string) (*control.Client, error) {
	if h.Socket == "" {
		return nil, control.ErrNotThere
	}
	client, err := control.Dial(h.Socket)
	if errors.Is(err, control.ErrSilent) {
		return nil, failure.New(fleet.ExitInUse,
			fmt.Errorf("ledger %s is in use by %s, which does not answer", path, h),
			fmt.Sprintf("look at process %d: it is stopped (kill -CONT %d lets it go on), or the machine is very busy",
				h.PID, h.PID))
	}
	return client, err
}

// ReadLedger has a ledger read, from the file or from the process that has it.
// When that process goes away in between, read is called again and has to begin
// anew: the file tells the rest, or the next process.
func ReadLedger(path string, read func(*ReadOnlyLedger) error) error {
	for until := time.Now().Add(LookFor); ; {
		r, err := OpenReadOnly(path)
		if err != nil {
			return err
		}
		err = read(r)
		_ = r.Close() // it was only read
		if !errors.Is(err, control.ErrNotThere) {
			return err
		}
		if time.Now().After(until) {
			return failure.New(fleet.ExitInUse,
				fmt.Errorf("the process that has ledger %s breaks off its answers: %w", path, err),
				lexicon.Command("runs", "--state", path))
		}
	}
}

// Latest rebuilds the newest run; false when there is none.
func (r *ReadOnlyLedger) Latest() (journal.Run, bool, error) {
	run, ok, err := journal.Latest(r, r.rebuild)
	run.Live = r.Live != nil
	return run, ok, err
}

// LatestUnless is Latest, but for a run that was read before: it is that where it is the
// newest and the journal has ended since where it ended then, with the same hash.
func (r *ReadOnlyLedger) LatestUnless(read *journal.Run) (journal.Run, bool, error) {
	if read == nil || r.Live != nil {
		return r.Latest()
	}
	info, ok, err := r.LatestRun()
	if err != nil || !ok {
		return journal.Run{}, false, err
	}
	seq, hash, err := r.Head()
	if err != nil {
		return journal.Run{}, false, err
	}
	if info == read.Info && seq == read.Evidence.Events && hash == read.Evidence.JournalHead {
		return *read, true, nil
	}
	return r.Latest()
}

// Older is the newest of a ledger's runs before the last whose plan has something that a
// person names, such as a vault, which the last run's plan has not: which of them. It is
// false where that has them all, or none has what is missing. newest is the last run. Each
// plan is read once, however much is looked for.
func Older(from interface {
	Runs() ([]state.RunInfo, error)
	Plan(fingerprint string) ([]byte, error)
}, has ...func(*plan.Plan) bool) (newest, run state.RunInfo, p *plan.Plan, which int, ok bool, err error) {
	runs, err := from.Runs()
	if err != nil {
		return newest, run, nil, 0, false, err
	}
	var missing []int         // of what is looked for
	seen := map[string]bool{} // plans, by their fingerprints: many runs may have one
	for i, run := range slices.Backward(runs) {
		if seen[run.PlanFingerprint] {
			continue
		}
		seen[run.PlanFingerprint] = true
		data, err := from.Plan(run.PlanFingerprint)
		if err != nil {
			return newest, run, nil, 0, false, err
		}
		p, err := plan.Decode(data)
		if err != nil {
			return newest, run, nil, 0, false, fmt.Errorf("the plan of run %s cannot be read: %w", run.ID, err)
		}
		if i == len(runs)-1 {
			newest = run
			for which := range has {
				if !has[which](p) {
					missing = append(missing, which)
				}
			}
			if len(missing) == 0 {
				break
			}
			continue
		}
		for _, which := range missing {
			if has[which](p) {
				return newest, run, p, which, true, nil
			}
		}
	}
	return newest, state.RunInfo{}, nil, 0, false, nil
}

// KindOf is the kind of a run's plan, empty where the plan cannot be read. The error is
// that of a process which went away while it was asked.
func (r *ReadOnlyLedger) KindOf(run state.RunInfo) (fleet.Kind, error) {
	data, err := r.Plan(run.PlanFingerprint)
	if errors.Is(err, control.ErrNotThere) {
		return "", err
	}
	kind, _ := plan.KindOf(data) // of nothing it is none
	return kind, nil
}

// errEnough ends the reading of a journal.
var errEnough = errors.New("read enough")

// Remembered is what the ledger remembers of its vaults.
func (r *ReadOnlyLedger) Remembered() (rollout.Memory, error) {
	var records []fleet.VaultRecord
	if err := r.VaultRecords(func(v fleet.VaultRecord) error { records = append(records, v); return nil }); err != nil {
		return rollout.Memory{}, err
	}
	runs, err := r.Runs()
	if err != nil {
		return rollout.Memory{}, err
	}
	ids := make([]string, len(runs))
	for i := range runs {
		ids[i] = runs[i].ID
	}
	return rollout.Remember(records, ids, func(run string) (opened fleet.RunOpened, err error) {
		err = r.Events(run, func(_ uint64, e fleet.Event) error {
			opened, _ = e.Fact.(fleet.RunOpened) // each run begins with it
			return errEnough
		})
		if errors.Is(err, errEnough) {
			err = nil
		}
		return opened, err
	})
}

func (r *ReadOnlyLedger) rebuild(from journal.Reader, info state.RunInfo) (journal.Run, bool, error) {
	if r.Partly {
		return journal.Readable(from, info)
	}
	return journal.Rebuild(from, info)
}

// Run rebuilds the run with an ID, or with one that begins so; empty: the newest.
func (r *ReadOnlyLedger) Run(id, path string) (journal.Run, bool, error) {
	if id == "" {
		return r.Latest()
	}
	runs, err := r.Runs()
	if err != nil || len(runs) == 0 {
		return journal.Run{}, false, err
	}
	last := len(runs) - 1
	var hits []int
	for i := range runs {
		if runs[i].ID == id {
			hits = []int{i}
			break
		}
		if strings.HasPrefix(runs[i].ID, id) {
			hits = append(hits, i)
		}
	}
	lists := lexicon.Command("runs", "--state", path)
	switch {
	case len(hits) == 0:
		return journal.Run{}, false, failure.Usage(lists, "the ledger %s has no run %q", path, id)
	case len(hits) > 1:
		return journal.Run{}, false, failure.Usage(lists, "%d runs of the ledger %s begin with %q", len(hits), path, id)
	case hits[0] == last:
		return r.Latest()
	}
	run, ok, err := r.rebuild(r, runs[hits[0]])
	if err != nil || !ok {
		return run, ok, err
	}
	run.Later = runs[last].ID
	run.TakenUp, err = r.takenUp(runs[hits[0]+1:])
	return run, ok, err
}

// takenUp are the vaults of the plans of some runs. A plan that cannot be read has none;
// the error is that of a process which went away while it was asked.
func (r *ReadOnlyLedger) takenUp(runs []state.RunInfo) (map[fleet.Key]bool, error) {
	seen, keys := map[string]bool{}, map[fleet.Key]bool{} // plans, by their fingerprints: many runs may have one
	for _, run := range runs {
		if seen[run.PlanFingerprint] {
			continue
		}
		seen[run.PlanFingerprint] = true
		p, err := journal.PlanOf(r, run.PlanFingerprint)
		if errors.Is(err, control.ErrNotThere) {
			return nil, err
		}
		if err != nil {
			continue
		}
		for i := range p.Vaults {
			keys[p.Vaults[i].Key] = true
		}
	}
	return keys, nil
}

// ReadLatest reads the newest run, from the file or from the process that
// carries it out; then is called with what it was read from.
func ReadLatest(path string, then ...func(*ReadOnlyLedger, journal.Run)) (run journal.Run, ok bool, err error) {
	return ReadRun(path, "", false, then...)
}

// ReadRun is readLatest of the run with an ID; empty: the newest. partly: as far as
// its journal verifies.
func ReadRun(path, id string, partly bool, then ...func(*ReadOnlyLedger, journal.Run)) (run journal.Run, ok bool,
	err error) {
	err = ReadLedger(path, func(r *ReadOnlyLedger) error {
		r.Partly = partly
		run, ok, err = r.Run(id, path)
		for _, do := range then {
			if err == nil && ok {
				do(r, run)
			}
		}
		return err
	})
	return run, ok, err
}
