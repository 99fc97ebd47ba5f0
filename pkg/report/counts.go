package report

import (
	"fmt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// StatusWord is what people read for a status: one word, everywhere. JSON, CSV
// and selections keep the status' own name.
func StatusWord(s fleet.Status) string {
	if s == fleet.Excluded {
		return "held" // by the inventory, or by a person
	}
	return string(s)
}

// shownCounts counts vaults by the status that people are shown, for every view of a
// run: one that has not started and cannot start now, because the run is halted,
// being closed, or without a process, is deferred.
func shownCounts(st *rollout.State, totals *rollout.Totals, live bool) func(fleet.Status) int {
	if deferral(st, ViewOptions{Live: live}) == "" {
		return totals.Of
	}
	had := *totals // totals goes on
	return func(s fleet.Status) int {
		switch {
		case s == fleet.Deferred:
			return had.Of(fleet.Deferred) + had.Of(fleet.Pending) + had.Of(fleet.Ready) + had.Of(fleet.Validating)
		case defers(s):
			return 0
		}
		return had.Of(s)
	}
}

// defers reports whether a vault of a status shows deferred while nothing can start.
func defers(s fleet.Status) bool {
	return s == fleet.Pending || s == fleet.Ready || s == fleet.Validating
}

// Overall is how much of the fleet is done. All that say "N of M vaults
// upgraded" say it from here, so that M is the same wherever one looks: every
// vault that is not held.
type Overall struct {
	Upgraded int `json:"upgraded"` // by the runs of this ledger, this one among them
	Earlier  int `json:"earlier"`  // of those, by earlier ones
	Of       int `json:"of"`       // vaults that are not held
	Held     int `json:"held"`     // by the inventory or by a person
}

// overall counts by status. earlier is how many vaults earlier runs upgraded.
func overall(of func(fleet.Status) int, earlier int) Overall {
	all := 0
	for _, s := range fleet.Statuses() {
		all += of(s)
	}
	held := of(fleet.Excluded)
	return Overall{Upgraded: of(fleet.Upgraded) + earlier, Earlier: earlier, Of: all - held, Held: held}
}

// run says how many this run upgraded: "33 of 39 vaults upgraded".
func (o Overall) run(w *wording) string {
	if o.Of == 0 && o.Held > 0 {
		return "no vault " + w.done + ", all are held"
	}
	return fmt.Sprintf("%s of %s %s", number(o.Upgraded-o.Earlier), vaults(o.Of), w.done)
}

// ledger says how many all runs of the ledger upgraded.
func (o Overall) ledger(w *wording) string {
	s := fmt.Sprintf("%s of %s %s", number(o.Upgraded), vaults(o.Of), w.done)
	if o.Earlier > 0 {
		s += fmt.Sprintf(", %s of them in earlier runs", number(o.Earlier))
	}
	return s
}
