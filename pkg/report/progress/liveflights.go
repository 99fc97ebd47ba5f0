package progress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// lateness is how an upgrade stands against its forecast.
type lateness int

const (
	onTime lateness = iota
	pastMedian
	pastP90
	overdue
)

// late compares an upgrade's age with its forecast: nine of ten of its size
// are over by the 90th percentile.
func late(age time.Duration, p plan.Prediction, flagged bool) lateness {
	switch {
	case flagged:
		return overdue
	case p.P90 > 0 && age > p.P90:
		return pastP90
	case p.P50 > 0 && age > p.P50:
		return pastMedian
	}
	return onTime
}

// flights returns what is in flight: what is overdue or beyond its 90th
// percentile or in doubt first, then the oldest. Nobody else's upgrade is measured against
// our forecast.
func (t *Tracker) flights(now time.Time) []flight {
	out := t.longest()
	for i := range out {
		f := &out[i]
		if f.since.IsZero() {
			continue
		}
		f.age = now.Sub(f.since)
		if !f.foreign {
			f.late = late(f.age, t.plan.Vaults[f.vault].Predicted, f.overdue)
		}
	}
	slices.SortStableFunc(out, func(a, b flight) int { return cmp.Compare(b.rank(), a.rank()) })
	return out
}

// rank is how much an upgrade wants to be looked at.
func (f flight) rank() lateness {
	if f.status == fleet.Unknown {
		return max(f.late, pastP90)
	}
	return max(f.late, pastMedian)
}

// ours counts the upgrades that we started.
func ours(flying []flight) int {
	n := 0
	for _, f := range flying {
		if !f.foreign {
			n++
		}
	}
	return n
}

// tardy counts what is overdue and what is beyond its 90th percentile.
func tardy(flying []flight) (over, beyond int) {
	for _, f := range flying {
		switch f.late {
		case overdue:
			over++
		case pastP90:
			beyond++
		}
	}
	return over, beyond
}

// inFlight lists what is in flight, as much as fits.
func (t *Tracker) inFlight(s *layout.LineBuffer, flying []flight) {
	if len(flying) == 0 || s.Left < 2 {
		return
	}
	s.Line(t.flightHead(flying)...)
	shown := min(len(flying), s.Left)
	if shown < len(flying) {
		shown--
	}
	name := 0
	for _, f := range flying[:shown] {
		name = max(name, layout.Columns(lexicon.Clean(t.names[f.vault])))
	}
	for _, f := range flying[:shown] {
		s.Line(t.flight(f, name, s.Width)...)
	}
	if rest := flying[shown:]; len(rest) > 0 {
		more := fmt.Sprintf("  … %s more", lexicon.Number(len(rest)))
		if over, beyond := tardy(rest); over+beyond > 0 {
			more += fmt.Sprintf(", %s of them overdue or beyond p90", lexicon.Number(over+beyond))
		}
		s.Line(layout.Part{Text: more})
	}
}

// flightHead counts them against what may be in flight at once.
func (t *Tracker) flightHead(flying []flight) []layout.Part {
	planned := t.plan.Limits.Upgrades
	if w := t.current(); w >= 0 {
		planned = t.plan.LimitsOf(w).Upgrades
	}
	head := fmt.Sprintf("In flight %s, at most %s at once", lexicon.Number(len(flying)), lexicon.Number(planned))
	if l := t.run.Limits.Upgrades; l > 0 && l < planned {
		head = fmt.Sprintf("In flight %s, at most %s at once (limited; the plan allows %s)", lexicon.Number(len(flying)), lexicon.Number(l), lexicon.Number(planned))
	}
	over, beyond := tardy(flying)
	parts := []layout.Part{{Text: head, Paint: text.Bold}}
	if over > 0 {
		parts = append(parts, layout.Part{Text: lexicon.Dot + lexicon.Number(over) + " OVERDUE", Paint: text.FgRed})
	}
	if beyond > 0 {
		parts = append(parts, layout.Part{Text: lexicon.Dot + lexicon.Number(beyond) + " beyond p90", Paint: text.FgYellow})
	}
	return parts
}

// Widths from which a line shows more of an upgrade.
const (
	withForecast = 60
	withWave     = 110
)

// flight is a line: how old it is, of how long, and what is to be said of it.
func (t *Tracker) flight(f flight, name, width int) []layout.Part {
	mark, note, paint := "  ", string(f.status), text.Color(0)
	switch f.late {
	case overdue:
		mark, note, paint = "!!", "OVERDUE", text.FgRed
	case pastP90:
		mark, note, paint = "! ", "BEYOND P90", text.FgYellow
	case pastMedian:
		note = "past median"
	}
	switch {
	case f.foreign:
		note = "not ours"
	case f.status == fleet.Unknown:
		mark, note, paint = "? ", "IN DOUBT", text.FgYellow
	}
	age := "-"
	if !f.since.IsZero() {
		age = lexicon.Span(f.age)
	}
	line := fmt.Sprintf("%7s ", age)
	if p := t.plan.Vaults[f.vault].Predicted; width >= withForecast {
		of := ""
		if p.P90 > 0 && !f.foreign {
			of = "of " + lexicon.Span(p.P50) + "–" + lexicon.Span(p.P90)
		}
		line += layout.Pad(of, 14) + " "
	}
	rest := " " + lexicon.Clean(t.names[f.vault])
	if width >= withWave {
		rest = " " + layout.Pad(lexicon.Clean(t.names[f.vault]), min(name, 40)) + "  " + layout.Pad("wave "+t.waves[t.plan.Vaults[f.vault].Wave].Name, 16) + "  " + lexicon.Or(f.op, "-")
	}
	if f.read != "" { // worth more than where it is
		rest = " " + lexicon.Clean(t.names[f.vault]) + "  " + lexicon.Clean(f.read)
	}
	return []layout.Part{{Text: mark, Paint: paint}, {Text: line}, {Text: layout.Pad(note, 11), Paint: paint}, {Text: rest}}
}

// failures lists the newest n failures, the newest first.
func (t *Tracker) failures(s *layout.LineBuffer, n int) {
	s.Line(layout.Part{Text: "Need a person", Paint: text.Bold})
	for i := len(t.failed) - 1; i >= len(t.failed)-n; i-- {
		f := t.failed[i]
		paint := text.FgRed
		if f.status == fleet.Unknown {
			paint = text.FgYellow
		}
		s.Line(layout.Part{Text: "  "}, layout.Part{Text: layout.Pad(strings.ToUpper(string(f.status)), 7), Paint: paint},
			layout.Part{Text: "  " + lexicon.Clean(t.names[f.vault]) + "  " + lexicon.Clean(f.reason)})
	}
}
