package main

import (
	"path/filepath"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// shownChanges is how many changes of an inventory are told one by one.
const shownChanges = 20

// tellChanges says what has become of a plan's inventory since the plan was
// made. What is planned is what runs; the difference is only reported.
//
// What a rollback puts back stands in a ledger. fresh says that nobody has begun
// it yet, so that the plan can be made again from that ledger as well; where it
// cannot be read, or is being written to, the inventory alone is compared.
func (e *environment) tellChanges(p *plan.Plan, ledger string, fresh bool) {
	file := inventoryOf(p, ledger)
	if file == "" {
		return
	}
	current, err := session.ReadInventory(file)
	if _, undoes := p.Kind.Undoes(); undoes && fresh && err == nil && current.Kind == p.Kind {
		if again, unread := session.Restored(current, filepath.Dir(file)); unread == nil {
			current = again
		}
	}
	if err != nil {
		say(e.stderr,
			"The inventory %s has changed since plan %s was made and is no longer valid. The plan runs as it was made.",
			lexicon.Clean(file), p.ShortFingerprint())
		return
	}
	lines := plan.Diff(asInventory(p, current), current).Lines()
	if len(lines) == 0 {
		return
	}
	say(e.stderr, "The inventory %s has changed since plan %s was made. The plan runs as it was made:",
		lexicon.Clean(file), p.ShortFingerprint())
	for i, l := range lines {
		if i == shownChanges {
			say(e.stderr, "  and %d more", len(lines)-i)
			break
		}
		say(e.stderr, "  %s", lexicon.Clean(l))
	}
}

// inventoryOf finds the inventory that a plan was made of: the one that the
// ledger belongs to, or where it was then, seen from here. It is empty where it
// is gone.
func inventoryOf(p *plan.Plan, ledger string) string {
	if p.Inventory == "" {
		return ""
	}
	beside := filepath.Join(filepath.Dir(ledger), filepath.Base(p.Inventory))
	if textfile.Exists(beside) && filepath.Clean(session.LedgerOf(beside)) == filepath.Clean(ledger) {
		return beside
	}
	if textfile.Exists(p.Inventory) {
		return p.Inventory
	}
	return ""
}

// asInventory takes back what the making of a plan may add to its inventory:
// the consent of a flag.
func asInventory(p, current *plan.Plan) *plan.Plan {
	q, index := *p, current.Index()
	q.Vaults = append([]plan.Vault(nil), p.Vaults...)
	for i := range q.Vaults {
		v := &q.Vaults[i]
		if j, ok := index[v.Key]; ok && v.AcceptWarnings && len(v.Consents) == 0 {
			v.AcceptWarnings = current.Vaults[j].AcceptWarnings
			v.Consents = current.Vaults[j].Consents
		}
	}
	return &q
}
