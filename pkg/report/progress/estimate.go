package progress

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Estimate guesses anew when the run ends, for the views. It costs what
// rollout.Foresee costs, outside of the lock: call it seldom, and when Renew
// says so, from a goroutine of its own. stop, unless nil, breaks it off.
func (t *Tracker) Estimate(now time.Time, stop func() bool) (rollout.Outlook, error) {
	t.mu.Lock()
	st, facts := t.st.Clone(), t.facts
	t.mu.Unlock()
	o, err := rollout.Foresee(st, now, stop)
	if err != nil {
		return rollout.Outlook{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if facts == t.facts { // nothing was said meanwhile that changes it
		t.outlook = o
	}
	return o, nil
}

// Renew tells that something was said which changes the run's end, such as a
// limit, a pause or a halt. The guess before it is shown no more.
func (t *Tracker) Renew() <-chan struct{} { return t.renew }
