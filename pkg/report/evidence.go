package report

import "fmt"

// Evidence is what lets somebody prove later that the journal behind a report
// is the one it was made from.
type Evidence struct {
	JournalHead string `json:"journalHead"` // the hash of the journal's newest event, in full
	Events      uint64 `json:"events"`      // how many events the journal held
}

// shortHead is how much of the head a terminal shows: enough for fleetup audit
// verify --head, and more than can be forged.
const shortHead = 16

// evidence shows the journal's head. Whoever can rewrite the whole ledger can
// rewrite its chain too, so the head is only worth something elsewhere.
func (v *View) evidence(p *page) {
	e := v.Evidence
	if e == nil {
		return
	}
	say := func(head string) string {
		return fmt.Sprintf("journal head %s (event %s): keep this hash: %s proves later that nothing was cut off",
			head, number(int(e.Events)), unbroken("fleetup audit verify --head"))
	}
	p.pair("Evidence", "%s", say(e.JournalHead[:min(len(e.JournalHead), shortHead)]))
	p.blocks[len(p.blocks)-1].full = say(e.JournalHead)
}
