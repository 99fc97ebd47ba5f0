package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// waves are the totals of each, and where it stands.
func (v *View) waves(p *layout.Page, c lexicon.Clock) {
	g := v.groupGrid([]string{"WAVE", "STATUS"}, []string{"BUDGET", "STARTED", "ENDED"})
	for i := range v.Waves {
		w := &v.Waves[i]
		g.Rows = append(g.Rows, slices.Concat([]string{w.Name, lexicon.WaveWord(w.Stands())}, groupCells(w.Totals),
			[]string{usedOf(w.Budget), c.Full(w.StartedAt.Value()), c.Full(w.EndedAt.Value())}))
	}
	p.Table(withoutHeld(g, 2, v.Totals[fleet.Excluded]))
}

// subscriptions are the totals of each; one alone says nothing new.
func (v *View) subscriptions(p *layout.Page, c lexicon.Clock) {
	if len(v.Subscriptions) < 2 {
		return
	}
	g := v.groupGrid([]string{"SUBSCRIPTION"}, []string{"BUDGET", "NOTE"})
	for i := range v.Subscriptions {
		s := &v.Subscriptions[i]
		note := "-"
		if s.ThrottledUntil != nil {
			note = "throttled until " + c.Near(s.ThrottledUntil.Time, v.Run.GeneratedAt.Value())
		}
		g.Rows = append(g.Rows, slices.Concat([]string{lexicon.Or(s.Name, s.ID)}, groupCells(s.Totals),
			[]string{usedOf(s.Budget), note}))
	}
	p.Table(withoutHeld(g, 1, v.Totals[fleet.Excluded]))
}

// groupHead are the columns that waves and subscriptions have alike; held vaults are in
// none but theirs. The second is called as the run's direction has it.
var groupHead = []string{"VAULTS", "UPGRADED", "FAILED", "UNKNOWN", "BLOCKED", "OTHER", "HELD"}

// groupGrid is a table of waves or subscriptions. Where it is narrow it does without
// the last columns, then BUDGET, OTHER and HELD: without these the numbers of a row do
// not add up.
func (v *View) groupGrid(before, after []string) layout.Grid {
	g := layout.Grid{Head: slices.Concat(before, groupHead, after), Right: map[int]bool{}}
	g.Head[len(before)+1] = strings.ToUpper(v.words().Done)
	for i := range groupHead {
		g.Right[len(before)+i] = true
	}
	budget := len(before) + len(groupHead)
	for i := len(g.Head) - 1; i > budget; i-- {
		g.Spare = append(g.Spare, i)
	}
	g.Spare = append(g.Spare, budget, budget-2, budget-1)
	return g
}

func groupCells(totals map[fleet.Status]int) []string {
	n := groupOf(totals)
	up, failed, unknown, blocked := totals[fleet.Upgraded], totals[fleet.Failed], totals[fleet.Unknown],
		totals[fleet.Blocked]
	var cells []string
	for _, n := range []int{n.Of, up, failed, unknown, blocked, n.Of - up - failed - unknown - blocked, n.Held} {
		cells = append(cells, lexicon.Number(n))
	}
	return cells
}

// withoutHeld takes the column of held vaults away where none is.
func withoutHeld(g layout.Grid, before, held int) layout.Grid {
	if held > 0 {
		return g
	}
	at := before + len(groupHead) - 1
	cut := func(cells []string) []string { return slices.Delete(slices.Clone(cells), at, at+1) }
	g.Head = cut(g.Head)
	for i := range g.Rows {
		g.Rows[i] = cut(g.Rows[i])
	}
	delete(g.Right, at)
	g.Spare = slices.DeleteFunc(g.Spare, func(i int) bool { return i == at })
	for i := range g.Spare {
		if g.Spare[i] > at {
			g.Spare[i]--
		}
	}
	return g
}

// usedOf says how much of a budget is used; nil stands for the run's.
func usedOf(b *Budget) string {
	if b == nil {
		return "run's"
	}
	return fmt.Sprintf("%d of %d", b.Used, b.Limit)
}
