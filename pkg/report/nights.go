package report

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Night is a stretch of open windows with what ended in it. A run without
// windows has none.
type Night struct {
	Number   int   `json:"number"` // of those in which something was done, from 1
	From     *Time `json:"from"`   // when it opened, or the run in it
	Until    *Time `json:"until"`  // when it closes or closed, or the run ended in it
	Upgraded int   `json:"upgraded"`
	Failed   int   `json:"failed"`
	Unknown  int   `json:"unknown"`
}

// waits reports whether the vault has not been started and may still be.
func (v *Vault) waits() bool {
	switch v.Status {
	case fleet.Pending, fleet.Validating, fleet.Ready, fleet.Busy, fleet.Deferred:
		return true
	}
	return false
}

// nextWindow is when the first of the vaults that wait may start; nil when one
// of them may start now, and when none waits.
func (v *View) nextWindow() (first *Time) {
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if !x.waits() {
			continue
		}
		if x.NextWindow == nil {
			return nil
		}
		if first == nil || x.NextWindow.Before(first.Time) {
			first = x.NextWindow
		}
	}
	return first
}

// stretch is the time from when windows open to when they close.
type stretch struct{ from, until time.Time }

// stretches lists when windows of a schedule were open between two moments; the first one
// may begin at the first moment. There are none where no window ever closes.
func stretches(s *plan.Schedule, from, to time.Time) (out []stretch) {
	for t := from; ; {
		start, ok := s.Next(t)
		if !ok || start.After(to) {
			return out
		}
		until, _, ok := s.WindowAt(start)
		if !ok {
			return nil
		}
		out, t = append(out, stretch{start, until}), until
	}
}

// night is the newest night of the run, nil where it has no windows or none
// has come yet. What ended after a window closed belongs to its night. seen is when a
// process last said something of the run: one that has left had worked until then.
func (v *View) night(st *rollout.State, windows *standing.Windows, seen time.Time) *Night {
	w := max(st.CurrentWave(), 0)
	if st.Run.OpenedAt.IsZero() || w >= len(st.Plan.Waves) || len(st.Plan.Waves[w].Vaults) == 0 {
		return nil
	}
	s := windows.Schedule(st.Plan.Waves[w].Vaults[0])
	if s == nil {
		return nil
	}
	ended := lastWork(st)
	nights := stretches(s, st.Run.OpenedAt, ended)
	if len(nights) == 0 {
		return nil
	}
	last := nights[len(nights)-1]
	n := &Night{From: TimeOrNull(last.from), Until: TimeOrNull(last.until)}
	if left := later(ended, seen); !v.Run.Live && v.Run.WaitingFor == nil && left.Before(last.until) {
		n.Until = TimeOrNull(left)
	}
	active := make([]bool, len(nights))
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Carried || x.Status == fleet.Already {
			continue
		}
		for _, t := range []*Time{x.StartedAt, x.EndedAt} {
			if t == nil || t.Before(nights[0].from) {
				continue
			}
			active[nightOf(nights, t.Time)] = true
		}
		if x.EndedAt == nil || x.EndedAt.Before(last.from) {
			continue
		}
		switch x.Status {
		case fleet.Upgraded:
			n.Upgraded++
		case fleet.Failed:
			n.Failed++
		case fleet.Unknown:
			n.Unknown++
		}
	}
	active[len(active)-1] = true
	for _, a := range active {
		if a {
			n.Number++
		}
	}
	return n
}

// lastWork is when the run last did something: what people said to it
// afterwards, an approval for one, begins no night.
func lastWork(st *rollout.State) time.Time {
	last := st.Run.OpenedAt
	for _, t := range []time.Time{st.Run.ResumedAt, st.Run.HaltedAt, st.Run.ClosedAt} {
		last = later(last, t)
	}
	for i := range st.Vaults {
		if v := &st.Vaults[i]; !v.Carried {
			last = later(later(last, v.StartedAt), v.EndedAt)
		}
	}
	return last
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// nightOf is the index of the night that a moment belongs to: the last that
// had begun.
func nightOf(nights []stretch, t time.Time) int {
	lo, hi := 0, len(nights)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if nights[mid].from.After(t) {
			hi = mid - 1
		} else {
			lo = mid
		}
	}
	return lo
}

// NextChange is when time alone changes how a run stands: something that it waits
// for is over, a soak or an approval ends, a window opens or closes. Zero: at no
// time that is known. It costs O(vaults) while the run waits.
func NextChange(st *rollout.State, now time.Time) (next time.Time) {
	r := &st.Run
	if r.Closed != nil || r.OpenedAt.IsZero() {
		return next
	}
	at := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, w := range Waits(st, now) {
		at(w.Until.Value())
	}
	for i := range st.Waves {
		w := &st.Waves[i]
		if i == st.CurrentWave() {
			at(standing.SoaksUntil(st, i, now))
		}
		for _, g := range []*rollout.Gate{&w.Before, &w.After} {
			if g.Approved != nil && g.OpenedAt.IsZero() {
				at(g.Approved.ExpiresAt)
			}
		}
	}
	for _, until := range st.Throttled {
		at(until)
	}
	var calendars []*plan.Calendar
	add := func(c *plan.Calendar) {
		if c != nil && !slices.Contains(calendars, c) {
			calendars = append(calendars, c)
		}
	}
	for w := range st.Plan.Waves {
		add(st.Plan.CalendarOf(w))
	}
	for i := range st.Plan.Calendars {
		add(&st.Plan.Calendars[i])
	}
	for _, c := range calendars {
		s, err := plan.CompileCalendar(c)
		if err != nil || s == nil { // a plan that is run has passed this check
			continue
		}
		if until, open := s.OpenAt(now); open {
			at(until)
		} else if opens, ok := s.Next(now); ok {
			at(opens)
		}
	}
	return next
}
