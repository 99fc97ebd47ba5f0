package inventory

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

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

var windowSchema = &schema{what: "a window", keys: []string{"days", "start", "end", "timezone"}}

func (d *decoder) window(n *yaml.Node) plan.Window {
	var w plan.Window
	n, where := d.resolve(n)
	f, ok := d.mapping(n, where, windowSchema)
	if !ok {
		return w
	}
	d.all(&f, windowSchema, `write {days: [Mon], start: "22:00", end: "06:00", timezone: Australia/Sydney}`)
	if e := f.get("days"); e != nil {
		w.Days = d.days(e)
	}
	if e := f.get("start"); e != nil {
		w.Start = d.clock(e, "start", false)
	}
	if e := f.get("end"); e != nil {
		w.End = d.clock(e, "end", true)
	}
	if e := f.get("timezone"); e != nil {
		w.Zone = d.zone(e)
	}
	return w
}

var blackoutSchema = &schema{what: "a blackout", keys: []string{"from", "to", "timezone"}}

func (d *decoder) blackout(n *yaml.Node) plan.Blackout {
	n, where := d.resolve(n)
	f, ok := d.mapping(n, where, blackoutSchema)
	if !ok {
		return plan.Blackout{}
	}
	d.all(&f, blackoutSchema, `write {from: "2026-12-24T00:00", to: "2026-12-27T00:00", timezone: Australia/Sydney}`)
	var b plan.Blackout
	if e := f.get("from"); e != nil {
		b.From = d.wall(e, "from")
	}
	if e := f.get("timezone"); e != nil {
		b.Zone = d.zone(e)
	}
	e := f.get("to")
	if e == nil {
		return b
	}
	b.To = d.wall(e, "to")
	d.effects.blackouts = append(d.effects.blackouts, givenBlackout{d.here(where), b})
	// The form is fixed, so that text and time have one order.
	if b.From != "" && b.To != "" && b.From >= b.To {
		d.problem(e.at, "it is closed from the first up to the second", "a blackout must end after it begins: from %s, to %s", b.From, b.To)
	}
	return b
}

// all reports every key that the mapping lacks.
func (d *decoder) all(f *fields, s *schema, hint string) {
	for _, key := range s.keys {
		if f.lacks(key) {
			d.problem(f.at, hint, "%s has no %s", s.what, key)
		}
	}
}

var dayNames = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func (d *decoder) days(e *entry) []time.Weekday {
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
	return days
}

// clock reads a time of day, in minutes. As an end 24:00 is midnight. YAML
// readers of the old kind take 22:00 without quotes for the number 1320; this
// one takes it for text, so quotes are not asked for.
func (d *decoder) clock(e *entry, what string, isEnd bool) int {
	s := ""
	if e.value.Kind == yaml.ScalarNode && e.value.ShortTag() == "!!str" {
		s = e.value.Value
	}
	if len(s) == len("15:04") && s[2] == ':' && !strings.ContainsAny(s, "+-") {
		hours, err1 := strconv.Atoi(s[:2])
		minutes, err2 := strconv.Atoi(s[3:])
		at := hours*60 + minutes
		if err1 == nil && err2 == nil && minutes < 60 && (hours < 24 || isEnd && at == 24*60) {
			return at % (24 * 60)
		}
	}
	d.problem(e.at, `write hours and minutes, such as "06:00" or "22:30"`, "%s must be a time of day, not %s", what, describe(e.value))
	return 0
}

// wall reads a local time, or a date, which means its beginning.
func (d *decoder) wall(e *entry, what string) string {
	if e.value.Kind == yaml.ScalarNode && (e.value.ShortTag() == "!!str" || e.value.ShortTag() == "!!timestamp") {
		s := e.value.Value
		if len(s) == len(time.DateOnly) {
			s += "T00:00"
		}
		if t, err := plan.ParseWall(s); err == nil && len(s) == len("2006-01-02T15:04") && t.Year() <= 9999 {
			return s
		}
	}
	d.problem(e.at, `write a local date or time that exists, such as "2026-12-24" or "2026-12-24T18:00"`,
		"%s must be a date or a local time, not %s", what, describe(e.value))
	return ""
}

func (d *decoder) zone(e *entry) string {
	name, ok := d.line(e, "timezone")
	if !ok {
		return ""
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
		return ""
	}
	return name
}
