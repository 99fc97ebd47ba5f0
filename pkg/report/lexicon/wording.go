package lexicon

import (
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Wording is what the sentences about a kind say in their own words. The
// statuses are the same words for every kind: a vault of a rollback that has
// been put back is upgraded.
type Wording struct {
	Classic bool   // its upgraded vaults are new ones, and its vendor decides about failures
	Done    string // what has become of a vault that is upgraded
	Already string // of one that is already
	Before  string // the same, of vaults whose run is over
	Failed  string // what a failure means for the next try
	List    string // the heading over those that are upgraded

	Unverified string // what to do about an upgrade that ended, and could not be verified
	Doubtful   string // what to do about a start that may have been accepted
}

func WordingOf(k fleet.Kind) *Wording {
	_, undoes := k.Undoes()
	switch {
	case k == fleet.KindClassic || k == "":
		return &classicWording
	case undoes:
		return &rollbackWording
	}
	return &todayWording
}

var (
	classicWording = Wording{Classic: true, Done: "upgraded", Already: "already upgraded", Before: "upgraded before",
		Failed: "do not retry", List: "NEW VAULTS: old → new, each verified",
		Unverified: "Look at the target. Is the new vault good, nothing else is needed: the next run sees it. Is it not, ask support with the OperationId.",
		Doubtful: "Look at the vault and its target in the portal, and ask support with the OperationId. Is it upgraded, nothing is left to do: the next run sees it. " +
			"Only when nothing was begun, re-open it."}
	todayWording = Wording{Done: "upgraded", Already: "already as wanted", Before: "as wanted before",
		Failed: "not tried again", List: "UPGRADED: each read again, and as wanted",
		Unverified: todayUnverified, Doubtful: todayDoubtful}
	rollbackWording = Wording{Done: "rolled back", Already: "already as before", Before: "as before",
		Failed: "not tried again", List: "ROLLED BACK: each read again, and as it was before",
		Unverified: todayUnverified, Doubtful: todayDoubtful}
)

const (
	todayUnverified = "Look at the vault in the portal. Is it as it should be, nothing else is needed: the next run sees it. Is it not, find out what undid the change, then re-open it."
	todayDoubtful   = "Look at the vault in the portal, or have it read again. Is it as it should be, nothing is left to do: the next run sees it. Only when nothing was changed, re-open it."
)

// KindWords names a kind for people.
func KindWords(k fleet.Kind) string {
	if of, undoes := k.Undoes(); undoes {
		return string(fleet.KindRollback) + " of " + string(of)
	}
	return Or(string(k), string(fleet.KindClassic))
}

// RollbackOf is the `upgrade:` of the inventory that undoes what a kind does, or
// empty where nothing can. ledger is that of the runs.
func RollbackOf(k fleet.Kind, permanent bool, ledger string) string {
	of, undoes := k.Undoes()
	switch {
	case permanent:
		return ""
	case undoes:
		return "{kind: " + string(of) + "}"
	}
	return "{kind: rollback, of: " + string(k) + ", ledger: " + Or(ledger, "FILE") + "}"
}
