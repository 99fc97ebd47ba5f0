package rollout

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// TestRehearseMeetsAGate: failures that come to a gate are approved as they
// are seen, and a halt before it ends the rehearsal where it halts.
func TestRehearseMeetsAGate(t *testing.T) {
	t.Parallel()
	gated := func(budget int) *plan.Plan {
		p := fleetOf([]int{10, 20, 30, 5}, 1, 1, 1, 2, 4)
		p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter}
		p.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: budget}
		return p
	}
	start := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name   string
		budget int
		in     string // the wave it halts in
		ends   int    // minutes
	}{
		{"the budget holds", 3, "", 45}, // 10, then 20 and 30 at once, then 5
		{"the canary exceeds it", 0, "w1", 10},
		{"the second wave exceeds it", 1, "w2", 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := Rehearse(gated(c.budget),
				Rehearsal{Start: start, Duration: predicted, Fails: func(*plan.Vault) bool { return true }})
			if err != nil {
				t.Fatal(err)
			}
			if (f.Halt != nil) != (c.in != "") || f.HaltedIn != c.in {
				t.Errorf("it halts with %+v in %q, want %q", f.Halt, f.HaltedIn, c.in)
			}
			if got := int(f.EndsAt.Sub(start) / time.Minute); got != c.ends {
				t.Errorf("it ends after %d minutes, want %d", got, c.ends)
			}
		})
	}
}

// TestRehearseStalls: a gate that no approval opens is an error with what is
// waited for, and so are limits that let nothing start.
func TestRehearseStalls(t *testing.T) {
	t.Parallel()
	p := fleetOf([]int{10, 20}, 1, 1, 1, 2)
	p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter}
	m := New(p)
	s := newSimulation(m, Rehearsal{Start: time.Unix(0, 0), Duration: predicted})
	opened := fleet.RunOpened{RunID: "r", PlanFingerprint: p.Fingerprint, By: fleet.Actor{User: "forecast"}}
	p.Waves[0].Approval.NotBy = plan.NotByStarter // and it is the starter who approves
	if err := m.Apply(fleet.Event{At: time.Unix(0, 0), Fact: opened}); err != nil {
		t.Fatal(err)
	}
	_, err := s.play()
	stall, ok := errors.AsType[*StallError](err)
	if !ok || stall.For != "an approval after wave w1 that would hold" || stall.Left != 1 {
		t.Errorf("got %v, want a stall that names the gate", err)
	}

	q := fleetOf([]int{10}, 1, 1)
	q.Limits.Upgrades = 0
	_, err = Simulate(q, time.Unix(0, 0), predicted)
	if stall, ok = errors.AsType[*StallError](err); !ok || !strings.Contains(err.Error(), "no limit lets it start") ||
		stall.Left != 1 {
		t.Errorf("got %v, want a stall for want of room", err)
	}
}

// TestRehearseStops: a simulation is broken off when it is told.
func TestRehearseStops(t *testing.T) {
	t.Parallel()
	stop := func() bool { return true }
	if _, err := Rehearse(fleetOf([]int{10}, 1, 1),
		Rehearsal{Start: time.Unix(0, 0), Duration: predicted, Stop: stop}); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v, want ErrStopped", err)
	}
}

// TestRehearseEnds: whatever fails, in whatever fleet and under whatever
// policy, a rehearsal comes to an end: halted, or with every vault decided.
func TestRehearseEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := configs.Draw(t, "config")
		fail := rapid.IntRange(0, 100).Draw(t, "failures in percent")
		p := c.plan()
		f, err := Rehearse(p, Rehearsal{Start: c.epoch(), Duration: predicted,
			Fails: func(v *plan.Vault) bool { return c.chance(fail, "rehearsed", v.Key) }})
		if err != nil {
			t.Fatal(err)
		}
		if f.Halt != nil && f.HaltedIn == "" {
			t.Fatal("it halts in no wave")
		}
		for w, span := range f.Waves {
			if f.Halt == nil && (span.EndsAt.IsZero() || span.EndsAt.After(f.EndsAt)) {
				t.Fatalf("wave %d ends at %v, the run at %v", w, span.EndsAt, f.EndsAt)
			}
		}
	})
}

// TestForeseeEverywhere: at every moment of random worlds there is an outlook,
// it leaves the state as it was, and it is never in the past.
func TestForeseeEverywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := configs.Draw(t, "config")
		c.Runs = 1
		w := newWorld(c, 1)
		defer func() {
			if b, ok := recover().(breach); ok {
				t.Fatal(string(b))
			}
		}()
		w.openRun()
		for n := 0; w.committed.Run.Closed == nil; n++ {
			if w.turn(); n%16 != 0 {
				continue
			}
			st := w.committed
			was := st.Clone()
			o, err := Foresee(st, w.now, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(was, st.Clone()) {
				t.Fatal("the outlook changed the state")
			}
			halted := st.Run.Halt != nil && st.InFlight() == 0
			if o.Zero() != (halted || st.Run.Closed != nil) {
				t.Fatalf("outlook %+v of a run that is halted: %v", o, halted)
			}
			if !o.Zero() && (o.P50.Before(w.now) || o.P90.Before(o.P50)) {
				t.Fatalf("at %v the outlook is %v to %v", w.now, o.P50, o.P90)
			}
		}
	})
}
