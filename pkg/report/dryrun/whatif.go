package dryrun

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// drawOutput sums up draws of which vaults fail.
type drawOutput struct {
	Count      int          `json:"count"`
	Halted     int          `json:"halted"` // in how many a budget halts the run
	Upgraded   span         `json:"upgraded"`
	Failed     span         `json:"failed"`
	NotStarted span         `json:"notStarted"`
	EndsAtP50  timeSpan     `json:"endsAtP50"`
	Halts      []haltOutput `json:"halts"` // the most frequent first
}

type span struct {
	Least int `json:"least"`
	Most  int `json:"most"`
}

type timeSpan struct {
	Earliest *report.Time `json:"earliest"`
	Latest   *report.Time `json:"latest"`
}

// haltOutput is a way in which draws come to halt.
type haltOutput struct {
	By         *report.Halt `json:"haltedBy"` // of the earliest
	In         string       `json:"haltedIn"`
	Draws      int          `json:"draws"`
	At         timeSpan     `json:"at"`
	NotStarted span         `json:"notStarted"`
}

// drawn sums up the draws of a what-if; nil where nothing was drawn.
func (d *dryRun) drawn() *drawOutput {
	w := d.opts.WhatIf
	if w == nil || len(w.Draws) == 0 {
		return nil
	}
	out := &drawOutput{Count: len(w.Draws), Halts: []haltOutput{}}
	type group struct {
		first, last        *rollout.Forecast
		draws, least, most int
	}
	groups := map[string]*group{}
	var order []string
	var first, last time.Time
	for i := range w.Draws {
		f := &w.Draws[i]
		if i == 0 {
			out.Upgraded, out.Failed, out.NotStarted = span{f.Upgraded, f.Upgraded}, span{f.Failed, f.Failed},
				span{f.Left, f.Left}
			first, last = f.EndsAt, f.EndsAt
		}
		out.Upgraded.take(f.Upgraded)
		out.Failed.take(f.Failed)
		out.NotStarted.take(f.Left)
		if f.EndsAt.Before(first) {
			first = f.EndsAt
		}
		if f.EndsAt.After(last) {
			last = f.EndsAt
		}
		if f.Halt == nil {
			continue
		}
		out.Halted++
		k := fmt.Sprint(f.HaltedIn, "\x00", f.Halt.Wave, f.Halt.PartName(), f.Halt.Scope, f.Halt.SameError)
		g := groups[k]
		if g == nil {
			g = &group{first: f, last: f, least: f.Left, most: f.Left}
			groups[k], order = g, append(order, k)
		}
		g.draws++
		g.least, g.most = min(g.least, f.Left), max(g.most, f.Left)
		if f.HaltedAt.Before(g.first.HaltedAt) {
			g.first = f
		}
		if f.HaltedAt.After(g.last.HaltedAt) {
			g.last = f
		}
	}
	out.EndsAtP50 = timeSpan{report.TimeOrNull(first), report.TimeOrNull(last)}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(groups[b].draws, groups[a].draws) })
	for _, k := range order {
		g := groups[k]
		out.Halts = append(out.Halts, haltOutput{By: report.HaltOf(d.plan, g.first.Halt, g.first.HaltedAt),
			In: g.first.HaltedIn, Draws: g.draws,
			At:         timeSpan{report.TimeOrNull(g.first.HaltedAt), report.TimeOrNull(g.last.HaltedAt)},
			NotStarted: span{g.least, g.most}})
	}
	return out
}

func (s *span) take(n int) { s.Least, s.Most = min(s.Least, n), max(s.Most, n) }

func (s span) words() string {
	if s.Least == s.Most {
		return lexicon.Number(s.Least)
	}
	return lexicon.Number(s.Least) + " to " + lexicon.Number(s.Most)
}

func (s timeSpan) words(c lexicon.Clock, now time.Time) string {
	from, to := c.Near(s.Earliest.Value(), now), c.Near(s.Latest.Value(), now)
	if from == to {
		return from
	}
	return from + " to " + to
}

// whatIf compares the forecast with that of the changed plan.
func (d *dryRun) whatIf(p *layout.Page, c lexicon.Clock) {
	w := d.opts.WhatIf
	if w == nil || d.opts.P50 == nil || d.opts.P90 == nil {
		return
	}
	p.Section("WHAT IF %s", w.Text)
	row := func(name string, p50, p90 *rollout.Forecast) []string {
		end := func(f *rollout.Forecast) string {
			if f.Halt != nil {
				return "halts " + c.Near(f.HaltedAt, d.opts.Now)
			}
			return c.Near(f.EndsAt, d.opts.Now)
		}
		why := ""
		if p50.Halt != nil {
			why = fmt.Sprintf("in wave %s: %s, with %s not started", p50.HaltedIn, lexicon.Halted(d.plan, p50.Halt),
				lexicon.Vaults(p50.Left))
		}
		return []string{name, end(p50), end(p90), lexicon.Number(p50.Upgraded), why}
	}
	p.Table(layout.Grid{Head: []string{"", "END p50", "END p90", "UPGRADED", ""}, Right: map[int]bool{3: true},
		Wrap: true,
		Rows: [][]string{row("as planned", d.opts.P50, d.opts.P90), row("what if", &w.P50, &w.P90)}})
	o := d.drawn()
	if o == nil {
		return
	}
	p.Pair("Simulated",
		"%s: in each one every vault that may start fails with %g %%, drawn by its name and the number of the draw, "+
			"so that the same "+
			"question has the same answer. Each failure has a code of its own, so none halts the run by a row of one "+
			"code. The table shows the draw in the middle.", lexicon.Plural(o.Count, "draw", "draws"), w.Failures)
	p.Pair("All draws", "%s upgraded, %s failed, %s not started; ends %s (p50)", o.Upgraded.words(), o.Failed.words(),
		o.NotStarted.words(),
		o.EndsAtP50.words(c, d.opts.Now))
	halts := fmt.Sprintf("%s of %s", lexicon.Number(o.Halted), lexicon.Plural(o.Count, "draw", "draws"))
	var parts []string
	for _, h := range o.Halts {
		parts = append(parts, fmt.Sprintf("%s in wave %s by the budget of %s, %s, with %s not started",
			lexicon.Number(h.Draws), h.In, d.budgetOf(h.By), h.At.words(c, d.opts.Now), h.NotStarted.words()))
	}
	if len(parts) > 0 {
		halts += ": " + strings.Join(parts, lexicon.Dot)
	}
	p.Pair("Halted", "%s", halts)
}

// budgetOf names the budget that halts.
func (d *dryRun) budgetOf(h *report.Halt) string {
	if h.Wave {
		return "the wave"
	}
	return lexicon.Or(h.PartIn(d.plan), "the run")
}
