package main

import (
	"errors"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// follower keeps the newest run of a ledger as it stands, and reads only what
// has come since it last looked: from the file, or from the process that
// carries the run out.
type follower struct {
	path string
	run  journal.Run
	have bool
	nth  int  // of the runs, and of the copies of one that took each other's place, that were followed
	keep bool // fresh is wanted
	// what has come since whoever watches took it; of a run that is new to it nothing
	fresh []fleet.Event
	seen  bool // it has had a run: a ledger that is taken for a moment is no end
	// is told of a run that was read anew, while the ledger is open; nil: nobody is
	anew func(*session.ReadOnlyLedger) error
	// when time alone may change the picture, though nothing is recorded; zero: never
	again time.Time
}

// lookEvery is how often a follower looks.
const lookEvery = time.Second

// look reads what has come; news tells whether that was anything. ok is false
// while the ledger has no run.
func (f *follower) look() (news, ok bool, err error) {
	err = session.ReadLedger(f.path, func(r *session.ReadOnlyLedger) error {
		news, err = f.read(r)
		if errors.Is(err, control.ErrNotThere) {
			f.have = false // what was read of it so far is no whole
		}
		return err
	})
	return news, f.have, err
}

func (f *follower) read(r *session.ReadOnlyLedger) (news bool, err error) {
	info, ok, err := r.LatestRun()
	if err != nil || !ok {
		return false, err
	}
	if !f.have || f.replaced(r) { // by a copy of the same run in another state, perhaps
		return f.readAnew(r, info.ID)
	}
	was := f.run.Live
	if info.ID == f.run.Info.ID {
		f.run.Info, f.run.Live = info, r.Live != nil
	} else { // another has begun since: this one is followed to its end, and then the one after it
		next, there, err := following(r, f.run.Info.ID)
		if err != nil {
			return false, err
		}
		if !there || f.run.State.Run.Closed != nil {
			return f.readAnew(r, next)
		}
		f.run.Live = false
	}
	err = r.EventsAfter(f.run.Info.ID, f.run.Seq, func(seq uint64, e fleet.Event) error {
		f.run.Seq, news = seq, true
		if err := f.run.Apply(e); err != nil {
			return err
		}
		if f.keep {
			f.fresh = append(f.fresh, e)
		}
		return nil
	})
	if err == nil && news {
		f.run.Evidence.Events, f.run.Evidence.JournalHead, err = r.Head()
	}
	return news || was != f.run.Live, err
}

// replaced reports whether the ledger is another than the one that was followed: what was
// its newest event is not in its chain. A journal that cannot be read says so where it is.
func (f *follower) replaced(r *session.ReadOnlyLedger) bool {
	known := f.run.Evidence
	if known == nil {
		return false
	}
	if file, ok := r.Reader.(interface {
		HashOf(seq uint64) (hash string, there bool, err error)
	}); ok {
		hash, there, err := file.HashOf(known.Events)
		return err == nil && (!there || hash != known.JournalHead)
	}
	seq, hash, err := r.Head() // of the process that has it, which tells no other
	return err == nil && (seq < known.Events || seq == known.Events && hash != known.JournalHead)
}

// following is the ID of the run after one of a ledger. there is false where the ledger has
// not that one, and so is another than it was: then it is the newest.
func following(r *session.ReadOnlyLedger, run string) (next string, there bool, err error) {
	runs, err := r.Runs()
	if err != nil {
		return "", false, err
	}
	next = runs[len(runs)-1].ID // a ledger that is followed has one
	for i := range runs[:len(runs)-1] {
		if runs[i].ID == run {
			return runs[i+1].ID, true, nil
		}
	}
	return next, next == run, nil
}

// readAnew reads a whole run. What has come of the one that was followed already is fresh
// nevertheless.
func (f *follower) readAnew(r *session.ReadOnlyLedger, id string) (news bool, err error) {
	run, ok, err := r.Run(id, f.path)
	if err != nil {
		return false, err
	}
	var fresh []fleet.Event
	other := run.Info.ID != f.run.Info.ID || f.replaced(r)
	if f.keep && !other {
		fresh = f.fresh
		err = r.EventsAfter(run.Info.ID, f.run.Seq, func(seq uint64, e fleet.Event) error {
			if seq <= run.Seq {
				fresh = append(fresh, e)
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	if other {
		f.nth++
	}
	f.run, f.have, f.fresh = run, ok, fresh
	if ok && f.anew != nil {
		err = f.anew(r)
	}
	return err == nil, err
}

// watch looks again and again until done says so, the person interrupts, or a
// time has passed (0: never). It is called after every look that brought news,
// and when the follower's again has come; done may set that anew.
func (e *environment) watch(f *follower, within time.Duration, done func() (bool, error)) error {
	defer e.ends.watch()()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var late <-chan time.Time
	if within > 0 {
		late = time.After(within)
	}
	for {
		news, ok, err := f.look()
		if err != nil && codeOf(err) == fleet.ExitInUse && (f.seen || opensRun(f.path)) {
			news, ok, err = false, f.have, nil // somebody has it for a moment: what is known stays
		}
		if err != nil {
			return err
		}
		f.seen = f.seen || ok
		if due := !f.again.IsZero() && !session.Now().Before(f.again); ok && (news || due) {
			f.again = time.Time{}
			if over, err := done(); over || err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-e.interrupt:
			return outcome(fleet.ExitInterrupted)
		case <-late:
			return errLate
		}
	}
}

// opensRun reports whether a process has a ledger for a run: one that signs in first is
// silent for a while.
func opensRun(ledger string) bool {
	h, held, err := state.ReadHolder(ledger)
	return err == nil && held && h.Command == "fleetup run"
}

// errLate says that what was waited for did not come in time.
var errLate = errors.New("it did not happen in time")
