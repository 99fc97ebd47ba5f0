package strict

import "time"

// Timings are the waits of a rollout as the inventory names them (inventory.md#keys).
type Timings struct {
	Poll              time.Duration
	ValidationMaxAge  time.Duration
	BusyRetry         time.Duration
	BusyDeadline      time.Duration
	StartTimeout      time.Duration
	ReconcileGrace    time.Duration
	ReconcileDeadline time.Duration
	Overdue           time.Duration
}

// FastTimings are the timings of inventory.md#keys scaled for a test of a few
// seconds; the order between them is kept.
func FastTimings() Timings {
	return Timings{
		Poll:              200 * time.Millisecond,
		ValidationMaxAge:  10 * time.Minute,
		BusyRetry:         300 * time.Millisecond,
		BusyDeadline:      5 * time.Second,
		StartTimeout:      1500 * time.Millisecond,
		ReconcileGrace:    400 * time.Millisecond,
		ReconcileDeadline: 20 * time.Second,
		Overdue:           30 * time.Second,
	}
}

// OrFast fills zero fields from FastTimings.
func (t Timings) OrFast() Timings {
	fast := FastTimings()
	for _, f := range []struct{ have, fall *time.Duration }{
		{&t.Poll, &fast.Poll},
		{&t.ValidationMaxAge, &fast.ValidationMaxAge},
		{&t.BusyRetry, &fast.BusyRetry},
		{&t.BusyDeadline, &fast.BusyDeadline},
		{&t.StartTimeout, &fast.StartTimeout},
		{&t.ReconcileGrace, &fast.ReconcileGrace},
		{&t.ReconcileDeadline, &fast.ReconcileDeadline},
		{&t.Overdue, &fast.Overdue},
	} {
		if *f.have == 0 {
			*f.have = *f.fall
		}
	}
	return t
}
