package inventory

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// calendar reads windows and blackouts; nil when there are neither.
func (d *decoder) calendar(f *fields) *plan.Calendar {
	windows, blackouts := f.get("windows"), f.get("blackouts")
	before := len(d.problems)
	var c *plan.Calendar
	if windows != nil || blackouts != nil {
		c = &plan.Calendar{}
	}
	if windows != nil {
		list, _ := d.items(windows, "windows")
		for _, n := range list {
			c.Windows = append(c.Windows, d.window(n))
		}
	}
	if blackouts != nil {
		list, _ := d.items(blackouts, "blackouts")
		for _, n := range list {
			c.Blackouts = append(c.Blackouts, d.blackout(n))
		}
	}
	if len(d.problems) > before || f.doubtful("windows") || f.doubtful("blackouts") {
		d.calendarsUnclear = true
		return nil
	}
	return c
}

var windowForm = newForm("a window", "",
	reads("days", says(some("the days on which it begins", object{"enum": dayNames})),
		func(w *plan.Window) *[]time.Weekday { return &w.Days }, (*decoder).days),
	reads("start", says(matching("the time of day, such as \"22:00\"", `^([01][0-9]|2[0-3]):[0-5][0-9]$`)),
		func(w *plan.Window) *int { return &w.Start }, (*decoder).clock),
	reads("end", says(matching("the time of day, on the next day where it is not after start",
		`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`)),
		func(w *plan.Window) *int { return &w.End }, (*decoder).clock),
	reads("timezone", says(line("an IANA name, such as Australia/Sydney")),
		func(w *plan.Window) *string { return &w.Zone }, (*decoder).zone),
)

func toldOfWindow(k kinds) object { return windowForm.told(k, windowForm.names...) }

func windowsOf(what string) told {
	return func(k kinds) object { return list(what, toldOfWindow(k)) }
}

func (d *decoder) window(n *yaml.Node) plan.Window {
	var w plan.Window
	n, where := d.resolve(n)
	if f, ok := windowForm.mapping(d, n, where, &w); ok {
		d.all(&f, windowForm.what, windowForm.names,
			`write {days: [Mon], start: "22:00", end: "06:00", timezone: Australia/Sydney}`)
	}
	return w
}

var blackoutForm = newForm("a blackout", "",
	reads("from", says(wall("a local date or time")), func(b *plan.Blackout) *string { return &b.From },
		(*decoder).wall),
	reads("to", says(wall("a local date or time; not part of it")),
		func(b *plan.Blackout) *string { return &b.To }, (*decoder).wall),
	reads("timezone", says(line("an IANA name")), func(b *plan.Blackout) *string { return &b.Zone }, (*decoder).zone),
)

func wall(what string) object {
	return matching(what, `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$`)
}

func blackoutsOf(what string) told {
	return func(k kinds) object {
		return list(what, blackoutForm.told(k, blackoutForm.names...))
	}
}

func (d *decoder) blackout(n *yaml.Node) plan.Blackout {
	var b plan.Blackout
	n, where := d.resolve(n)
	f, ok := blackoutForm.mapping(d, n, where, &b)
	if !ok {
		return b
	}
	d.all(&f, blackoutForm.what, blackoutForm.names,
		`write {from: "2026-12-24T00:00", to: "2026-12-27T00:00", timezone: Australia/Sydney}`)
	e := f.get("to")
	if e == nil {
		return b
	}
	d.effects.blackouts = append(d.effects.blackouts, givenBlackout{d.here(where), b})
	// The form is fixed, so that text and time have one order.
	if b.From != "" && b.To != "" && b.From >= b.To {
		d.problem(e.at, "it is closed from the first up to the second",
			"a blackout must end after it begins: from %s, to %s", b.From, b.To)
	}
	return b
}

// all reports each of some keys that the mapping lacks.
func (d *decoder) all(f *fields, what string, keys []string, hint string) {
	for _, key := range keys {
		if f.lacks(key) {
			d.problem(f.at, hint, "%s has no %s", what, key)
		}
	}
}

var dayNames = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func (d *decoder) days(e *entry) ([]time.Weekday, bool) {
	list, ok := d.items(e, "days")
	if ok && len(list) == 0 {
		d.problem(e.at, "name the days on which the window starts", "days is an empty list")
	}
	var days []time.Weekday
	for _, n := range list {
		n, where := d.resolve(n)
		name, ok := d.oneOf(&entry{value: n, at: where}, "a day", dayNames)
		if !ok {
			continue
		}
		day := time.Weekday((slices.Index(dayNames, name) + 1) % 7)
		if slices.Contains(days, day) {
			d.problem(where, "remove one of the two", "%s is given twice", name)
		}
		days = append(days, day)
	}
	return days, true
}

// clock reads a time of day, in minutes. As an end, 24:00 is midnight. YAML
// readers of the old kind take 22:00 without quotes for the number 1320; this
// one takes it for text, so quotes are not asked for.
func (d *decoder) clock(e *entry) (int, bool) {
	s := ""
	if e.value.Kind == yaml.ScalarNode && e.value.ShortTag() == "!!str" {
		s = e.value.Value
	}
	if len(s) == len("15:04") && s[2] == ':' && !strings.ContainsAny(s, "+-") {
		hours, err1 := strconv.Atoi(s[:2])
		minutes, err2 := strconv.Atoi(s[3:])
		at := hours*60 + minutes
		if err1 == nil && err2 == nil && minutes < 60 && (hours < 24 || e.name == "end" && at == 24*60) {
			return at % (24 * 60), true
		}
	}
	d.problem(e.at, `write hours and minutes, such as "06:00" or "22:30"`,
		"%s must be a time of day, not %s", e.what, describe(e.value))
	return 0, false
}

// wall reads a local time, or a date, which means its beginning.
func (d *decoder) wall(e *entry) (string, bool) {
	if e.value.Kind == yaml.ScalarNode && (e.value.ShortTag() == "!!str" || e.value.ShortTag() == "!!timestamp") {
		s := e.value.Value
		if len(s) == len(time.DateOnly) {
			s += "T00:00"
		}
		if t, err := plan.ParseWall(s); err == nil && len(s) == len("2006-01-02T15:04") && t.Year() <= 9999 {
			return s, true
		}
	}
	d.problem(e.at, `write a local date or time that exists, such as "2026-12-24" or "2026-12-24T18:00"`,
		"%s must be a date or a local time, not %s", e.what, describe(e.value))
	return "", false
}

func (d *decoder) zone(e *entry) (string, bool) {
	name, ok := d.line(e, e.what)
	if !ok {
		return "", false
	}
	err, known := d.zones[name]
	if !known {
		_, err = plan.LoadZone(name)
		if d.zones == nil {
			d.zones = make(map[string]error)
		}
		d.zones[name] = err
	}
	if err != nil {
		d.problem(e.at, "", "timezone %s is not known; use an IANA name, such as Australia/Sydney", quote(name))
		return "", false
	}
	return name, true
}

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
