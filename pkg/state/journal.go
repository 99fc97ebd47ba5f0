package state

import (
	"bytes"
	"fmt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Events hands the events of a run to fn, in order, with their sequence
// numbers over the whole ledger. Each is checked against the chain before fn
// sees it: a *ChainError says where the journal is not what was written. An
// error of fn ends it and is returned; fn may call any method of the ledger.
// Events committed meanwhile are not seen.
//
// What is committed after a run is closed, a re-opening for one, belongs to
// that run and comes after its RunClosed.
func (r *Reader) Events(runID string, fn func(seq uint64, e fleet.Event) error) error {
	return r.EventsAfter(runID, 0, fn)
}

// EventsAfter is Events without those whose sequence number is not above
// after.
func (r *Reader) EventsAfter(runID string, after uint64, fn func(seq uint64, e fleet.Event) error) error {
	runs, head, err := r.index()
	if err != nil {
		return err
	}
	run, last, err := findRun(runs, head.seq, runID)
	if err != nil {
		return fmt.Errorf("ledger %s: %w", r.path, err)
	}
	if after >= last {
		return nil
	}
	before, err := r.before(max(run.FirstSeq, after+1))
	if err != nil {
		return err
	}
	_, err = r.walk(before, last, func(seq uint64, e fleet.Event) error {
		if err := r.checkOpening(run, seq, e); err != nil {
			return err
		}
		return fn(seq, e)
	})
	return err
}

// HashOf is the hash of an event in the chain; there is false where the journal has none
// of that sequence number.
func (r *Reader) HashOf(seq uint64) (hash string, there bool, err error) {
	_, head, err := r.index()
	if err != nil || seq > head.seq {
		return "", false, err
	}
	at, err := r.before(seq + 1)
	return at.hash.String(), err == nil, err
}

// before returns the place just before an event.
func (r *Reader) before(seq uint64) (position, error) {
	if seq <= 1 {
		return position{hash: r.genesis}, nil
	}
	entries, err := r.page(bucketEvents, seqKey(seq-1), false)
	if err != nil {
		return position{}, err
	}
	if len(entries) == 0 {
		return position{}, &ChainError{r.path, seq - 1, "is missing"}
	}
	hash, _, err := r.split(seq-1, entries[0])
	return position{seq - 1, hash}, err
}

// walk goes through the events after a place up to the one with sequence
// number last, and returns the place of that.
func (r *Reader) walk(at position, last uint64, fn func(seq uint64, e fleet.Event) error) (position, error) {
	for at.seq < last {
		entries, err := r.page(bucketEvents, seqKey(at.seq+1), false)
		if err != nil {
			return at, err
		}
		if len(entries) == 0 {
			return at, &ChainError{r.path, at.seq + 1, "is missing"}
		}
		for _, en := range entries {
			if at.seq == last {
				break
			}
			seq := at.seq + 1
			hash, text, err := r.split(seq, en)
			if err != nil {
				return at, err
			}
			if Link(at.hash, seq, text) != hash {
				return at, &ChainError{r.path, seq, "does not carry the hash it should"}
			}
			e, err := fleet.ReadEvent(text)
			if err != nil {
				return at, &FileError{Path: r.path, Detail: fmt.Sprintf("cannot be read at event %d", seq), Err: err,
					Next: "use the version of fleetup that wrote it, or a newer one"}
			}
			if err := r.open(e); err != nil {
				return at, err
			}
			if err := fn(seq, e); err != nil {
				return at, err
			}
			at = position{seq, hash}
		}
	}
	return at, nil
}

// split takes an entry of the journal apart.
func (r *Reader) split(seq uint64, en entry) (Hash, []byte, error) {
	if !bytes.Equal(en.key, seqKey(seq)) {
		return Hash{}, nil, &ChainError{r.path, seq, "is missing"}
	}
	if len(en.value) < len(Hash{}) {
		return Hash{}, nil, &ChainError{r.path, seq, "has no hash"}
	}
	return Hash(en.value[:len(Hash{})]), en.value[len(Hash{}):], nil
}

// checkOpening says whether RunOpened stands where the runs' index says, and
// nowhere else.
func (r *Reader) checkOpening(run RunInfo, seq uint64, e fleet.Event) error {
	opened, ok := e.Fact.(fleet.RunOpened)
	switch first := seq == run.FirstSeq; {
	case first && (!ok || opened.RunID != run.ID || opened.PlanFingerprint != run.PlanFingerprint):
		return &ChainError{r.path, seq, fmt.Sprintf("does not open run %s", run.ID)}
	case !first && ok:
		return &ChainError{r.path, seq, fmt.Sprintf("opens run %s inside run %s", opened.RunID, run.ID)}
	}
	return nil
}
