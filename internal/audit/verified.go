package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// History is what a ledger says once all of it was held against its chain: the
// events, and the runs, plans and records that must follow from them. What is
// decided about a start comes from here alone. The records beside the journal are
// only compared with it: a flipped bit in one must not bring a failed vault back.
type History struct{ a *auditor }

// Verify reads a whole ledger, once, and makes sure that it is what was written.
// version is that of this program: see Check. The error names what is not, the
// vaults that it is about, and what to do.
func Verify(l interface {
	Source
	Path() string
}, version string) (*History, error) {
	a := newAuditor(l, "", version)
	if err := a.examine(); err != nil {
		return nil, err
	}
	switch {
	case a.newer != nil && len(a.Faults) == 1 && a.More == 0:
		return nil, failure.New(fleet.ExitInternal, fmt.Errorf("ledger %s: %w", l.Path(), a.newer),
			"use the version of fleetup that wrote it, or a newer one")
	case len(a.Faults) > 0:
		return nil, unverified(l.Path(), &a.Findings)
	}
	return &History{a}, nil
}

// Newest is the newest run as its events have it; false where there is none.
func (h *History) Newest() (journal.Run, bool) {
	run := h.a.newest
	seq, hash := h.a.End()
	run.Evidence = &report.Evidence{JournalHead: hash.String(), Events: seq}
	return run, run.State != nil
}

// Left is what the runs have left of their vaults.
func (h *History) Left() *rollout.Inheritance {
	if h == nil {
		return &rollout.Inheritance{}
	}
	return &h.a.left
}

// Still is what the ledger says that these facts were read from, now that it was
// opened again: the same, unless somebody has written to it in between. With the same
// newest event the facts are the same.
func (h *History) Still(l *state.Ledger, version string) (*History, error) {
	if h != nil {
		_, hash, err := l.Head() // each hash is of its event's number too
		if _, end := h.a.End(); err != nil || end.String() == hash {
			return h, err
		}
	}
	return Verify(l, version)
}

// notVerified begins what to do about a ledger that is not what was written.
const notVerified = "keep the file as it is, and go on from a copy of it that verifies (--state COPY)"

// unverified says why nothing starts on a ledger.
func unverified(path string, found *Findings) error {
	var vaults []string
	all := false // a fault that is of no vault may be of any
	for _, x := range found.Faults {
		if x.What != "vault" || x.Vault == "" {
			all = true
		} else if name := lexicon.Clean(x.Vault); !slices.Contains(vaults, name) {
			vaults = append(vaults, name)
		}
	}
	const named = 5
	which := "any vault of it"
	if !all && found.More == 0 {
		if n := len(vaults) - named; n > 0 {
			vaults = append(vaults[:named], fmt.Sprintf("%d more", n))
		}
		which = strings.Join(vaults, ", ")
	}
	return failure.New(fleet.ExitInternal,
		fmt.Errorf("the ledger %s is not what fleetup wrote: %s found; the first: %s. Nothing was started and "+
			"nothing was written",
			path, words.Count(len(found.Faults)+found.More, "fault"), found.Faults[0]),
		fmt.Sprintf("%s; until then do not upgrade %s, by whatever way\n%s",
			notVerified, which, lexicon.Command("audit", "verify", "--state", path)))

}
