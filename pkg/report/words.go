package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// number writes 12345 as 12,345.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

func vaults(n int) string { return plural(n, "vault", "vaults") }

// span writes a duration for people: 45s, 22m, 1h41m, 3d04h.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// tally writes how many vaults have which status, in the order of reports.
func tally(of func(fleet.Status) int) string {
	var parts []string
	for _, s := range fleet.Statuses() {
		if n := of(s); n > 0 {
			parts = append(parts, number(n)+" "+StatusWord(s))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, dot)
}

// gateWords says how a gate came to be open.
func gateWords(f fleet.GateOpened) string {
	if f.Needless {
		return "needs no approval: nothing of the wave was to be done"
	}
	return "opened"
}

// dot parts the members of a line.
const dot = " · "

// clock writes times in one zone.
type clock struct{ zone *time.Location }

func clockIn(zone *time.Location) clock {
	if zone == nil {
		zone = time.UTC
	}
	return clock{zone}
}

// full writes a date and a time; a dash stands for none.
func (c clock) full(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(c.zone).Format("2006-01-02 15:04:05")
}

// short writes a time by weekday and minute, for forecasts.
func (c clock) short(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(c.zone).Format("Mon 2 Jan 15:04")
}

// near writes a time by weekday and minute where that leaves no doubt, seen
// from now.
func (c clock) near(t, now time.Time) string {
	const day = 24 * time.Hour
	switch d := t.Sub(now); {
	case d > 300*day:
		return t.In(c.zone).Format("2 Jan 2006")
	case t.IsZero() || d < 0 || d > 6*day:
		return c.short(t)
	}
	return t.In(c.zone).Format("Mon 15:04")
}

// thisNight is how far away a time may be to be known by its minute alone.
const thisNight = 16 * time.Hour

// soon writes a time of the same night by the minute alone, seen from now, and
// any other as near does.
func (c clock) soon(t, now time.Time) string {
	if d := t.Sub(now).Abs(); d < thisNight && !t.IsZero() {
		return t.In(c.zone).Format("15:04")
	}
	return c.near(t, now)
}

// second writes the time of day.
func (c clock) second(t time.Time) string { return t.In(c.zone).Format("15:04:05") }

func (c clock) String() string {
	if name := c.zone.String(); name != "Local" {
		return name
	}
	return "of this machine"
}

// utc writes a time for somebody elsewhere.
func utc(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// elide shortens an identifier for a line.
func elide(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// or returns the first string that is not empty.
func or(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// between writes from when to when, by weekday and minute.
func (c clock) between(from, until time.Time) string {
	f, u := from.In(c.zone), until.In(c.zone)
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

// sentence gives a text its full stop, and a capital where it begins with a
// plain letter.
func sentence(s string) string {
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
	return s + "."
}
