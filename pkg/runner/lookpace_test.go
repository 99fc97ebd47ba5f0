package runner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// ages are how old a vault's operation was at each look at it.
func (c *oneByOne) ages(vault string) (out []time.Duration) {
	for _, l := range c.of(vault, true) {
		out = append(out, l.at.Sub(c.starts[vault]))
	}
	return out
}

// An operation of which the service does not say when to come back is looked at soon,
// then ever later, never later than a poll after the look before. One that ends early
// is seen early.
func TestLooksGrowWithTheOperationsAge(t *testing.T) {
	t.Parallel()
	const s = time.Second
	cases := []struct {
		poll, takes time.Duration
		want        []time.Duration
	}{
		{30 * s, 1 * s, []time.Duration{5 * s}},
		{30 * s, 19 * s, []time.Duration{5 * s, 10 * s, 20 * s}},
		{30 * s, 190 * s, []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 70 * s, 100 * s, 130 * s, 160 * s, 190 * s}},
		{12 * s, 40 * s, []time.Duration{5 * s, 10 * s, 20 * s, 32 * s, 44 * s}},
		{2 * s, 7 * s, []time.Duration{2 * s, 4 * s, 6 * s, 8 * s}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("takes %v, poll %v", c.takes, c.poll), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newVaultRun(t, 1, 1)
				r.plan.Timings.Poll, r.cloud.silent, r.cloud.takes = c.poll, true, c.takes
				r.cloud.prepares = 9 * s // of a reading from before the start nothing is counted
				if code := r.carryOut(nil); code != fleet.ExitOK {
					t.Fatalf("exit %d", code)
				}
				if got := r.cloud.ages("v00"); !slices.Equal(got, c.want) {
					t.Errorf("looked at %v, want %v", got, c.want)
				}
			})
		})
	}
}

// A later process goes on at the pace that an operation's age gives it.
func TestTheNextProcessKeepsThePace(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 1, 1)
		r.plan.Timings.Poll, r.cloud.silent, r.cloud.takes = 30*time.Second, true, 61*time.Minute
		stop := make(chan struct{})
		r.cloud.sent = func(string) { close(stop) }
		if code := r.carryOut(stop); code != fleet.ExitInterrupted {
			t.Fatalf("exit %d", code)
		}
		time.Sleep(time.Hour)
		if code := r.carryOut(nil, fleet.Resumed{}); code != fleet.ExitOK {
			t.Errorf("exit %d", code)
		}
		ages := r.cloud.ages("v00")
		for n := 1; n < len(ages); n++ {
			if gap := ages[n] - ages[n-1]; gap != 30*time.Second {
				t.Errorf("at %v it was looked at again after %v", ages[n-1], gap)
			}
		}
		if len(ages) != 3 || ages[0] >= time.Hour+time.Second {
			t.Errorf("looked at %v", ages)
		}
	})
}

// What cannot be read is not asked for more often than once a poll.
func TestAFailedLookIsFollowedAPollLater(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		r := newVaultRun(t, 1, 1)
		r.plan.Timings.Poll, r.cloud.silent, r.cloud.takes = 30*time.Second, true, 50*time.Second
		r.cloud.trouble = func(_ string, operation bool, n int) error {
			if operation && n <= 2 {
				return &fleet.CallError{Op: "follow it", Class: fleet.CallUnreachable}
			}
			return nil
		}
		if code := r.carryOut(nil); code != fleet.ExitOK {
			t.Errorf("exit %d", code)
		}
		if got, want := r.cloud.ages("v00"),
			[]time.Duration{5 * time.Second, 35 * time.Second, 65 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("looked at %v, want %v", got, want)
		}
	})
}

// Many vaults of a subscription are looked at with half of its requests, or once a
// poll where that takes more.
func TestLooksLeaveRoomForStarts(t *testing.T) {
	t.Parallel()
	cases := []struct {
		vaults int
		want   []time.Duration // between looks at the last vault that was started
	}{
		{50, []time.Duration{10 * time.Second, 15 * time.Second, 30 * time.Second}},
		{500, []time.Duration{30 * time.Second, 30 * time.Second}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.vaults), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newVaultRun(t, c.vaults, c.vaults)
				r.plan.Timings.Poll, r.plan.Limits.RequestsPerSecond = 30*time.Second, 10
				r.cloud.silent, r.cloud.takes = true, 64*time.Second
				if code := r.carryOut(nil); code != fleet.ExitOK {
					t.Errorf("exit %d", code)
				}
				ages := r.cloud.ages(fmt.Sprintf("v%02d", c.vaults-1))
				var gaps []time.Duration
				for n := 1; n < len(ages) && len(gaps) < len(c.want); n++ {
					gaps = append(gaps, ages[n]-ages[n-1])
				}
				if !slices.Equal(gaps, c.want) {
					t.Errorf("looked at %v: gaps %v, want %v", ages, gaps, c.want)
				}
			})
		})
	}
}
