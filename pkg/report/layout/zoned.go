package layout

import (
	"time"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

var (
	// machineTime is a time as sentences in a journal, and a service's own words,
	// have it: RFC 3339, or a date and a time with UTC behind them. The time in an operation
	// ID is another: it has a space, and a Z.
	machineTime = lazyregexp.New(`\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)| \d\d:\d\d(?::\d\d)? UTC)\b`)
	// machineSpan is a duration of a minute and more as sentences in a journal have it.
	machineSpan = lazyregexp.New(`(^|[ (])((?:\d+h)?\d+m\d+(?:\.\d+)?s)\b`)
)

var machineForms = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05 MST",
	"2006-01-02 15:04 MST"}

// Zoned writes the machines' times and durations in a sentence as the rest of a page
// has its own: in one zone, seen from a moment; nil stands for UTC. Texts to be copied,
// such as a message to support, keep theirs: there UTC is meant.
func Zoned(text string, zone *time.Location, now time.Time) string {
	c := lexicon.ClockIn(zone)
	text = machineTime().ReplaceAllStringFunc(text, func(s string) string {
		for _, form := range machineForms {
			if t, err := time.Parse(form, s); err == nil {
				return c.Near(t, now)
			}
		}
		return s
	})
	return machineSpan().ReplaceAllStringFunc(text, func(s string) string {
		m := machineSpan().FindStringSubmatch(s)
		d, err := time.ParseDuration(m[2])
		if err != nil {
			return s
		}
		return m[1] + lexicon.Span(d)
	})
}

// Zoned writes the times in all sentences of a page in its zone. Commands, and
// what is to be copied, stay as they are.
func (p *Page) Zoned(c lexicon.Clock, now time.Time) *Page {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.kind == blockCommand || b.kind == blockSubCommand || b.kind == blockVerbatim {
			continue
		}
		b.text, b.value, b.Full = Zoned(b.text, c.Zone, now), Zoned(b.value, c.Zone, now), Zoned(b.Full, c.Zone, now)
		for r, row := range b.grid.Rows {
			for j := range row {
				b.grid.Rows[r][j] = Zoned(row[j], c.Zone, now)
			}
		}
	}
	return p
}
