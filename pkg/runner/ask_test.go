package runner_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// say lets somebody say something to the present process, after a while.
func (n *night) say(after time.Duration, o rollout.Order) (answer chan error) {
	if n.asks == nil {
		n.asks = make(chan runner.Ask)
	}
	answer = make(chan error, 1)
	time.AfterFunc(after, func() {
		n.asks <- runner.Ask{Order: o, Done: func(_ rollout.Said, err error) { answer <- err }}
	})
	return answer
}

// A pause is on disk when its answer comes; nothing starts until it is over,
// and what is in flight is followed meanwhile.
func TestAskPause(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 3, 1, oneAtATime)
		paused := n.say(10*time.Minute, rollout.Order{Do: "pause", Reason: "a customer calls"})
		go func() {
			if err := <-paused; err != nil {
				t.Errorf("the pause was answered with %v", err)
			}
			if fs, _ := facts[fleet.Paused](n); len(fs) != 1 {
				t.Errorf("the pause was answered, and the journal holds %d", len(fs))
			}
		}()
		over := n.say(5*time.Hour, rollout.Order{Do: "pause", Off: true, Reason: "all is well"})
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
		if err := <-over; err != nil {
			t.Error(err)
		}
		_, at := facts[fleet.StartIntended](n)
		_, done := facts[fleet.Verified](n)
		if len(at) != 3 || at[1].Sub(n.began) < 5*time.Hour || done[0].Sub(n.began) > time.Hour {
			t.Errorf("started at %v, verified at %v; the pause was from 10 minutes to 5 hours after %v", at, done,
				n.began)
		}
	})
}

// A refusal is told to whoever asked and to nobody else; the run goes on.
func TestAskRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil)
		answer := n.say(10*time.Minute, rollout.Order{Do: "hold", Vaults: []string{n.plan.Vaults[0].Ref()},
			Reason: "a restore is needed"})
		n.ends(fleet.ExitOK, fleet.Upgraded)
		refusal, ok := errors.AsType[*fleet.Refusal](<-answer)
		if !ok || !strings.Contains(refusal.Error(), "is upgrading: only a vault that has not started can be held") {
			t.Errorf("answered with %v", refusal)
		}
	})
}

// What cannot be written down is not done: whoever asked is told.
func TestAskNotCommitted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil)
		n.disk = func(s runner.Store) runner.Store { return failing{s} }
		answer := n.say(10*time.Minute, rollout.Order{Do: "note", Reason: "handed over"})
		if _, err := n.process(); !errors.Is(err, runner.ErrCommit) {
			t.Errorf("the run ended with %v", err)
		}
		if err := <-answer; !errors.Is(err, runner.ErrCommit) {
			t.Errorf("answered with %v", err)
		}
	})
}

// failing is a disk that takes no note.
type failing struct{ runner.Store }

func (f failing) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	for _, e := range events {
		if _, ok := e.Fact.(fleet.Noted); ok {
			return errDisk
		}
	}
	return f.Store.Commit(events, vaults)
}

// A person's stop ends the process as a signal does; the next one goes on.
func TestAskStop(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 2, 1, oneAtATime)
		n.say(10*time.Minute, rollout.Order{Do: "stop", Reason: "enough"})
		code, err := n.process()
		if code != fleet.ExitInterrupted || err != nil {
			t.Errorf("exit %d, %v", code, err)
		}
		if s := n.state().Run.Suspended; s == nil || s.Why != fleet.SuspendedStop {
			t.Errorf("suspended: %+v", s)
		}
		n.asks = nil
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded)
	})
}
