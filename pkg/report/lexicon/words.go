package lexicon

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Number writes 12345 as 12,345.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes a count with its noun.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}

func Vaults(n int) string { return Plural(n, "vault", "vaults") }

// SubscriptionIn is what people call a subscription of the plan.
func SubscriptionIn(p *plan.Plan, id string) string {
	for i := range p.Subscriptions {
		if s := &p.Subscriptions[i]; s.ID == id && s.Name != "" {
			return s.Name
		}
	}
	return id
}

// Took is Span of how long an upgrade took; with late at most so long, for its end was
// seen late. The page's script has the same (assets/times.js).
func Took(d time.Duration, late bool) string {
	if late {
		return "at most " + Span(d)
	}
	return Span(d)
}

// OrBefore is said behind the time of an end that was seen late.
const OrBefore = " or before"

// Span writes a duration for people, everywhere in one form: 45s, 2m39s, 22m, 1h41m,
// 2d04h. What is cut off is less than a tenth of it; a second unit of nothing is left
// out. The page's script has the same (assets/times.js).
func Span(d time.Duration) string {
	whole, one, rest, two := 0, "", 0, ""
	switch s := int(max(d, 0).Seconds()); {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 10*60:
		whole, one, rest, two = s/60, "m", s%60, "s"
	case s < 60*60:
		return fmt.Sprintf("%dm", s/60)
	case s < 48*60*60:
		whole, one, rest, two = s/3600, "h", s/60%60, "m"
	default:
		whole, one, rest, two = s/86400, "d", s/3600%24, "h"
	}
	if rest == 0 {
		return fmt.Sprintf("%d%s", whole, one)
	}
	return fmt.Sprintf("%d%s%02d%s", whole, one, rest, two)
}

// GateWords says how a gate came to be open.
func GateWords(f fleet.GateOpened) string {
	if f.Needless {
		return "needs no approval: nothing of the wave was started"
	}
	return "opened"
}

// AccessWords says that a subscription denies access, or does so no more.
func AccessWords(p *plan.Plan, f fleet.AccessDenied) string {
	name, said := SubscriptionIn(p, f.Subscription), strings.TrimSuffix(Or(f.Detail, "no reason given"), ".")
	switch {
	case f.Off:
		return "subscription " + name + " can be read again"
	case f.GivenUp:
		return "subscription " + name + " can be read, and refuses what is started: " + said +
			"; not tried again before a resume"
	}
	return "subscription " + name + " refuses access: " + said + "; nothing starts in it until it can be read"
}

// Dot parts the members of a line.
const Dot = " · "

// Clock writes times in one zone.
type Clock struct{ Zone *time.Location }

func ClockIn(zone *time.Location) Clock {
	if zone == nil {
		zone = time.UTC
	}
	return Clock{zone}
}

// Full writes a date and a time; a dash stands for none.
func (c Clock) Full(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(c.Zone).Format("2006-01-02 15:04:05")
}

// Minute writes a date and a time as people give them, to the minute; a dash stands for none.
func (c Clock) Minute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(c.Zone).Format("2006-01-02 15:04")
}

// Short writes a time by weekday and minute, for forecasts.
func (c Clock) Short(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(c.Zone).Format("Mon 2 Jan 15:04")
}

// Near writes a time by weekday and minute where that leaves no doubt, seen
// from now; with the date where it is further away, and the year where that is another.
func (c Clock) Near(t, now time.Time) string {
	const day = 24 * time.Hour
	switch d := t.Sub(now); {
	case d > 300*day:
		return t.In(c.Zone).Format("2 Jan 2006")
	case !t.IsZero() && (d < 0 || d > 6*day) && t.In(c.Zone).Year() != now.In(c.Zone).Year():
		return t.In(c.Zone).Format("Mon 2 Jan 2006 15:04")
	case t.IsZero() || d < 0 || d > 6*day:
		return c.Short(t)
	}
	return t.In(c.Zone).Format("Mon 15:04")
}

// thisNight is how far away a time of today may be to be known by its minute alone.
const thisNight = 16 * time.Hour

// Soon writes a time of today that is not far away, as the zone has it, by the minute alone,
// and any other as near does: who reads 00:20 shortly before midnight should not have to ask
// which day.
func (c Clock) Soon(t, now time.Time) string {
	at, today := t.In(c.Zone), now.In(c.Zone)
	if !t.IsZero() && t.Sub(now).Abs() < thisNight && at.Year() == today.Year() && at.YearDay() == today.YearDay() {
		return at.Format("15:04")
	}
	return c.Near(t, now)
}

// Second writes the time of day.
func (c Clock) Second(t time.Time) string { return t.In(c.Zone).Format("15:04:05") }

func (c Clock) String() string {
	if name := c.Zone.String(); name != "Local" {
		return name
	}
	return "of this machine"
}

// UTC writes a time for somebody elsewhere.
func UTC(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// Elide shortens an identifier for a line.
func Elide(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// Or returns the first string that is not empty.
func Or(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// Between writes from when to when, by weekday and minute.
func (c Clock) Between(from, until time.Time) string {
	f, u := from.In(c.Zone), until.In(c.Zone)
	switch {
	case from.IsZero():
		return "-"
	case until.IsZero():
		return "since " + f.Format("Mon 15:04")
	case u.Sub(f) > 6*24*time.Hour:
		return f.Format("Mon 2 Jan 15:04") + "–" + u.Format("Mon 2 Jan 15:04")
	case f.YearDay() == u.YearDay() && f.Year() == u.Year():
		return f.Format("Mon 15:04") + "–" + u.Format("15:04")
	}
	return f.Format("Mon 15:04") + "–" + u.Format("Mon 15:04")
}

// Sentence gives a text its full stop, and a capital where it begins with a
// plain letter.
func Sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if c := s[0]; 'a' <= c && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if strings.ContainsRune(".!?:", rune(s[len(s)-1])) {
		return s
	}
	if strings.Contains(s[strings.LastIndexByte(s, ' ')+1:], "://") {
		return s + " ." // an address would be opened with what follows it directly
	}
	return s + "."
}

// NearBy writes times as they are near to a moment.
func (c Clock) NearBy(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return c.Near(t, now) }
}

// SoonBy is nearBy without the day where it is today.
func (c Clock) SoonBy(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return c.Soon(t, now) }
}

// ElideHash shortens a fingerprint to what people compare.
func ElideHash(s string) string { return s[:min(len(s), 8)] }
