package standing

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Windows answers when the vaults of a plan may start, seen from one moment. It
// keeps its answers, so asking for each vault costs a compilation a calendar and a
// look a distinct prediction. It is for one goroutine.
type Windows struct {
	plan      *plan.Plan
	now       time.Time
	schedules map[*plan.Calendar]*plan.Schedule
	answers   map[question]time.Time
}

type question struct {
	schedule *plan.Schedule
	need     time.Duration
}

// NewWindows returns the windows of a plan as seen from now.
func NewWindows(p *plan.Plan, now time.Time) *Windows {
	return &Windows{p, now, map[*plan.Calendar]*plan.Schedule{}, map[question]time.Time{}}
}

// Schedule is that of a vault, nil where it may always start.
func (w *Windows) Schedule(i int) *plan.Schedule {
	c := w.plan.CalendarFor(i)
	s, known := w.schedules[c]
	if !known {
		s, _ = plan.CompileCalendar(c) // a plan that is run has passed this check
		w.schedules[c] = s
	}
	return s
}

// Opens is when a vault's next window that is long enough for its upgrade opens;
// zero when it may start now, and when there is none.
func (w *Windows) Opens(i int) time.Time {
	q := question{w.Schedule(i), w.plan.Vaults[i].Predicted.P90}
	at, known := w.answers[q]
	if !known {
		if start, _ := q.schedule.Fit(w.now, q.need); start.After(w.now) {
			at = start
		}
		w.answers[q] = at
	}
	return at
}
