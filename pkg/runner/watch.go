package runner

import (
	"context"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// watcher reads one subscription on every tick while anything in it is
// watched.
type watcher struct {
	watched map[int]struct{} // vaults, and -1 for the subscription itself
	stop    context.CancelFunc
}

// watch turns the reading of a subscription on or off.
func (r *run) watch(a rollout.Watch) {
	w := r.watchers[a.Subscription]
	if !a.On {
		if w == nil {
			return
		}
		if delete(w.watched, a.Vault); len(w.watched) == 0 {
			w.stop()
			delete(r.watchers, a.Subscription)
		}
		return
	}
	if w == nil {
		ctx, stop := context.WithCancel(r.reads)
		w = &watcher{watched: map[int]struct{}{}, stop: stop}
		r.watchers[a.Subscription] = w
		r.call(func() { r.poll(ctx, a.Subscription) })
	}
	w.watched[a.Vault] = struct{}{}
}

// poll reads a subscription once a poll until its context ends.
func (r *run) poll(ctx context.Context, subscription string) {
	for {
		next := r.lister.began(subscription).Add(r.Plan.Timings.Poll)
		t := time.NewTimer(max(0, next.Sub(r.clock.now())))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		snap, err := r.lister.get(ctx, subscription, next)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.noteThrottle(subscription, err)
			r.post(rollout.ListFailed{Subscription: subscription, Class: fleet.ClassOf(err), Detail: err.Error()})
		default:
			r.post(rollout.Listed{Snapshot: snap})
		}
	}
}
