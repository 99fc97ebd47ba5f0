package runner

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// snapshotCache shares one reading of a subscription, or of a vault where the kind
// reads vaults one by one, between everybody who needs it, and keeps readings of
// it at least one poll apart (design.md#rule-7 and #rule-11), but for those that follow
// a young operation (rollout.LookPace). It is safe for concurrent use.
type snapshotCache struct {
	ctx   context.Context
	calls *errgroup.Group
	cloud Upgrader
	clock *clock
	poll  time.Duration
	scope fleet.Scope
	whole bool                    // readings are of whole subscriptions
	first map[string]*fleet.Vault // a vault of each subscription

	mu      sync.Mutex
	vaults  map[string][]fleet.Followed // of each subscription, where readings are of those
	entries map[cacheKey]*cacheEntry
	aging   []aged // readings of vaults, oldest first: they are forgotten with their use
}

// cacheKey names what is read together: a subscription, or one of its vaults.
type cacheKey struct {
	subscription string
	vault        fleet.Key
}

// cacheEntry is what is known of the readings of one subscription or vault.
type cacheEntry struct {
	last  *reading // the newest one that is over, nil before the first
	under *reading // the one under way, nil when there is none
}

type aged struct {
	key cacheKey
	of  *reading
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

func newSnapshotCache(ctx context.Context, calls *errgroup.Group, cloud Upgrader, p *plan.Plan,
	c *clock) *snapshotCache {
	l := &snapshotCache{ctx: ctx, calls: calls, cloud: cloud, clock: c, poll: p.Timings.Poll,
		entries: map[cacheKey]*cacheEntry{},
		scope:   cloud.Scope(), whole: cloud.Scope() == fleet.ScopeSubscription, first: map[string]*fleet.Vault{},
		vaults: map[string][]fleet.Followed{}}
	for i := range p.Vaults {
		v := &p.Vaults[i].Vault
		if l.first[v.SubscriptionID] == nil {
			l.first[v.SubscriptionID] = v
		}
		if l.whole {
			l.vaults[v.SubscriptionID] = append(l.vaults[v.SubscriptionID], fleet.Followed{Vault: v})
		}
	}
	return l
}

func (l *snapshotCache) keyOf(v *fleet.Vault) cacheKey {
	if l.whole {
		return cacheKey{subscription: v.SubscriptionID}
	}
	return cacheKey{v.SubscriptionID, v.Key}
}

// recent returns a reading of a vault no older than one poll that began after a
// time.
func (l *snapshotCache) recent(ctx context.Context, v *fleet.Vault, after time.Time) (*fleet.Snapshot, error) {
	since := l.clock.now().Add(-l.poll)
	if after.After(since) {
		since = after
	}
	return l.get(ctx, fleet.Followed{Vault: v}, since)
}

// get returns a reading of a vault that began no earlier than since, or failed
// after it. It may wait up to one poll for its turn.
func (l *snapshotCache) get(ctx context.Context, v fleet.Followed, since time.Time) (*fleet.Snapshot, error) {
	return l.getApart(ctx, v, since, l.poll)
}

// getApart is get for readings that may be closer together than a poll.
func (l *snapshotCache) getApart(ctx context.Context, v fleet.Followed, since time.Time,
	apart time.Duration) (*fleet.Snapshot, error) {
	for {
		r, turn := l.ask(v, since, apart)
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
func (l *snapshotCache) ask(v fleet.Followed, since time.Time, apart time.Duration) (*reading, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.now()
	l.forget(now)
	key := l.keyOf(v.Vault)
	s := l.entries[key]
	if s == nil {
		s = &cacheEntry{}
		l.entries[key] = s
	}
	switch {
	case s.last != nil && !s.last.began.Before(since):
		return s.last, 0
	case s.under != nil:
		return s.under, 0
	case s.last != nil && now.Sub(s.last.began) < apart:
		return nil, apart - now.Sub(s.last.began)
	}
	r := &reading{began: now, done: make(chan struct{})}
	s.under = r
	vaults := []fleet.Followed{v}
	if l.whole {
		vaults = l.vaults[key.subscription]
	}
	l.calls.Go(func() error {
		snap, err := l.cloud.Read(l.ctx, key.subscription, vaults)
		began := l.clock.now()
		if err == nil {
			own := *snap
			own.ReadAt = l.clock.within(r.began, own.ReadAt, began) // in the run's own time
			snap, began = &own, own.ReadAt
		}
		l.mu.Lock()
		r.began, r.snap, r.err = began, snap, err
		s.last, s.under = r, nil
		if !l.whole {
			l.aging = append(l.aging, aged{key, r})
		}
		l.mu.Unlock()
		close(r.done)
		return nil
	})
	return r, 0
}

// forget drops the readings of vaults that serve nobody any more. One is as good
// as forgotten a poll after it began; it is kept another, for Explain.
func (l *snapshotCache) forget(now time.Time) {
	for len(l.aging) > 0 && now.Sub(l.aging[0].of.began) > 2*l.poll {
		a := l.aging[0]
		l.aging = l.aging[1:]
		if s := l.entries[a.key]; s != nil && s.last == a.of && s.under == nil {
			delete(l.entries, a.key)
		}
	}
}

// began returns when the newest reading of a vault, or of its subscription,
// began, zero when there was none.
func (l *snapshotCache) began(v *fleet.Vault) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.entries[l.keyOf(v)]
	switch {
	case s == nil:
	case s.under != nil:
		return s.under.began
	case s.last != nil:
		return s.last.began
	}
	return time.Time{}
}
