package main

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// doubt warns of a ledger whose records do not say what the events of its newest
// run say. Who only reads goes on: what is shown comes from the events.
func (e *environment) doubt(r *session.ReadOnlyLedger, run journal.Run, path string) {
	if run.Broken != nil {
		say(e.stderr, "Warning: the journal of ledger %s does not verify. Only what comes before its first fault is "+
			"shown, "+
			"and what happened after it is not known.", lexicon.Clean(path))
		return
	}
	if run.State != nil {
		e.warnOfFuture(run.State.Run.LastAt, path)
	}
	if r.Live != nil || run.State == nil {
		return // a run that goes on has begun with a look at all of it
	}
	var vault string
	n := 0
	err := r.VaultRecords(func(rec fleet.VaultRecord) error {
		i, planned := run.State.Lookup(rec.Vault)
		if !planned || rec.RunID != run.Info.ID || run.Reopened[rec.Vault] {
			return nil
		}
		if v := &run.State.Vaults[i]; v.Status != rec.Status || v.OperationID != rec.OperationID ||
			v.Accepted != rec.Accepted {
			if n++; n == 1 {
				vault = run.State.Plan.Names()[i]
			}
		}
		return nil
	})
	tells := "Nothing starts on it until that is settled"
	next := lexicon.Command("audit", "verify", "--state", path)
	switch {
	case err != nil:
		say(e.stderr, "Warning: %s. %s.", lexicon.Clean(err.Error()), tells)
		e.tellNext(next)
	case n > 0:
		which := lexicon.Clean(vault)
		if n > 1 {
			which = fmt.Sprintf("%s and of %d more", which, n-1)
		}
		say(e.stderr, "Warning: the ledger %s has a record of %s that its events do not bear out. "+
			"What is shown is what the events say. %s.", lexicon.Clean(path), which, tells)
		e.tellNext(next)
	}
}

// ahead is how far the newest event may be before this machine's clock: clocks are
// set back by minutes, and a ledger is resumed on another machine.
const ahead = time.Hour

// warnOfFuture says that facts were written by a clock that was ahead of this one's.
// Nothing goes back in a journal: soaks, deadlines, approvals and windows of the run
// count from what it says.
func (e *environment) warnOfFuture(newest time.Time, path string) {
	by := newest.Sub(session.Now())
	if newest.IsZero() || by < ahead {
		return
	}
	far := fmt.Sprintf("%d hours", int(by.Hours()))
	if days := int(by.Hours()) / 24; days >= 2 {
		far = fmt.Sprintf("%d days", days)
	}
	say(e.stderr, "Warning: the ledger %s has events of %s, %s ahead of this machine's clock: one of the two clocks "+
		"is or was "+
		"wrong. What counts from these events (soaks, approvals, deadlines) ends that much later.",
		lexicon.Clean(path), newest.UTC().Format("2006-01-02 15:04 UTC"), far)
}

// brokenOff is the end of a command that could show a run only as far as its journal
// verifies.
func brokenOff(run journal.Run, path string) error {
	return failure.New(fleet.ExitInternal, run.Broken, failure.Lines(
		lexicon.Command("audit", "verify", "--state", path), "restore the ledger; until then nothing starts from it"))
}
