package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Machine is the brain: State plus the policy that decides what happens next.
// What it keeps beside State can be rebuilt from it, and is, after a replay.
type Machine struct {
	*State

	now        time.Time
	jobs       []job
	turns      []turn // of each vault
	subs       []sub
	locs       []loc
	timers     *timers
	starts     *queue
	validation heapOf[int] // vaults that wait for a check
	doing      [activities]int
	slots      int // upgrades that we started, or are about to, and that are not over
	open       int // vaults of opened waves whose fate is undecided
	flight     int // vaults whose upgrade, started by us, may be under way
	denied     int // subscriptions without a sign-in or permission

	// ExitWhenWaiting makes the process leave, to be resumed, instead of
	// waiting for a window or an approval.
	ExitWhenWaiting bool

	limits    plan.WaveLimits  // the run's and the open wave's, the lower of each
	schedules []*plan.Schedule // of each wave
	own       []*plan.Schedule // of Plan.Calendars
	offset    time.Duration    // of the wall clock from now
	placed    time.Duration    // the offset when the waiting vaults were last placed
	windowed  map[int]struct{} // vaults that wait for a window
	touched   map[int]struct{} // parts with a budget of which a vault changed in this Step
	preparing []int            // starts being prepared in each part
	unchecked int              // vaults to be checked before the first start of their wave
	ahead     int              // the wave that is checked at the gate before it, and one more; 0: none
	waiting   Waiting
	decided   bool  // a vault's fate was decided since the waves were last turned
	broken    error // the plan's calendars do not compile

	spent []int // vaults that were placed and have no tries left

	// nobody keeps what a Step says, as in a forecast: it makes no records, and the next
	// one writes where it wrote
	fleeting bool

	settled  bool      // every vault has been placed
	awake    time.Time // since when nothing has stood still, zero: since it began
	stopping bool      // told to leave
	exited   bool
	wakeAt   time.Time
	prepared []PrepareDone
	out      Output
}

// Output is what one Step decided. The caller commits Facts, then Intents in a
// transaction of their own, and only then carries out the actions.
type Output struct {
	Facts         []fleet.Event
	FactRecords   []fleet.VaultRecord
	Intents       []fleet.Event
	IntentRecords []fleet.VaultRecord
	Actions       []Action
	Err           error // a fact could not follow the ones before it: stop
}

// activity is what is being done for a vault right now.
type activity uint8

const (
	idle activity = iota
	validating
	preparing
	sending
	reconciling
	verifying
	explaining
	activities
)

// job is a vault's place in the machine.
type job struct {
	Doing       activity         `json:"doing,omitzero"`
	Back        fleet.Status     `json:"back,omitzero"` // where it was before validating
	Sub         int              `json:"-"`
	Loc         int              `json:"-"`
	Slot        bool             `json:"slot,omitzero"`
	Watched     bool             `json:"watched,omitzero"`
	Operation   *fleet.Operation `json:"operation,omitzero"`   // that Watch was told
	Overdue     bool             `json:"overdue,omitzero"`     // and whether it is overdue
	Counted     bool             `json:"counted,omitzero"`     // in open
	Flying      bool             `json:"flying,omitzero"`      // in flight
	QueuedCheck bool             `json:"queuedCheck,omitzero"` // in the validation queue
	QueuedStart bool             `json:"queuedStart,omitzero"` // in the queue of starts
	Unchecked   bool             `json:"unchecked,omitzero"`   // counted in unchecked
	Stale       bool             `json:"stale,omitzero"`       // ready, but must be validated again
	Changed     bool             `json:"changed,omitzero"`     // so it must, when its turn comes
	NotBefore   time.Time        `json:"notBefore,omitzero"`
	RetryAt     time.Time        `json:"retryAt,omitzero"` // of a reconciling or verifying read

	SeenAt time.Time `json:"seenAt,omitzero"` // when a reading last showed how it stands
	// since when readings show that nothing is under way on it, and it is not as wanted
	SettledSince time.Time          `json:"settledSince,omitzero"`
	Reading      *fleet.LastReading `json:"reading,omitzero"` // the last one, nil for none
	// and the operation itself said then that it is under way
	Claims      bool      `json:"claims,omitzero"`
	FailedReads int       `json:"failedReads,omitzero"` // in a row
	BlindSince  time.Time `json:"blindSince,omitzero"`  // since when it could not be read, zero where it could
}

// sub is a subscription's place in the machine.
type sub struct {
	ID             string    `json:"-"`
	Used           int       `json:"-"` // slots
	Sending        int       `json:"-"` // starts being prepared or sent
	Unchecked      int       `json:"-"` // vaults to be checked before the first start of their wave
	Open           int       `json:"-"`
	Flight         int       `json:"-"`
	ThrottledUntil time.Time `json:"throttledUntil,omitzero"`
	// since when every check was throttled, zero where the last was not
	ThrottledFrom time.Time `json:"throttledFrom,omitzero"`
	Away          bool      `json:"away,omitzero"` // throttled for longer than a poll
	// a sign-in or permission is missing: nothing starts, nothing is checked
	Denied      bool               `json:"suspended,omitzero"`
	Unread      bool               `json:"unread,omitzero"`    // nor has a read succeeded since
	Confirmed   bool               `json:"confirmed,omitzero"` // and reading says so too: it will not mend by itself
	DeniedAt    time.Time          `json:"suspendedAt,omitzero"`
	LiftedAt    time.Time          `json:"liftedAt,omitzero"`
	DeniedReads int                `json:"deniedReads,omitzero"`
	Detail      string             `json:"detail,omitzero"`
	Reading     *fleet.LastReading `json:"reading,omitzero"`    // that it could not be listed, nil where it could
	BlindSince  time.Time          `json:"blindSince,omitzero"` // since when
	Parked      []int              `json:"parked,omitzero"`     // vaults to validate once the denial is lifted
	Watched     map[int]struct{}   `json:"-"`
}

type loc struct{ used int }

// New returns the machine of a run of which no fact is known yet. Feed it the
// run's facts with Replay before the first Step.
func New(p *plan.Plan) *Machine { return GoOn(NewState(p)) }

// GoOn returns the machine of a run that stands somewhere, by all of its facts. The state
// is the machine's from then on.
func GoOn(st *State) *Machine {
	p := st.Plan
	m := &Machine{State: st, jobs: make([]job, len(p.Vaults)), timers: newTimers(),
		windowed: map[int]struct{}{}, touched: map[int]struct{}{}, preparing: make([]int, len(st.parts))}
	for i := range m.State.subs {
		m.subs = append(m.subs, sub{ID: m.State.subs[i].id, Watched: map[int]struct{}{}})
	}
	m.schedule()
	locIndex := map[string]int{}
	for i := range p.Vaults {
		v := &p.Vaults[i]
		name := fleet.NormalizeLocation(v.Location)
		l, ok := locIndex[name]
		if !ok {
			l = len(m.locs)
			locIndex[name] = l
			m.locs = append(m.locs, loc{})
		}
		m.jobs[i].Sub, m.jobs[i].Loc = m.subOf[i], l
	}
	m.inTurn()
	m.starts = newQueue(m.startsBefore, m.subFree, m.locFree, func(cell int) bool { return m.partsRoom(cell, true) })
	m.validation.less = m.validatedBefore
	return m
}

// schedule compiles the calendars of the waves and of the vaults. A plan whose
// calendars do not compile never gets here: Plan.Check refuses it.
func (m *Machine) schedule() {
	compile := func(c *plan.Calendar) *plan.Schedule {
		s, err := plan.CompileCalendar(c)
		if err != nil {
			m.broken = err
		}
		return s
	}
	for w := range m.Plan.Waves {
		m.schedules = append(m.schedules, compile(m.Plan.CalendarOf(w)))
	}
	for i := range m.Plan.Calendars {
		m.own = append(m.own, compile(&m.Plan.Calendars[i]))
	}
}

// scheduleOf is when a vault's upgrade may run.
func (m *Machine) scheduleOf(i int) *plan.Schedule {
	v := &m.Plan.Vaults[i]
	if v.Calendar > 0 {
		return m.own[v.Calendar-1]
	}
	return m.schedules[v.Wave]
}

// Step takes what was observed, moves time to now (it never goes back), and
// returns what follows: facts to commit and then actions to carry out.
func (m *Machine) Step(now time.Time, observations []Observation) Output {
	if m.exited {
		return Output{}
	}
	was := m.out
	m.out, m.prepared = Output{Err: m.broken}, m.prepared[:0]
	if m.fleeting {
		m.out.Facts, m.out.Intents, m.out.Actions = was.Facts[:0], was.Intents[:0], was.Actions[:0]
	}
	if now.After(m.now) {
		if !m.now.IsZero() && now.Sub(m.now) > m.stoodStill() {
			m.awake = now
		}
		m.now = now
	}
	sortObservations(observations)
	for len(observations) > 0 {
		if c, ok := observations[0].(Clock); ok {
			m.setWall(c.Wall)
		} else if c, ok := observations[0].(Commanded); ok {
			m.commanded(c.Fact)
		} else {
			break
		}
		observations = observations[1:]
	}
	m.settleAll()
	for _, o := range observations {
		m.observe(o)
	}
	for {
		owner, ok := m.timers.expired(m.now)
		if !ok {
			break
		}
		switch {
		case owner < len(m.jobs):
			m.due(owner)
		case owner < m.waveTimer():
			m.subDue(owner - len(m.jobs))
		} // a soak that is over, and a date that has come, are seen when waves are turned
	}
	m.endSpent()
	m.checkBudgets()
	m.turnWaves()
	m.intend()
	m.dispatch()
	m.follow()
	m.leave()
	m.wake()
	return m.out
}

// stoodStill is a time without a step after which nobody can have read the cloud meanwhile:
// the machine slept, or whatever carries the run out was away. While anything is in doubt
// there is a step with each poll. The waits that end when reading does not help begin
// anew then, as after a resume.
func (m *Machine) stoodStill() time.Duration { return m.Plan.Timings.ReconcileDeadline }

// commanded takes a person's word.
func (m *Machine) commanded(f fleet.Fact) {
	m.emit(f)
	switch f.(type) {
	case fleet.Stopped:
		m.stopping = m.stopping || !m.Closing()
	case fleet.LimitsChanged, fleet.Held: // a release opens its wave again, whose own limits then hold
		if m.settled {
			m.setLimits()
		}
	}
}

// leaving reports whether nothing more may be begun: no start, no check, no
// wave.
func (m *Machine) leaving() bool { return m.stopping || m.Closing() }

// follow draws the conclusions from vaults that handing out starts has decided:
// their wave may be over with them, and nothing else would wake the machine.
func (m *Machine) follow() {
	for m.decided || len(m.spent) > 0 {
		m.endSpent()
		m.decided = false
		m.checkBudgets()
		m.turnWaves()
		m.dispatch()
	}
}

// settleAll places every vault once, after the replay.
func (m *Machine) settleAll() {
	if m.settled {
		return
	}
	m.settled = true
	m.setLimits()
	for p := range m.parts {
		m.touched[p] = struct{}{}
	}
	for _, id := range slices.Sorted(maps.Keys(m.Throttled)) {
		until := m.Throttled[id]
		if s, ok := m.subAt[id]; ok && until.After(m.now) {
			m.throttle(s, until)
		}
	}
	m.remember()
	for i := range m.jobs {
		m.settle(i)
	}
}

// emit records a fact: folds it, adds it to the output and places its vault.
func (m *Machine) emit(f fleet.Fact) {
	e := fleet.Event{At: m.now, Fact: f}
	if err := m.Apply(e); err != nil {
		if m.out.Err == nil {
			m.out.Err = err
		}
		return
	}
	vf, isVault := f.(fleet.VaultFact)
	_, isIntent := f.(fleet.StartIntended)
	events, records := &m.out.Facts, &m.out.FactRecords
	if isIntent {
		events, records = &m.out.Intents, &m.out.IntentRecords
	}
	*events = append(*events, e)
	if isVault {
		i, _ := m.find(vf.VaultKey())
		for _, p := range m.partsOf(i) {
			m.touched[p] = struct{}{}
		}
		m.decided = m.decided || !m.Vaults[i].Open()
		if !m.fleeting {
			*records = append(*records, m.Record(i))
		}
		if m.settled {
			m.settle(i)
			for _, p := range m.partsOf(i) { // its budget may have room again
				for _, s := range m.parts[p].subs {
					m.starts.subFreed(s)
				}
			}
		}
	}
}

// inOrder is a set of vaults or subscriptions in the order of the plan: that of a map
// must decide nothing.
func inOrder(set map[int]struct{}) []int { return slices.Sorted(maps.Keys(set)) }

func (m *Machine) act(a Action) { m.out.Actions = append(m.out.Actions, a) }

// wake asks for the next Step when the earliest deadline has changed.
func (m *Machine) wake() {
	if next := m.timers.next(); !m.exited && !next.Equal(m.wakeAt) {
		m.wakeAt = next
		m.act(Wake{next})
	}
}

// begin marks a vault as being worked on; end frees it.
func (m *Machine) begin(i int, a activity) {
	j := &m.jobs[i]
	m.doing[j.Doing]--
	m.doing[a]++
	was, is := j.Doing == preparing || j.Doing == sending, a == preparing || a == sending
	s := &m.subs[j.Sub]
	for _, p := range m.partsOf(i) {
		if j.Doing == preparing {
			m.preparing[p]--
		}
		if a == preparing {
			m.preparing[p]++
		}
	}
	if is && !was {
		s.Sending++
	} else if was && !is {
		s.Sending--
		m.starts.subFreed(j.Sub)
	}
	j.Doing = a
}

func (m *Machine) end(i int) { m.begin(i, idle) }

func (m *Machine) working() int {
	n := 0
	for a := validating; a < activities; a++ {
		n += m.doing[a]
	}
	return n
}

// key returns a vault's key.
func (m *Machine) key(i int) fleet.Key { return m.Plan.Vaults[i].Key }

func (m *Machine) waveOpen(i int) bool {
	return !m.Waves[m.Plan.Vaults[i].Wave].OpenedAt.IsZero()
}
