package progress

import (
	"cmp"
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
	first := max(t.st.CurrentWave(), 0)
	if n < len(t.st.Waves) && n > 1 {
		n-- // one line says how many are left out
	}
	first = max(0, min(first-n/2, len(t.st.Waves)-n))
	name, figures := 0, 0
	for i := first; i < first+n; i++ {
		name = max(name, layout.Columns(lexicon.Clean(t.st.Waves[i].Name)))
		figures = max(figures, layout.Columns(t.figures(i, s.Width, now)))
	}
	name = min(name, max(s.Width/4, 4))
	for i := first; i < first+n; i++ {
		s.Line(t.bar(i, name, figures, s.Width, now)...)
	}
	if rest := len(t.st.Waves) - n; rest > 0 {
		s.Line(layout.Part{Text: lexicon.Plural(rest, "more wave", "more waves")})
	}
}

// figures are the numbers of a wave: how many are decided of how many, and how
// it stands.
func (t *Tracker) figures(i, width int, now time.Time) string {
	n, all := t.decided(i)
	if totals := &t.st.Waves[i].Totals; width < narrow {
		bad := ""
		if n := totals.Of(fleet.Failed) + totals.Of(fleet.Unknown); n > 0 {
			bad = " !" + lexicon.Number(n)
		}
		return fmt.Sprintf("%s/%s %s%s", lexicon.Number(n), lexicon.Number(all), t.waveStands(i, now), bad)
	}
	return fmt.Sprintf("%s/%s %s%s", lexicon.Number(n), lexicon.Number(all), t.waveStands(i, now),
		lost(&t.st.Waves[i].Totals))
}

// decided counts the vaults of a wave whose fate in this run is known, and all that it may
// start. An unknown one may still be read.
func (t *Tracker) decided(i int) (n, all int) {
	w := &t.st.Waves[i]
	shown := standing.Counts(t.st, &w.Totals, t.live())
	n = shown[fleet.Upgraded] + shown[fleet.Already] + shown[fleet.Failed] + shown[fleet.Blocked]
	all = w.Totals.All() - w.Totals.Of(fleet.Excluded)
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
	status, until := standing.WaveOf(t.st, i, !t.left, now)
	switch status {
	case standing.WaveRunning, standing.WaveHalted, standing.WaveInterrupted, standing.WavePaused,
		standing.WaveWaiting:
		n, all := t.decided(i)
		return fmt.Sprintf("%d%%", 100*n/max(all, 1))
	}
	if !until.IsZero() {
		return lexicon.WaveWord(status) + " until " + lexicon.ClockIn(t.Zone).Soon(until, now)
	}
	return lexicon.WaveWord(status)
}

// bar draws one wave: its name, how much of it is decided, and the numbers.
func (t *Tracker) bar(i, name, widest, width int, now time.Time) []layout.Part {
	w := &t.st.Waves[i]
	n, all := t.decided(i)
	figures := t.figures(i, width, now)
	// The bars of one picture are of one length, so that they can be compared: what the
	// widest numbers leave.
	cells := min(max(width-name-2-widest, 0), 40) / text.RuneWidth('█')
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

// inFlight is what stands behind the number of ours that are in flight. An unknown one
// that is still being read is one of them, and is counted there alone: the numbers of a
// line add up to the vaults of the run.
func inFlight(n standing.FlightCount) string {
	if n.Unknown > 0 {
		return "in flight (" + lexicon.Number(n.Unknown) + " unknown)"
	}
	return "in flight"
}

// tally are the numbers by status.
func (t *Tracker) tally(flying standing.FlightCount) []layout.Part {
	var parts []layout.Part
	shown := t.counts()
	add := func(n int, what string, paint text.Color) {
		if n == 0 {
			return
		}
		parts = append(parts, layout.Part{Text: lexicon.Number(n) + " " + what, Paint: paint})
	}
	add(shown[fleet.Upgraded], t.words.Done, text.FgGreen)
	add(flying.Ours, inFlight(flying), 0)
	add(flying.Foreign, "not ours", 0)
	add(shown[fleet.Failed], "failed", text.FgRed)
	add(shown[fleet.Unknown]-flying.Unknown, "unknown", text.FgYellow)
	add(shown[fleet.Blocked], "blocked", text.FgYellow)
	for _, s := range []fleet.Status{fleet.Busy, fleet.Already, fleet.Ready, fleet.Validating, fleet.Pending,
		fleet.Deferred} {
		if s == fleet.Already {
			lexicon.EachAlready(shown[s], t.alreadyBy(), func(n int, what string) { add(n, what, 0) })
			continue
		}
		add(shown[s], string(s), 0)
	}
	add(shown[fleet.Excluded], t.words.Status(fleet.Excluded), 0)
	if o := t.overall(); o.Earlier > 0 {
		parts = append(parts, layout.Part{Text: fmt.Sprintf("overall %s of %s", lexicon.Number(o.Upgraded),
			lexicon.Number(o.Of))})
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
	until := maps.Clone(t.st.Throttled)
	maps.DeleteFunc(until, func(_ string, at time.Time) bool { return !at.After(now) })
	ids := slices.SortedFunc(maps.Keys(until),
		func(a, b string) int { return cmp.Or(until[b].Compare(until[a]), strings.Compare(a, b)) })
	line := fmt.Sprintf("THROTTLED %d: ", n)
	for i, id := range ids {
		if i > 0 {
			line += ", "
		}
		if i == 3 {
			line += fmt.Sprintf("%d more", n-i)
			break
		}
		line += lexicon.SubscriptionIn(t.st.Plan, id) + " until " + lexicon.ClockIn(t.Zone).Soon(until[id], now)
	}
	s.Line(layout.Part{Text: line, Paint: text.FgYellow})
}
