package inventory

import (
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// replacing is a layer whose calendar stands directly over those of waves.
type replacing struct {
	*layer
	who string // as people call it
}

// hasCalendar reports whether the layer gives windows or blackouts.
func (l *layer) hasCalendar() bool {
	return l.fields.get("windows") != nil || l.fields.get("blackouts") != nil
}

// layCalendars returns the calendar of the last layer that has one: it replaces
// those below as a whole. Each is checked against what it replaces; over the
// waves' that is done when they are known.
func (d *decoder) layCalendars(v *fleet.Vault, layers []*layer, s *plan.SubscriptionSpec) *plan.Calendar {
	var last *layer
	for _, l := range layers {
		if !l.hasCalendar() {
			continue
		}
		switch {
		case l.silent:
		case last != nil:
			if d.sound { // whether the one below holds is known
				l.silent = d.checkReplaced(&l.fields, l.file, l.calendar, last.calendar, l.who(v, s), last.from+"'s")
			}
		case !l.noted:
			d.replacing, l.noted = append(d.replacing, replacing{l, l.who(v, s)}), true
		}
		last = l
	}
	if last == nil {
		return nil
	}
	return last.calendar
}

// who names a layer in a problem: a rule by its number, and that of a vault as
// the vault.
func (l *layer) who(v *fleet.Vault, s *plan.SubscriptionSpec) string {
	if l.from == "vault" {
		return who(v, s)
	}
	return l.from
}

// checkOverWaves checks the calendars of rules and vaults against those of the
// waves. In which of them a vault will be is not known here, and may change
// with the next one that is added: any counts.
func (d *decoder) checkOverWaves() {
	below := d.in.Calendar
	if len(d.in.Waves) > 0 {
		below = &plan.Calendar{}
		for w := range d.in.Waves {
			c := d.in.Waves[w].Calendar
			if c == nil {
				c = d.in.Calendar
			}
			if c != nil && len(c.Windows) > 0 {
				below.Windows = c.Windows
			}
			if c != nil && len(c.Blackouts) > 0 {
				below.Blackouts = c.Blackouts
			}
		}
	}
	for _, r := range d.replacing {
		if !r.silent {
			whose := "the waves'"
			if r.from == "vault" {
				whose = "its wave's"
			}
			d.checkReplaced(&r.fields, r.file, r.calendar, below, r.who, whose)
		}
	}
}

// checkReplaced refuses a calendar that is silent about a half that it
// replaces: windows or blackouts would be gone unnoticed. It returns whether it
// refused it.
func (d *decoder) checkReplaced(f *fields, file string, own, below *plan.Calendar, who, whose string) bool {
	if own == nil || below == nil {
		return false
	}
	key := func(name string) place {
		where := f.get(name).key
		where.file = file
		return where
	}
	const message = "%s has %s of its own, which replace %s windows and blackouts, and says nothing of its %s"
	if f.lacks("blackouts") && len(below.Blackouts) > 0 {
		d.problem(key("windows"), "repeat the blackouts here, or write blackouts: [] to do without", message,
			who, "windows", whose, "blackouts")
		return true
	}
	if f.lacks("windows") && len(below.Windows) > 0 {
		d.problem(key("blackouts"), "repeat the windows here, or write windows: [] to run at any hour", message,
			who, "blackouts", whose, "windows")
		return true
	}
	return false
}
