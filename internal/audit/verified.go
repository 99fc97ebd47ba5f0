package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// history is what a ledger says once all of it was held against its chain: the
// events, and the runs, plans and records that must follow from them. What is
// decided about a start comes from here alone. The records beside the journal are
// only compared with it: a flipped bit in one must not bring a failed vault back.
type history struct{ a *auditor }

// verified reads a whole ledger, once, and makes sure that it is what was written.
// The error names what is not, the vaults that it is about, and what to do.
func verified(l interface {
	evidence
	Path() string
}) (*history, error) {
	a := newAuditor(l, "")
	if err := a.examine(); err != nil {
		return nil, err
	}
	switch {
	case a.newer != nil && len(a.faults) == 1 && a.more == 0:
		return nil, &failure{fleet.ExitInternal, fmt.Errorf("ledger %s: %w", l.Path(), a.newer), "use the version of fleetup that wrote it, or a newer one"}
	case len(a.faults) > 0:
		return nil, unverified(l.Path(), &a.findings)
	}
	return &history{a}, nil
}

// newest is the newest run as its events have it; false where there is none.
func (f *history) newest() (standing, bool) {
	run := f.a.newest
	seq, hash := f.head()
	run.evidence = &report.Evidence{JournalHead: hash.String(), Events: seq}
	return run, run.state != nil
}

// carried is what the runs have left of a plan's vaults, in the plan's order.
func (f *history) carried(p *plan.Plan) []fleet.Carried { return f.a.carried(p) }

// upgraded are the vaults of a plan that the runs have upgraded, in the plan's
// order.
func (f *history) upgraded(p *plan.Plan) (keys []fleet.Key) {
	for i := range p.Vaults {
		if k := p.Vaults[i].Key; f.a.upgraded[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// still is what the ledger says that these facts were read from, now that it was
// opened again: the same, unless somebody has written to it in between.
func (f *history) still(l *state.Ledger) (*history, error) {
	if f != nil {
		seq, hash, err := l.Head()
		if was, end := f.head(); err != nil || was == seq && end.String() == hash {
			return f, err
		}
	}
	return verified(l)
}

// head is the newest event: with the same head the facts are the same.
func (f *history) head() (uint64, state.Hash) { return f.a.end() }

// notVerified begins what to do about a ledger that is not what was written.
const notVerified = "keep the file as it is, and go on from a copy of it that verifies (--state COPY)"

// unverified says why nothing starts on a ledger.
func unverified(path string, found *findings) error {
	var vaults []string
	all := false // a fault that is of no vault may be of any
	for _, x := range found.faults {
		if x.What != "vault" || x.Vault == "" {
			all = true
		} else if name := report.Clean(x.Vault); !slices.Contains(vaults, name) {
			vaults = append(vaults, name)
		}
	}
	const named = 5
	which := "any vault of it"
	if !all && found.more == 0 {
		if n := len(vaults) - named; n > 0 {
			vaults = append(vaults[:named], fmt.Sprintf("%d more", n))
		}
		which = strings.Join(vaults, ", ")
	}
	return &failure{fleet.ExitInternal,
		fmt.Errorf("the ledger %s is not what fleetup wrote: %s found; the first: %s. Nothing was started and nothing was written",
			path, plural(len(found.faults)+found.more, "fault"), found.faults[0]),
		fmt.Sprintf("%s; until then do not upgrade %s, by whatever way. %s names every fault",
			notVerified, which, report.Command("audit", "verify", "--state", path))}
}

// doubt warns of a ledger whose records do not say what the events of its newest
// run say. Who only reads goes on: what is shown comes from the events.
func (e *environment) doubt(r *reading, run standing, path string) {
	if run.state != nil {
		e.warnOfFuture(run.state.Run.LastAt, path)
	}
	if r.live != nil || run.state == nil {
		return // a run that goes on has begun with a look at all of it
	}
	var vault string
	n := 0
	err := r.records.VaultRecords(func(rec fleet.VaultRecord) error {
		i, planned := run.state.Lookup(rec.Vault)
		if !planned || rec.RunID != run.info.ID || run.reopened[rec.Vault] {
			return nil
		}
		if v := &run.state.Vaults[i]; v.Status != rec.Status || v.OperationID != rec.OperationID || v.Accepted != rec.Accepted {
			if n++; n == 1 {
				vault = report.Names(run.state.Plan)[i]
			}
		}
		return nil
	})
	tells := report.Command("audit", "verify", "--state", path) + " names every fault, and until then nothing starts on it"
	switch {
	case err != nil:
		say(e.stderr, "Warning: %s. %s.", report.Clean(err.Error()), tells)
	case n > 0:
		which := report.Clean(vault)
		if n > 1 {
			which = fmt.Sprintf("%s and of %d more", which, n-1)
		}
		say(e.stderr, "Warning: the ledger %s has a record of %s that its events do not bear out. What is shown is what the events say; %s.", report.Clean(path), which, tells)
	}
}

// ahead is how far the newest event may be before this machine's clock: clocks are
// set back by minutes, and a ledger is resumed on another machine.
const ahead = time.Hour

// warnOfFuture says that facts were written by a clock that was ahead of this one's.
// Nothing goes back in a journal: soaks, deadlines, approvals and windows of the run
// count from what it says.
func (e *environment) warnOfFuture(newest time.Time, path string) {
	by := newest.Sub(now())
	if newest.IsZero() || by < ahead {
		return
	}
	far := fmt.Sprintf("%d hours", int(by.Hours()))
	if days := int(by.Hours()) / 24; days >= 2 {
		far = fmt.Sprintf("%d days", days)
	}
	say(e.stderr, "Warning: the ledger %s has events of %s, %s ahead of this machine's clock: one of the two clocks is or was wrong. "+
		"What counts from these events (soaks, approvals, deadlines) ends that much later.", report.Clean(path), newest.UTC().Format("2006-01-02 15:04 UTC"), far)
}
