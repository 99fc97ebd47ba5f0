package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// wall is the wall clock of a night's machine.
func (n *night) wall() time.Time {
	now := time.Now()
	if n.ahead != nil {
		now = now.Add(n.ahead(now))
	}
	return now
}

// jumps is a wall clock that is set to be so far ahead at one moment after
// another, counted from a beginning.
type jumps []struct{ after, ahead time.Duration }

func (j jumps) from(began time.Time) func(time.Time) time.Duration {
	return func(now time.Time) (ahead time.Duration) {
		for _, one := range j {
			if now.Sub(began) >= one.after {
				ahead = one.ahead
			}
		}
		return ahead
	}
}

// randomJumps sets the clock by up to an hour, either way, or far ahead, as it
// seems to a machine that wakes: its own time stood still meanwhile.
func randomJumps(r *rand.Rand) (j jumps) {
	var after, ahead time.Duration
	for range 1 + r.IntN(5) {
		after += time.Duration(1 + r.Int64N(int64(3*time.Hour)))
		ahead += time.Duration(r.Int64N(int64(2*time.Hour))) - time.Hour
		if r.IntN(4) == 0 {
			ahead += time.Duration(r.Int64N(int64(10 * time.Hour)))
		}
		j = append(j, struct{ after, ahead time.Duration }{after, ahead})
	}
	return j
}

// shift says how far a process's clock was ahead of real time; the journal's
// events from one on are its own.
type shift struct {
	event int
	by    time.Duration
}

// shiftClock notes how far ahead the clock of the next process is.
func (n *night) shiftClock() {
	if n.ahead != nil {
		events := n.journal()
		base := later(n.wall(), events[len(events)-1].At)
		n.shifts = append(n.shifts, shift{len(events), time.Until(base)})
	}
}

// timeline is the journal of the present run in real time.
func (n *night) timeline() []fleet.Event {
	events := n.journal()
	for i := range events {
		events[i].At = events[i].At.Add(-n.aheadAt(i))
	}
	return events
}

// aheadAt is how far ahead of real time the clock was that dated the journal's
// event i.
func (n *night) aheadAt(i int) time.Duration {
	for _, s := range slices.Backward(n.shifts) {
		if s.event <= i {
			return s.by
		}
	}
	return 0
}

// auditWindows: whatever the wall clock did, it showed a time at which the
// window was open when a start left, and was predicted to be until its end.
func (n *night) auditWindows(bad verdict) {
	if n.plan.Calendar == nil {
		return
	}
	schedule, err := plan.CompileCalendar(n.plan.Calendar)
	if err != nil {
		n.t.Fatal(err)
	}
	need := map[string]time.Duration{}
	for i := range n.plan.Vaults {
		v := &n.plan.Vaults[i]
		need[name(v)] = v.Predicted.P90
	}
	for _, c := range n.trace.starts() {
		wall := c.at
		if n.ahead != nil {
			wall = wall.Add(n.ahead(c.at))
		}
		if until, open := schedule.OpenAt(wall); !open || !until.IsZero() && wall.Add(need[c.vault]).After(until) {
			bad(7, "%s left when the clock showed %s; the window is open: %v, until %s, and it may take %s", c,
				wall.UTC(), open, until.UTC(), need[c.vault])
		}
	}
}

// TestTheWallClockJumps sets the clock while a fleet goes through its windows:
// before one opens, inside, near its end. Nothing starts outside a window by the
// clock as it then shows, nothing starts twice, and the fleet is done in the end.
func TestTheWallClockJumps(t *testing.T) {
	t.Parallel()
	opens := time.Date(2026, 6, 10, 21, 0, 0, 0, time.UTC)
	for _, at := range []time.Duration{-10 * time.Minute, 5 * time.Minute, 100 * time.Minute,
		3*time.Hour + 20*time.Minute, 4*time.Hour + time.Minute} {
		for _, by := range []time.Duration{time.Hour, -time.Hour, 9 * time.Hour} {
			t.Run(fmt.Sprintf("%v after it opens, by %v", at, by), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(t *testing.T) {
					begins(opens.Add(-30 * time.Minute))
					p := fleetOf(t, 6, 1, []plan.WaveSpec{{Name: "all", CatchAll: true}}, func(in *plan.Input) {
						in.Calendar, in.Limits.PerSubscription = nightly(21, 1, "UTC"), 1
						in.Timings.Poll = 4 * time.Minute
					})
					n := newNight(t, p, asPredicted)
					n.patience = 14 * 24 * time.Hour
					n.ahead = jumps{{at + 30*time.Minute, by}}.from(n.began)
					n.ends(fleet.ExitOK)
					if len(n.trace.starts()) != 6 {
						t.Errorf("%d starts for 6 vaults", len(n.trace.starts()))
					}
				})
			})
		}
	}
}

// TestTheClockIsSetBackBeforeThePOST: between the decision to start and the POST
// the clock is set back to before the window opens, or far ahead. The intent is
// on disk by then; the POST does not leave.
func TestTheClockIsSetBackBeforeThePOST(t *testing.T) {
	t.Parallel()
	opens := time.Date(2026, 6, 10, 21, 0, 0, 0, time.UTC)
	for what, by := range map[string]time.Duration{"back, out of the window": -time.Hour,
		"ahead, behind its end": 5 * time.Hour, "ahead, inside": 10 * time.Minute} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				begins(opens.Add(-5 * time.Minute))
				p := fleetOf(t, 1, 1, nil, func(in *plan.Input) { in.Calendar = nightly(21, 1, "UTC") })
				n := newNight(t, p, asPredicted)
				n.patience = 14 * 24 * time.Hour
				var ahead time.Duration
				n.ahead = func(time.Time) time.Duration { return ahead }
				n.disk = func(s runner.Store) runner.Store { return clockSetter{s, func() { ahead = by }} }
				n.ends(fleet.ExitOK, fleet.Upgraded)
				var set time.Time
				for _, e := range n.journal() {
					if _, ok := e.Fact.(fleet.NotSent); ok {
						set = e.At
					}
				}
				if set.IsZero() {
					t.Error("the first start is not recorded as not sent")
				}
				n.sent(v00, 1)
			})
		})
	}
}

// TestTheLastMomentPassesBeforeThePOST: a start was decided on ten seconds before
// it would end too late, and its commit takes twenty: less than a poll, and too
// long. The POST does not leave; the vault waits for the next night.
func TestTheLastMomentPassesBeforeThePOST(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		p := fleetOf(t, 1, 1, nil, func(in *plan.Input) { in.Calendar = nightly(21, 1, "UTC") })
		begins(time.Date(2026, 6, 11, 1, 0, 0, 0, time.UTC).Add(-p.Vaults[0].Predicted.P90 - 10*time.Second))
		n := newNight(t, p, asPredicted)
		n.patience = 14 * 24 * time.Hour
		n.disk = func(s runner.Store) runner.Store { return &stalled{Store: s, at: 1, long: 20 * time.Second} }
		n.ends(fleet.ExitOK, fleet.Upgraded)
		if start := n.sent(v00, 1)[0]; start.at.Sub(n.began) < 12*time.Hour {
			t.Errorf("it left %v after the decision", start.at.Sub(n.began))
		}
	})
}

// slowToken signs in for a while before the first start of a night, whose intent is on
// disk by then.
type slowToken struct {
	runner.Upgrader
	first     *sync.Once
	takes     time.Duration
	meanwhile func()
}

func (s slowToken) Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart,
	may fleet.MayLeave) fleet.StartAnswer {
	s.first.Do(func() {
		time.Sleep(s.takes)
		s.meanwhile()
	})
	return s.Upgrader.Send(ctx, v, start, may)
}

// TestATokenComesTooLate: a start whose intent is on disk waits 8 s for its token, and
// meanwhile its window gets too short, its reading too old, the run is told to stop, or
// the clock is set back. It does not leave; its vault has its turn later.
func TestATokenComesTooLate(t *testing.T) {
	t.Parallel()
	const takes = 8 * time.Second
	for name, c := range map[string]struct {
		left, poll time.Duration // the window's time for a start; between readings
		back, stop time.Duration // by how much the clock is set back; when the run is told to stop
	}{
		"the window is too short": {left: takes - time.Second, poll: time.Minute},
		"the reading is too old":  {left: time.Hour, poll: takes - time.Second},
		"the clock is set back":   {left: time.Hour, poll: time.Minute, back: time.Minute},
		"the run is told to stop": {left: time.Hour, poll: time.Minute, stop: takes / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				p := fleetOf(t, 1, 1, nil,
					func(in *plan.Input) { in.Calendar, in.Timings.Poll = nightly(21, 1, "UTC"), c.poll })
				begins(time.Date(2026, 6, 11, 1, 0, 0, 0, time.UTC).Add(-p.Vaults[0].Predicted.P90 - c.left))
				n := newNight(t, p, asPredicted)
				n.patience = 14 * 24 * time.Hour
				var ahead atomic.Int64 // the run reads it while a start waits
				n.ahead = func(time.Time) time.Duration { return time.Duration(ahead.Load()) }
				n.crash = func(process int) (of crash) {
					if process == 0 {
						of.stopAt = c.stop
					}
					return of
				}
				var first sync.Once
				n.upgrader = func(u runner.Upgrader) runner.Upgrader {
					return slowToken{u, &first, takes, func() { ahead.Store(-int64(c.back)) }}
				}
				n.ends(fleet.ExitOK, fleet.Upgraded)
				start := n.sent(v00, 1)[0]
				if notSent, _ := facts[fleet.NotSent](n); len(notSent) != 1 || start.id == notSent[0].OperationID ||
					notSent[0].Code != "" {
					t.Errorf("sent %s; not sent: %+v", start.id, notSent)
				}
			})
		})
	}
}

// clockSetter sets the clock when the first intent is on disk.
type clockSetter struct {
	runner.Store
	set func()
}

func (c clockSetter) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	err := c.Store.Commit(events, vaults)
	if _, ok := events[0].Fact.(fleet.StartIntended); ok {
		c.set()
	}
	return err
}

// TestTheProcessStandsStillBeforeThePOST: a process that was stopped between the
// intent's commit and the POST, for longer than a poll, does not send on what it
// saw before: it reads again (design.md#rule-7).
func TestTheProcessStandsStillBeforeThePOST(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil)
		n.disk = func(s runner.Store) runner.Store {
			return &stalled{Store: s, at: 1, long: n.plan.Timings.Poll + time.Second}
		}
		n.ends(fleet.ExitOK, fleet.Upgraded)
		intents, _ := facts[fleet.StartIntended](n)
		if start := n.sent(v00, 1)[0]; len(intents) != 2 || start.id != intents[1].OperationID {
			t.Errorf("sent %s; intended were %+v, and the first must not be sent", start.id, intents)
		}
	})
}
