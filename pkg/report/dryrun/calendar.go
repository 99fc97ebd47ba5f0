package dryrun

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Calendar writes the nights of a plan in which something starts, by its 90th percentiles,
// as iCalendar (RFC 5545), for the calendar of who is on call: an event a night, or one for
// all of it where no window parts it. The same night of the same inventory has the same
// UID, so that a newer plan takes the place of an older one. It returns how many events
// there are; where there is none it writes nothing.
func Calendar(w io.Writer, p *plan.Plan, o PlanOptions) (events int, err error) {
	d := newDryRun(p, o)
	nights := d.calendarNights()
	if len(nights) == 0 {
		return 0, nil
	}
	c := ics.NewCalendar()
	c.SetProductId("-//fleetup//fleetup//EN")
	c.SetMethod(ics.MethodPublish)
	name := lexicon.Clean(strings.TrimSuffix(filepath.Base(p.Inventory), filepath.Ext(p.Inventory)))
	for i, n := range nights {
		which := "whole"
		switch {
		case len(o.P90.Nights) > 0:
			which = n.Until.UTC().Format(time.RFC3339)
		case i > 0: // it begins with a date
			which = n.From.UTC().Format(time.RFC3339)
		}
		e := c.AddEvent(uuid.NewSHA1(uuid.NameSpaceURL, []byte("fleetup:"+name+"/"+which)).String())
		e.SetDtStampTime(o.Now)
		e.SetStartAt(n.From)
		e.SetEndAt(n.Until)
		e.SetStatus(ics.ObjectStatusTentative)
		e.SetSummary(fmt.Sprintf("fleetup %s: night %d of %d, %s to start", name, i+1, len(nights),
			lexicon.Vaults(n.Starts)))
		lines := []string{fmt.Sprintf("By plan %s, a forecast (p90): a run may start other vaults, or none.",
			lexicon.ElideHash(p.Fingerprint))}
		if f, clock := o.P90, lexicon.ClockIn(o.Zone); !f.EndsAt.IsZero() {
			lines = append(lines, fmt.Sprintf("All is over by %s %s.", clock.Full(f.EndsAt), clock))
		}
		e.SetDescription(strings.Join(lines, "\n"))
	}
	return len(nights), c.SerializeTo(w, ics.WithNewLineWindows)
}

// calendarNights are the nights of the forecast; a plan without windows is one, from its
// first start to its end, and one more from each date that a wave waits for.
func (d *dryRun) calendarNights() []rollout.Night {
	f := d.opts.P90
	switch {
	case len(f.Nights) > 0:
		return f.Nights
	case d.may() == 0 || len(f.Waves) == 0:
		return nil
	}
	var nights []rollout.Night
	for i, w := range f.Waves {
		n := d.group(i)
		starts := n.toStart + n.busy + n.unchecked
		if starts == 0 || w.StartsAt.IsZero() {
			continue
		}
		last := len(nights) - 1
		if last < 0 || d.plan.Waves[i].NotBefore.After(nights[last].Until) {
			nights, last = append(nights, rollout.Night{From: w.StartsAt}), last+1
		}
		nights[last].Until, nights[last].Starts = w.EndsAt, nights[last].Starts+starts
	}
	return nights
}
