package runner

import (
	"context"
	"sync"
	"time"

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
	if !a.On {
		if w == nil {
			return
		}
		if w.drop(a.Vault) == 0 {
			w.stop()
			delete(r.watchers, a.Subscription)
		}
		return
	}
	v := r.snapshots.first[a.Subscription]
	if a.Vault >= 0 {
		v = r.vault(a.Vault)
	}
	x := &watched{Followed: fleet.Followed{Vault: v, OperationID: a.OperationID, Operation: a.Operation.Followable(), Overdue: a.Overdue}, since: a.Since}
	now := r.clock.now()
	x.apart = r.lookPace(x.since, now, 0) // one for each start, and those are spaced
	x.next = r.snapshots.began(v).Add(x.apart)
	if !x.since.IsZero() {
		x.next = latest(x.next, x.since.Add(min(quickest, r.Plan.Timings.Poll)))
	}
	if a.Operation != nil {
		x.next = latest(x.next, now.Add(a.Operation.RetryAfter))
	}
	if w != nil {
		w.add(a.Vault, x)
		return
	}
	ctx, stop := context.WithCancel(r.reads)
	w = &watcher{subscription: a.Subscription, stop: stop, changed: make(chan struct{}, 1), watched: map[int]*watched{a.Vault: x}}
	r.watchers[a.Subscription] = w
	if r.snapshots.whole {
		r.call(func() { r.poll(ctx, v) })
	} else {
		r.call(func() { r.pollEach(ctx, w) })
	}
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

// poll reads the subscription of a vault once a poll until its context ends.
func (r *run) poll(ctx context.Context, v *fleet.Vault) {
	for {
		next := r.snapshots.began(v).Add(r.Plan.Timings.Poll)
		if !r.sleep(ctx, next, nil) {
			return
		}
		snap, err := r.snapshots.get(ctx, fleet.Followed{Vault: v}, next)
		if ctx.Err() != nil {
			return
		}
		r.saw(v.SubscriptionID, "", snap, err)
	}
}

// pollEach reads each watched vault at its pace, or as seldom as the cloud asks
// for, until its context ends.
func (r *run) pollEach(ctx context.Context, w *watcher) {
	for {
		read, next := w.due(r.clock.now())
		for _, x := range read {
			r.call(func() { r.look(ctx, w, x) })
		}
		if !r.sleep(ctx, next, w.changed) {
			return
		}
	}
}

// look reads one watched vault.
func (r *run) look(ctx context.Context, w *watcher, x *watched) {
	snap, err := r.snapshots.getApart(ctx, x.Followed, r.snapshots.began(x.Vault).Add(x.apart), x.apart)
	if ctx.Err() != nil {
		return
	}
	r.saw(w.subscription, x.Vault.Key, snap, err)
	asked := fleet.RetryAfterOf(err)
	if snap != nil {
		asked = max(asked, snap.Next)
	}
	// The pace is counted from reading to reading, what the service asks for from its
	// answer on, which may have taken long.
	began := r.snapshots.began(x.Vault)
	apart := r.lookPace(x.since, began, w.size())
	if err != nil {
		apart = r.Plan.Timings.Poll
	}
	w.done(x, apart, latest(began.Add(apart), r.clock.now().Add(asked)))
}

// saw hands on what a reading showed; vault is the one that was read, empty for
// all of the subscription.
func (r *run) saw(subscription string, vault fleet.Key, snap *fleet.Snapshot, err error) {
	if err != nil {
		r.noteThrottle(subscription, err)
		r.post(rollout.Unread(r.snapshots.scope, subscription, vault, err))
		return
	}
	r.post(rollout.ReadDone{Snapshot: *snap})
}

// sleep returns true at a time (zero: never by itself) or when woken, false when
// the context ends.
func (r *run) sleep(ctx context.Context, until time.Time, wake <-chan struct{}) bool {
	var alarm <-chan time.Time
	if !until.IsZero() || wake == nil {
		t := time.NewTimer(max(0, until.Sub(r.clock.now())))
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
