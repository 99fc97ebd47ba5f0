package report

import (
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// wording is what the sentences about a kind say in their own words. The
// statuses are the same words for every kind: a vault of a rollback that has
// been put back is upgraded.
type wording struct {
	classic bool
	done    string // what has become of a vault that is upgraded
	already string // of one that is already
}

func wordingOf(k fleet.Kind) wording {
	_, undoes := k.Undoes()
	switch {
	case k == fleet.KindClassic || k == "":
		return wording{classic: true, done: "upgraded", already: "already upgraded"}
	case undoes:
		return wording{done: "rolled back", already: "already as before"}
	}
	return wording{done: "upgraded", already: "already as wanted"}
}

// kindWords names a kind for people.
func kindWords(k fleet.Kind) string {
	if of, undoes := k.Undoes(); undoes {
		return string(fleet.KindRollback) + " of " + string(of)
	}
	return or(string(k), string(fleet.KindClassic))
}

// rollbackOf is the `upgrade:` of the inventory that undoes what a plan does, or
// empty where nothing can. ledger is that of its runs.
func rollbackOf(p *plan.Plan, u *fleet.Upgrade, ledger string) string {
	of, undoes := p.Kind.Undoes()
	switch {
	case u == nil || u.Permanent:
		return ""
	case undoes:
		return "{kind: " + string(of) + "}"
	}
	return "{kind: rollback, of: " + string(p.Kind) + ", ledger: " + or(ledger, "FILE") + "}"
}
