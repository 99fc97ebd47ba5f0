package progress

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// bars draws n waves: those around the one that is open.
func (t *Tracker) bars(s *layout.LineBuffer, n int, now time.Time) {
	first := max(t.current(), 0)
	if n < len(t.waves) && n > 1 {
		n-- // one line says how many are left out
	}
	first = max(0, min(first-n/2, len(t.waves)-n))
	name, figures := 0, 0
	for i := first; i < first+n; i++ {
		name = max(name, layout.Columns(lexicon.Clean(t.waves[i].Name)))
		figures = max(figures, layout.Columns(t.figures(i, s.Width, now)))
	}
	name = min(name, max(s.Width/4, 4))
	for i := first; i < first+n; i++ {
		s.Line(t.bar(i, name, figures, s.Width, now)...)
	}
	if rest := len(t.waves) - n; rest > 0 {
		s.Line(layout.Part{Text: lexicon.Plural(rest, "more wave", "more waves")})
	}
}

// figures are the numbers of a wave: how many are decided of how many, and how
// it stands.
func (t *Tracker) figures(i, width int, now time.Time) string {
	n, all := decided(&t.waves[i])
	if totals := &t.waves[i].Totals; width < narrow {
		bad := ""
		if n := totals.Of(fleet.Failed) + totals.Of(fleet.Unknown); n > 0 {
			bad = " !" + lexicon.Number(n)
		}
		return fmt.Sprintf("%s/%s %s%s", lexicon.Number(n), lexicon.Number(all), t.waveStands(i, now), bad)
	}
	return fmt.Sprintf("%s/%s %s%s", lexicon.Number(n), lexicon.Number(all), t.waveStands(i, now), lost(&t.waves[i].Totals))
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
			s += lexicon.Dot + lexicon.Number(n) + " " + string(st)
		}
	}
	return s
}

// waveStands says how a wave stands.
func (t *Tracker) waveStands(i int, now time.Time) string {
	w := &t.waves[i]
	switch {
	case t.run.Closed != nil && w.DoneAt.IsZero():
		return "closed"
	case t.run.Closed != nil:
		return "done"
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
	if until := t.st.SoaksUntil(i); until.After(now) {
		return "soaks until " + lexicon.ClockIn(t.Zone).Soon(until, now)
	}
	if t.gate == (gate{i, fleet.GateAfter}) {
		return "needs approval"
	}
	return "done"
}

// bar draws one wave: its name, how much of it is decided, and the numbers.
func (t *Tracker) bar(i, name, widest, width int, now time.Time) []layout.Part {
	w := &t.waves[i]
	n, all := decided(w)
	figures := t.figures(i, width, now)
	// The bars are of one length, so that they can be compared; a figure too
	// wide for that shortens its own.
	room := min(widest, max(width/3, layout.Columns(figures)))
	cells := min(max(width-name-2-room, 0), 40) / text.RuneWidth('█')
	full := 0
	if all > 0 {
		full = cells * n / all
	}
	paint := text.FgGreen
	if w.Totals.Of(fleet.Failed)+w.Totals.Of(fleet.Unknown) > 0 {
		paint = text.FgYellow
	}
	return []layout.Part{
		{Text: layout.Pad(text.Trim(lexicon.Clean(w.Name), name), name) + " "},
		{Text: strings.Repeat("█", full), Paint: paint},
		{Text: strings.Repeat("░", cells-full) + " " + figures},
	}
}

// counts are the numbers by status.
func (t *Tracker) counts(flying standing.FlightCount) []layout.Part {
	var parts []layout.Part
	add := func(n int, what string, paint text.Color) {
		if n == 0 {
			return
		}
		parts = append(parts, layout.Part{Text: lexicon.Number(n) + " " + what, Paint: paint})
	}
	add(t.shown(fleet.Upgraded), "upgraded", text.FgGreen)
	add(flying.Ours, "in flight", 0)
	add(flying.Foreign, "not ours", 0)
	add(t.shown(fleet.Failed), "failed", text.FgRed)
	add(t.shown(fleet.Unknown), "unknown", text.FgYellow)
	add(t.shown(fleet.Blocked), "blocked", text.FgYellow)
	for _, s := range []fleet.Status{fleet.Busy, fleet.Already, fleet.Ready, fleet.Validating, fleet.Pending, fleet.Deferred} {
		add(t.shown(s), string(s), 0)
	}
	add(t.shown(fleet.Excluded), lexicon.StatusWord(fleet.Excluded), 0)
	if o := t.overall; o.Earlier > 0 {
		parts = append(parts, layout.Part{Text: fmt.Sprintf("overall %s of %s", lexicon.Number(o.Upgraded), lexicon.Number(o.Of))})
	}
	if len(parts) == 0 {
		return []layout.Part{{Text: "nothing yet"}}
	}
	return parts
}

// calmed names the subscriptions that are throttled, the longest
// first.
func (t *Tracker) calmed(s *layout.LineBuffer, now time.Time) {
	n := t.throttled(now)
	if n == 0 || s.Left < 4 {
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
		line += lexicon.SubscriptionIn(t.plan, id) + " until " + lexicon.ClockIn(t.Zone).Soon(t.calm[id], now)
	}
	s.Line(layout.Part{Text: line, Paint: text.FgYellow})
}
