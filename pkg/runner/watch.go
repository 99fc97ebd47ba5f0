package runner

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// watcher reads one subscription on every tick while anything in it is
// watched: its listing, or one by one the vaults that are.
type watcher struct {
	subscription string
	stop         context.CancelFunc
	changed      chan struct{} // capacity 1: what is watched has changed, or a reading is over

	mu      sync.Mutex
	watched map[int]*watched // vaults, and -1 for the subscription itself
}

// watched is a vault that is read by itself.
type watched struct {
	fleet.Followed
	since   time.Time     // when the start of the operation was decided, zero for none
	apart   time.Duration // of the next reading, from the one before
	next    time.Time     // not to be read before
	reading bool
}

// watch turns the reading of a subscription, or of a vault in it, on or off.
func (r *run) watch(a rollout.Watch) {
	w := r.watchers[a.Subscription]
	switch {
	case !a.On:
		if w != nil && w.drop(a.Vault) == 0 {
			w.stop()
			delete(r.watchers, a.Subscription)
		}
	case w != nil:
		w.add(a.Vault, r.toWatch(a))
	default:
		var ctx context.Context
		w = newWatcher(a.Subscription)
		w.add(a.Vault, r.toWatch(a))
		ctx, w.stop = context.WithCancel(r.reads)
		r.watchers[a.Subscription] = w
		r.call(func() { r.follow(ctx, w, r.post) })
	}
}

// Watch reads what is to be watched of one subscription, each vault at its pace where
// they are read one by one, and tells each reading, until ctx ends. tell may be called
// from several goroutines at once.
func (c *Calls) Watch(ctx context.Context, subscription string, watched []rollout.Watch,
	tell func(rollout.Observation)) {
	w := newWatcher(subscription)
	for _, a := range watched {
		w.add(a.Vault, c.toWatch(a))
	}
	c.follow(ctx, w, tell)
}

func newWatcher(subscription string) *watcher {
	return &watcher{subscription: subscription, changed: make(chan struct{}, 1), watched: map[int]*watched{}}
}

// toWatch is a vault that is to be watched from now on, or any of its subscription.
func (c *Calls) toWatch(a rollout.Watch) *watched {
	v := c.snapshots.first[a.Subscription]
	if a.Vault >= 0 {
		v = c.vault(a.Vault)
	}
	x := &watched{Followed: fleet.Followed{Vault: v, OperationID: a.OperationID, Operation: a.Operation.Followable(),
		Unfollowed: a.Operation.WhyUnfollowed(), Overdue: a.Overdue}, since: a.Since}
	now := c.clock.now()
	x.apart = rollout.LookPace(c.Plan, x.since, now, 0) // one for each start, and those are spaced
	x.next = c.snapshots.began(v).Add(x.apart)
	if !x.since.IsZero() {
		x.next = latest(x.next, rollout.FirstLook(c.Plan, x.since))
	}
	x.next = latest(x.next, a.NotBefore)
	return x
}

func (w *watcher) add(vault int, x *watched) {
	w.mu.Lock()
	w.watched[vault] = x
	w.mu.Unlock()
	w.wake()
}

func (w *watcher) drop(vault int) (left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watched, vault)
	return len(w.watched)
}

// size is how many are watched.
func (w *watcher) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watched)
}

func (w *watcher) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// due takes the vaults that are to be read now, and says when the next one is;
// zero where none is known.
func (w *watcher) due(now time.Time) (read []*watched, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.watched {
		switch {
		case x.reading:
		case !x.next.After(now):
			x.reading = true
			read = append(read, x)
		case next.IsZero() || x.next.Before(next):
			next = x.next
		}
	}
	return read, next
}

// done says when a vault that was read is to be read again, and how far apart the
// two readings are.
func (w *watcher) done(x *watched, apart time.Duration, next time.Time) {
	w.mu.Lock()
	x.reading, x.apart, x.next = false, apart, next
	w.mu.Unlock()
	w.wake()
}

// follow reads what a watcher watches until its context ends.
func (c *Calls) follow(ctx context.Context, w *watcher, tell func(rollout.Observation)) {
	if c.snapshots.whole {
		c.poll(ctx, c.snapshots.first[w.subscription], tell)
		return
	}
	var looks errgroup.Group
	for {
		read, next := w.due(c.clock.now())
		for _, x := range read {
			looks.Go(func() error { c.look(ctx, w, x, tell); return nil })
		}
		if !c.sleep(ctx, next, w.changed) {
			_ = looks.Wait() // they tell what they saw, and no errors
			return
		}
	}
}

// poll reads the subscription of a vault once a poll until its context ends.
func (c *Calls) poll(ctx context.Context, v *fleet.Vault, tell func(rollout.Observation)) {
	for {
		next := c.snapshots.began(v).Add(c.Plan.Timings.Poll)
		if !c.sleep(ctx, next, nil) {
			return
		}
		snap, err := c.snapshots.get(ctx, fleet.Followed{Vault: v}, next)
		if ctx.Err() != nil {
			return
		}
		c.saw(v.SubscriptionID, "", snap, err, tell)
	}
}

// look reads one watched vault.
func (c *Calls) look(ctx context.Context, w *watcher, x *watched, tell func(rollout.Observation)) {
	snap, err := c.snapshots.getApart(ctx, x.Followed, c.snapshots.began(x.Vault).Add(x.apart), x.apart)
	if ctx.Err() != nil {
		return
	}
	c.saw(w.subscription, x.Vault.Key, snap, err, tell)
	asked := fleet.RetryAfterOf(err)
	if snap != nil {
		asked = max(asked, snap.Next)
	}
	// The pace is counted from reading to reading, what the service asks for from its
	// answer on, which may have taken long.
	began := c.snapshots.began(x.Vault)
	next, apart := rollout.NextLook(c.Plan, x.since, began, c.clock.now(), w.size(), err != nil, asked)
	w.done(x, apart, next)
}

// saw hands on what a reading showed; vault is the one that was read, empty for
// all of the subscription.
func (c *Calls) saw(subscription string, vault fleet.Key, snap *fleet.Snapshot, err error,
	tell func(rollout.Observation)) {
	if err != nil {
		c.noteThrottle(tell, subscription, err)
		tell(rollout.Unread(c.snapshots.scope, subscription, vault, err))
		return
	}
	tell(rollout.ReadDone{Snapshot: *snap})
}

// sleep returns true at a time (zero: never by itself) or when woken, false when
// the context ends.
func (c *Calls) sleep(ctx context.Context, until time.Time, wake <-chan struct{}) bool {
	var alarm <-chan time.Time
	if !until.IsZero() || wake == nil {
		t := time.NewTimer(max(0, until.Sub(c.clock.now())))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-alarm:
		return true
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
