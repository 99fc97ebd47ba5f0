package runner

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter spaces the requests of each subscription (limits.requestsPerSecond)
// and holds them back while a subscription asked to be left alone. It is safe
// for concurrent use.
type Limiter struct {
	perSecond float64
	mu        sync.Mutex
	buckets   map[string]*bucket
}

type bucket struct {
	*rate.Limiter
	until time.Time
}

// NewLimiter returns a limiter of so many requests per second and
// subscription, with bursts of as many, at least one.
func NewLimiter(perSecond float64) *Limiter {
	return &Limiter{perSecond: perSecond, buckets: map[string]*bucket{}}
}

func (l *Limiter) bucket(subscription string) *bucket {
	b := l.buckets[subscription]
	if b == nil {
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(l.perSecond), max(1, int(math.Ceil(l.perSecond))))}
		l.buckets[subscription] = b
	}
	return b
}

// Wait returns when a request may go out, or with the context's error.
func (l *Limiter) Wait(ctx context.Context, subscription string) error {
	for {
		l.mu.Lock()
		b := l.bucket(subscription)
		pause := time.Until(b.until)
		l.mu.Unlock()
		if pause <= 0 {
			if err := b.Wait(ctx); err != nil {
				return err
			}
			if !l.paused(b) {
				return nil
			}
			continue // the pause came while this one queued
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

func (l *Limiter) paused(b *bucket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(b.until) > 0
}

// Pause lets no request of the subscription out for a while. A shorter pause
// than one under way changes nothing.
func (l *Limiter) Pause(subscription string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.bucket(subscription).until) {
		l.bucket(subscription).until = until
	}
}
