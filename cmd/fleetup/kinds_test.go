package main

import (
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestReversibleKinds: what a plan calls reversible has a kind that undoes it,
// and what it calls permanent has none.
func TestReversibleKinds(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if _, undoes := k.Kind.Undoes(); undoes {
			continue
		}
		options, err := k.Complete(nil)
		if err != nil {
			t.Errorf("%s needs options: describe it with some here: %v", k.Kind, err)
			continue
		}
		back := slices.ContainsFunc(kinds, func(o kind) bool { return o.Kind == fleet.RollbackOf(k.Kind) })
		if up := k.Describe(options); up.Permanent == back || up.Title == "" || up.Request.Method == "" || len(up.Actions) == 0 {
			t.Errorf("%s: a rollback is there: %v; it says %+v", k.Kind, back, up)
		}
	}
}
