package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// ErrCommit says a commit failed. It does not mean that nothing was committed:
// the next start reads the ledger and reconciles (design.md#rule-2).
var ErrCommit = errors.New("the ledger could not be written; nothing more was sent")

// Options is what a run needs.
type Options struct {
	Plan  *plan.Plan
	Store Store
	Cloud Upgrader

	// Begins is where the run stands by its facts so far, all that the Store has of it;
	// Run has it from then on, and changes it. nil: Replay tells.
	Begins *rollout.State
	// Replay feeds the run's facts so far, oldest first, RunOpened among them.
	Replay func(apply func(fleet.Event) error) error
	// Commands are facts that come with the command, Resumed for one. They are
	// committed before anything else is done.
	Commands []fleet.Fact

	// Asks brings what people say to the run while it is under way. What is sent
	// and not received when Run returns was not heard.
	Asks <-chan Ask

	// Limiter, where set, is told when a subscription asks to be left alone.
	Limiter *Limiter
	// Interrupt, once closed, makes the run start nothing new, finish the
	// starts already sent, commit and leave.
	Interrupt <-chan struct{}
	// ExitWhenWaiting leaves, to be resumed, instead of waiting for a window or
	// an approval.
	ExitWhenWaiting bool
	// Wall reads the wall clock, which may jump; time.Now where it is nil. It
	// decides about windows and approvals. Everything else follows the time that
	// has really passed.
	Wall func() time.Time
	// Progress, where set, is called after each commit from the run's own
	// goroutine with the state and the events just committed. It must be quick
	// and keep neither.
	Progress func(*rollout.State, []fleet.Event)
}

// Run carries a rollout out until it ends, halts, is interrupted or waits for
// a sign-in, and returns the exit code. Cancelling ctx abandons it, as a kill
// would; that too loses nothing. Starts already sent are still waited for, as
// long as their own timeout, and their answers dropped.
//
// An error means the run could not go on: ErrCommit, or facts that contradict
// each other. Outcomes of vaults are never errors.
func Run(ctx context.Context, o Options) (fleet.ExitCode, error) {
	r := &run{o: o, mail: make(chan struct{}, 1), watchers: map[string]*watcher{}}
	if o.Begins != nil {
		r.machine = rollout.GoOn(o.Begins)
	} else {
		r.machine = rollout.New(o.Plan)
	}
	if o.Begins == nil && o.Replay != nil {
		if err := o.Replay(r.machine.Apply); err != nil {
			return fleet.ExitInternal, fmt.Errorf("the run cannot be rebuilt from its journal: %w", err)
		}
	}
	r.machine.ExitWhenWaiting = o.ExitWhenWaiting
	r.windows = o.Plan.ReadsWall()
	reads, cancel := context.WithCancel(ctx)
	r.Calls = NewCalls(reads, CallOptions{Plan: o.Plan, Cloud: o.Cloud, Limiter: o.Limiter, Wall: o.Wall,
		Since: r.machine.Run.LastAt, Leaving: r.interrupted})
	if o.Limiter != nil {
		for subscription, until := range r.machine.Throttled {
			o.Limiter.Pause(subscription, until.Sub(r.clock.now()))
		}
	}
	code, err := r.loop(ctx)
	cancel()
	_ = r.calls.Wait() // calls report outcomes as observations, never errors
	r.Wait()
	return code, err
}

// run is one process's share of a rollout. The loop's goroutine owns machine,
// watchers and wake; calls talk to it through post.
type run struct {
	*Calls
	o        Options
	machine  *rollout.Machine
	calls    errgroup.Group
	watchers map[string]*watcher
	wake     time.Time
	windows  bool           // the wall clock matters
	stepped  rollout.Moment // when the machine decided last

	mail  chan struct{} // capacity 1: there is something in inbox
	mu    sync.Mutex
	inbox []rollout.Observation
}

// loop is the brain's protocol: step, commit, act, wait.
func (r *run) loop(ctx context.Context) (fleet.ExitCode, error) {
	var obs []rollout.Observation
	for _, f := range r.o.Commands {
		obs = append(obs, rollout.Commanded{Fact: f})
	}
	interrupt := r.o.Interrupt
	heard := func(error) {} // answers whoever said something, once it is on disk
	for {
		r.stepped = r.moment()
		if r.windows {
			obs = append(obs, rollout.Clock{Wall: r.stepped.Wall})
		}
		out := r.machine.Step(r.stepped.At, obs)
		err := r.commit(out)
		if heard(err); err != nil {
			return fleet.ExitInternal, err
		}
		heard = func(error) {}
		for _, a := range out.Actions {
			if exit, ok := a.(rollout.Exit); ok {
				return exit.Code, nil
			}
			r.perform(a)
		}
		select {
		case <-r.mail:
			obs = r.collect()
		case <-r.alarm():
			obs = r.collect()
		case a := <-r.o.Asks:
			said, done := r.hear(a)
			if obs = append(r.collect(), said...); done != nil {
				heard = done
			}
		case <-interrupt:
			interrupt = nil
			obs = append(r.collect(), rollout.Interrupted{})
		case <-ctx.Done():
			return fleet.ExitInterrupted, nil
		}
	}
}

// commit makes a step's facts durable, and then its intents in a transaction
// of their own: nothing is carried out before both are.
func (r *run) commit(out rollout.Output) error {
	if out.Err != nil {
		return fmt.Errorf("stopped, nothing more was sent: %w", out.Err)
	}
	for _, batch := range []struct {
		events []fleet.Event
		vaults []fleet.VaultRecord
	}{{out.Facts, out.FactRecords}, {out.Intents, out.IntentRecords}} {
		if len(batch.events) == 0 {
			continue
		}
		var before, after []failpoint.Point
		if failpoint.Enabled {
			before, after = around(batch.events)
		}
		hit(before)
		if err := r.o.Store.Commit(batch.events, batch.vaults); err != nil {
			return fmt.Errorf("%w: %w", ErrCommit, err)
		}
		hit(after)
		if r.o.Progress != nil {
			r.o.Progress(r.machine.State, batch.events)
		}
	}
	return nil
}

// rereadWall is how often the wall clock is read while windows matter: it may
// be set, and a machine that was suspended finds its timers late.
const rereadWall = time.Minute

// alarm fires when the machine asked to be woken.
func (r *run) alarm() <-chan time.Time {
	if r.wake.IsZero() {
		return nil
	}
	d := max(0, r.wake.Sub(r.clock.now()))
	if r.windows {
		d = min(d, rereadWall)
	}
	return time.After(d)
}

// perform carries an action out. Calls run in goroutines of their own; nothing here
// waits.
func (r *run) perform(a rollout.Action) {
	switch a := a.(type) {
	case rollout.Wake:
		r.wake = a.At
	case rollout.Watch:
		r.watch(a)
	default:
		decided := r.stepped
		r.call(func() { r.Do(a, decided, r.post) })
	}
}

func (r *run) call(do func()) {
	r.calls.Go(func() error { do(); return nil })
}

// post hands an observation to the loop. It never blocks.
func (r *run) post(o rollout.Observation) {
	r.mu.Lock()
	r.inbox = append(r.inbox, o)
	r.mu.Unlock()
	select {
	case r.mail <- struct{}{}:
	default:
	}
}

// collect takes everything that was posted.
func (r *run) collect() []rollout.Observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	obs := r.inbox
	r.inbox = nil
	return obs
}

// interrupted reports whether the run was told to leave.
func (r *run) interrupted() bool {
	select {
	case <-r.o.Interrupt:
		return true
	default:
		return false
	}
}

// clock is a wall clock that never goes back within a process and does not
// start before the journal's newest fact: deadlines follow the time that has
// really passed, whatever is done to the machine's clock.
type clock struct{ base, start time.Time }

func newClock(wall, journal time.Time) *clock {
	c := &clock{base: wall.Round(0).UTC(), start: time.Now()}
	if journal.After(c.base) {
		c.base = journal.UTC()
	}
	return c
}

func (c *clock) now() time.Time { return c.base.Add(time.Since(c.start)) }

// within returns a reading of package time in the clock's own time, which lies
// between two of its own readings.
func (c *clock) within(from, t, to time.Time) time.Time {
	own := c.base.Add(t.Sub(c.start))
	if own.Before(from) {
		return from
	}
	if own.After(to) {
		return to
	}
	return own
}
