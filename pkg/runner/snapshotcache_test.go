package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// All who ask while a reading is under way share it, and those who ask within
// a poll share it too.
func TestSnapshotCacheShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{read: func(context.Context, int) error { time.Sleep(5 * time.Second); return nil }}
		l, _ := cacheOf(t, f)
		snaps := make([]*fleet.Snapshot, 20)
		var wg sync.WaitGroup
		for i := range snaps {
			wg.Go(func() { snaps[i], _ = l.recent(t.Context(), vaultIn(subA), time.Time{}) })
		}
		wg.Wait()
		time.Sleep(l.poll - 5*time.Second)
		late, err := l.recent(t.Context(), vaultIn(subA), time.Time{})
		for _, s := range append(snaps, late) {
			if s == nil || s != snaps[0] {
				t.Fatal("a reading of one's own")
			}
		}
		if f.count() != 1 || err != nil {
			t.Errorf("%d readings, %v", f.count(), err)
		}
		if _, err := l.recent(t.Context(), vaultIn(subB), time.Time{}); err != nil || f.count() != 2 {
			t.Errorf("another subscription: %d readings, %v", f.count(), err)
		}
	})
}

// A reading older than a poll is not recent, one older than since is not good
// enough for get; and readings stay a poll apart whatever is asked.
func TestSnapshotCacheFreshness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		l, _ := cacheOf(t, f)
		first, _ := l.recent(t.Context(), vaultIn(subA), time.Time{})
		time.Sleep(l.poll + time.Nanosecond)
		second, _ := l.recent(t.Context(), vaultIn(subA), time.Time{})
		if first == second || !second.ReadAt.Equal(l.clock.now()) {
			t.Errorf("a reading of %v counts as recent at %v", second.ReadAt, l.clock.now())
		}
		time.Sleep(time.Second)
		since := l.clock.now()
		third, err := l.get(t.Context(), fleet.Followed{Vault: vaultIn(subA)}, since)
		if err != nil || third.ReadAt.Before(since) {
			t.Errorf("asked for one since %v, got one of %v (%v)", since, third.ReadAt, err)
		}
		fourth, _ := l.recent(t.Context(), vaultIn(subA), l.clock.now().Add(time.Nanosecond))
		if fourth == third {
			t.Error("a reading that began before the time asked for")
		}
		for i := 1; i < len(f.reads); i++ {
			if apart := f.reads[i].Sub(f.reads[i-1]); apart < l.poll {
				t.Errorf("readings %d and %d are %v apart", i, i+1, apart)
			}
		}
	})
}

// A failed reading is everybody's, for one poll; then there is another.
func TestSnapshotCacheSharesErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{read: func(_ context.Context, n int) error {
			time.Sleep(3 * time.Second)
			if n == 1 {
				return errRead
			}
			return nil
		}}
		l, _ := cacheOf(t, f)
		began := time.Now()
		for range 3 {
			if _, err := l.recent(t.Context(), vaultIn(subA), time.Time{}); !errors.Is(err, errRead) {
				t.Errorf("the error was not shared: %v", err)
			}
		}
		if s, err := l.get(t.Context(), fleet.Followed{Vault: vaultIn(subA)},
			l.clock.now().Add(time.Nanosecond)); err != nil || s == nil {
			t.Errorf("the second reading: %v", err)
		}
		if waited := time.Since(began); f.count() != 2 || waited != 3*time.Second+l.poll+3*time.Second {
			t.Errorf("%d readings in %v", f.count(), waited)
		}
	})
}

// A reading that was held back counts from when it went out: the next comes a
// poll after that, and those who asked meanwhile are served by it.
func TestSnapshotCacheCountsFromTheRequestItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		var sent time.Time
		f.read = func(_ context.Context, n int) error {
			if n == 1 {
				time.Sleep(2 * time.Hour) // a pause
			}
			sent = time.Now()
			time.Sleep(4 * time.Second) // the answer
			return nil
		}
		f.sentAt = func() time.Time { return sent }
		l, _ := cacheOf(t, f)
		go func() { _, _ = l.recent(t.Context(), vaultIn(subA), time.Time{}) }()
		time.Sleep(time.Hour)
		asked := l.clock.now()
		s, err := l.get(t.Context(), fleet.Followed{Vault: vaultIn(subA)}, asked)
		if err != nil || f.count() != 1 || s.ReadAt.Sub(asked) != time.Hour {
			t.Fatalf("%d readings; got one of %v after %v (%v)", f.count(), s.ReadAt.Sub(asked), asked, err)
		}
		if again, _ := l.get(t.Context(), fleet.Followed{Vault: vaultIn(subA)},
			l.clock.now()); again.ReadAt.Sub(s.ReadAt) != l.poll {
			t.Errorf("the next one went out %v after it", again.ReadAt.Sub(s.ReadAt))
		}
	})
}

// The end of one asker's context is no end of the reading; the end of the
// cache's is.
func TestSnapshotCacheContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{read: func(ctx context.Context, n int) error {
			select {
			case <-time.After(10 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		l, cancel := cacheOf(t, f)
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := l.get(short, fleet.Followed{Vault: vaultIn(subA)}, time.Time{}); !errors.Is(err,
			context.DeadlineExceeded) {
			t.Errorf("the impatient one got %v", err)
		}
		if s, err := l.get(t.Context(), fleet.Followed{Vault: vaultIn(subA)}, time.Time{}); err != nil || s == nil ||
			f.count() != 1 {
			t.Errorf("the patient one got %v after %d readings", err, f.count())
		}
		began := time.Now()
		if _, err := l.get(short, fleet.Followed{Vault: vaultIn(subA)}, l.clock.now()); !errors.Is(err,
			context.DeadlineExceeded) || !time.Now().Equal(began) {
			t.Errorf("one that waits for its turn got %v", err)
		}
		if !l.began(vaultIn(subB)).IsZero() {
			t.Error("the other subscription was read")
		}
		time.AfterFunc(5*time.Second, cancel)
		if _, err := l.get(t.Context(), fleet.Followed{Vault: vaultIn(subB)}, time.Time{}); !errors.Is(err,
			context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		real := time.Now()
		for name, journal := range map[string]time.Time{"no journal": {}, "the past": real.Add(-time.Hour),
			"the future": real.Add(time.Hour)} {
			c := newClock(time.Now(), journal)
			want := real
			if journal.After(real) {
				want = journal
			}
			if got := c.now(); !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("%s: the clock begins at %v, expected %v", name, got, want)
			}
		}
		c := newClock(time.Now(), real.Add(time.Hour))
		time.Sleep(90 * time.Second)
		if got := c.now(); !got.Equal(real.Add(time.Hour + 90*time.Second)) {
			t.Errorf("after 90 s it shows %v", got)
		}
		from, to := c.now().Add(-time.Minute), c.now()
		for at, want := range map[time.Time]time.Time{
			time.Now().Add(-time.Second): to.Add(-time.Second),
			time.Now().Add(-time.Hour):   from,
			time.Now().Add(time.Hour):    to,
			{}:                           from,
		} {
			if got := c.within(from, at, to); !got.Equal(want) {
				t.Errorf("%v became %v, expected %v", at, got, want)
			}
		}
	})
}

// Readings of single vaults are forgotten with their use: a night of many vaults
// does not keep what it read of each.
func TestSnapshotCacheForgetsVaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{one: true}
		ctx, cancel := context.WithCancel(t.Context())
		var calls errgroup.Group
		p := planOf(2000)
		l := newSnapshotCache(ctx, &calls, f, p, newClock(time.Now(), time.Time{}))
		t.Cleanup(func() { cancel(); _ = calls.Wait() })
		most := 0
		for i := range p.Vaults {
			v := &p.Vaults[i].Vault
			if _, err := l.recent(t.Context(), v, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if again, err := l.recent(t.Context(), v, time.Time{}); err != nil ||
				again.Vaults[v.Key].Address != fmt.Sprint(i+1) {
				t.Fatalf("%s was read again, or another: %+v, %v", v.Key, again, err)
			}
			time.Sleep(l.poll / 10)
			most = max(most, len(l.entries), len(l.aging))
		}
		if most > 25 { // those of two polls, and a little
			t.Errorf("%d readings were kept", most)
		}
		if f.count() != len(p.Vaults) {
			t.Errorf("%d readings", f.count())
		}
	})
}
