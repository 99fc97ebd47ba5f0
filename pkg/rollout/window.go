package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A start is let through only if its 90th percentile ends inside the window
// that is open. Windows are read on the wall clock, which may jump; everything
// else follows the time that has really passed.

// wall is the wall clock's time.
func (m *Machine) wall() time.Time { return m.now.Add(m.offset) }

// setWall takes a reading of the wall clock. When it has jumped, every vault
// that waits for a window looks again.
func (m *Machine) setWall(t time.Time) {
	m.offset = t.Sub(m.now)
	if d := m.offset - m.placed; d < time.Second && d > -time.Second {
		return // those that come a moment early look again
	}
	m.placed = m.offset
	for _, i := range inOrder(m.windowed) {
		m.jobs[i].NotBefore = m.now
		m.settle(i)
	}
}

// fits reports whether a vault's upgrade would end inside the open window, and
// until when it may be started.
func (m *Machine) fits(i int) (notAfter time.Time, ok bool) {
	until, open := m.scheduleOf(i).OpenAt(m.wall())
	if !open || until.IsZero() {
		return until, open
	}
	notAfter = until.Add(-m.Plan.Vaults[i].Predicted.P90)
	return notAfter, !m.wall().After(notAfter)
}

// awaitWindow lets a vault wait for the next window that is long enough.
func (m *Machine) awaitWindow(i int) {
	v := &m.Plan.Vaults[i]
	at, ok := m.scheduleOf(i).Fit(m.wall(), v.Predicted.P90)
	if !ok {
		m.emit(fleet.DeadlinePassed{Vault: v.Key, Deadline: fleet.DeadlineWindow})
		return
	}
	m.jobs[i].NotBefore = m.now.Add(at.Sub(m.wall()))
	m.windowed[i] = struct{}{}
	m.settle(i)
}

// windowOpens is when the first of the waiting vaults may start, on the wall
// clock.
func (m *Machine) windowOpens() (at time.Time) {
	for i := range m.windowed {
		at = earlier(at, m.jobs[i].NotBefore)
	}
	return at.Add(m.offset)
}
