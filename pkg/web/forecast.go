package web

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// A forecast is made anew so often, and never for more than this part of the
// time: it drives the real logic over all that is left. Where something was said
// that changes it, a new one does not wait its turn, but for a few times as long
// as it takes.
const (
	forecastEvery = time.Minute
	forecastShare = 50
	forecastRest  = 5
)

// forecast keeps the outlook current until stop is closed.
func (d *liveHub) forecast(stop <-chan struct{}) {
	for first := true; ; first = false {
		began := time.Now()
		if d.mu.Lock(); first || len(d.watchers) > 0 {
			d.mu.Unlock()
			d.updateForecast(stop)
		} else {
			d.mu.Unlock() // nobody looks
		}
		took := time.Since(began)
		if !pauseFor(forecastRest*took, stop, nil) || !pauseFor(max(forecastEvery, forecastShare*took), stop, d.redirected) {
			return
		}
	}
}

// pauseFor waits, or until something comes; false: stop was closed.
func pauseFor(t time.Duration, stop, early <-chan struct{}) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-early:
	case <-timer.C:
	}
	return true
}

// updateForecast works out when the rest will be done, by the rule that every view
// has. Without an answer there is no outlook: a halted run has none.
func (d *liveHub) updateForecast(stop <-chan struct{}) {
	now := d.now()
	d.mu.Lock()
	d.fold()
	st, said := d.run.State.Clone(), d.said
	d.mu.Unlock()
	o, err := rollout.Foresee(st, now, func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	})
	if err != nil {
		o = rollout.Outlook{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fold(); said == d.said { // nothing was said meanwhile that changes it
		d.outlook, d.changed = o, true
		d.nudge()
	}
}
