package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// What people have said to a run and whoever looks next has to know: the newest note,
// limits that hold, an approval that was given in advance, and who closed it.

// NoteOf is the newest note of a run, nil where there is none.
func NoteOf(st *rollout.State) *Note {
	n := st.Run.Note
	if n == nil {
		return nil
	}
	return &Note{TimeOrNull(st.Run.NotedAt), StringOrNull(n.By.User), n.Text}
}

// limitsOf are the limits that a person has set and that hold, nil where none does: in a
// run that is over, too.
func limitsOf(st *rollout.State) *Limits {
	r := &st.Run
	if r.Closed != nil || r.Limits == (plan.WaveLimits{}) {
		return nil
	}
	some := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	l := &Limits{Upgrades: some(r.Limits.Upgrades), PerSubscription: some(r.Limits.PerSubscription),
		PerLocation: some(r.Limits.PerLocation), At: TimeOrNull(r.LimitedAt)}
	if by := r.Limited; by != nil {
		l.By, l.Reason = StringOrNull(by.By.User), StringOrNull(by.Reason)
	}
	return l
}

// Words are the limits for people: "upgrades 1, by anna at 23:52: the region is slow".
func (l *Limits) Words(write func(time.Time) string) string {
	var parts []string
	for _, one := range []struct {
		name string
		to   *int
	}{{"upgrades", l.Upgrades}, {"perSubscription", l.PerSubscription}, {"perLocation", l.PerLocation}} {
		if one.to != nil {
			parts = append(parts, fmt.Sprintf("%s %d", one.name, *one.to))
		}
	}
	s := strings.Join(parts, ", ")
	if l.By != nil {
		s += ", by " + *l.By
	}
	if l.At != nil {
		s += " at " + write(l.At.Value())
	}
	if l.Reason != nil {
		s += ": " + *l.Reason
	}
	return s
}

// Words are the note for people.
func (n *Note) Words(write func(time.Time) string) string {
	return write(n.At.Value()) + " " + lexicon.Or(ValueOf(n.By), "unknown") + ": " + n.Text
}

func approvalOf(a *standing.Approval) *Approval {
	if a == nil {
		return nil
	}
	return &Approval{a.Wave, a.When, StringOrNull(a.By), StringOrNull(a.Reason), TimeOrNull(a.At), TimeOrNull(a.Until)}
}

// GivenInAdvance says by whom and when an approval was given in advance.
func GivenInAdvance(a *standing.Approval, write func(time.Time) string) string {
	return given(a.By, a.At, write)
}

// Words are the approval for people: "the gate after wave canary, in advance by anna at 23:52: looks good".
func (a *Approval) Words(write func(time.Time) string) string {
	s := "the gate " + a.When + " wave " + a.Wave + ", " + given(ValueOf(a.By), a.At.Value(), write)
	if a.Reason != nil {
		s += ": " + *a.Reason
	}
	return s
}

// given says who gave an approval in advance, and when.
func given(by string, at time.Time, write func(time.Time) string) string {
	s := "in advance"
	if by != "" {
		s += " by " + by
	}
	if !at.IsZero() { // an older ledger's may be unknown
		s += " at " + write(at)
	}
	return s
}

// words say who closed the run, behind a word for that.
func (c *Closure) words(closed, by string) string {
	if c.By == nil {
		return closed
	}
	return closed + by + *c.By
}

// orderedBy says who has ordered something, and why: "by anna: the change is withdrawn".
func orderedBy(by, reason *string) string {
	s := "by " + lexicon.Or(ValueOf(by), "unknown")
	if reason != nil {
		s += ": " + *reason
	}
	return s
}

// closing shows who closes or has closed the run, and why: in a report its first lines say so.
func (v *View) closing(p *layout.Page) {
	if w := v.Run.ClosingBy; w != nil && w.Reason != nil {
		p.Pair("Closing", "%s", orderedBy(w.By, w.Reason))
	}
	if w := v.Run.Closed; w != nil && w.Reason != nil {
		p.Pair("Closed", "%s", orderedBy(w.By, w.Reason))
	}
}

// said shows what people have said to the run.
func (v *View) said(p *layout.Page, c lexicon.Clock) {
	write := c.NearBy(v.Run.GeneratedAt.Value())
	if a := v.Run.InAdvance; a != nil {
		p.Pair("Approved", "%s", a.Words(write))
	}
	if w := v.waitsFor(standing.WaitPause); w != nil && v.Run.Status == RunInterrupted {
		p.Pair("Paused", "%s", "by "+w.pausedBy())
	}
	if l := v.Run.Limits; l != nil {
		p.Pair("Limited", "%s", l.Words(write))
	}
	if n := v.Run.Note; n != nil {
		p.Pair("Note", "%s", n.Words(write))
	}
}
