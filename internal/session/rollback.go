package session

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Restored gives each vault of a rollback's plan what was recorded of it before
// it was changed. Vaults of which nothing is, or nothing that could be put back,
// are held with that reason. Plans of other kinds come back as they are. The
// ledger's path is relative to the folder.
func Restored(p *plan.Plan, folder string) (*plan.Plan, error) {
	k, err := KindOfPlan(p)
	of, undoes := p.Kind.Undoes()
	if err != nil || !undoes {
		return p, err
	}
	path := WayBack(p, folder)
	before, err := recordedBefore(path)
	if err != nil {
		return nil, err
	}
	return p.Restoring(func(v *fleet.Vault) (json.RawMessage, string) {
		return before.PutBack(of, v, filepath.Base(path), k.Restore)
	}), nil
}

// WayBack is the ledger of the upgrade that a plan undoes, seen from here; empty where
// the plan undoes none. A rollback belongs to that ledger, and on the emulator to its
// cloud: by another one nothing was changed that could be undone.
func WayBack(p *plan.Plan, folder string) string {
	if p.Kind.Direction() != fleet.DirectionRollback || p.Upgrade == nil {
		return ""
	}
	path := p.Upgrade.Options[fleet.OptionLedger]
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	return path
}

// WayBack is the ledger that a rollback belongs to, where nobody named a ledger and the
// one that would be begun is another; else empty.
func (s *Source) WayBack() string {
	path := WayBack(s.Plan, s.Folder)
	if path == "" || textfile.Same(path, s.Ledger) || textfile.Exists(s.Ledger) {
		return ""
	}
	return path
}

// Apart is the ledger of the upgrade that a rollback undoes, where the rollback would be
// recorded in another one, of which no run did what is to be undone; else empty. A ledger
// that cannot be read is said to be none of that: whoever opens it is told.
func (s *Source) Apart() string {
	path := WayBack(s.Plan, s.Folder)
	if path == "" || textfile.Same(path, s.Ledger) {
		return ""
	}
	if !textfile.Exists(s.Ledger) {
		return path
	}
	of, _ := s.Plan.Kind.Undoes()
	did := false
	err := ReadLedger(s.Ledger, func(r *ReadOnlyLedger) error {
		runs, err := r.Runs()
		for _, run := range runs {
			kind, unread := r.KindOf(run)
			did, err = did || kind == of, cmp.Or(err, unread)
		}
		return err
	})
	if did || err != nil {
		return ""
	}
	return path
}

// recordedBefore reads what each vault was like before the runs of a ledger that
// nobody has open.
func recordedBefore(path string) (*rollout.Before, error) {
	if !textfile.Exists(path) {
		return nil, failure.Usage("correct upgrade.ledger: it names the ledger of the runs that are to be undone",
			"no ledger at %s, so nothing is recorded that could be put back", path)
	}
	r, err := OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Live != nil {
		return nil, failure.New(fleet.ExitInUse,
			fmt.Errorf("a run has the ledger %s right now: what it changes is not over", path),
			failure.Lines(lexicon.Command("wait", "--state", path),
				failure.Or(failure.To("to close it",
					lexicon.Command("stop", "--close", "--state", path, "--reason", "TEXT")))))
	}
	return StatesBefore(r)
}

// StatesBefore is what each vault was like before the newest run that started it.
func StatesBefore(r *ReadOnlyLedger) (*rollout.Before, error) {
	before := &rollout.Before{}
	err := r.All(func(run string, _ uint64, e fleet.Event) error { before.Add(run, e.Fact); return nil })
	return before, err
}

// All hands over the events of all runs, with their run's ID, the oldest first. An error
// of fn ends it and is returned.
func (r *ReadOnlyLedger) All(fn func(run string, seq uint64, e fleet.Event) error) error {
	runs, err := r.Runs()
	for _, run := range runs {
		if err == nil {
			err = r.Events(run.ID, func(seq uint64, e fleet.Event) error { return fn(run.ID, seq, e) })
		}
	}
	return err
}
