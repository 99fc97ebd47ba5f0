// Package activities answers "what does a worker do": it carries the brain's actions
// out against the cloud, as the runner does on one machine, and writes facts to the
// ledger's file. A worker keeps nothing that another could not do without: what it
// knows of a plan it reads from the store of blobs.
package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/fleetup-dev/fleetup/engine/temporal/heartbeat"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// Worker carries actions out. It is safe for concurrent use.
type Worker struct {
	// Plan reads a plan from the store that all workers share.
	Plan func(ctx context.Context, ref protocol.PlanRef) ([]byte, error)
	// Connect makes the connection to a plan's cloud.
	Connect func(p *plan.Plan) (*session.Cloud, error)

	mu    sync.Mutex
	plans map[string]*planned // by fingerprint
	keys  map[fleet.Key][]byte
}

// planned is what a worker has of one plan: the connection, and the calls over it.
type planned struct {
	once   sync.Once
	plan   *plan.Plan
	cloud  *session.Cloud
	calls  *runner.Calls
	cancel context.CancelFunc
	err    error
}

// Close ends every reading and lets go of the clouds.
func (w *Worker) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.plans {
		if p.cancel != nil {
			p.cancel()
			p.calls.Wait()
			p.cloud.Disconnect()
		}
	}
	w.plans = nil
}

// of returns what there is of a plan, made when it is first needed.
func (w *Worker) of(ctx context.Context, ref protocol.PlanRef) (*planned, error) {
	w.mu.Lock()
	if w.plans == nil {
		w.plans = map[string]*planned{}
	}
	p := w.plans[ref.Fingerprint]
	if p == nil {
		p = &planned{}
		w.plans[ref.Fingerprint] = p
	}
	w.mu.Unlock()
	p.once.Do(func() { p.err = w.open(ctx, ref, p) })
	if p.err != nil {
		w.mu.Lock()
		if w.plans[ref.Fingerprint] == p {
			delete(w.plans, ref.Fingerprint) // the next one tries anew
		}
		w.mu.Unlock()
	}
	return p, p.err
}

func (w *Worker) open(ctx context.Context, ref protocol.PlanRef, p *planned) error {
	data, err := w.Plan(ctx, ref)
	if err != nil {
		return err
	}
	p.plan = &plan.Plan{}
	if err := json.Unmarshal(data, p.plan); err != nil {
		return fmt.Errorf("the plan %s cannot be read: %w", ref.Fingerprint, err)
	}
	if p.plan.Fingerprint != ref.Fingerprint {
		return fmt.Errorf("the blob %s has the plan %s and not %s", ref.Key, p.plan.Fingerprint, ref.Fingerprint)
	}
	if p.cloud, err = w.Connect(p.plan); err != nil {
		return err
	}
	reads, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.calls = runner.NewCalls(reads, runner.CallOptions{Plan: p.plan, Cloud: p.cloud, Limiter: p.cloud.Limiter})
	return nil
}

// Check checks vaults of one subscription, side by side.
func (w *Worker) Check(ctx context.Context, in protocol.Checks) (protocol.Told, error) {
	p, err := w.of(ctx, in.Ref)
	if err != nil {
		return protocol.Told{}, err
	}
	checks := make([]rollout.Validate, 0, len(in.Actions))
	for _, data := range in.Actions {
		a, err := rollout.DecodeAction(data)
		if err != nil {
			return protocol.Told{}, err // of a newer build: another worker may know it
		}
		c, ok := a.(rollout.Validate)
		if !ok || c.Vault < 0 || c.Vault >= len(p.plan.Vaults) ||
			p.plan.Vaults[c.Vault].SubscriptionID != in.Subscription {
			return protocol.Told{}, temporal.NewNonRetryableApplicationError("this is no check of the subscription",
				"Misplaced", nil)
		}
		checks = append(checks, c)
	}
	p.quiet(in.Subscription, in.Quiet)
	return heartbeat.Do(ctx, func() (protocol.Told, error) {
		var mu sync.Mutex
		var seen []rollout.Observation
		var out sync.WaitGroup
		for _, c := range checks {
			out.Go(func() {
				p.calls.Do(c, in.Decided, func(o rollout.Observation) {
					mu.Lock()
					seen = append(seen, o)
					mu.Unlock()
				})
			})
		}
		out.Wait()
		var told collector
		for _, o := range seen {
			told.tell(o)
		}
		return protocol.Told{Observations: told.all}, nil
	})
}

// Call carries another action out that may be carried out again.
func (w *Worker) Call(ctx context.Context, in protocol.Action) (protocol.Told, error) {
	p, a, err := w.action(ctx, in)
	if err != nil {
		return protocol.Told{}, err
	}
	if _, ok := a.(rollout.Send); ok {
		return protocol.Told{}, temporal.NewNonRetryableApplicationError("a start is sent by "+protocol.Send,
			"Misplaced", nil)
	}
	i, _ := rollout.VaultOf(a)
	p.quiet(p.plan.Vaults[i].SubscriptionID, in.Quiet)
	return heartbeat.Do(ctx, func() (protocol.Told, error) { return w.do(p, a, in.Decided), nil })
}

// Send sends a start, and waits for its answer whatever happens to the activity.
func (w *Worker) Send(ctx context.Context, in protocol.Action) (protocol.Told, error) {
	p, a, err := w.action(ctx, in)
	if err != nil {
		return w.notSent(ctx, in, err)
	}
	s, ok := a.(rollout.Send)
	if !ok {
		return protocol.Told{}, temporal.NewNonRetryableApplicationError("this is no start", "Misplaced", nil)
	}
	p.quiet(p.plan.Vaults[s.Vault].SubscriptionID, in.Quiet)
	return w.do(p, a, in.Decided), nil
}

// notSent says of a start that this worker cannot carry it out, and has sent nothing: it
// does not know the plan's kind, or is of another version, or the store of blobs is not to
// be reached. Where not even that can be said the start is left in doubt.
func (w *Worker) notSent(ctx context.Context, in protocol.Action, why error) (protocol.Told, error) {
	a, err := rollout.DecodeAction(in.Action)
	s, ok := a.(rollout.Send)
	if err != nil || !ok || in.Vault == "" {
		return protocol.Told{}, why
	}
	activity.GetLogger(ctx).Warn("This worker cannot send a start, and has sent nothing", "vault", in.Vault, "reason",
		why)
	var c collector
	c.tell(rollout.SendDone{Vault: in.Vault, OperationID: s.Start.OperationID,
		Answer: fleet.StartAnswer{Verdict: fleet.StartNotSent,
			Message: "the worker that took it cannot carry it out: " + why.Error()}})
	return protocol.Told{Observations: c.all}, nil
}

// quiet leaves a subscription alone that another worker was asked to leave alone.
func (p *planned) quiet(subscription string, until time.Time) {
	if d := time.Until(until); d > 0 {
		p.cloud.Limiter.Pause(subscription, d)
	}
}

func (w *Worker) action(ctx context.Context, in protocol.Action) (*planned, rollout.Action, error) {
	a, err := rollout.DecodeAction(in.Action)
	if err != nil {
		return nil, nil, err // of a newer build: another worker may know it
	}
	p, err := w.of(ctx, in.Ref)
	if err != nil {
		return nil, nil, err
	}
	if i, ok := rollout.VaultOf(a); !ok || i < 0 || i >= len(p.plan.Vaults) {
		return nil, nil, temporal.NewNonRetryableApplicationError("this is no call about a vault of the plan",
			"Misplaced", nil)
	}
	return p, a, nil
}

func (w *Worker) do(p *planned, a rollout.Action, decided rollout.Moment) (told protocol.Told) {
	var c collector
	if e, ok := a.(rollout.Explain); ok {
		w.unseal(p, e.Vault, e.Operation)
	}
	p.calls.Do(a, decided, func(o rollout.Observation) {
		if s, ok := o.(rollout.SendDone); ok && s.Answer.Operation != nil {
			w.keep(s.Vault, s.Answer.Operation)
		}
		c.tell(o)
	})
	return protocol.Told{Observations: c.all}
}

// keep remembers what signs the address of an operation that this worker was given.
// Another one, which does not have it, learns from the vault itself.
func (w *Worker) keep(k fleet.Key, o *fleet.Operation) {
	_, key := o.Seal()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = map[fleet.Key][]byte{}
	}
	if delete(w.keys, k); len(key) > 0 {
		w.keys[k] = key
	}
}

func (w *Worker) unseal(p *planned, vault int, o *fleet.Operation) {
	if o == nil || vault < 0 {
		return
	}
	w.mu.Lock()
	key := w.keys[p.plan.Vaults[vault].Key]
	w.mu.Unlock()
	o.Open(key)
}

// collector keeps what is told, as it crosses.
type collector struct {
	mu  sync.Mutex
	all []json.RawMessage
}

func (c *collector) tell(o rollout.Observation) {
	data, err := rollout.EncodeObservation(o)
	if err != nil {
		panic(err) // the server tells of it, and the activity is tried again
	}
	c.mu.Lock()
	c.all = append(c.all, data)
	c.mu.Unlock()
}

// freshen is how many polls a watch that sees nothing new lasts at most: the next one
// knows which vaults are watched by then.
const freshen = 10

// linger is for how long a watch collects what comes with the first thing seen: each
// return costs the history a few events.
const linger = time.Second

// Watch reads a subscription until it sees something that the brain was not told yet.
func (w *Worker) Watch(ctx context.Context, in protocol.Watched) (protocol.Told, error) {
	p, err := w.of(ctx, in.Ref)
	if err != nil {
		return protocol.Told{}, err
	}
	var watched []rollout.Watch
	for _, data := range in.Actions {
		a, err := rollout.DecodeAction(data)
		if err != nil {
			return protocol.Told{}, err
		}
		x, ok := a.(rollout.Watch)
		if !ok || x.Vault >= len(p.plan.Vaults) {
			return protocol.Told{}, temporal.NewNonRetryableApplicationError("this is no watch of the plan",
				"Misplaced", nil)
		}
		w.unseal(p, x.Vault, x.Operation)
		watched = append(watched, x)
	}
	p.quiet(in.Subscription, in.Quiet)
	reads, stop := context.WithCancel(ctx)
	defer stop()
	var c collector
	seen, over := make(chan struct{}, 1), make(chan struct{})
	last := in.Told
	var mu sync.Mutex
	go func() {
		defer close(over)
		p.calls.Watch(reads, in.Subscription, watched, func(o rollout.Observation) {
			mu.Lock()
			was := last
			last = ""
			if r, ok := o.(rollout.ReadDone); ok {
				last = digest(r.Snapshot)
				if last == was && uneventful(p.plan, watched, r.Snapshot) {
					mu.Unlock()
					return
				}
			}
			mu.Unlock()
			c.tell(o)
			select {
			case seen <- struct{}{}:
			default:
			}
		})
	}()
	old := time.AfterFunc(freshen*p.plan.Timings.Poll, func() {
		select {
		case seen <- struct{}{}:
		default:
		}
	})
	defer old.Stop()
	if _, ok := heartbeat.Await(ctx, seen); !ok {
		<-over
		return protocol.Told{}, ctx.Err()
	}
	pause := time.NewTimer(min(linger, p.plan.Timings.Poll/4))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
	stop()
	<-over
	return protocol.Told{Observations: c.all, Told: last}, nil
}

// digest tells readings apart that show something else, whenever they were made.
func digest(s fleet.Snapshot) string {
	s.ReadAt, s.Next = time.Time{}, 0
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// uneventful reports whether a reading that shows what the last one showed tells the
// brain nothing: every vault that is watched in it is under way, by its record. Where a
// wait is decided by how long readings have shown the same, each of them is told.
func uneventful(p *plan.Plan, watched []rollout.Watch, s fleet.Snapshot) bool {
	for _, w := range watched {
		if w.Vault < 0 {
			return false // whether the subscription can be read at all is waited for
		}
		k := p.Vaults[w.Vault].Key
		if s.Only != "" && s.Only != k {
			continue
		}
		seen, ok := s.Vaults[k]
		if !ok || seen.Reading != nil || seen.Record == nil || seen.Record.State != fleet.RecordInProgress {
			return false
		}
	}
	return true
}
