package rolloutflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// How long activities take and how often they are tried again, where the plan does not
// say. What only reads is tried for ever: a worker that is lost with it has changed
// nothing.
const (
	heartbeat = 30 * time.Second
	callLimit = 30 * time.Minute // of one try of one call: a subscription may ask to be left alone for long
	sendSpare = 15 * time.Second // beyond the start's own timeout, for its answer to come back
	longRead  = 24 * time.Hour   // of one try of a watch, which returns long before
	recordFor = 10 * time.Minute // of one try of writing facts
)

// batch is how many checks one activity makes at most: a few, since their answers come
// together, none of their places is free before, and other workers have their part of the
// request rate too.
const batch = 5

func (f *flow) heartbeat() time.Duration {
	if d := f.in.Options.Heartbeat; d > 0 {
		return d
	}
	return heartbeat
}

// perform begins an action. A run whose segment is ending leaves it to the next one.
func (f *flow) perform(a rollout.Action) error {
	switch a := a.(type) {
	case rollout.Wake:
		f.rouse(a.At)
		return nil
	case rollout.Watch:
		f.toWatch(a)
		return nil
	}
	data, err := rollout.EncodeAction(a)
	if err != nil {
		return broken("an action cannot be written", err)
	}
	if f.draining {
		f.kept = append(f.kept, data)
		return nil
	}
	vault, ok := rollout.VaultOf(a)
	if !ok {
		return broken("an action is not known", fmt.Errorf("%T", a))
	}
	subscription := f.plan.Vaults[vault].SubscriptionID
	if _, ok := a.(rollout.Validate); ok {
		f.toCheck(subscription, data)
		return nil
	}
	in := protocol.Action{Ref: f.in.Ref, Action: data, Decided: f.moment, Quiet: f.machine.Throttled[subscription]}
	if _, ok := a.(rollout.Reconcile); ok { // a start that is in doubt does not wait
		in.Quiet = time.Time{}
	}
	if s, ok := a.(rollout.Send); ok {
		in.Vault = f.plan.Vaults[vault].Key
		f.send(s, in)
		return nil
	}
	ctx := f.calling(subscription, f.summary(callWords[reflect.TypeOf(a)], vault), 1)
	f.call(workflow.ExecuteActivity(ctx, protocol.Call, in), nil)
	return nil
}

// calling is for activities that read, of whoever may reach a subscription; calls is how
// many it makes.
func (f *flow) calling(subscription, summary string, calls int) workflow.Context {
	return workflow.WithActivityOptions(f.work, workflow.ActivityOptions{TaskQueue: f.queueOf(subscription),
		StartToCloseTimeout: time.Duration(calls) * callLimit, HeartbeatTimeout: f.heartbeat(), Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

// toCheck adds a check to those of its subscription that one activity makes.
func (f *flow) toCheck(subscription string, action json.RawMessage) {
	for i := range f.checks {
		if c := &f.checks[i]; c.Subscription == subscription && len(c.Actions) < batch {
			c.Actions = append(c.Actions, action)
			return
		}
	}
	f.checks = append(f.checks, protocol.Checks{Ref: f.in.Ref, Subscription: subscription,
		Actions: []json.RawMessage{action}, Decided: f.moment, Quiet: f.machine.Throttled[subscription]})
}

// checkVaults begins the checks that were decided in this step.
func (f *flow) checkVaults() {
	for _, in := range f.checks {
		n := len(in.Actions)
		ctx := f.calling(in.Subscription, fmt.Sprintf("check %d of %s", n, in.Subscription), n)
		f.call(workflow.ExecuteActivity(ctx, protocol.Check, in), nil)
	}
	f.checks = nil
}

// queueOf is the task queue of those who may reach a subscription; empty for the run's own.
func (f *flow) queueOf(subscription string) string {
	if q := f.in.Options.Queues[subscription]; q != "" || len(f.in.Options.Queues) == 0 {
		return q
	}
	for i := range f.plan.Subscriptions {
		if s := &f.plan.Subscriptions[i]; s.ID == subscription {
			return f.in.Options.Queues[s.Tenant]
		}
	}
	return ""
}

// callWords are what the server's page shows of a call, before the vault's name.
var callWords = map[reflect.Type]string{
	reflect.TypeFor[rollout.Prepare]():   "make ready",
	reflect.TypeFor[rollout.Reconcile](): "look for the start of",
	reflect.TypeFor[rollout.Verify]():    "verify",
	reflect.TypeFor[rollout.Explain]():   "ask why it failed:",
}

// send has a start sent, once. Whatever keeps the answer from coming back leaves it
// unknown: the brain reads what came of it. Only of a start that no worker was ever
// given it is certain that it was not sent.
func (f *flow) send(s rollout.Send, in protocol.Action) {
	wait := max(s.StaleAfter.Sub(f.moment.At), time.Second)
	ctx := workflow.WithActivityOptions(f.work,
		workflow.ActivityOptions{TaskQueue: f.queueOf(f.plan.Vaults[s.Vault].SubscriptionID),
			ScheduleToStartTimeout: wait, StartToCloseTimeout: f.plan.Timings.StartTimeout + sendSpare,
			Summary:     f.summary("start", s.Vault),
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		})
	f.call(workflow.ExecuteActivity(ctx, protocol.Send, in), func(err error) rollout.Observation {
		answer := fleet.StartAnswer{Verdict: fleet.StartUnknown,
			Message: "the worker that was to send it gave no answer"}
		if late, ok := errors.AsType[*temporal.TimeoutError](err); ok &&
			late.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			answer = fleet.StartAnswer{Verdict: fleet.StartNotSent,
				Message: "no worker took it while its reading was fresh"}
		}
		return rollout.SendDone{Vault: f.plan.Vaults[s.Vault].Key, OperationID: s.Start.OperationID, Answer: answer}
	})
}

// call waits for an activity and hands on what it tells; failed says what it means that
// it failed. What has none is tried until it succeeds, but for what nobody can ever carry
// out: that ends the run rather than leave the brain without an answer.
func (f *flow) call(future workflow.Future, failed func(error) rollout.Observation) {
	f.calls++
	workflow.Go(f.work, func(ctx workflow.Context) {
		defer func() { f.calls-- }()
		var told protocol.Told
		switch err := future.Get(ctx, &told); {
		case err == nil:
			f.take(told.Observations)
		case failed != nil:
			f.inbox = append(f.inbox, failed(err))
		default:
			f.broken = broken("a call cannot be carried out", err)
		}
	})
}

// take hands observations on to the brain.
func (f *flow) take(all []json.RawMessage) {
	for _, data := range all {
		o, err := rollout.DecodeObservation(data)
		if err != nil {
			panic(err) // a newer worker's: the task is tried again until this one is as new
		}
		f.inbox = append(f.inbox, o)
	}
}

// onLedger is for activities of whoever keeps the ledgers' files.
func (f *flow) onLedger(what string) workflow.Context {
	return workflow.WithActivityOptions(f.work, workflow.ActivityOptions{
		TaskQueue: protocol.LedgerQueue(workflow.GetInfo(f.work).TaskQueueName), StartToCloseTimeout: recordFor,
		HeartbeatTimeout: f.heartbeat(), Summary: what,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 15 * time.Second},
	})
}

// record has facts written to the ledger's file. They are in the history with the
// activity's input, whatever becomes of the file.
func (f *flow) record(events []fleet.Event) {
	if len(events) == 0 {
		return
	}
	in := protocol.Facts{Ledger: f.in.Ledger, RunID: f.in.Opened.RunID, Ref: f.in.Ref, First: f.facts + 1}
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err) // facts are data that the journal can hold
		}
		in.Events = append(in.Events, data)
	}
	f.facts += uint64(len(events))
	f.write(in)
}

// write has facts written, for as long as it takes: the run goes on meanwhile, also in
// another segment.
func (f *flow) write(in protocol.Facts) {
	f.unwritten[in.First] = in
	workflow.Go(f.work, func(ctx workflow.Context) {
		if err := workflow.ExecuteActivity(f.onLedger("write facts"), protocol.Record, in).Get(ctx, nil); err != nil {
			f.broken = broken("facts cannot be written", err)
			return
		}
		delete(f.unwritten, in.First)
	})
}

// watch is one reading that goes on: of a subscription, or of one of its vaults where
// the kind reads them one by one.
type watch struct {
	subscription string
	of           map[int]rollout.Watch
	changed      bool
	stop         func() // ends the activity, nil where there is none
	told         string
}

func (w *watch) actions() (all []json.RawMessage) {
	for _, vault := range slices.Sorted(maps.Keys(w.of)) {
		data, err := rollout.EncodeAction(w.of[vault])
		if err != nil {
			panic(err) // it was an action before
		}
		all = append(all, data)
	}
	return all
}

// toWatch notes what is to be read, and what is not any more.
func (f *flow) toWatch(a rollout.Watch) {
	key := a.Subscription
	if f.in.Scope == fleet.ScopeVault && a.Vault >= 0 {
		key = string(f.plan.Vaults[a.Vault].Key)
	}
	w := f.watches[key]
	if w == nil {
		w = &watch{subscription: a.Subscription, of: map[int]rollout.Watch{}}
		f.watches[key] = w
	}
	delete(w.of, a.Vault)
	if a.On {
		w.of[a.Vault] = a
	}
	w.changed = true
}

// rewatch begins the readings that are wanted, and ends those that are not. A listing of
// which other vaults are watched now goes on: the next one knows of them.
func (f *flow) rewatch() {
	for _, key := range slices.Sorted(maps.Keys(f.watches)) {
		w := f.watches[key]
		if !w.changed || f.draining {
			continue
		}
		w.changed = false
		if w.stop != nil && (len(w.of) == 0 || f.in.Scope == fleet.ScopeVault) {
			w.stop()
			w.stop = nil
		}
		switch {
		case len(w.of) == 0:
			delete(f.watches, key)
		case w.stop == nil:
			f.look(w)
		}
	}
}

// unwatch ends all readings: the next segment begins its own.
func (f *flow) unwatch() {
	for _, key := range slices.Sorted(maps.Keys(f.watches)) {
		if w := f.watches[key]; w.stop != nil {
			w.stop()
			w.stop = nil
		}
	}
}

// end lets go of all that is not waited for.
func (f *flow) end() {
	f.unwatch()
	f.rouse(time.Time{})
}

// look reads until something is seen, and again.
func (f *flow) look(w *watch) {
	ctx, cancel := workflow.WithCancel(f.work)
	w.stop = cancel
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: f.queueOf(w.subscription),
		StartToCloseTimeout: longRead, HeartbeatTimeout: f.heartbeat(), Summary: "watch " + w.subscription,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for ctx.Err() == nil {
			var told protocol.Told
			in := protocol.Watched{Ref: f.in.Ref, Subscription: w.subscription, Actions: w.actions(), Told: w.told,
				Quiet: f.machine.Throttled[w.subscription]}
			err := workflow.ExecuteActivity(ctx, protocol.Watch, in).Get(ctx, &told)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				w.told = told.Told
				f.take(told.Observations)
			}
		}
	})
}
