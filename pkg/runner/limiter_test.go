package runner

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// passes returns when each of n requests, all asked for now, may go.
func passes(t *testing.T, l *Limiter, sub string, n int) (at []time.Duration) {
	began := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if err := l.Wait(t.Context(), sub, fleet.ClassReads); err != nil {
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

// What is planned may become less, when others share it, and more again: what was not
// slowed follows at once, and what the cloud slowed stays so. Nobody is told of either.
func TestLimiterIsPlannedAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10)
		l.Changed = func(c PaceChange) {
			if c.PerSecond != 5 { // the 429 below
				t.Errorf("told of %+v", c)
			}
		}
		passes(t, l, subA, 20) // the burst is used up
		for _, planned := range []float64{2, 20} {
			l.Plan(planned)
			passes(t, l, subA, int(planned)*10) // what it had left, and its burst, are gone
			began := time.Now()
			passes(t, l, subA, 40)
			if got := 40 / time.Since(began).Seconds(); got < planned*0.97 || got > planned*1.03 {
				t.Errorf("%.2f requests a second, planned are %v", got, planned)
			}
		}
		l.Plan(10)
		l.Told(subA, fleet.ClassReads, fleet.RateLimitAnswer{SentAt: time.Now(), SlowDown: true})
		for planned, want := range map[float64]float64{40: 5, 20: 5} {
			l.Plan(planned)
			if got := rateOf(l, subA, fleet.ClassReads); got != want {
				t.Errorf("of %v a second planned a slowed class has %v, want %v", planned, got, want)
			}
		}
		l.Plan(4)
		if got := rateOf(l, subA, fleet.ClassReads); got != 4 {
			t.Errorf("of 4 a second planned a slowed class has %v", got)
		}
	})
}

// As long as no cloud complains, the classes of a subscription share what is
// planned for it, as if there were one.
func TestLimiterSharesThePlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, began := NewLimiter(10), time.Now()
		var mu sync.Mutex
		var at []time.Duration
		var wg sync.WaitGroup
		for i := range 60 {
			lane := []fleet.RateLimitClass{fleet.ClassServiceManagement, fleet.ClassReads, fleet.ClassWrites}[i%3]
			wg.Go(func() {
				if err := l.Wait(t.Context(), subA, lane); err != nil {
					t.Error(err)
				}
				mu.Lock()
				at = append(at, time.Since(began))
				mu.Unlock()
				l.Told(subA, lane, fleet.RateLimitAnswer{SentAt: time.Now(), Good: true, Remaining: 200})
			})
		}
		wg.Wait()
		slices.Sort(at)
		for i, d := range at {
			want := time.Duration(max(0, i+1-10)) * 100 * time.Millisecond
			if diff := d - want; diff < -time.Millisecond || diff > time.Millisecond {
				t.Errorf("request %d went out after %v, expected %v", i+1, d, want)
			}
		}
	})
}

// What slows one class leaves the others as they are, those of other
// subscriptions too. It sends one request at a time, in the order in which they
// asked; and when it is slowed further, what waits already feels it.
func TestLimiterSlowsOneLane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(8)
		slow := func() {
			l.Told(subA, fleet.ClassReads, fleet.RateLimitAnswer{SentAt: time.Now(), SlowDown: true, Remaining: -1})
			time.Sleep(time.Nanosecond) // what comes now was sent later
		}
		passes(t, l, subA, 1)
		for range 3 { // 1 a second
			slow()
		}
		began := time.Now()
		var mu sync.Mutex
		var order []int
		var at []time.Duration
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if err := l.Wait(t.Context(), subA, fleet.ClassReads); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order, at = append(order, i), append(at, time.Since(began).Round(time.Millisecond))
			})
			synctest.Wait()
		}
		for _, other := range []struct {
			subscription string
			lane         fleet.RateLimitClass
		}{{subA, fleet.ClassWrites}, {subA, fleet.ClassServiceManagement}, {subB, fleet.ClassReads}} {
			if err := l.Wait(t.Context(), other.subscription, other.lane); err != nil || time.Since(began) != 0 {
				t.Errorf("%v waited %v, %v", other, time.Since(began), err)
			}
		}
		time.Sleep(3500 * time.Millisecond)
		slow() // 1 in two seconds
		wg.Wait()
		want := []time.Duration{1 * time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 7 * time.Second,
			9 * time.Second}
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5}) || !slices.Equal(at, want) {
			t.Errorf("went out in the order %v at %v, want %v", order, at, want)
		}
	})
}

// A 429 holds the whole subscription back for as long as it asks, and at once:
// the caller may be trying again in its own time. After it the slowed class does
// not make up for what it missed.
func TestLimiterHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(2)
		passes(t, l, subA, 2)
		l.Told(subA, fleet.ClassReads, fleet.RateLimitAnswer{SentAt: time.Now(), SlowDown: true, RetryAfter: time.Hour,
			Remaining: -1})
		began := time.Now()
		if at := passes(t, l, subB, 1); at[0] != 0 {
			t.Errorf("another subscription waited %v", at[0])
		}
		if at, want := passes(t, l, subA, 3),
			[]time.Duration{time.Hour, time.Hour + time.Second, time.Hour + 2*time.Second}; !slices.Equal(at, want) {
			t.Errorf("went out at %v, want %v", at, want)
		}
		l.Told(subA, fleet.ClassReads, fleet.RateLimitAnswer{SentAt: time.Now(), SlowDown: true, RetryAfter: time.Hour,
			Remaining: -1})
		if err := l.Wait(t.Context(), subA, fleet.ClassWrites); err != nil ||
			time.Since(began) != 2*time.Hour+2*time.Second {
			t.Errorf("the other lane waited %v, %v", time.Since(began), err)
		}
	})
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
		const subC, subD = "sub-c", "sub-d"
		l := NewLimiter(0.1)
		passes(t, l, subB, 1)
		l.Pause(subA, time.Hour)
		passes(t, l, subC, 1)
		l.Told(subC, fleet.ClassReads, fleet.RateLimitAnswer{SentAt: time.Now(), SlowDown: true, Remaining: -1})
		l.Pause(subD, time.Hour)
		first, leave := context.WithCancel(t.Context())
		var queue sync.WaitGroup
		queue.Go(func() { _ = l.Wait(first, subD, fleet.ClassReads) })
		synctest.Wait()
		defer queue.Wait()
		defer leave()
		// One is paused, one queues for what is planned, one is slowed, one stands
		// behind another.
		for _, sub := range []string{subA, subB, subC, subD} {
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(time.Second, cancel)
			if err := l.Wait(ctx, sub, fleet.ClassReads); !errors.Is(err, context.Canceled) ||
				time.Since(began) != time.Second {
				t.Errorf("%s: %v after %v", sub, err, time.Since(began))
			}
		}
	})
}
