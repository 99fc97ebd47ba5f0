package report

import (
	"fmt"

	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

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
func (v *View) evidence(p *layout.Page) {
	e := v.Evidence
	if e == nil {
		return
	}
	say := func(head string) string {
		return fmt.Sprintf("journal head %s (event %s): keep this hash: %s proves later that nothing was cut off",
			head, lexicon.Number(int(e.Events)), layout.KeepTogether("fleetup audit verify --head"))
	}
	p.Pair("Evidence", "%s", say(e.JournalHead[:min(len(e.JournalHead), shortHead)]))
	p.Blocks[len(p.Blocks)-1].Full = say(e.JournalHead)
}
