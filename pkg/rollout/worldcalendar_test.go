package rollout

import (
	"fmt"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// almanac reads calendars the slow way, minute by minute on the clocks of their
// zones: what the machine believes is compared with it.
type almanac map[string][2]time.Time

// fits reports whether a calendar is open from t on for as long as need.
func (a almanac) fits(c *plan.Calendar, t time.Time, need time.Duration) bool {
	if c == nil {
		return true
	}
	for end := t.Add(need); t.Before(end); t = t.Truncate(time.Minute).Add(time.Minute) {
		if !a.open(c, t) {
			return false
		}
	}
	return true
}

func (a almanac) open(c *plan.Calendar, t time.Time) bool {
	for i := range c.Blackouts {
		b := &c.Blackouts[i]
		zone, from, to := mustZone(b.Zone), mustWall(b.From), mustWall(b.To)
		if s := a.span("blackout "+b.From+b.To+b.Zone,
			func() (x, y time.Time) { return firstShown(from, zone), lastShown(to, zone) }); inside(s, t) {
			return false
		}
	}
	if len(c.Windows) == 0 {
		return true
	}
	for i := range c.Windows {
		w := &c.Windows[i]
		zone := mustZone(w.Zone)
		year, month, day := t.In(zone).Date()
		for ago := -1; ago <= 2; ago++ {
			date := time.Date(year, month, day-ago, 0, 0, 0, 0, time.UTC)
			on := false
			for _, d := range w.Days {
				on = on || d == date.Weekday()
			}
			if !on {
				continue
			}
			end := w.End
			if w.End <= w.Start {
				end += 24 * 60
			}
			s := a.span(fmt.Sprint(w.Zone, w.Start, end, date), func() (x, y time.Time) {
				return firstShown(date.Add(time.Duration(w.Start)*time.Minute), zone),
					firstShown(date.Add(time.Duration(end)*time.Minute), zone)
			})
			if inside(s, t) {
				return true
			}
		}
	}
	return false
}

func (a almanac) span(key string, work func() (from, to time.Time)) [2]time.Time {
	s, ok := a[key]
	if !ok {
		s[0], s[1] = work()
		a[key] = s
	}
	return s
}

func inside(s [2]time.Time, t time.Time) bool { return !t.Before(s[0]) && t.Before(s[1]) }

// shown is what a zone's clock shows, as if it stood in UTC.
func shown(t time.Time, zone *time.Location) time.Time {
	_, ahead := t.In(zone).Zone()
	return t.Add(time.Duration(ahead) * time.Second).UTC()
}

// firstShown is the first minute in which a zone's clock shows wall or later.
func firstShown(wall time.Time, zone *time.Location) time.Time {
	t := wall.Add(-15 * time.Hour)
	for shown(t, zone).Before(wall) {
		t = t.Add(time.Minute)
	}
	return t
}

// lastShown is the end of the last minute in which it shows less than wall.
func lastShown(wall time.Time, zone *time.Location) time.Time {
	t := wall.Add(15 * time.Hour)
	for !shown(t, zone).Before(wall) {
		t = t.Add(-time.Minute)
	}
	return t.Add(time.Minute)
}

// zones are those that were loaded, by name: the worlds ask for them at every
// minute.
var zones sync.Map

func mustZone(name string) *time.Location {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	zones.Store(name, zone)
	return zone
}

func mustWall(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}
