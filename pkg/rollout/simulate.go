package rollout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Forecast is when the waves of a plan begin and end if every vault is ready,
// and every upgrade succeeds or fails as the rehearsal says. A wave that a halt
// kept from ending has no end, one that never opened no beginning either.
type Forecast struct {
	Waves  []Span // as Plan.Waves
	EndsAt time.Time
	Nights []Night // the stretches of open windows in which something starts; none without windows
	Steps  int     // how many Steps the machine took

	Halt     *fleet.RunHalted // a budget halted it; nil: it came to its end
	HaltedIn string           // the wave that was open then, empty where nothing halted it
	HaltedAt time.Time        // when; EndsAt is when what was in flight then has ended
	Upgraded int
	Failed   int // in this run
	Left     int // vaults that a halt kept from starting
}

// Night is a stretch in which upgrades may run.
type Night struct {
	From   time.Time // of the first that starts in it
	Until  time.Time // when its last window closes
	Starts int       // upgrades that start in it
}

// Span is a stretch of time: of a wave from its first start, or from when it opens where
// nothing of it starts.
type Span struct{ StartsAt, EndsAt time.Time }

// Rehearsal is a night to simulate.
type Rehearsal struct {
	Start    time.Time
	Duration func(*plan.Vault) time.Duration
	Fails    func(*plan.Vault) bool // nil: every upgrade succeeds
	Changed  map[string]time.Time   // when runs before it last changed a vault of each wave, as in fleet.RunOpened
	Stop     func() bool            // asked at every step: break off with ErrStopped; nil: never
}

// ErrStopped says that a simulation was told to break off.
var ErrStopped = errors.New("the simulation was broken off")

// StallError is a simulation that goes on for ever without anything coming of
// it, and what it waits for: a plan that can never end, or a fault of the logic.
type StallError struct {
	At   time.Time // simulated
	For  string    // what it waits for, as part of a sentence
	Left int       // vaults whose fate is undecided
}

func (e *StallError) Error() string {
	return fmt.Sprintf("the plan can never end: from %s on it waits for %s, with %d vaults undecided",
		e.At.UTC().Format(time.RFC3339), e.For, e.Left)
}

// Simulate drives the real machine with a simulated clock from start on, with
// durations as duration predicts them. As in a run, the end of an upgrade is
// seen by the reading that follows, up to a poll later. Every upgrade succeeds
// and every gate is approved at once. It touches nothing outside.
func Simulate(p *plan.Plan, start time.Time, duration func(*plan.Vault) time.Duration) (Forecast, error) {
	return Rehearse(p, Rehearsal{Start: start, Duration: duration})
}

// Rehearse is Simulate with upgrades that fail. It ends: where the budgets halt
// the run, where nothing is left, or with a *StallError. Gates are approved with
// the failures that they show.
func Rehearse(p *plan.Plan, r Rehearsal) (Forecast, error) {
	s := newSimulation(New(p), r)
	opened := fleet.RunOpened{RunID: "forecast", PlanFingerprint: p.Fingerprint, Changed: r.Changed}
	if err := s.m.Apply(fleet.Event{At: r.Start, Fact: opened}); err != nil {
		return Forecast{}, err
	}
	return s.play()
}

func newSimulation(m *Machine, r Rehearsal) *simulation {
	m.fleeting = true
	return &simulation{m: m, now: r.Start, Rehearsal: r, ends: heapOf[end]{less: end.before},
		running: map[int]*fleet.Record{},
		readers: map[string]*reader{}, nights: map[time.Time]*Night{}, first: map[int]time.Time{}}
}

// play drives the machine to its end.
func (s *simulation) play() (Forecast, error) {
	for !s.done {
		if s.Stop != nil && s.Stop() {
			return Forecast{}, ErrStopped
		}
		if err := s.step(); err != nil {
			return Forecast{}, err
		}
	}
	f := Forecast{EndsAt: s.now, Nights: s.byNight(), Steps: s.steps, Halt: s.m.Run.Halt,
		Upgraded: s.m.Totals.Of(fleet.Upgraded),
		Failed:   s.m.Totals.Of(fleet.Failed)}
	if f.Halt != nil {
		f.HaltedIn, f.HaltedAt = s.m.Waves[max(s.m.current, 0)].Name, s.m.Run.HaltedAt
		for _, st := range []fleet.Status{fleet.Pending, fleet.Validating, fleet.Ready, fleet.Busy} {
			f.Left += s.m.Totals.Of(st)
		}
	}
	for i := range s.m.Waves {
		starts := s.m.Waves[i].OpenedAt
		if first, ok := s.first[i]; ok { // it opens, and checks, outside of windows too
			starts = first
		}
		f.Waves = append(f.Waves, Span{starts, s.m.Waves[i].DoneAt})
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
			out[n].Until, out[n].Starts = until, out[n].Starts+s.nights[until].Starts
			if from := s.nights[until].From; from.Before(out[n].From) {
				out[n].From = from
			}
			continue
		}
		out = append(out, *s.nights[until])
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
	ends    heapOf[end]
	readers map[string]*reader // by subscription
	running map[int]*fleet.Record
	pending []Observation
	spent   []Observation        // those of the step before, whose room the next ones take
	nights  map[time.Time]*Night // by the end of the window
	first   map[int]time.Time    // the first start of each wave that has one
	steps   int
	idle    int // steps in a row of which nothing came
	still   int // steps in a row at one moment
	done    bool
}

type end struct {
	at    time.Time // when it is seen
	over  time.Time // when the upgrade is over
	vault int
}

func (e end) before(f end) bool {
	if !e.at.Equal(f.at) {
		return e.at.Before(f.at)
	}
	return e.vault < f.vault
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
	s.pending, s.spent = s.spent[:0], obs
	out := s.m.Step(s.now, obs)
	if out.Err != nil {
		return out.Err
	}
	if s.stalls(out) {
		return s.stalled()
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
	if s.ends.Len() > 0 {
		next = earlier(s.ends.items[0].at, next)
	}
	if next.IsZero() {
		return s.stalled()
	}
	if next.After(s.now) {
		s.now, s.still = next, 0
	}
	s.finish()
	return nil
}

// stalls counts the steps that lead nowhere, and reports whether there were too
// many. A step leads somewhere by a fact that is not merely an approval; every
// vault may need a few that only wake it, and some at one moment.
func (s *simulation) stalls(out Output) bool {
	s.still++
	s.idle++
	news := func(events []fleet.Event) bool {
		return slices.ContainsFunc(events, func(e fleet.Event) bool { _, ok := e.Fact.(fleet.Approved); return !ok })
	}
	if news(out.Facts) || news(out.Intents) {
		s.idle = 0
	}
	most := 100 + 20*(len(s.m.Vaults)+len(s.m.Waves))
	return s.idle > most || s.still > most
}

// stalled is the error of a simulation that leads nowhere.
func (s *simulation) stalled() error {
	e := &StallError{At: s.now, For: "nothing: no limit lets it start", Left: s.m.tally.open}
	switch w := s.m.Waiting(); {
	case w.Gate != "":
		e.For = fmt.Sprintf("an approval %s wave %s that would hold", w.Gate, w.Wave)
	case !w.Soak.IsZero():
		e.For = "the end of wave " + w.Wave + "'s soak"
	case !w.Date.IsZero():
		e.For = "the date of wave " + w.Wave
	case len(s.m.windowed) > 0:
		e.For = "a window"
	case s.m.flight > 0:
		e.For = "the end of what is in flight"
	}
	return e
}

// approve opens a gate at once: how long people take is not known. They approve
// what they see, failures too: it is the budgets that halt.
func (s *simulation) approve(w Waiting) {
	a := fleet.Approved{Wave: w.Wave, When: w.Gate, By: fleet.Actor{User: "forecast"},
		PlanFingerprint: s.m.Plan.Fingerprint, ExpiresAt: s.now.Add(time.Hour)}
	for i := range s.m.Waves {
		if s.m.Waves[i].Name == w.Wave {
			a.Evidence = s.m.Evidence(i, w.Gate)
		}
	}
	s.pending = append(s.pending, Commanded{a})
}

// finish shows the machine the upgrades that have ended by now.
func (s *simulation) finish() {
	ended := map[string]*fleet.Snapshot{}
	for s.ends.Len() > 0 && !s.ends.items[0].at.After(s.now) {
		e := s.ends.pop()
		i := e.vault
		v := &s.m.Plan.Vaults[i]
		snap := ended[v.SubscriptionID]
		if snap == nil {
			snap = &fleet.Snapshot{Subscription: v.SubscriptionID, ReadAt: s.now,
				Vaults: map[fleet.Key]fleet.Sighting{}}
			ended[v.SubscriptionID] = snap
			s.pending = append(s.pending, ReadDone{*snap})
		}
		s.running[i].State = fleet.RecordUpgraded
		if s.Fails != nil && s.Fails(v) {
			s.running[i].State = fleet.RecordFailed
		}
		s.running[i].EndedAt = e.over
	}
	for id, snap := range ended {
		for i := range s.m.subs[s.m.subAt[id]].Watched {
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
		found := fleet.VerdictReady
		if s.m.Vaults[a.Vault].DoneEarlier() {
			found = fleet.VerdictAlready
		}
		answer(ValidateDone{s.m.key(a.Vault), fleet.Validation{Verdict: found}})
	case Prepare:
		s.reader(s.m.Plan.Vaults[a.Vault].SubscriptionID).need(s.now, poll)
		answer(PrepareDone{Vault: s.m.key(a.Vault), Start: fleet.PreparedStart{OperationID: strconv.Itoa(a.Vault)},
			Present: true,
			Seen:    fleet.Sighting{State: s.m.Vaults[a.Vault].State}})
	case Send:
		v := &s.m.Plan.Vaults[a.Vault]
		if until, _, ok := s.m.scheduleOf(a.Vault).WindowAt(s.now); ok {
			n := s.nights[until]
			if n == nil {
				n = &Night{From: s.now, Until: until}
				s.nights[until] = n
			}
			n.Starts++
		}
		if _, ok := s.first[v.Wave]; !ok {
			s.first[v.Wave] = s.now
		}
		s.running[a.Vault] = &fleet.Record{OperationID: a.Start.OperationID, State: fleet.RecordInProgress}
		s.endsAt(a.Vault, s.now.Add(s.Duration(v)))
		answer(SendDone{v.Key, a.Start.OperationID, fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	case Reconcile: // of a run that is looked at on its way
		answer(ReconcileDone{Vault: s.m.key(a.Vault), OperationID: a.OperationID,
			Result: fleet.Reconciliation{Reading: fleet.ReadOurs, Record: s.running[a.Vault]}})
	case Verify:
		answer(VerifyDone{Vault: s.m.key(a.Vault), OperationID: a.OperationID, Result: fleet.Verification{OK: true}})
	case Explain:
		answer(ExplainDone{Vault: s.m.key(a.Vault), OperationID: a.OperationID})
	case Watch:
		r := s.reader(a.Subscription)
		r.newest(s.now, poll)
		if a.On {
			r.watched++
		} else {
			r.watched--
			if x := s.running[a.Vault]; x != nil && !x.EndedAt.IsZero() { // else finish has to end it yet
				delete(s.running, a.Vault)
			}
		}
	case Wake:
		s.wake = a.At
	case Exit:
		s.done = true
	}
}

// endsAt has a vault's upgrade end at a time; it is seen by the reading after it.
func (s *simulation) endsAt(i int, over time.Time) {
	r := s.reader(s.m.Plan.Vaults[i].SubscriptionID)
	s.ends.push(end{r.after(over, s.m.Plan.Timings.Poll), over, i})
}
