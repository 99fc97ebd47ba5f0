// Package rolloutflow answers "how is a run carried out on Temporal": its one workflow
// is the loop around the brain. Observations go in, and what the brain decides goes
// out: facts to the ledger, actions as activities.
//
// It promises:
//
//   - A start is scheduled in the same workflow task as the facts that intend it, and
//     the server keeps both or neither. It is tried once; a worker that is lost with it
//     leaves it unknown, and the brain looks for what came of it by reading.
//   - What a person says is in the history before it is answered.
//   - A history stays small: before it reaches what the server allows, the run goes on
//     in the next segment with the brain's snapshot, when nothing is out.
//
// The code is replayed: it reads no clock but the workflow's, and decides by nothing that
// differs from worker to worker.
package rolloutflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Generation is raised when this workflow, or the brain in it, makes something else of a
// history that an earlier build has written: the histories in testdata, each in the folder
// of its generation, no longer replay then. A build goes on only with segments of its own
// generation; workers of a deployment are told apart by it, and a run stays with the one
// that began it. It is handed over by cancelling it, and resuming it.
const Generation = 4

// maxEvents is how many events a segment has at most, where the options do not say: well
// below the 51,200 at which a server ends a workflow
// (temporalio/temporal, limit.historyCount.error).
const maxEvents = 10_000

// Rollout is the workflow of a run. It ends when the run does, with its exit code, and
// with an error only where facts contradict each other.
func Rollout(ctx workflow.Context, in protocol.Input) (protocol.Result, error) {
	f := &flow{ctx: ctx, in: in, watches: map[string]*watch{}, unwritten: map[uint64]protocol.Facts{}}
	// To cancel the workflow tells the run to leave in order, as a signal does on one
	// machine: what is out is not broken off with it.
	f.work, _ = workflow.NewDisconnectedContext(ctx)
	if err := workflow.SetQueryHandler(ctx, protocol.Standing, f.standing); err != nil {
		return protocol.Result{}, err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, protocol.Order, f.order,
		workflow.UpdateHandlerOptions{Validator: f.check}); err != nil {
		return protocol.Result{}, err
	}
	if err := f.begin(); err != nil {
		return protocol.Result{}, err
	}
	code, done, err := f.loop()
	switch {
	case err != nil:
		return protocol.Result{}, err
	case !done:
		f.in.Carried = f.carry()
		return protocol.Result{}, workflow.NewContinueAsNewError(ctx, Rollout, f.in)
	}
	return protocol.Result{ExitCode: code, Facts: f.facts, Segments: f.segment + 1}, nil
}

// broken ends a run that cannot go on: whoever tries again meets the same.
func broken(what string, err error) error {
	return temporal.NewNonRetryableApplicationError("stopped, nothing more is sent: "+what, "Broken", err)
}

// flow is one segment of a run. All of it belongs to the workflow's own threads, of
// which one runs at a time.
type flow struct {
	ctx     workflow.Context // ends when the workflow is cancelled
	work    workflow.Context // of all that is begun
	in      protocol.Input
	plan    *plan.Plan
	machine *rollout.Machine
	windows bool // the wall clock matters
	segment int
	facts   uint64
	moment  rollout.Moment // of the last step

	inbox   []rollout.Observation
	asks    []*ask
	calls   int // activities that are out, but for watches and what writes facts
	broken  error
	watches map[string]*watch
	wake    time.Time
	alarm   func() // ends the timer
	awake   bool   // the timer fired
	told    bool   // to leave
	over    bool   // nothing is heard any more

	shown attributes // what the server's list shows

	unwritten map[uint64]protocol.Facts // on their way to the ledger's file, by the first one's number

	checks []protocol.Checks // decided in this step, by subscription

	draining bool              // the next segment is to take over
	kept     []json.RawMessage // actions that it is to begin
}

// ask is a person's word that waits to be decided.
type ask struct {
	protocol.Ask
	said    rollout.Said
	err     error
	decided bool
}

// begin puts the brain where the run stands.
func (f *flow) begin() error {
	c := f.in.Carried
	if c == nil {
		return f.open()
	}
	if err := f.read(f.in.Plan); err != nil {
		return err
	}
	m, err := rollout.Restore(f.plan, c.Snapshot)
	if err != nil {
		return broken("the snapshot of the last segment cannot be read", err)
	}
	f.machine, f.segment, f.facts, f.moment = m, c.Segment, c.Facts, c.Moment
	for _, facts := range c.Unwritten {
		f.write(facts)
	}
	f.rouse(c.Wake)
	for _, data := range slices.Concat(c.Watched, c.Actions) {
		a, err := rollout.DecodeAction(data)
		if err != nil {
			return broken("what the last segment left cannot be read", err)
		}
		if err := f.perform(a); err != nil {
			return err
		}
	}
	f.checkVaults()
	f.rewatch()
	return nil
}

// read reads the plan.
func (f *flow) read(data []byte) error {
	f.plan = &plan.Plan{}
	if err := json.Unmarshal(data, f.plan); err != nil {
		return broken("the plan cannot be read", err)
	}
	f.windows = f.plan.ReadsWall()
	return nil
}

// carry is what the next segment begins with.
func (f *flow) carry() *protocol.Carried {
	c := &protocol.Carried{Segment: f.segment + 1, Facts: f.facts, Snapshot: f.machine.Snapshot(), Wake: f.wake,
		Actions: f.kept, Moment: f.moment}
	for _, first := range slices.Sorted(maps.Keys(f.unwritten)) {
		c.Unwritten = append(c.Unwritten, f.unwritten[first])
	}
	for _, s := range slices.Sorted(maps.Keys(f.watches)) {
		c.Watched = append(c.Watched, f.watches[s].actions()...)
	}
	return c
}

// loop is the brain's protocol: step, record, act, wait. done says that the run is
// over, and not only its segment.
func (f *flow) loop() (code fleet.ExitCode, done bool, err error) {
	for first := f.in.Carried == nil; ; first = true {
		if first { // a restored brain has said all that it has to say already
			if code, done, err = f.step(); done || err != nil {
				return code, done, err
			}
		}
		f.await()
		if f.broken != nil {
			return 0, false, f.broken
		}
		if f.draining && f.calls == 0 && len(f.inbox) == 0 && len(f.asks) == 0 && workflow.AllHandlersFinished(f.ctx) {
			return 0, false, nil
		}
	}
}

// step lets the brain decide, and begins what it has decided.
func (f *flow) step() (code fleet.ExitCode, done bool, err error) {
	f.awake = false
	now := workflow.Now(f.ctx).UTC()
	f.moment = rollout.Moment{At: now, Wall: now}
	obs := f.inbox
	f.inbox = nil
	if f.windows {
		obs = append(obs, rollout.Clock{Wall: now})
	}
	asked, facts := f.hear(now)
	obs = append(obs, facts...)
	out := f.machine.Step(now, obs)
	if out.Err != nil {
		return 0, false, broken("facts contradict each other", out.Err)
	}
	f.record(slices.Concat(out.Facts, out.Intents))
	for _, a := range out.Actions {
		if exit, ok := a.(rollout.Exit); ok {
			f.end()
			if err := f.tell(); err != nil {
				return 0, false, err
			}
			if asked != nil {
				asked.decided = true
			}
			f.over = true
			for _, late := range f.asks {
				late.err, late.decided = errOver, true
			}
			// The last facts are written, and people answered, before it ends.
			err := workflow.Await(f.work, func() bool {
				return f.broken != nil || f.calls == 0 && len(f.unwritten) == 0 && workflow.AllHandlersFinished(f.ctx)
			})
			return exit.Code, true, errors.Join(err, f.broken)
		}
		if err := f.perform(a); err != nil {
			return 0, false, err
		}
	}
	f.checkVaults()
	f.rewatch()
	if asked != nil {
		asked.decided = true
	}
	return 0, false, f.tell()
}

// await waits for something to tell the brain, or for the segment's end.
func (f *flow) await() {
	ctx := f.ctx
	if f.told {
		ctx = f.work
	}
	err := workflow.Await(ctx, func() bool {
		if !f.draining && f.full() {
			f.draining = true
			f.unwatch()
		}
		return f.broken != nil || len(f.inbox) > 0 || len(f.asks) > 0 || f.awake ||
			f.draining && f.calls == 0 && workflow.AllHandlersFinished(f.ctx)
	})
	if err != nil && !f.told { // somebody cancelled the workflow: that is a stop
		f.told = true
		f.inbox = append(f.inbox, rollout.Interrupted{})
	}
}

// full reports whether the segment's history has become long.
func (f *flow) full() bool {
	info := workflow.GetInfo(f.ctx)
	limit := f.in.Options.MaxEvents
	if limit == 0 {
		limit = maxEvents
	}
	return info.GetContinueAsNewSuggested() && !slices.Equal(info.GetContinueAsNewSuggestedReasons(), manyEvents) ||
		info.GetCurrentHistoryLength() > limit
}

// manyEvents is when a server's suggestion to go on anew is not followed: it comes at a
// tenth of the events that it allows (temporalio/temporal,
// limit.historyCount.suggestContinueAsNew), and each segment costs a snapshot of the fleet.
var manyEvents = []workflow.ContinueAsNewSuggestedReason{workflow.ContinueAsNewSuggestedReasonTooManyHistoryEvents}

// rouse sets the timer of the brain's next step; a zero time ends it.
func (f *flow) rouse(at time.Time) {
	if f.alarm != nil {
		f.alarm()
		f.alarm = nil
	}
	f.wake = at
	if at.IsZero() {
		return
	}
	ctx, cancel := workflow.WithCancel(f.work)
	f.alarm = cancel
	timer := workflow.NewTimer(ctx, max(0, at.Sub(workflow.Now(f.ctx))))
	workflow.Go(ctx, func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			f.awake = true
		}
	})
}

// standing answers how the run stands.
func (f *flow) standing() (protocol.Stands, error) {
	s := protocol.Stands{RunID: f.in.Opened.RunID, Segment: f.segment, Facts: f.facts, Calls: f.calls,
		Statuses: map[string]int{}}
	if f.machine == nil {
		return s, nil
	}
	s.Closed = f.machine.Run.Closed != nil
	for i := range f.machine.Vaults {
		s.Statuses[string(f.machine.Vaults[i].Status)]++
	}
	return s, nil
}

// check refuses what a person may not say to the run as it stands.
func (f *flow) check(a protocol.Ask) error {
	switch {
	case f.over:
		return errOver
	case f.machine == nil: // it is being opened: decided when it is
		return nil
	}
	_, err := f.machine.Decide(a.Order, a.By, workflow.Now(f.ctx).UTC())
	return err
}

var errOver = errors.New("the run has ended just now, before it heard that")

// order takes a person's word, and answers when its facts are in the history.
func (f *flow) order(ctx workflow.Context, said protocol.Ask) (rollout.Said, error) {
	a := &ask{Ask: said}
	f.asks = append(f.asks, a)
	if err := workflow.Await(ctx, func() bool { return a.decided }); err != nil {
		return rollout.Said{}, err
	}
	return a.said, a.err
}

// hear decides one ask, on the state that the one before it made.
func (f *flow) hear(now time.Time) (a *ask, obs []rollout.Observation) {
	for len(f.asks) > 0 {
		a, f.asks = f.asks[0], f.asks[1:]
		facts, err := f.machine.Decide(a.Order, a.By, now)
		if err != nil { // what was said in between has changed how the run stands
			a.err, a.decided = temporal.NewNonRetryableApplicationError(err.Error(), "Refused", err), true
			continue
		}
		a.said = f.machine.Saying(facts, now)
		for _, fact := range facts {
			obs = append(obs, rollout.Commanded{Fact: fact})
		}
		return a, obs
	}
	return nil, nil
}

// summary is what the server's page shows of an activity about a vault.
func (f *flow) summary(what string, vault int) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", what, f.plan.Vaults[vault].Name))
}
