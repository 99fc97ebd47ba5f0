package progress

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// flights returns what is in flight.
func (t *Tracker) flights(now time.Time) []standing.Flight {
	return standing.Flights(t.st, maps.Keys(t.flying), now)
}

// inFlight lists what is in flight, as much as fits.
func (t *Tracker) inFlight(s *layout.LineBuffer, flying []standing.Flight) {
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
		name = max(name, layout.Columns(lexicon.Clean(t.names[f.Vault])))
	}
	for _, f := range flying[:shown] {
		s.Line(t.flight(f, name, s.Width)...)
	}
	if rest := flying[shown:]; len(rest) > 0 {
		more := fmt.Sprintf("  … %s more", lexicon.Number(len(rest)))
		if n := standing.CountFlights(rest); n.Overdue+n.BeyondP90 > 0 {
			more += fmt.Sprintf(", %s of them overdue or beyond p90", lexicon.Number(n.Overdue+n.BeyondP90))
		}
		s.Line(layout.Part{Text: more})
	}
}

// flightHead counts them against what may be in flight at once.
func (t *Tracker) flightHead(flying []standing.Flight) []layout.Part {
	n := standing.CountFlights(flying)
	most, planned := t.st.Plan.Limits.Upgrades, t.st.Plan.Limits.Upgrades
	if w := t.st.CurrentWave(); w >= 0 {
		most, planned = t.st.MostInFlight(w)
	}
	head := fmt.Sprintf("In flight %s, at most %s at once", lexicon.Number(n.Ours), lexicon.Number(most))
	switch l := t.st.Run.Limits.Upgrades; {
	case most == planned:
	case l > 0 && most == l:
		head += fmt.Sprintf(" (limited; the plan allows %s)", lexicon.Number(planned))
	default:
		head += " (the hard ceiling of a failure budget)"
	}
	parts := []layout.Part{{Text: head, Paint: text.Bold}}
	if n.Foreign > 0 {
		parts = append(parts, layout.Part{Text: lexicon.Dot + lexicon.Number(n.Foreign) + " not ours"})
	}
	if n.Overdue > 0 {
		parts = append(parts, layout.Part{Text: lexicon.Dot + lexicon.Number(n.Overdue) + " OVERDUE",
			Paint: text.FgRed})
	}
	if n.BeyondP90 > 0 {
		parts = append(parts, layout.Part{Text: lexicon.Dot + lexicon.Number(n.BeyondP90) + " beyond p90",
			Paint: text.FgYellow})
	}
	return parts
}

// Widths from which a line shows more of an upgrade.
const (
	withForecast = 60
	withWave     = 110
)

// flight is a line: how old it is, of how long, and what is to be said of it.
func (t *Tracker) flight(f standing.Flight, name, width int) []layout.Part {
	mark, note, paint := "  ", lexicon.Or(lexicon.LateWord(f.Late), t.words.Status(f.Status)), text.Color(0)
	switch f.Late {
	case standing.Overdue:
		mark, paint = "!!", text.FgRed
	case standing.BeyondP90:
		mark, paint = "! ", text.FgYellow
	}
	switch {
	case f.Foreign:
		note = "not ours"
	case f.Status == fleet.Unknown:
		mark, note, paint = "? ", "IN DOUBT", text.FgYellow
	}
	age := "-"
	if !f.Since.IsZero() {
		age = lexicon.Span(f.Age)
	}
	line := fmt.Sprintf("%7s ", age)
	if p := f.Predicted; width >= withForecast {
		of := ""
		if p.P90 > 0 {
			of = "of " + lexicon.Span(p.P50) + "–" + lexicon.Span(p.P90)
		}
		line += layout.Pad(of, 14) + " "
	}
	rest := " " + lexicon.Clean(t.names[f.Vault])
	if width >= withWave {
		rest = " " + layout.Pad(lexicon.Clean(t.names[f.Vault]), min(name, 40)) + "  " +
			layout.Pad("wave "+t.st.Waves[t.st.Plan.Vaults[f.Vault].Wave].Name, 16) + "  " + lexicon.Or(f.OperationID,
			"-")
	}
	if f.Reading != nil { // worth more than where it is
		rest = " " + lexicon.Clean(t.names[f.Vault]) + "  " + lexicon.Clean(f.Reading.String())
	}
	return []layout.Part{{Text: mark, Paint: paint}, {Text: line}, {Text: layout.Pad(note, 11), Paint: paint},
		{Text: rest}}
}

// needPerson lists n of the vaults that need a person.
func (t *Tracker) needPerson(s *layout.LineBuffer, n int, now time.Time) {
	s.Line(layout.Part{Text: "Need a person: " + lexicon.Vaults(len(t.needs)), Paint: text.Bold})
	for _, i := range t.needy()[:n] {
		status, paint := t.st.Vaults[i].Status, text.FgYellow
		if status == fleet.Failed {
			paint = text.FgRed
		}
		_, why := report.VaultWords(t.st, now, report.StatusChange{Vault: i, To: status})
		s.Line(layout.Part{Text: "  "}, layout.Part{Text: layout.Pad(strings.ToUpper(string(status)), 7), Paint: paint},
			layout.Part{Text: "  " + lexicon.Clean(t.names[i]) + "  " + lexicon.Clean(why)})
	}
}
