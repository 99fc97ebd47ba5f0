// Package heartbeat answers "is anybody still at it": it shows the server that an
// activity is being carried out while it waits.
package heartbeat

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// Await waits for a value, and shows the server meanwhile that somebody does, three
// times in the activity's heartbeat timeout; false when the activity was cancelled
// before.
func Await[T any](ctx context.Context, done <-chan T) (v T, ok bool) {
	every := activity.GetInfo(ctx).HeartbeatTimeout / 3
	if every <= 0 {
		every = time.Minute
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case v := <-done:
			return v, true
		case <-tick.C:
			activity.RecordHeartbeat(ctx)
		case <-ctx.Done():
			return v, false
		}
	}
}

// Do does something that may take long, and cannot be broken off: where the activity is
// cancelled before its end, it goes on by itself, and the error is the context's.
func Do[T any](ctx context.Context, do func() (T, error)) (v T, err error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := do()
		done <- result{v, err}
	}()
	r, ok := Await(ctx, done)
	if !ok {
		return v, ctx.Err()
	}
	return r.v, r.err
}
