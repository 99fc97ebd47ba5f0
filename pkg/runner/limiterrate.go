package runner

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// How a class's rate follows what the cloud answers. The sizes fit the Resource
// Manager's buckets (resource-manager.md#throttling): 250 reads, 25 more
// a second, and 200 writes, 10 more a second.
const (
	// slowest is the rate to which 429s can push a class: a request in half a
	// minute, as often as a subscription is polled. A cloud that wants less says
	// so with Retry-After.
	slowest = 1.0 / 30
	// recovery is how long a rate takes from nothing to what is planned.
	recovery = 5 * time.Minute
	// steepest bounds by how much of itself a rate rises with one answer. Far
	// below what is planned, the time between two answers alone would earn it a
	// multiple.
	steepest = 0.05
	// lasting is how long the requests that the cloud counts as left have to last,
	// if it gave no more. It always gives some, so a rate settles where what it
	// uses is what it is given, and the bucket does not run dry.
	lasting = 2 * time.Second
)

// classRate is how many requests a second of a class may go out: additive
// increase, multiplicative decrease.
//   - A 429 that asks to slow down halves it. Those that answer requests from
//     before that say nothing new.
//   - Good answers raise it again, evenly over time, up to what is planned.
//   - A count of requests left lowers it as far as needed to make them last.
type classRate struct {
	planned float64 // the most, and what it begins with
	rate    float64
	told    float64 // what was told last
	halved  time.Time
	changed time.Time
}

func newClassRate(planned float64) classRate {
	return classRate{planned: planned, rate: planned, told: planned}
}

// plan changes what is planned: a class that is not slowed has all of it.
func (r *classRate) plan(perSecond float64, now time.Time) {
	if !r.slowed() {
		r.told = perSecond
		r.set(perSecond, now)
	}
	r.planned, r.rate = perSecond, min(r.rate, perSecond)
}

// slowed reports whether the class gets less than is planned.
func (r *classRate) slowed() bool { return r.rate < r.planned }

// spacing is the time between two requests of a class that is slowed.
func (r *classRate) spacing() time.Duration { return time.Duration(float64(time.Second) / r.rate) }

func (r *classRate) learn(a fleet.RateLimitAnswer, now time.Time) {
	fresh := a.SentAt.After(r.halved)
	switch {
	case a.SlowDown && fresh:
		r.set(max(r.rate/2, min(slowest, r.planned)), now)
		r.halved = now
	case a.SlowDown:
	case a.Good && fresh && r.slowed():
		earned := r.planned * now.Sub(r.changed).Seconds() / recovery.Seconds()
		r.set(min(r.rate+min(earned, r.rate*steepest), r.planned), now)
	}
	if a.Remaining < 0 || a.SlowDown {
		return
	}
	// One at least: others may have used them up for a moment. Only a 429 means us.
	if most := float64(max(a.Remaining, 1)) / lasting.Seconds(); most < r.rate {
		r.set(most, now)
	}
}

func (r *classRate) set(rate float64, now time.Time) { r.rate, r.changed = rate, now }

// news reports whether the rate is worth telling: it has halved or doubled, or
// is as planned again.
func (r *classRate) news() bool {
	if r.rate > r.told/2 && r.rate < r.told*2 && (r.slowed() || r.told == r.planned) {
		return false
	}
	r.told = r.rate
	return true
}
