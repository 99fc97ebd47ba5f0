package rollout

import (
	"container/heap"
	"fmt"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Forecast is when the waves of a plan begin and end if every vault is ready
// and every upgrade succeeds.
type Forecast struct {
	Waves  []Span // as Plan.Waves
	EndsAt time.Time
	Nights int // stretches of open windows in which something starts; 0 without windows
	Steps  int // how many Steps the machine took

	Halt     *fleet.RunHalted // a budget halted it; nil: it came to its end
	Upgraded int
}

// Span is a stretch of time.
type Span struct{ StartsAt, EndsAt time.Time }

// Rehearsal is a night to simulate.
type Rehearsal struct {
	Start    time.Time
	Duration func(*plan.Vault) time.Duration
	Fails    func(*plan.Vault) bool // nil: every upgrade succeeds
}

// Simulate drives the real machine with a simulated clock from start on, with
// durations as duration predicts them. Every upgrade succeeds and every gate is
// approved at once. It touches nothing outside.
func Simulate(p *plan.Plan, start time.Time, duration func(*plan.Vault) time.Duration) (Forecast, error) {
	return Rehearse(p, Rehearsal{Start: start, Duration: duration})
}

// Rehearse is Simulate with upgrades that fail.
func Rehearse(p *plan.Plan, r Rehearsal) (Forecast, error) {
	s := &simulation{m: New(p), now: r.Start, Rehearsal: r, running: map[int]*fleet.Record{}, nights: map[time.Time]bool{}}
	opened := fleet.RunOpened{RunID: "forecast", PlanFingerprint: p.Fingerprint}
	if err := s.m.Apply(fleet.Event{At: r.Start, Fact: opened}); err != nil {
		return Forecast{}, err
	}
	for !s.done {
		if err := s.step(); err != nil {
			return Forecast{}, err
		}
	}
	f := Forecast{EndsAt: s.now, Nights: len(s.nights), Steps: s.steps, Halt: s.m.Run.Halt, Upgraded: s.m.Totals.Of(fleet.Upgraded)}
	for i := range s.m.Waves {
		f.Waves = append(f.Waves, Span{s.m.Waves[i].OpenedAt, s.m.Waves[i].DoneAt})
	}
	return f, nil
}

// simulation is a cloud and a runner in which everything but an upgrade is
// instant.
type simulation struct {
	Rehearsal
	m       *Machine
	now     time.Time
	wake    time.Time
	ends    endHeap
	running map[int]*fleet.Record
	pending []Observation
	nights  map[time.Time]bool // by the end of the window
	steps   int
	done    bool
}

type endHeap []end

type end struct {
	at    time.Time
	vault int
}

func (s *simulation) step() error {
	s.steps++
	obs := s.pending
	s.pending = nil
	out := s.m.Step(s.now, obs)
	if out.Err != nil {
		return out.Err
	}
	for _, a := range out.Actions {
		s.perform(a)
	}
	if s.done || len(s.pending) > 0 {
		return nil
	}
	if w := s.m.Waiting(); w.Gate != "" {
		s.approve(w)
		return nil
	}
	next := s.wake
	if len(s.ends) > 0 {
		next = earlier(s.ends[0].at, next)
	}
	if next.IsZero() {
		return fmt.Errorf("the plan can never end: %d vaults wait for nothing", s.m.tally.open)
	}
	s.now = later(s.now, next)
	s.finish()
	return nil
}

// approve opens a gate at once: how long people take is not known.
func (s *simulation) approve(w Waiting) {
	s.pending = append(s.pending, Commanded{fleet.Approved{Wave: w.Wave, When: w.Gate, By: fleet.Actor{User: "forecast"},
		PlanFingerprint: s.m.Plan.Fingerprint, ExpiresAt: s.now.Add(time.Hour)}})
}

// finish shows the machine the upgrades that have ended by now.
func (s *simulation) finish() {
	ended := map[string]*fleet.Snapshot{}
	for len(s.ends) > 0 && !s.ends[0].at.After(s.now) {
		i := heap.Pop(&s.ends).(end).vault
		v := &s.m.Plan.Vaults[i]
		snap := ended[v.SubscriptionID]
		if snap == nil {
			snap = &fleet.Snapshot{Subscription: v.SubscriptionID, ReadAt: s.now, Vaults: map[fleet.Key]fleet.Sighting{}}
			ended[v.SubscriptionID] = snap
			s.pending = append(s.pending, Listed{snap})
		}
		s.running[i].State = fleet.RecordUpgraded
		if s.Fails != nil && s.Fails(v) {
			s.running[i].State = fleet.RecordFailed
		}
		s.running[i].EndedAt = s.now
	}
	for id, snap := range ended {
		for i := range s.m.subs[s.m.subAt[id]].watched {
			snap.Vaults[s.m.key(i)] = fleet.Sighting{Record: s.running[i]}
		}
	}
}

func (s *simulation) perform(a Action) {
	answer := func(o Observation) { s.pending = append(s.pending, o) }
	switch a := a.(type) {
	case Validate:
		answer(Validated{s.m.key(a.Vault), fleet.Validation{Verdict: fleet.VerdictReady}})
	case Prepare:
		answer(Prepared{Vault: s.m.key(a.Vault), OperationID: strconv.Itoa(a.Vault), Present: true})
	case Send:
		v := &s.m.Plan.Vaults[a.Vault]
		if until, _ := s.m.schedules[v.Wave].OpenAt(s.now); !until.IsZero() {
			s.nights[until] = true
		}
		s.running[a.Vault] = &fleet.Record{OperationID: a.OperationID, State: fleet.RecordInProgress}
		heap.Push(&s.ends, end{s.now.Add(s.Duration(v)), a.Vault})
		answer(Answered{v.Key, a.OperationID, fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	case Verify:
		answer(Verified{Vault: s.m.key(a.Vault), OperationID: a.OperationID, Result: fleet.Verification{OK: true}})
	case Explain:
		answer(Explained{Vault: s.m.key(a.Vault), OperationID: a.OperationID})
	case Wake:
		s.wake = a.At
	case Exit:
		s.done = true
	}
}

func (h endHeap) Len() int { return len(h) }
func (h endHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].vault < h[j].vault
}
func (h endHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)   { *h = append(*h, x.(end)) }
func (h *endHeap) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	*h = (*h)[:n]
	return x
}
