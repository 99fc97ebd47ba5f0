package runner

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// passes returns when each of n requests, all asked for now, may go.
func passes(t *testing.T, l *Limiter, sub string, n int) (at []time.Duration) {
	began := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if err := l.Wait(t.Context(), sub); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(began))
		})
	}
	wg.Wait()
	return at
}

func TestLimiterRate(t *testing.T) {
	t.Parallel()
	for perSecond, burst := range map[float64]int{10: 10, 2.5: 3, 0.5: 1} {
		synctest.Test(t, func(t *testing.T) {
			const n = 40
			at := passes(t, NewLimiter(perSecond), subA, n)
			for i, d := range at {
				want := time.Duration(float64(max(0, i+1-burst)) / perSecond * float64(time.Second))
				if diff := d - want; diff < -time.Millisecond || diff > time.Millisecond {
					t.Errorf("%v a second: request %d went out after %v, expected %v", perSecond, i+1, d, want)
				}
			}
		})
	}
}

// Each subscription has a rate and a pause of its own.
func TestLimiterKeepsSubscriptionsApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1)
		passes(t, l, subA, 1)
		l.Pause(subA, time.Hour)
		if at := passes(t, l, subB, 1); at[0] != 0 {
			t.Errorf("the other subscription waited %v", at[0])
		}
		if at := passes(t, l, subA, 1); at[0] != time.Hour {
			t.Errorf("the paused one waited %v", at[0])
		}
	})
}

// A pause holds back what queues already, a longer one extends it, a shorter
// one does not end it; after it the rate holds again.
func TestLimiterPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1)
		time.AfterFunc(2500*time.Millisecond, func() { l.Pause(subA, time.Minute) })
		time.AfterFunc(10*time.Second, func() { l.Pause(subA, 10*time.Minute) })
		time.AfterFunc(20*time.Second, func() { l.Pause(subA, time.Second) })
		at := passes(t, l, subA, 6) // three go before the pause, at 0, 1 and 2 s
		resumed := 10*time.Second + 10*time.Minute
		if at[2] != 2*time.Second || at[3] < resumed || at[5] > resumed+4*time.Second {
			t.Errorf("requests went out at %v, the pause ended at %v", at, resumed)
		}
	})
}

func TestLimiterContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0.1)
		passes(t, l, subB, 1)
		l.Pause(subA, time.Hour)
		for _, sub := range []string{subA, subB} { // one is paused, one is queueing
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(time.Second, cancel)
			if err := l.Wait(ctx, sub); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
				t.Errorf("%s: %v after %v", sub, err, time.Since(began))
			}
		}
	})
}
