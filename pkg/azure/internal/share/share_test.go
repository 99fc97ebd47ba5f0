package share

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDoSharesAndKeeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		asked := 0
		fetch := func(context.Context) (int, time.Time, error) {
			asked++
			time.Sleep(time.Second)
			return asked, time.Now().Add(time.Minute), nil
		}
		for range 5 {
			go func() {
				if v, err := g.Do(t.Context(), "k", fetch); v != 1 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if _, _ = g.Do(t.Context(), "k", fetch); asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		if _, _ = g.Do(t.Context(), "other", fetch); asked != 2 {
			t.Errorf("asked %d times: keys are not apart", asked)
		}
		g.ForgetIf("other", func(v int) bool { return v != 2 })
		if _, _ = g.Do(t.Context(), "other", fetch); asked != 2 {
			t.Error("forgot what should stay")
		}
		g.ForgetIf("other", func(v int) bool { return v == 2 })
		if _, _ = g.Do(t.Context(), "other", fetch); asked != 3 {
			t.Error("did not forget")
		}
		time.Sleep(time.Hour)
		if _, _ = g.Do(t.Context(), "k", fetch); asked != 4 {
			t.Error("kept for too long")
		}
	})
}

func TestErrorsAreSharedAndNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		asked, bad := 0, errors.New("bad")
		fetch := func(context.Context) (int, time.Time, error) {
			asked++
			time.Sleep(time.Second)
			return 0, time.Now().Add(time.Hour), bad
		}
		for range 3 {
			go func() {
				if _, err := g.Do(t.Context(), "k", fetch); !errors.Is(err, bad) {
					t.Errorf("got %v", err)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		_, _ = g.Do(t.Context(), "k", fetch)
		if asked != 2 {
			t.Errorf("an error was kept")
		}
	})
}

// The one that asks may be cancelled: the others must not fail with it.
func TestCancelledAskerFailsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		fetch := func(ctx context.Context) (int, time.Time, error) {
			select {
			case <-time.After(10 * time.Second):
				return 7, time.Time{}, nil
			case <-ctx.Done():
				return 0, time.Time{}, ctx.Err()
			}
		}
		first, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := g.Do(first, "k", fetch); !errors.Is(err, context.Canceled) {
				t.Errorf("asker got %v", err)
			}
		}()
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			defer close(done)
			if v, err := g.Do(t.Context(), "k", fetch); v != 7 || err != nil {
				t.Errorf("waiter got %d, %v", v, err)
			}
		}()
		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		if _, err := g.Do(short, "k", fetch); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a waiter's own deadline: got %v", err)
		}
		cancel()
		<-done
	})
}

// A fetch that panics must not leave its waiters waiting.
func TestPanicReleasesWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		go func() {
			defer func() { _ = recover() }()
			_, _ = g.Do(t.Context(), "k", func(context.Context) (int, time.Time, error) {
				time.Sleep(time.Second)
				panic("boom")
			})
		}()
		synctest.Wait()
		if _, err := g.Do(t.Context(), "k", nil); err == nil {
			t.Error("got no error")
		}
	})
}
