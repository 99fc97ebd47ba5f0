package lexicon

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// LateWord is what people read for how late an upgrade is; empty: it is on time.
func LateWord(l standing.Lateness) string {
	return map[standing.Lateness]string{standing.PastMedian: "past median", standing.BeyondP90: "BEYOND P90",
		standing.Overdue: "OVERDUE"}[l]
}

// WaveWord is what people read for how a wave stands. JSON keeps the status' own name.
func WaveWord(s standing.WaveStatus) string {
	switch s {
	case standing.WaveAwaitingApproval:
		return "needs approval"
	case standing.WaveFinished:
		return "done"
	}
	return string(s)
}

// NeverStarted says how many vaults a run leaves to the next one because a person
// closed it.
func NeverStarted(n int) string { return Number(n) + " never started" }

// Overall is how much of the fleet is done. All that say "N of M vaults
// upgraded" say it from here, so that M is the same wherever one looks: every
// vault that is not held.
type Overall struct {
	Upgraded int `json:"upgraded"` // by the runs of this ledger, this one among them
	Earlier  int `json:"earlier"`  // of those, by earlier ones
	Of       int `json:"of"`       // vaults that are not held, or were upgraded before they were
	OfRun    int `json:"ofRun"`    // the same for this run alone: a vault that is held now is none of its
	Held     int `json:"held"`     // by the inventory or by a person, and not upgraded before

	EarlierHeld  int `json:"earlierHeld"`  // of the earlier ones, held now
	EarlierAhead int `json:"earlierAhead"` // of the earlier ones, yet to be looked at by this run
}

// CountOverall counts by status. earlier is how many vaults earlier runs upgraded that
// are not held, and kept how many that are: a hold that comes later takes nothing from
// what was done. ahead is how many of the first it has yet to look at.
func CountOverall(of func(fleet.Status) int, earlier, kept, ahead int) Overall {
	all := 0
	for _, s := range fleet.Statuses() {
		all += of(s)
	}
	held := of(fleet.Excluded)
	return Overall{Upgraded: of(fleet.Upgraded) + earlier + kept, Earlier: earlier + kept, Of: all - held + kept,
		Held: held - kept, OfRun: all - held, EarlierHeld: kept, EarlierAhead: ahead}
}

// Run says how many this run upgraded: "33 of 39 vaults upgraded".
func (o Overall) Run(w *Wording) string {
	if o.OfRun == 0 && o.Held+o.Of > 0 {
		return "no vault " + w.Done + ", all are held"
	}
	return fmt.Sprintf("%s of %s %s", Number(o.Upgraded-o.Earlier), Vaults(o.OfRun), w.Done)
}

// Ledger says how many all runs of the ledger upgraded.
func (o Overall) Ledger(w *Wording) string {
	s := fmt.Sprintf("%s of %s %s", Number(o.Upgraded), Vaults(o.Of), w.Done)
	if o.Earlier > 0 {
		s += fmt.Sprintf(", %s of them by earlier runs", Number(o.Earlier))
		var but []string // what the run's own count by earlier runs leaves out
		if o.EarlierAhead > 0 {
			but = append(but, Number(o.EarlierAhead)+" not looked at yet")
		}
		if o.EarlierHeld > 0 {
			but = append(but, Number(o.EarlierHeld)+" now held")
		}
		if len(but) > 0 {
			s += " (" + strings.Join(but, ", ") + ")"
		}
	}
	return s
}

// Group counts the vaults of a wave or a subscription, for all that show one: VAULTS is
// everywhere how many are not held, as in "N of M vaults upgraded", and held ones stand
// apart.
type Group struct {
	Of   int `json:"of"`   // vaults that are not held
	Held int `json:"held"` // by the inventory or by a person
}

// CountGroup counts by status.
func CountGroup(of func(fleet.Status) int) Group {
	o := CountOverall(of, 0, 0, 0)
	return Group{Of: o.Of, Held: o.Held}
}
