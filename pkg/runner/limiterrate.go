package runner

import (
	"math"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// How a class's rate follows what the cloud answers. The sizes fit the Resource
// Manager's buckets (resource-manager.md#throttling): 250 reads, 25 more
// a second, and 200 writes, 10 more a second.
const (
	// slowest is the rate to which 429s can push a class: it has to ask now and then to
	// learn that the cloud has no complaints any more. A cloud that wants less says so with
	// Retry-After.
	slowest = 1.0 / 5
	// recovery is how long a rate takes from slowest to what is planned.
	recovery = 30 * time.Second
	// careful is how long it takes at most where the cloud refused it on the way: it asks
	// for more than there is, and would soon be refused again.
	careful = 5 * time.Minute
	// steepest bounds by how much of itself a rate rises with one answer.
	steepest = 1.0
	// beyond is by how much a rate has to exceed the one at which it was refused for the
	// cloud to be another, or to have more for us.
	beyond = 1.5
	// lasting is how long the requests that the cloud counts as left have to last,
	// if it gave no more. It always gives some, so a rate settles where what it
	// uses is what it is given, and the bucket does not run dry.
	lasting = 2 * time.Second
)

// classRate is how many requests a second of a class may go out: both
// its increase and its decrease are multiplicative.
//   - A 429 that asks to slow down halves it. Those that answer requests from
//     before that say nothing new.
//   - Good answers raise it again, by the same factor every second, up to what is
//     planned. Where that was refused, the next time it takes twice as long; until the
//     rate is beyond the one that was refused.
//   - A count of requests left lowers it as far as needed to make them last.
type classRate struct {
	planned float64 // the most, and what it begins with
	rate    float64
	told    float64 // what was told last
	halved  time.Time
	changed time.Time
	lowest  float64       // what the last 429 left
	refused float64       // at which a rise was; zero when none was
	takes   time.Duration // from slowest to planned
}

func newClassRate(planned float64) classRate {
	return classRate{planned: planned, rate: planned, told: planned, takes: recovery}
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
		if r.lowest > 0 && r.rate > r.lowest*1.1 {
			r.refused, r.takes = r.rate, min(2*r.takes, careful)
		}
		r.set(max(r.rate/2, min(slowest, r.planned)), now)
		if r.rate <= slowest { // it tells nothing of how much there is for us
			r.refused, r.takes = 0, recovery
		}
		r.halved, r.lowest = now, r.rate
	case a.SlowDown:
	case a.Good && fresh && r.slowed():
		if r.rate > beyond*r.refused {
			r.takes = recovery
		}
		r.set(min(r.rate*r.rise(now.Sub(r.changed)), r.planned), now)
	}
	if a.Remaining < 0 || a.SlowDown {
		return
	}
	// One at least: others may have used them up for a moment. Only a 429 means us.
	if most := float64(max(a.Remaining, 1)) / lasting.Seconds(); most < r.rate {
		r.set(most, now)
	}
}

// rise is by what a rate may be multiplied after a while.
func (r *classRate) rise(d time.Duration) float64 {
	whole := math.Log(max(r.planned/slowest, math.E))
	return min(math.Exp(whole*d.Seconds()/r.takes.Seconds()), 1+steepest)
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
