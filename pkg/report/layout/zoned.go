package layout

import (
	"regexp"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// machineTime is a time as sentences in a journal, and a service's own words,
// have it: RFC 3339, in UTC.
var machineTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z\b`)

// Zoned writes the machines' times in a sentence as the rest of a page has its
// own: in one zone, seen from a moment; nil stands for UTC. Texts to be copied,
// such as a message to support, keep theirs: there UTC is meant.
func Zoned(text string, zone *time.Location, now time.Time) string {
	c := lexicon.ClockIn(zone)
	return machineTime.ReplaceAllStringFunc(text, func(s string) string {
		for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z"} {
			if t, err := time.Parse(form, s); err == nil {
				return c.Near(t, now)
			}
		}
		return s
	})
}

// Zoned writes the times in all sentences of a page in its zone. Commands, and
// what is to be copied, stay as they are.
func (p *Page) Zoned(c lexicon.Clock, now time.Time) *Page {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.kind == blockCommand || b.kind == blockVerbatim {
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
