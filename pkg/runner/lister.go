package runner

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// lister shares one reading of a subscription between everybody who needs it
// and keeps readings of it at least one poll apart (design §2, rules 7 and 11).
// It is safe for concurrent use.
type lister struct {
	ctx   context.Context
	calls *errgroup.Group
	cloud Upgrader
	clock *clock
	poll  time.Duration

	mu   sync.Mutex
	subs map[string]*shelf
}

// shelf is what is known of one subscription's readings.
type shelf struct {
	vaults []fleet.Key
	last   *reading // the newest one that is over, nil before the first
	under  *reading // the one under way, nil when there is none
}

// reading is one request for a subscription's vaults. It begins when it is
// asked for; once it is over, began is when the request really went out, which
// a pause of the subscription can make much later. One that failed shows
// nothing, and counts from its end, so that the next comes a poll after it.
type reading struct {
	began time.Time
	done  chan struct{} // closed when the rest is set, and began for good
	snap  *fleet.Snapshot
	err   error
}

func newLister(ctx context.Context, calls *errgroup.Group, cloud Upgrader, p *plan.Plan, c *clock) *lister {
	l := &lister{ctx: ctx, calls: calls, cloud: cloud, clock: c, poll: p.Timings.Poll, subs: map[string]*shelf{}}
	for i := range p.Vaults {
		v := &p.Vaults[i]
		s := l.subs[v.SubscriptionID]
		if s == nil {
			s = &shelf{}
			l.subs[v.SubscriptionID] = s
		}
		s.vaults = append(s.vaults, v.Key)
	}
	return l
}

// recent returns a reading no older than one poll that began after a time.
func (l *lister) recent(ctx context.Context, subscription string, after time.Time) (*fleet.Snapshot, error) {
	since := l.clock.now().Add(-l.poll)
	if after.After(since) {
		since = after
	}
	return l.get(ctx, subscription, since)
}

// get returns a reading that began no earlier than since, or failed after it.
// It may wait up to one poll for its turn.
func (l *lister) get(ctx context.Context, subscription string, since time.Time) (*fleet.Snapshot, error) {
	for {
		r, turn := l.ask(subscription, since)
		if r != nil {
			select {
			case <-r.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if !r.began.Before(since) {
				return r.snap, r.err
			}
			continue
		}
		t := time.NewTimer(turn)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		}
	}
}

// ask returns a reading to wait for, or how long to wait before asking again.
func (l *lister) ask(subscription string, since time.Time) (*reading, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := l.subs[subscription], l.clock.now()
	switch {
	case s.last != nil && !s.last.began.Before(since):
		return s.last, 0
	case s.under != nil:
		return s.under, 0
	case s.last != nil && now.Sub(s.last.began) < l.poll:
		return nil, l.poll - now.Sub(s.last.began)
	}
	r := &reading{began: now, done: make(chan struct{})}
	s.under = r
	l.calls.Go(func() error {
		snap, err := l.cloud.Read(l.ctx, subscription, s.vaults)
		began := l.clock.now()
		if err == nil {
			own := *snap
			own.ReadAt = l.clock.within(r.began, own.ReadAt, began) // in the run's own time
			snap, began = &own, own.ReadAt
		}
		l.mu.Lock()
		r.began, r.snap, r.err = began, snap, err
		s.last, s.under = r, nil
		l.mu.Unlock()
		close(r.done)
		return nil
	})
	return r, 0
}

// lastSeen returns the vault in the newest reading there is, without asking
// for another.
func (l *lister) lastSeen(v *fleet.Vault) fleet.Sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.subs[v.SubscriptionID]; s.last != nil && s.last.snap != nil {
		return s.last.snap.Vaults[v.Key]
	}
	return fleet.Sighting{}
}

// began returns when the newest reading of a subscription began, zero when
// there was none.
func (l *lister) began(subscription string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.subs[subscription]
	switch {
	case s.under != nil:
		return s.under.began
	case s.last != nil:
		return s.last.began
	}
	return time.Time{}
}
