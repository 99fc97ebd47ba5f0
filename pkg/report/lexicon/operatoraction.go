package lexicon

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// OperatorAction is what a person said to a run, in words.
type OperatorAction struct {
	Kind   string // one word, such as "paused"
	Text   string // what was said, such as "the run paused: nothing new starts"
	By     fleet.Actor
	Reason string
}

// OperatorActionOf puts a person's word to a run, or about one of its vaults, into words;
// ok is false for every other fact.
func OperatorActionOf(f fleet.Fact) (w OperatorAction, ok bool) {
	switch f := f.(type) {
	case fleet.Paused:
		if f.Off {
			return OperatorAction{"paused", "the pause is over", f.By, f.Reason}, true
		}
		return OperatorAction{"paused", "the run paused: nothing new starts", f.By, f.Reason}, true
	case fleet.Stopped:
		if f.Close {
			return OperatorAction{"closing",
					"nothing starts in this run any more; it is closed when what is in flight has ended", f.By,
					f.Reason},
				true
		}
		return OperatorAction{"stopped", "told to stop", f.By, f.Reason}, true
	case fleet.Held:
		if f.Off {
			return OperatorAction{"released", "released", f.By, f.Reason}, true
		}
		return OperatorAction{"held", "held in this run", f.By, f.Reason}, true
	case fleet.LimitsChanged:
		return OperatorAction{"limits", "limits set: " + limitsText(f), f.By, f.Reason}, true
	case fleet.Noted:
		return OperatorAction{"note", "a note", f.By, f.Text}, true
	}
	return OperatorAction{}, false
}

// limitsText lists the limits that were changed, by the inventory's names.
func limitsText(f fleet.LimitsChanged) string {
	var parts []string
	for _, l := range []struct {
		name string
		to   int
	}{{"upgrades", f.Upgrades}, {"perSubscription", f.PerSubscription}, {"perLocation", f.PerLocation}} {
		switch {
		case l.to == fleet.AsPlanned:
			parts = append(parts, l.name+" as planned")
		case l.to != 0:
			parts = append(parts, fmt.Sprintf("%s %d", l.name, l.to))
		}
	}
	return strings.Join(parts, ", ")
}
