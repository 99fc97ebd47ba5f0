package forecast

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

var t0 = time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)

// opened is a run of one vault that takes 20 to 30 minutes.
func opened(t *testing.T) *rollout.State {
	t.Helper()
	p := &plan.Plan{Kind: fleet.KindClassic, Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitCount},
		Waves:         []plan.Wave{{Name: "all", Vaults: []int{0}}}}
	v := plan.Vault{Predicted: plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}}
	v.Kind, v.Name, v.SubscriptionID, v.Key = fleet.KindClassic, "a", "s", "classic/s/a"
	p.Vaults = []plan.Vault{v}
	st := rollout.NewState(p)
	if err := st.Apply(fleet.Event{At: t0, Fact: fleet.RunOpened{RunID: "r"}}); err != nil {
		t.Fatal(err)
	}
	return st
}

// TestKeeper: a guess is shown until something is said that changes the end, and one
// that was overtaken by that is never shown. What does not change the end leaves it.
func TestKeeper(t *testing.T) {
	t.Parallel()
	st := opened(t)
	copies := 0
	var overtake func()
	k := New(func() *rollout.State {
		copies++
		if overtake != nil {
			overtake()
		}
		return st.Clone()
	})
	if !k.Outlook().Zero() {
		t.Fatal("there is a guess before any was made")
	}
	k.Guess(t0, nil)
	first := k.Outlook()
	if first.Zero() {
		t.Fatal("no guess was made")
	}
	k.Take(fleet.Noted{Text: "hello"})
	k.Take(fleet.Observed{Vault: "classic/s/a"})
	if k.Outlook().P50 != first.P50 {
		t.Error("a note or a reading made the guess go")
	}
	k.Guess(t0.Add(time.Minute), func() bool { return true })
	if k.Outlook().P50 != first.P50 {
		t.Error("a guess that was broken off made the one before it go")
	}
	k.Take(fleet.Paused{})
	if !k.Outlook().Zero() {
		t.Error("a pause leaves the guess from before it")
	}
	k.Guess(t0, func() bool { k.Take(fleet.LimitsChanged{Upgrades: 1}); return false })
	if !k.Outlook().Zero() {
		t.Error("a guess that was overtaken is shown")
	}
	copies = 0
	overtake = func() {
		if overtake = nil; true {
			k.Take(fleet.Paused{Off: true})
		}
	}
	if k.Guess(t0, nil); copies != 2 || k.Outlook().Zero() {
		t.Errorf("what was said while the state was copied: %d copies, %+v", copies, k.Outlook())
	}
	if err := st.Apply(fleet.Event{At: t0, Fact: fleet.RunClosed{}}); err != nil {
		t.Fatal(err)
	}
	if k.Guess(t0, nil); !k.Outlook().Zero() {
		t.Error("a run that is over is expected to end")
	}
}

// TestKeep: a guess is made at the beginning, while somebody looks every half minute,
// and at once when something is said that changes the end.
func TestKeep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, looks, made := opened(t), false, 0
		k := New(func() *rollout.State { return st.Clone() })
		k.Wanted = func() bool { return looks }
		k.Made = func() { made++ }
		stop, done := make(chan struct{}), make(chan struct{})
		go func() { defer close(done); k.Keep(time.Now, stop) }()
		after := func(d time.Duration, what string, want int) {
			t.Helper()
			time.Sleep(d)
			if synctest.Wait(); made != want {
				t.Errorf("%s: %d guesses, want %d", what, made, want)
			}
		}
		after(0, "at first", 1)
		after(5*time.Minute, "while nobody looks", 1)
		looks = true
		after(every, "while somebody looks", 2)
		k.Take(fleet.Paused{})
		after(time.Second, "in a pause", 3)
		k.Take(fleet.Noted{Text: "hello"})
		after(time.Second, "after a note", 3)
		after(every, "later", 4)
		close(stop)
		<-done
	})
}

// TestCarried: a guess from before the process was gone is not shown, the next one waits
// for no rest, and a run that nobody carries out is foreseen every minute, however long
// that takes.
func TestCarried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, made := opened(t), 0
		const takes = 3 * time.Second
		k := New(func() *rollout.State { time.Sleep(takes); return st.Clone() })
		k.Made = func() { made++ }
		stop, done := make(chan struct{}), make(chan struct{})
		go func() { defer close(done); k.Keep(time.Now, stop) }()
		guesses := func(after time.Duration, what string, want int) {
			t.Helper()
			time.Sleep(after)
			if synctest.Wait(); made != want {
				t.Errorf("%s: %d guesses, want %d", what, made, want)
			}
		}
		guesses(takes, "at first", 1)
		time.Sleep(time.Second)
		if k.Outlook().Zero() {
			t.Fatal("no guess was made")
		}
		if !k.Carried(false) || !k.Outlook().Zero() {
			t.Error("the guess of the live run is shown of one whose process is gone")
		}
		if k.Carried(false) {
			t.Error("it is gone twice")
		}
		guesses(takes, "when the process is gone", 2)
		guesses(3*time.Minute, "three minutes later", 5)
		close(stop)
		<-done
	})
}
