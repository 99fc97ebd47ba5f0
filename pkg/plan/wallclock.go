package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/internal/zones"
)

// LoadZone returns the time zone of an IANA name, as the program knows it: a plan must
// mean the same on every machine, whatever that has installed. It refuses the empty name
// and Local for the same reason.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("a time zone needs its IANA name, such as Australia/Sydney")
	}
	zone, err := zones.Load(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q is not known; use an IANA name, such as Australia/Sydney", name)
	}
	return zone, nil
}

// blackoutLayout is how Blackout writes its times.
const blackoutLayout = "2006-01-02T15:04"

// ParseWall reads a local time as Blackout writes it. The result is that wall
// clock as if it were UTC: it means a moment only together with a zone.
func ParseWall(s string) (time.Time, error) {
	t, err := time.Parse(blackoutLayout, s)
	if err != nil || t.Year() < 2000 {
		return time.Time{}, fmt.Errorf("%q is not a local time such as 2026-12-24T00:00", s)
	}
	return t, nil
}

// A wall clock is counted in seconds as if it stood in UTC. No zone was ever
// farther from UTC than this, so a search that begins so much earlier misses
// nothing.
const farthestZone = 16 * 60 * 60

// quarter of an hour, in seconds.
const quarter = 15 * 60

// firstAt returns the Unix time at which the wall clock of a zone first shows
// wall or later. A time that a change to summer time leaves out is the moment
// of the change; of a time that comes twice it is the first.
func firstAt(wall int64, zone *time.Location) int64 {
	for x := wall - farthestZone; ; {
		offset, end := offsetAt(x, zone)
		if at := max(wall-offset, x); at < end {
			return at
		}
		x = end
	}
}

// lastBefore returns the Unix time up to which the wall clock of a zone may
// show something before wall: of a time that comes twice the second.
func lastBefore(wall int64, zone *time.Location) int64 {
	last := wall - farthestZone
	for x := last; x < wall+farthestZone; {
		offset, end := offsetAt(x, zone)
		if before := min(wall-offset, end); before > x {
			last = before
		}
		x = end
	}
	return last
}

// offsetAt returns how far the zone's wall clock is ahead of UTC at a Unix
// time, in seconds, and until when.
func offsetAt(x int64, zone *time.Location) (offset, until int64) {
	t := time.Unix(x, 0).In(zone)
	_, seconds := t.Zone()
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return int64(seconds), forever
	case end.Unix() <= x:
		// By rules for years to come package time takes each for 365 days long: the
		// last day of a leap year lies behind the end that it names. Clocks change on
		// a quarter of an hour.
		return int64(seconds), (floorDiv(x, quarter) + 1) * quarter
	}
	return int64(seconds), end.Unix()
}

// LastYear is the last year in which a wave may open: what follows then may take its time, and
// JSON holds no year after 9999.
const LastYear = 9990

// WallMoment is the moment at which the wall clock of a zone first shows a local time, as
// [ParseWall] reads it, or later: one that a change of the clocks leaves out is the moment of
// the change.
func WallMoment(local, zone string) (time.Time, error) {
	wall, err := ParseWall(local)
	if err != nil {
		return time.Time{}, err
	}
	in, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(firstAt(wall.Unix(), in), 0).UTC(), nil
}

// ReadsWall reports whether anything in a plan is read on the wall clock: windows, dates of
// waves, and the expiry of approvals.
func (p *Plan) ReadsWall() bool {
	return p.Calendar != nil || len(p.Calendars) > 0 || slices.ContainsFunc(p.Waves, func(w Wave) bool {
		return w.Calendar != nil || w.Approval != nil || !w.NotBefore.IsZero()
	})
}
