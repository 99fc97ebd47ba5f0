package runner

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Limiter spaces the requests of each subscription. All its classes together get
// what is planned (limits.requestsPerSecond) and no more. A class of which the
// cloud asks less gets less, one request at a time, until the cloud has answered
// well for a while: see classRate. While a subscription is throttled,
// nothing of it goes out. It is safe for concurrent use, and remembers no more
// than the subscriptions and classes it was asked about.
type Limiter struct {
	// Changed, where set, is told when the rate of a class has halved or doubled
	// since it was told last, and when it is as planned again. Set it before the
	// first request; it is called from many goroutines and must be quick.
	Changed func(PaceChange)

	planned float64
	mu      sync.Mutex
	of      map[string]*pace
}

// PaceChange is a new rate of a class.
type PaceChange struct {
	Subscription string
	Class        fleet.RateLimitClass
	PerSecond    float64
	Planned      float64 // requests per second, the most it can be
}

// pace is that of one subscription.
type pace struct {
	planned *rate.Limiter // of all classes together
	until   time.Time     // it is left alone
	classes map[fleet.RateLimitClass]*classPace
}

// classPace is a queue with a rate of its own.
type classPace struct {
	classRate
	turn chan struct{} // capacity 1: held by the request that goes next
	last time.Time     // when one went
}

// NewLimiter returns a limiter of so many requests per second and
// subscription, with bursts of as many, at least one.
func NewLimiter(perSecond float64) *Limiter {
	return &Limiter{planned: perSecond, of: map[string]*pace{}}
}

// Plan changes how many requests per second are planned. A class that was slowed stays
// as slow as it was, but for what is more than planned now.
func (l *Limiter) Plan(perSecond float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if perSecond == l.planned {
		return
	}
	l.planned = perSecond
	for _, p := range l.of {
		p.planned.SetLimit(rate.Limit(perSecond))
		p.planned.SetBurst(burst(perSecond))
		for _, q := range p.classes {
			q.plan(perSecond, time.Now())
		}
	}
}

// burst is how many requests may go out at once at a rate.
func burst(perSecond float64) int { return max(1, int(math.Ceil(perSecond))) }

func (l *Limiter) pace(subscription string) *pace {
	p := l.of[subscription]
	if p == nil {
		p = &pace{planned: rate.NewLimiter(rate.Limit(l.planned), burst(l.planned)),
			classes: map[fleet.RateLimitClass]*classPace{}}
		l.of[subscription] = p
	}
	return p
}

func (l *Limiter) class(p *pace, name fleet.RateLimitClass) *classPace {
	q := p.classes[name]
	if q == nil {
		q = &classPace{classRate: newClassRate(l.planned), turn: make(chan struct{}, 1)}
		p.classes[name] = q
	}
	return q
}

// Wait returns when a request may go out, or with the context's error. Requests
// of a class go in the order in which they asked.
func (l *Limiter) Wait(ctx context.Context, subscription string, name fleet.RateLimitClass) error {
	l.mu.Lock()
	p := l.pace(subscription)
	q := l.class(p, name)
	l.mu.Unlock()
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-q.turn }()
	for {
		if pause := l.pause(p, q); pause > 0 {
			// What it waited for is looked at anew: it may be more by then.
			if err := sleep(ctx, pause); err != nil {
				return err
			}
			continue
		}
		if err := p.planned.Wait(ctx); err != nil {
			return err
		}
		if l.leave(p, q) {
			return nil
		}
	}
}

// pause is how long the next request of a class has to wait, beside what is
// planned for the subscription.
func (l *Limiter) pause(p *pace, q *classPace) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := time.Until(p.until)
	if q.slowed() {
		d = max(d, time.Until(q.last.Add(q.spacing())))
	}
	return d
}

// leave lets a request go, unless a pause came while it queued.
func (l *Limiter) leave(p *pace, q *classPace) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Until(p.until) > 0 {
		return false
	}
	q.last = time.Now()
	return true
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pause lets no request of the subscription out for a while. A shorter pause
// than one under way changes nothing.
func (l *Limiter) Pause(subscription string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace(subscription).pauseFor(d)
}

func (p *pace) pauseFor(d time.Duration) {
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// Told learns from an answer to a request of a class.
func (l *Limiter) Told(subscription string, name fleet.RateLimitClass, a fleet.RateLimitAnswer) {
	l.mu.Lock()
	p := l.pace(subscription)
	q := l.class(p, name)
	if a.SlowDown {
		p.pauseFor(a.RetryAfter)
	}
	q.learn(a, time.Now())
	c, changed := PaceChange{subscription, name, q.rate, q.planned}, q.news()
	l.mu.Unlock()
	if changed && l.Changed != nil {
		l.Changed(c)
	}
}

// Each visits the rate of every class that was asked for so far, in no order. It
// holds nobody up.
func (l *Limiter) Each(visit func(subscription string, name fleet.RateLimitClass, perSecond float64)) {
	var all []PaceChange
	l.mu.Lock()
	for subscription, p := range l.of {
		for name, q := range p.classes {
			all = append(all, PaceChange{Subscription: subscription, Class: name, PerSecond: q.rate})
		}
	}
	l.mu.Unlock()
	for _, c := range all {
		visit(c.Subscription, c.Class, c.PerSecond)
	}
}
