package report

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// wording is what the sentences about a kind say in their own words. The
// statuses are the same words for every kind: a vault of a rollback that has
// been put back is upgraded.
type wording struct {
	classic bool   // its upgraded vaults are new ones, and its vendor decides about failures
	done    string // what has become of a vault that is upgraded
	already string // of one that is already
	before  string // the same, of vaults whose run is over
	failed  string // what a failure means for the next try
	list    string // the heading over those that are upgraded

	unverified string // what to do about an upgrade that ended, and could not be verified
	doubtful   string // what to do about a start that may have been accepted
}

func wordingOf(k fleet.Kind) *wording {
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
	classicWording = wording{classic: true, done: "upgraded", already: "already upgraded", before: "upgraded before",
		failed: "do not retry", list: "NEW VAULTS: old → new, each verified",
		unverified: "Look at the target. Is the new vault good, nothing else is needed: the next run sees it. Is it not, ask support with the OperationId.",
		doubtful: "Look at the vault and its target in the portal, and ask support with the OperationId. Is it upgraded, nothing is left to do: the next run sees it. " +
			"Only when nothing was begun, re-open it."}
	todayWording = wording{done: "upgraded", already: "already as wanted", before: "as wanted before",
		failed: "not tried again", list: "UPGRADED: each read again, and as wanted",
		unverified: todayUnverified, doubtful: todayDoubtful}
	rollbackWording = wording{done: "rolled back", already: "already as before", before: "as it was before",
		failed: "not tried again", list: "ROLLED BACK: each read again, and as it was before",
		unverified: todayUnverified, doubtful: todayDoubtful}
)

const (
	todayUnverified = "Look at the vault in the portal. Is it as it should be, nothing else is needed: the next run sees it. Is it not, find out what undid the change, then re-open it."
	todayDoubtful   = "Look at the vault in the portal, or have it read again. Is it as it should be, nothing is left to do: the next run sees it. Only when nothing was changed, re-open it."
)

// words are those of the run's kind.
func (v *View) words() *wording { return wordingOf(v.Run.Kind) }

// KindWords names a kind for people.
func KindWords(k fleet.Kind) string {
	if of, undoes := k.Undoes(); undoes {
		return string(fleet.KindRollback) + " of " + string(of)
	}
	return or(string(k), string(fleet.KindClassic))
}

// rollbackOf is the `upgrade:` of the inventory that undoes what a kind does, or
// empty where nothing can. ledger is that of the runs.
func rollbackOf(k fleet.Kind, permanent bool, ledger string) string {
	of, undoes := k.Undoes()
	switch {
	case permanent:
		return ""
	case undoes:
		return "{kind: " + string(of) + "}"
	}
	return "{kind: rollback, of: " + string(k) + ", ledger: " + or(ledger, "FILE") + "}"
}
