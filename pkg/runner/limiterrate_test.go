package runner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// cloudBucket is how a cloud limits a class: a bucket that gets so many requests
// more each second.
type cloudBucket struct {
	size, refill float64
	counts       bool          // answers say how many are left
	latency      time.Duration // of every answer

	mu            sync.Mutex
	left          float64
	at            time.Time
	good, refused int
}

// ask makes a request now and returns when it is answered.
func (b *cloudBucket) ask() fleet.RateLimitAnswer {
	a := b.answer(time.Now())
	time.Sleep(b.latency)
	return a
}

func (b *cloudBucket) answer(now time.Time) fleet.RateLimitAnswer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at.IsZero() {
		b.at, b.left = now, b.size
	}
	b.left, b.at = min(b.size, b.left+b.refill*now.Sub(b.at).Seconds()), now
	a := fleet.RateLimitAnswer{SentAt: now, Remaining: -1}
	if b.left < 1 {
		b.refused++
		a.SlowDown = true
		return a
	}
	b.left--
	b.good++
	a.Good = true
	if b.counts {
		a.Remaining = int(b.left)
	}
	return a
}

// since returns what was answered since it was asked last.
func (b *cloudBucket) since() (good, refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	good, refused = b.good, b.refused
	b.good, b.refused = 0, 0
	return good, refused
}

// press has sixteen workers send as much as they may, until the bubble's test
// stops them.
func press(t *testing.T, l *Limiter, b *cloudBucket) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for l.Wait(ctx, subA, fleet.ClassReads) == nil {
				l.Told(subA, fleet.ClassReads, b.ask())
			}
		})
	}
	return func() { cancel(); workers.Wait() }
}

func rateOf(l *Limiter, subscription string, lane fleet.RateLimitClass) (found float64) {
	l.Each(func(s string, name fleet.RateLimitClass, perSecond float64) {
		if s == subscription && name == lane {
			found = perSecond
		}
	})
	return found
}

// The rate settles where the cloud gives as much as is used, with few answers
// that refuse, and with none where the cloud counts what is left. The sizes of
// 200 and 250 are the Resource Manager's.
func TestRateSettles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		planned, refill, size float64
		counts                bool
		least, most           float64 // of what the cloud gives, that is used
		refused               float64 // at most this share of the answers
	}{
		{10, 25, 250, false, 0.39, 0.41, 0}, // more than is planned: the plan is the limit
		{10, 10, 200, true, 0.99, 1.01, 0},
		{10, 8, 200, false, 0.95, 1.05, 0.002},
		{10, 4, 200, false, 0.95, 1.05, 0.01},
		{10, 4, 1, false, 0.70, 0.80, 0.01},
		{10, 4, 200, true, 0.98, 1.01, 0},
		{10, 0.5, 200, false, 0.95, 1.05, 0.08},
		{10, 0.5, 200, true, 0.98, 1.02, 0},
		{100, 10, 200, false, 0.95, 1.05, 0.01},
		{100, 10, 200, true, 0.98, 1.01, 0},
		{100, 25, 250, true, 0.98, 1.01, 0},
	} {
		t.Run(fmt.Sprintf("%v a second of %v, counted %v, size %v", tt.refill, tt.planned, tt.counts, tt.size),
			func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					l := NewLimiter(tt.planned)
					b := &cloudBucket{size: tt.size, refill: tt.refill, latency: 200 * time.Millisecond,
						counts: tt.counts}
					defer press(t, l, b)()
					const settling, measured = 20 * time.Minute, 40 * time.Minute
					time.Sleep(settling)
					early, bad := b.since()
					time.Sleep(measured)
					good, refused := b.since()
					used, share := float64(good)/measured.Seconds()/tt.refill, float64(refused)/float64(good+refused)
					t.Logf("%.1f%% of what there is, %.2f%% refused; while it settled %d and %d", 100*used, 100*share,
						early, bad)
					if used < tt.least || used > tt.most || share > tt.refused {
						t.Errorf("used %.3f of what the cloud gives, %.4f of the answers refused; want %v to %v and "+
							"at most %v", used, share, tt.least, tt.most, tt.refused)
					}
					if tt.counts && bad > 0 {
						t.Errorf("%d were refused although every answer said how many are left", bad)
					}
				})
			})
	}
}

// Others use up what the cloud gives the subscription, for some minutes, and stop: what
// is planned is asked for again within half a minute of the last refusal, and that brings
// no more of them. The sizes are the Resource Manager's.
func TestRateComesBackAfterAStorm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		refill, size float64
		counts       bool
		others       float64 // requests a second, beside ours
		within       time.Duration
	}{
		{10, 200, false, 400, recovery},
		{10, 200, true, 400, recovery},
		{25, 250, false, 400, recovery},
		{25, 250, true, 400, recovery},
		// Others leave us a little: the rate finds out how much, and is careful for a while.
		{10, 200, false, 12, 90 * time.Second},
		{25, 250, false, 30, 90 * time.Second},
	} {
		t.Run(fmt.Sprintf("%v of %v, counted %v, others %v", tt.refill, tt.size, tt.counts, tt.others),
			func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					l := NewLimiter(10)
					b := &cloudBucket{size: tt.size, refill: tt.refill, latency: 200 * time.Millisecond,
						counts: tt.counts}
					defer press(t, l, b)()
					const storm = 5 * time.Minute
					for began := time.Now(); time.Since(began) < storm; {
						b.answer(time.Now())
						time.Sleep(time.Duration(float64(time.Second) / tt.others))
					}
					low := rateOf(l, subA, fleet.ClassReads)
					began := time.Now()
					b.since()
					var good, last int // of what is refused after the storm, the last
					var at time.Time
					for rateOf(l, subA, fleet.ClassReads) < 10 && time.Since(began) < time.Hour {
						time.Sleep(100 * time.Millisecond)
						g, refused := b.since()
						if good += g; refused > 0 || at.IsZero() {
							at, last = time.Now(), last+refused
						}
					}
					d := time.Since(at)
					t.Logf("from %.2f a second in %v, %d answers refused and %d good meanwhile", low,
						d.Round(100*time.Millisecond), last, good)
					if d > tt.within || last > 1 {
						t.Errorf("it took %v, and %d were refused", d, last)
					}
					time.Sleep(10 * time.Minute)
					if g, refused := b.since(); refused > g/500 {
						t.Errorf("then %d were refused and %d not", refused, g)
					}
				})
			})
	}
}

// A cloud that refuses everything is asked now and then, and no less than that. Once it
// has no complaints any more a rate comes back within its time, in small steps, to what is
// planned and no further.
func TestRateRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10)
		b := &cloudBucket{size: 1, refill: 0, latency: 100 * time.Millisecond}
		defer press(t, l, b)()
		time.Sleep(30 * time.Minute)
		if got := rateOf(l, subA, fleet.ClassReads); got != slowest {
			t.Fatalf("a cloud that refuses everything leaves it at %v", got)
		}
		b.since()
		time.Sleep(time.Hour)
		if good, refused := b.since(); good != 0 || refused < 719 || refused > 721 {
			t.Errorf("it asked %d times in an hour", good+refused)
		}
		b.mu.Lock()
		b.size, b.left, b.refill = 1e9, 1e9, 1e9
		b.mu.Unlock()
		began, last := time.Now(), slowest
		for rateOf(l, subA, fleet.ClassReads) < 10 {
			time.Sleep(100 * time.Millisecond)
			now := rateOf(l, subA, fleet.ClassReads)
			if now < last || now > last*(1+steepest) {
				t.Fatalf("after %v it went from %v to %v", time.Since(began), last, now)
			}
			last = now
		}
		if d := time.Since(began); d < recovery*4/5 || d > recovery+5*time.Second {
			t.Errorf("it took %v", d)
		}
		b.since()
		time.Sleep(time.Minute)
		if good, _ := b.since(); good < 590 || good > 610 {
			t.Errorf("then %d a minute", good)
		}
	})
}

// However many answers there are it takes the same time, and twice as long each time that
// the cloud refused it on the way; until it is beyond what was refused.
func TestRateRisesWithTime(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{10 * time.Millisecond, time.Second, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := newClassRate(10)
			say := func(a fleet.RateLimitAnswer) {
				a.SentAt, a.Remaining = time.Now(), -1
				r.learn(a, time.Now())
			}
			rises := func(to float64) time.Duration {
				began := time.Now()
				for r.rate < to {
					time.Sleep(every)
					say(fleet.RateLimitAnswer{Good: true})
				}
				return time.Since(began)
			}
			down := func(to float64) {
				for r.rate > to {
					time.Sleep(time.Nanosecond)
					say(fleet.RateLimitAnswer{SlowDown: true})
				}
			}
			say(fleet.RateLimitAnswer{SlowDown: true})
			share := math.Log(2) / math.Log(10/slowest) // of the way from slowest
			near := func(what string, got, want time.Duration) {
				if got < want-want/20 || got > want+2*every {
					t.Errorf("with an answer every %v it took %v %s, want %v", every, got, what, want)
				}
			}
			near("from half", rises(10), time.Duration(share*float64(recovery)))
			down(slowest)
			near("from the slowest", rises(10), recovery)
			down(4)
			for _, takes := range []time.Duration{4 * recovery, 8 * recovery, careful, careful} {
				rises(8) // and refused there
				down(4)
				if r.takes != takes {
					t.Errorf("after another refusal it takes %v, want %v", r.takes, takes)
				}
			}
			down(1)
			way := math.Log(8/r.lowest) / math.Log(10/slowest)
			near("to what was refused", rises(8), time.Duration(way*float64(careful)))
		})
	}
}

// What was sent before a rate was lowered knows nothing of the new one: it
// lowers it no further and raises it no more.
func TestRateLearnsOnceFromABurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(8)
		told := func(a fleet.RateLimitAnswer) { l.Told(subA, fleet.ClassReads, a) }
		expect := func(why string, want float64) {
			t.Helper()
			if got := rateOf(l, subA, fleet.ClassReads); got != want {
				t.Errorf("%s: %v, want %v", why, got, want)
			}
		}
		sent := time.Now()
		time.Sleep(time.Second)
		for i := range 16 {
			told(fleet.RateLimitAnswer{SentAt: sent.Add(time.Duration(i) * 60 * time.Millisecond), SlowDown: true,
				Remaining: 0})
			time.Sleep(time.Millisecond)
		}
		expect("sixteen that were under way together", 4)
		told(fleet.RateLimitAnswer{SentAt: sent, Good: true, Remaining: -1})
		expect("a good one of before", 4)
		told(fleet.RateLimitAnswer{SentAt: time.Now(), Remaining: -1})
		expect("one with trouble of another sort", 4)
		sent = time.Now()
		time.Sleep(time.Second)
		told(fleet.RateLimitAnswer{SentAt: sent, SlowDown: true, Remaining: -1})
		told(fleet.RateLimitAnswer{SentAt: sent, SlowDown: true, Remaining: -1})
		expect("two of after", 2)
	})
}

// A rate is lowered as far as the requests that are left need to last, before
// one is refused.
func TestRateFollowsTheCount(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		left int
		want float64
	}{{-1, 10}, {249, 10}, {20, 10}, {16, 8}, {2, 1}, {1, 0.5}, {0, 0.5}} {
		r := newClassRate(10)
		for range 3 { // saying it again changes nothing
			r.learn(fleet.RateLimitAnswer{SentAt: now, Good: true, Remaining: tt.left}, now)
		}
		if r.rate != tt.want {
			t.Errorf("%d left: %v, want %v", tt.left, r.rate, tt.want)
		}
	}
	r := newClassRate(10)
	r.learn(fleet.RateLimitAnswer{SentAt: now, SlowDown: true, Remaining: 0}, now)
	if r.rate != 5 {
		t.Errorf("a 429 that says what it means made it %v", r.rate)
	}
}

// A rate stays between its bounds, whatever comes.
func TestRateKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		planned := rapid.SampledFrom([]float64{0.01, slowest, 0.1, 1, 10, 1000}).Draw(t, "planned")
		r, now := newClassRate(planned), time.Unix(0, 0)
		for range rapid.IntRange(1, 60).Draw(t, "answers") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "later")))
			before := r.rate
			took := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "took"))
			a := fleet.RateLimitAnswer{SentAt: now.Add(-took), Remaining: rapid.IntRange(-1, 300).Draw(t, "left")}
			switch rapid.IntRange(0, 2).Draw(t, "sort") {
			case 0:
				a.Good = true
			case 1:
				a.SlowDown = true
			}
			r.learn(a, now)
			if r.rate > planned || r.rate < min(slowest, planned) {
				t.Fatalf("%+v made it %v of %v", a, r.rate, planned)
			}
			if r.rate > before && !a.Good || r.rate < before/2 && a.SlowDown {
				t.Fatalf("%+v moved it from %v to %v", a, before, r.rate)
			}
		}
	})
}

// Changes are told when they are worth a line: halves, doubles, and the end.
func TestRateChangesAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(8)
		var told []float64
		l.Changed = func(c PaceChange) {
			if c.Subscription != subA || c.Class != fleet.ClassWrites || c.Planned != 8 {
				t.Errorf("told %+v", c)
			}
			told = append(told, c.PerSecond)
		}
		say := func(a fleet.RateLimitAnswer) {
			time.Sleep(time.Second)
			a.SentAt = time.Now()
			l.Told(subA, fleet.ClassWrites, a)
		}
		say(fleet.RateLimitAnswer{Good: true, Remaining: -1})
		say(fleet.RateLimitAnswer{Good: true, Remaining: 12}) // 6 a second
		for range 100 {
			say(fleet.RateLimitAnswer{Good: true, Remaining: -1}) // and back
		}
		if len(told) != 0 {
			t.Errorf("told of a little: %v", told)
		}
		for range 2 {
			say(fleet.RateLimitAnswer{SlowDown: true, Remaining: -1})
		}
		for range 400 {
			say(fleet.RateLimitAnswer{Good: true, Remaining: -1})
		}
		for i := range told {
			told[i] = float64(int(told[i]*10)) / 10
		}
		if want := []float64{4, 2, 4.1, 8}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}
