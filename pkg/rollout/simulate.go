package rollout

import (
	"container/heap"
	"fmt"
	"maps"
	"slices"
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
	Nights []Night // the stretches of open windows in which something starts; none without windows
	Steps  int     // how many Steps the machine took

	Halt     *fleet.RunHalted // a budget halted it; nil: it came to its end
	Upgraded int
}

// Night is a stretch in which upgrades may run.
type Night struct {
	Until  time.Time
	Starts int // upgrades that start in it
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
// durations as duration predicts them. As in a run, the end of an upgrade is
// seen by the reading that follows, up to a poll later. Every upgrade succeeds
// and every gate is approved at once. It touches nothing outside.
func Simulate(p *plan.Plan, start time.Time, duration func(*plan.Vault) time.Duration) (Forecast, error) {
	return Rehearse(p, Rehearsal{Start: start, Duration: duration})
}

// Rehearse is Simulate with upgrades that fail.
func Rehearse(p *plan.Plan, r Rehearsal) (Forecast, error) {
	s := &simulation{m: New(p), now: r.Start, Rehearsal: r, running: map[int]*fleet.Record{},
		readers: map[string]*reader{}, nights: map[time.Time]int{}}
	opened := fleet.RunOpened{RunID: "forecast", PlanFingerprint: p.Fingerprint}
	if err := s.m.Apply(fleet.Event{At: r.Start, Fact: opened}); err != nil {
		return Forecast{}, err
	}
	for !s.done {
		if err := s.step(); err != nil {
			return Forecast{}, err
		}
	}
	f := Forecast{EndsAt: s.now, Nights: s.byNight(), Steps: s.steps, Halt: s.m.Run.Halt, Upgraded: s.m.Totals.Of(fleet.Upgraded)}
	for i := range s.m.Waves {
		f.Waves = append(f.Waves, Span{s.m.Waves[i].OpenedAt, s.m.Waves[i].DoneAt})
	}
	return f, nil
}

// oneNight is how far apart windows may close that are one night to people:
// vaults with windows of their own close at other hours.
const oneNight = 12 * time.Hour

// byNight lists the nights in which something starts, the first one first.
func (s *simulation) byNight() []Night {
	var out []Night
	for _, until := range slices.SortedFunc(maps.Keys(s.nights), time.Time.Compare) {
		if n := len(out) - 1; n >= 0 && until.Sub(out[n].Until) < oneNight {
			out[n] = Night{until, out[n].Starts + s.nights[until]}
			continue
		}
		out = append(out, Night{until, s.nights[until]})
	}
	return out
}

// simulation is a cloud and a runner in which everything is instant but an
// upgrade, and the sight of its end: that comes with the reading that follows.
type simulation struct {
	Rehearsal
	m       *Machine
	now     time.Time
	wake    time.Time
	ends    endHeap
	readers map[string]*reader // by subscription
	running map[int]*fleet.Record
	pending []Observation
	nights  map[time.Time]int // starts, by the end of the window
	steps   int
	done    bool
}

type endHeap []end

type end struct {
	at    time.Time // when it is seen
	over  time.Time // when the upgrade is over
	vault int
}

// reader is when a subscription is read: when something is to start there and
// the last reading is older than a poll, and once a poll while something is
// under way.
type reader struct {
	last    time.Time // a reading; the newest while nothing is watched
	watched int
}

// newest moves to the newest reading up to now.
func (r *reader) newest(now time.Time, poll time.Duration) {
	if r.watched > 0 && poll > 0 {
		r.last = r.last.Add(now.Sub(r.last) / poll * poll)
	}
}

// need makes a reading unless there is a recent one.
func (r *reader) need(now time.Time, poll time.Duration) {
	if r.newest(now, poll); now.Sub(r.last) > poll {
		r.last = now
	}
}

// after returns when a watched subscription is first read at t or later.
func (r *reader) after(t time.Time, poll time.Duration) time.Time {
	if poll <= 0 {
		return t
	}
	return r.last.Add((t.Sub(r.last) + poll - 1) / poll * poll)
}

func (s *simulation) reader(subscription string) *reader {
	r := s.readers[subscription]
	if r == nil {
		r = &reader{}
		s.readers[subscription] = r
	}
	return r
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
		e := heap.Pop(&s.ends).(end)
		i := e.vault
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
		s.running[i].EndedAt = e.over
	}
	for id, snap := range ended {
		for i := range s.m.subs[s.m.subAt[id]].watched {
			snap.Vaults[s.m.key(i)] = fleet.Sighting{Record: s.running[i]}
		}
	}
}

func (s *simulation) perform(a Action) {
	answer := func(o Observation) { s.pending = append(s.pending, o) }
	poll := s.m.Plan.Timings.Poll
	switch a := a.(type) {
	case Validate:
		s.reader(s.m.Plan.Vaults[a.Vault].SubscriptionID).need(s.now, poll)
		answer(Validated{s.m.key(a.Vault), fleet.Validation{Verdict: fleet.VerdictReady}})
	case Prepare:
		s.reader(s.m.Plan.Vaults[a.Vault].SubscriptionID).need(s.now, poll)
		answer(Prepared{Vault: s.m.key(a.Vault), OperationID: strconv.Itoa(a.Vault), Present: true})
	case Send:
		v := &s.m.Plan.Vaults[a.Vault]
		if until, _ := s.m.scheduleOf(a.Vault).OpenAt(s.now); !until.IsZero() {
			s.nights[until]++
		}
		s.running[a.Vault] = &fleet.Record{OperationID: a.OperationID, State: fleet.RecordInProgress}
		over := s.now.Add(s.Duration(v))
		heap.Push(&s.ends, end{s.reader(v.SubscriptionID).after(over, poll), over, a.Vault})
		answer(Answered{v.Key, a.OperationID, fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	case Verify:
		answer(Verified{Vault: s.m.key(a.Vault), OperationID: a.OperationID, Result: fleet.Verification{OK: true}})
	case Explain:
		answer(Explained{Vault: s.m.key(a.Vault), OperationID: a.OperationID})
	case Watch:
		r := s.reader(a.Subscription)
		r.newest(s.now, poll)
		if a.On {
			r.watched++
		} else {
			r.watched--
		}
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
