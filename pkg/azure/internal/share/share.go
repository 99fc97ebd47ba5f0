// Package share answers "who asks, when many want the same answer at once": one
// asks, all get it, and a good answer may be kept for a while.
//
// Unlike golang.org/x/sync/singleflight it starts no goroutine, gives every
// waiter its own context, and lets the next waiter ask again when the one that
// asked was cancelled: one vault's deadline must not fail its neighbours.
package share

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Group shares answers by key. The zero value is ready to use. Its methods are
// safe for concurrent use.
type Group[K comparable, V any] struct {
	mu      sync.Mutex
	flights map[K]*flight[V]
	kept    map[K]kept[V]
}

type flight[V any] struct {
	done      chan struct{}
	val       V
	err       error
	abandoned bool // the asker's context ended: the error says nothing
}

type kept[V any] struct {
	val   V
	until time.Time
}

// Do returns the kept answer for key, or waits for the one that is being
// asked, or asks with fetch in the caller's goroutine. fetch says until when
// its answer may be kept; the zero time and errors are not kept.
func (g *Group[K, V]) Do(ctx context.Context, key K, fetch func(context.Context) (V, time.Time, error)) (V, error) {
	var zero V
	for {
		if err := ctx.Err(); err != nil {
			return zero, err
		}
		g.mu.Lock()
		if k, ok := g.kept[key]; ok {
			if time.Now().Before(k.until) {
				g.mu.Unlock()
				return k.val, nil
			}
			delete(g.kept, key)
		}
		f, waiting := g.flights[key]
		if !waiting {
			f = &flight[V]{done: make(chan struct{})}
			if g.flights == nil {
				g.flights = make(map[K]*flight[V])
				g.kept = make(map[K]kept[V])
			}
			g.flights[key] = f
		}
		g.mu.Unlock()
		if !waiting {
			g.ask(ctx, key, f, fetch)
			return f.val, f.err
		}
		select {
		case <-ctx.Done():
			return zero, ctx.Err()
		case <-f.done:
		}
		if !f.abandoned {
			return f.val, f.err
		}
	}
}

func (g *Group[K, V]) ask(ctx context.Context, key K, f *flight[V], fetch func(context.Context) (V, time.Time, error)) {
	var until time.Time
	f.err = fmt.Errorf("the call that others waited for did not return")
	defer func() {
		f.abandoned = f.err != nil && ctx.Err() != nil
		g.mu.Lock()
		delete(g.flights, key)
		if f.err == nil && time.Now().Before(until) {
			g.kept[key] = kept[V]{f.val, until}
		}
		g.mu.Unlock()
		close(f.done)
	}()
	f.val, until, f.err = fetch(ctx)
}

// ForgetIf drops the kept answer for key where drop says so.
func (g *Group[K, V]) ForgetIf(key K, drop func(V) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k, ok := g.kept[key]; ok && drop(k.val) {
		delete(g.kept, key)
	}
}
