package report

import (
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// ShownCounts counts vaults by the status that people are shown, for every view of a
// run: one that has not started and cannot start now, because the run is halted,
// being closed, or without a process, is deferred.
func ShownCounts(st *rollout.State, totals *rollout.Totals, live bool) func(fleet.Status) int {
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
