package web

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// zoneOf is the zone of the times people read. The script writes times too, so
// it must be one that a browser knows by its name.
func zoneOf(zone *time.Location) *time.Location {
	if zone == nil || zone.String() == "Local" {
		return time.UTC
	}
	return zone
}

// clock writes times in one zone, seen from a moment.
type clock struct {
	zone *time.Location
	now  time.Time
}

// told is a sentence of a journal or a service as the page shows it: its times are in
// the page's zone. What is to be copied, such as a message to support, keeps its own.
func (c clock) told(s string) string { return layout.Zoned(s, c.zone, c.now) }

// full writes a date and a time; a dash stands for none.
func (c clock) full(t *report.Time) string {
	if t == nil {
		return "–"
	}
	return t.In(c.zone).Format("Mon 2 Jan 2006 15:04:05")
}

// short writes a day and a time, as minute does; a dash stands for none.
func (c clock) short(t *report.Time) string {
	if t == nil {
		return "–"
	}
	return c.minute(t.Time)
}

// minute writes a day and a time, with the year where it is not the one of the page.
func (c clock) minute(t time.Time) string {
	if t = t.In(c.zone); t.Year() != c.now.In(c.zone).Year() {
		return t.Format("Mon 2 Jan 2006 15:04")
	}
	return t.Format("Mon 2 Jan 15:04")
}

func millis(t *report.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}
