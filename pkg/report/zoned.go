package report

import (
	"regexp"
	"time"
)

// machineTime is a time as sentences in a journal, and a service's own words,
// have it: RFC 3339, in UTC.
var machineTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z\b`)

// Zoned writes the machines' times in a sentence as the rest of a page has its
// own: in one zone, seen from a moment; nil stands for UTC. Texts to be copied,
// such as a message to support, keep theirs: there UTC is meant.
func Zoned(text string, zone *time.Location, now time.Time) string {
	c := clockIn(zone)
	return machineTime.ReplaceAllStringFunc(text, func(s string) string {
		for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z"} {
			if t, err := time.Parse(form, s); err == nil {
				return c.near(t, now)
			}
		}
		return s
	})
}

// zoned writes the times in all sentences of a page in its zone. Commands, and
// what is to be copied, stay as they are.
func (p *page) zoned(c clock, now time.Time) *page {
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.kind == blockCommand || b.kind == blockVerbatim {
			continue
		}
		b.text, b.value, b.full = Zoned(b.text, c.zone, now), Zoned(b.value, c.zone, now), Zoned(b.full, c.zone, now)
		for r, row := range b.grid.rows {
			for j := range row {
				b.grid.rows[r][j] = Zoned(row[j], c.zone, now)
			}
		}
	}
	return p
}
