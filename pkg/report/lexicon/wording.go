package lexicon

import (
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Wording is what the sentences about a kind say in their own words: those of its
// direction, and the kind's own.
type Wording struct {
	*fleet.DirectionWords

	Classic bool   // its upgraded vaults are new ones, and its vendor decides about failures
	Already string // of one that is already
	Failed  string // what a failure means for the next try
	List    string // the heading over those that are upgraded

	Unverified string // what to do about an upgrade that ended, and could not be verified
	Doubtful   string // what to do about a start that may have been accepted
}

func WordingOf(k fleet.Kind) *Wording {
	switch {
	case k == fleet.KindClassic || k == "":
		return &classicWording
	case k.Direction() == fleet.DirectionRollback:
		return &rollbackWording
	}
	return &todayWording
}

var (
	classicWording = Wording{DirectionWords: fleet.DirectionUpgrade.Words(), Classic: true, Already: "already upgraded",
		Failed: "do not retry", List: "NEW VAULTS: old → new, each verified",
		Unverified: "Look at the target. If the new vault is good, nothing else is needed: the next run sees it. " +
			"If it is not, ask support with the OperationId.",
		Doubtful: "Look at the vault and its target in the portal, and ask support with the OperationId. If it is " +
			"upgraded, nothing is left to do: the next run sees it. " +
			"Only when nothing was begun, re-open it."}
	todayWording = Wording{DirectionWords: fleet.DirectionUpgrade.Words(), Already: "already as wanted",
		Failed: "not tried again", List: "UPGRADED: each read again, and as wanted",
		Unverified: todayUnverified, Doubtful: todayDoubtful}
	rollbackWording = Wording{DirectionWords: fleet.DirectionRollback.Words(), Already: "already as before",
		Failed: "not tried again", List: "ROLLED BACK: each read again, and as it was before",
		Unverified: todayUnverified, Doubtful: todayDoubtful}
)

const (
	todayUnverified = "Look at the vault in the portal. If it is as it should be, nothing else is needed: the next " +
		"run sees it. If it is not, find out what undid the change, then re-open it."
	todayDoubtful = "Look at the vault in the portal, or have it read again. If it is as it should be, nothing is " +
		"left to do: the next run sees it. Only when nothing was changed, re-open it."
)

// Flights counts what is under way: "2 upgrades", "1 rollback".
func (w *Wording) Flights(n int) string { return Plural(n, w.Noun, w.Nouns) }

// ByEarlierRuns is said of vaults that earlier runs of the ledger took where they were
// to go. One that was there without them is already so.
const ByEarlierRuns = "by earlier runs"

// ByEarlier says that of one vault: "upgraded by an earlier run".
func (w *Wording) ByEarlier() string { return w.Done + " by an earlier run" }

// ByOthers is said of vaults that a run found as wanted without having started them, and
// that came to be so after it had begun.
const ByOthers = "by others meanwhile"

// Meanwhile says that of one vault: "upgraded by others meanwhile".
func (w *Wording) Meanwhile() string { return w.Done + " " + ByOthers }

// EachAlready counts n vaults that are as wanted without the run, as every sentence that
// counts them parts them: those of earlier runs, those of others since the run began, and
// those that were already so. It leaves out what is 0.
func EachAlready(n int, by rollout.AlreadyBy, add func(n int, what string)) {
	for _, part := range []struct {
		n    int
		what string
	}{{by.EarlierRuns, ByEarlierRuns}, {by.Others, ByOthers},
		{n - by.EarlierRuns - by.Others, string(fleet.Already)}} {
		if part.n > 0 {
			add(part.n, part.what)
		}
	}
}

// Tally writes how many vaults have which status, in the order of reports.
func (w *Wording) Tally(of func(fleet.Status) int) string { return w.tally(of, rollout.AlreadyBy{}) }

func (w *Wording) tally(of func(fleet.Status) int, by rollout.AlreadyBy) string {
	var parts []string
	add := func(n int, what string) { parts = append(parts, Number(n)+" "+what) }
	for _, s := range fleet.Statuses() {
		if n := of(s); s == fleet.Already {
			EachAlready(n, by, add)
		} else if n > 0 {
			add(n, w.Status(s))
		}
	}
	return Or(strings.Join(parts, Dot), "none")
}

// TallyOfRun is Tally of counts, and parts the ones that are already so.
func (w *Wording) TallyOfRun(n map[fleet.Status]int, by rollout.AlreadyBy) string {
	return w.tally(func(s fleet.Status) int { return n[s] }, by)
}

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
		if name, ok := of.Patched(); ok {
			return "{kind: patch, name: " + name + ", …}"
		}
		return "{kind: " + string(of) + "}"
	}
	return "{kind: rollback, of: " + string(k) + ", ledger: " + Or(ledger, "FILE") + "}"
}
