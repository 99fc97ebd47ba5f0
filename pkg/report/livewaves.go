package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// bars draws n waves: those around the one that is open.
func (t *Tracker) bars(s *sheet, n int, now time.Time) {
	first := max(t.current(), 0)
	if n < len(t.waves) && n > 1 {
		n-- // one line says how many are left out
	}
	first = max(0, min(first-n/2, len(t.waves)-n))
	name, figures := 0, 0
	for i := first; i < first+n; i++ {
		name = max(name, columns(Clean(t.waves[i].Name)))
		figures = max(figures, columns(t.figures(i, s.width, now)))
	}
	name = min(name, max(s.width/4, 4))
	for i := first; i < first+n; i++ {
		s.line(t.bar(i, name, figures, s.width, now)...)
	}
	if rest := len(t.waves) - n; rest > 0 {
		s.line(part{text: plural(rest, "more wave", "more waves")})
	}
}

// figures are the numbers of a wave: how many are decided of how many, and how
// it stands.
func (t *Tracker) figures(i, width int, now time.Time) string {
	n, all := decided(&t.waves[i])
	if totals := &t.waves[i].Totals; width < narrow {
		bad := ""
		if n := totals.Of(fleet.Failed) + totals.Of(fleet.Unknown); n > 0 {
			bad = " !" + number(n)
		}
		return fmt.Sprintf("%s/%s %s%s", number(n), number(all), t.waveStands(i, now), bad)
	}
	return fmt.Sprintf("%s/%s %s%s", number(n), number(all), t.waveStands(i, now), lost(&t.waves[i].Totals))
}

// decided counts the vaults of a wave whose fate is known, and all that it may
// start.
func decided(w *rollout.WaveState) (n, all int) {
	n, all = done(&w.Totals), w.Totals.All()-w.Totals.Of(fleet.Excluded)
	if !w.DoneAt.IsZero() {
		n = all // unknown ones are decided too: for good
	}
	return n, all
}

// lost says how many of a wave failed or are unknown.
func lost(t *rollout.Totals) string {
	s := ""
	for _, st := range []fleet.Status{fleet.Failed, fleet.Unknown} {
		if n := t.Of(st); n > 0 {
			s += dot + number(n) + " " + string(st)
		}
	}
	return s
}

// waveStands says how a wave stands.
func (t *Tracker) waveStands(i int, now time.Time) string {
	w := &t.waves[i]
	switch {
	case w.OpenedAt.IsZero() && t.gate == (gate{i, fleet.GateBefore}) && i == t.current()+1 && (i == 0 || !t.waves[i-1].DoneAt.IsZero()):
		return "needs approval"
	case w.OpenedAt.IsZero():
		return "waiting"
	case w.DoneAt.IsZero():
		n, all := decided(w)
		return fmt.Sprintf("%d%%", 100*n/max(all, 1))
	case i != t.current() || i == len(t.waves)-1:
		return "done"
	}
	if until := w.DoneAt.Add(t.plan.Waves[i].Soak); until.After(now) {
		return "soaks until " + clockIn(t.Zone).soon(until, now)
	}
	if t.gate == (gate{i, fleet.GateAfter}) {
		return "needs approval"
	}
	return "done"
}

// bar draws one wave: its name, how much of it is decided, and the numbers.
func (t *Tracker) bar(i, name, widest, width int, now time.Time) []part {
	w := &t.waves[i]
	n, all := decided(w)
	figures := t.figures(i, width, now)
	// The bars are of one length, so that they can be compared; a figure too
	// wide for that shortens its own.
	room := min(widest, max(width/3, columns(figures)))
	cells := min(max(width-name-2-room, 0), 40) / text.RuneWidth('█')
	full := 0
	if all > 0 {
		full = cells * n / all
	}
	paint := text.FgGreen
	if w.Totals.Of(fleet.Failed)+w.Totals.Of(fleet.Unknown) > 0 {
		paint = text.FgYellow
	}
	return []part{
		{text: pad(text.Trim(Clean(w.Name), name), name) + " "},
		{text: strings.Repeat("█", full), paint: paint},
		{text: strings.Repeat("░", cells-full) + " " + figures},
	}
}

// counts are the numbers by status.
func (t *Tracker) counts(flying []flight) []part {
	var parts []part
	add := func(n int, what string, paint text.Color) {
		if n == 0 {
			return
		}
		parts = append(parts, part{text: number(n) + " " + what, paint: paint})
	}
	add(t.shown(fleet.Upgraded), "upgraded", text.FgGreen)
	add(len(flying), "in flight", 0)
	add(t.shown(fleet.Failed), "failed", text.FgRed)
	add(t.shown(fleet.Unknown), "unknown", text.FgYellow)
	add(t.shown(fleet.Blocked), "blocked", text.FgYellow)
	for _, s := range []fleet.Status{fleet.Busy, fleet.Already, fleet.Ready, fleet.Validating, fleet.Pending, fleet.Deferred} {
		add(t.shown(s), string(s), 0)
	}
	add(t.shown(fleet.Excluded), StatusWord(fleet.Excluded), 0)
	if o := t.overall; o.Earlier > 0 {
		parts = append(parts, part{text: fmt.Sprintf("overall %s of %s", number(o.Upgraded), number(o.Of))})
	}
	if len(parts) == 0 {
		return []part{{text: "nothing yet"}}
	}
	return parts
}

// calmed names the subscriptions that are throttled, the longest
// first.
func (t *Tracker) calmed(s *sheet, now time.Time) {
	n := t.throttled(now)
	if n == 0 || s.left < 4 {
		return
	}
	ids := slices.SortedFunc(maps.Keys(t.calm), func(a, b string) int {
		if c := t.calm[b].Compare(t.calm[a]); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	line := fmt.Sprintf("THROTTLED %d: ", n)
	for i, id := range ids {
		if i > 0 {
			line += ", "
		}
		if i == 3 {
			line += fmt.Sprintf("%d more", n-i)
			break
		}
		line += subscriptionIn(t.plan, id) + " until " + clockIn(t.Zone).soon(t.calm[id], now)
	}
	s.line(part{text: line, paint: text.FgYellow})
}
