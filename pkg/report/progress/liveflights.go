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
	lines, ws := make([]flightLine, shown), flightWidths{predicted: 14, note: 11, wave: 16}
	for i, f := range flying[:shown] {
		lines[i] = t.flightLine(f)
		ws.fit(&lines[i])
	}
	for i := range lines {
		s.Line(lines[i].parts(ws, s.Width)...)
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
	most := t.st.MostInFlight()
	head := fmt.Sprintf("In flight %s, at most %s at once", lexicon.Number(n.Ours), lexicon.Number(most.Most))
	switch {
	case most.Most < most.Limited:
		head += " (the hard ceiling of a failure budget)"
	case most.Limited < most.Planned:
		head += fmt.Sprintf(" (limited; the plan allows %s)", lexicon.Number(most.Planned))
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

// flightLine is what a line says of an upgrade: how old it is, of how long, and what is to
// be said of it.
type flightLine struct {
	mark, age, predicted, note string
	paint                      text.Color
	name, wave, operation      string
	reading                    string // what was read last; worth more than where it is
}

func (t *Tracker) flightLine(f standing.Flight) flightLine {
	wave := t.st.Waves[t.st.Plan.Vaults[f.Vault].Wave].Name
	l := flightLine{mark: "  ", age: "-", note: lexicon.Or(lexicon.LateWord(f.Late), t.words.Status(f.Status)),
		name: lexicon.Clean(t.names[f.Vault]), wave: "wave " + lexicon.Clean(wave),
		operation: lexicon.Or(f.OperationID, "-")}
	switch f.Late {
	case standing.Overdue:
		l.mark, l.paint = "!!", text.FgRed
	case standing.BeyondP90:
		l.mark, l.paint = "! ", text.FgYellow
	}
	switch {
	case f.Foreign:
		l.note = "not ours"
	case f.Status == fleet.Unknown:
		l.mark, l.note, l.paint = "? ", "IN DOUBT", text.FgYellow
	}
	if !f.Since.IsZero() {
		l.age = lexicon.Span(f.Age)
	}
	if p := f.Predicted; p.P90 > 0 {
		l.predicted = "of " + lexicon.Span(p.P50) + "–" + lexicon.Span(p.P90)
	}
	if f.Reading != nil {
		l.reading = lexicon.Clean(f.Reading.String())
	}
	return l
}

// flightWidths are the widths of the columns: no less than what is usual, so that they
// stay as upgrades come and go, and as wide as the widest of those that are shown.
type flightWidths struct{ predicted, note, name, wave int }

func (w *flightWidths) fit(l *flightLine) {
	w.predicted, w.note = max(w.predicted, layout.Columns(l.predicted)), max(w.note, layout.Columns(l.note))
	w.name, w.wave = min(max(w.name, layout.Columns(l.name)), 40), min(max(w.wave, layout.Columns(l.wave)), 30)
}

func (l *flightLine) parts(w flightWidths, width int) []layout.Part {
	line, rest := fmt.Sprintf("%7s ", l.age), " "+l.name
	if width >= withForecast {
		line += layout.Pad(l.predicted, w.predicted) + " "
	}
	switch {
	case l.reading != "":
		rest += "  " + l.reading
	case width >= withWave:
		rest = " " + layout.Pad(l.name, w.name) + "  " + layout.Pad(l.wave, w.wave) + "  " + l.operation
	}
	return []layout.Part{{Text: l.mark, Paint: l.paint}, {Text: line},
		{Text: layout.Pad(l.note, w.note), Paint: l.paint}, {Text: rest}}
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
