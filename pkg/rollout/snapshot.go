package rollout

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// A snapshot is all that a machine knows but its plan, between two steps: the machine
// that is restored from it gives the same outputs for ever after. Replaying facts does
// less: it leaves out what no fact holds (see beginsAnew, in the tests).
//
// The fields of State, job and sub are written as they are, so that one that is added
// later is in it. Counts and places that follow from them are worked out again.
// Addresses of operations are in it without their signatures, as everywhere.

// snapshotVersion is of the format. Fields are added without a new one.
const snapshotVersion = 2

// snapshot is a machine as it is written.
type snapshot struct {
	Version     int    `json:"version"`
	Fingerprint string `json:"planFingerprint"`

	Run       RunState             `json:"run"`
	Vaults    []VaultState         `json:"vaults"`
	Waves     []WaveState          `json:"waves"`
	Throttled map[string]time.Time `json:"throttled,omitempty"`
	Denied    map[string]Denial    `json:"denied,omitempty"`
	SameError Streak               `json:"sameError,omitzero"`
	Access    []Access             `json:"access"` // of each subscription
	Current   int                  `json:"currentWave"`

	ExitWhenWaiting bool            `json:"exitWhenWaiting,omitempty"`
	Now             time.Time       `json:"now,omitzero"`
	WakeAt          time.Time       `json:"wakeAt,omitzero"`
	Offset          time.Duration   `json:"wallOffsetNs,omitempty"`
	Placed          time.Duration   `json:"placedOffsetNs,omitempty"`
	Jobs            []job           `json:"jobs"`
	Subs            []sub           `json:"subscriptions"`
	Limits          plan.WaveLimits `json:"limits,omitzero"`
	Windowed        []int           `json:"windowed,omitempty"`
	Touched         []int           `json:"touched,omitempty"`
	Ahead           int             `json:"checkedAhead,omitzero"`
	Waiting         Waiting         `json:"waiting,omitzero"`
	Awake           time.Time       `json:"awakeSince,omitzero"`
	Settled         bool            `json:"settled,omitempty"`
	Stopping        bool            `json:"stopping,omitempty"`
	Exited          bool            `json:"exited,omitempty"`

	// Heaps are written in their own order: their owners may have changed while they
	// were in it, and what comes out first must not.
	Timers []timerAt  `json:"timers,omitempty"`
	Checks []int      `json:"checks,omitempty"`
	Starts queueState `json:"starts"`
}

type timerAt struct {
	Owner int       `json:"owner"`
	Due   time.Time `json:"due"`
}

// queueState is the queue of starts.
type queueState struct {
	Eligible []laneState `json:"eligible,omitempty"`
	AtSub    []laneState `json:"atSubscription,omitempty"` // in the order of subscriptions, and then of their coming
	AtLoc    []laneState `json:"atLocation,omitempty"`     // in the order of locations, and then of their heap
}

type laneState struct {
	Sub    int   `json:"subscription"`
	Loc    int   `json:"location"`
	Vaults []int `json:"vaults"`
}

// Snapshot writes the machine as it is between two steps. It does not change it.
func (m *Machine) Snapshot() []byte {
	s := snapshot{
		Version: snapshotVersion, Fingerprint: m.Plan.Fingerprint,
		Run: m.Run, Vaults: m.Vaults, Waves: m.Waves, Throttled: m.Throttled, Denied: m.Denied, SameError: m.SameError,
		Current:         m.current,
		ExitWhenWaiting: m.ExitWhenWaiting, Now: m.now, WakeAt: m.wakeAt, Offset: m.offset, Placed: m.placed,
		Jobs: m.jobs, Subs: m.subs, Limits: m.limits,
		Windowed: slices.Sorted(maps.Keys(m.windowed)), Touched: slices.Sorted(maps.Keys(m.touched)),
		Ahead: m.ahead, Awake: m.awake, Waiting: m.waiting, Settled: m.settled, Stopping: m.stopping, Exited: m.exited,
		Checks: m.validation.items, Starts: m.starts.state(),
	}
	for i := range m.subs {
		s.Access = append(s.Access, *m.access(i))
	}
	for _, t := range m.timers.heap.items {
		s.Timers = append(s.Timers, timerAt{t.owner, t.due})
	}
	data, err := json.Marshal(s)
	if err != nil { // a time beyond the year 9999: no clock shows one
		panic("a machine that cannot be written: " + err.Error())
	}
	return data
}

// Restore returns the machine that a snapshot was made of. An error means that it is
// none of this plan's, or of a later version.
func Restore(p *plan.Plan, data []byte) (*Machine, error) {
	var s snapshot
	if err := decodeStrictly(data, &s); err != nil {
		return nil, fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	m := New(p)
	switch {
	case s.Version != snapshotVersion:
		return nil, fmt.Errorf("the snapshot has version %d, and this version reads %d", s.Version, snapshotVersion)
	case s.Fingerprint != p.Fingerprint:
		return nil, fmt.Errorf("the snapshot is of the plan %s, not of %s", s.Fingerprint, p.Fingerprint)
	case len(s.Vaults) != len(m.Vaults) || len(s.Jobs) != len(m.jobs) || len(s.Waves) != len(m.Waves) ||
		len(s.Subs) != len(m.subs) || len(s.Access) != len(m.subs) ||
		s.Current < -1 || s.Current >= len(m.Waves):
		return nil, fmt.Errorf("the snapshot is of another plan: it has %d vaults in %d waves", len(s.Vaults),
			len(s.Waves))
	}
	if err := s.check(m); err != nil {
		return nil, err
	}
	m.Run, m.SameError, m.current = s.Run, s.SameError, s.Current
	if s.Throttled != nil {
		m.Throttled = s.Throttled
	}
	if s.Denied != nil {
		m.Denied = s.Denied
	}
	for w := range m.Waves {
		from, to := &s.Waves[w], &m.Waves[w]
		to.OpenedAt, to.DoneAt, to.Changed, to.Before, to.After = from.OpenedAt, from.DoneAt, from.Changed, from.Before,
			from.After
	}
	for i := range m.Vaults {
		m.count(i, -1)
		m.Vaults[i] = s.Vaults[i]
		m.count(i, +1)
	}
	m.ExitWhenWaiting, m.now, m.wakeAt, m.offset, m.placed = s.ExitWhenWaiting, s.Now, s.WakeAt, s.Offset, s.Placed
	m.ahead, m.limits, m.waiting, m.settled = s.Ahead, s.Limits, s.Waiting, s.Settled
	m.awake, m.stopping, m.exited = s.Awake, s.Stopping, s.Exited
	for _, i := range s.Windowed {
		m.windowed[i] = struct{}{}
	}
	for _, p := range s.Touched {
		// an earlier version has subscriptions there: where they have budgets, those are the parts
		if p >= 0 && p < len(m.parts) {
			m.touched[p] = struct{}{}
		}
	}
	for i := range m.subs {
		*m.access(i) = s.Access[i]
		id := m.subs[i].ID
		m.subs[i] = s.Subs[i]
		m.subs[i].ID, m.subs[i].Watched = id, map[int]struct{}{}
		if s.Subs[i].Denied {
			m.denied++
		}
	}
	for i := range m.jobs {
		m.restoreJob(i, s.Jobs[i])
	}
	for _, t := range s.Timers {
		m.timers.heap.append(timer{t.Due, t.Owner})
	}
	m.validation.items = s.Checks
	m.starts.restore(s.Starts, m.cellOf)
	return m, nil
}

// restoreJob puts a vault where it was, and counts it there.
func (m *Machine) restoreJob(i int, j job) {
	j.Sub, j.Loc = m.jobs[i].Sub, m.jobs[i].Loc
	m.jobs[i] = j
	s := &m.subs[j.Sub]
	if m.doing[j.Doing]++; j.Doing == preparing || j.Doing == sending {
		s.Sending++
	}
	if j.Doing == preparing {
		for _, p := range m.partsOf(i) {
			m.preparing[p]++
		}
	}
	if j.Slot {
		m.slots, s.Used, m.locs[j.Loc].used = m.slots+1, s.Used+1, m.locs[j.Loc].used+1
	}
	if j.Counted {
		m.open, s.Open = m.open+1, s.Open+1
	}
	if j.Flying {
		m.flight, s.Flight = m.flight+1, s.Flight+1
	}
	if j.Watched {
		s.Watched[i] = struct{}{}
	}
	if j.Unchecked {
		if s.Unchecked++; !s.excused() {
			m.unchecked++
		}
	}
}

// check refuses a snapshot whose numbers are of nothing in the plan.
func (s *snapshot) check(m *Machine) error {
	within := func(what string, most int, numbers ...int) error {
		for _, n := range numbers {
			if n < 0 || n >= most {
				return fmt.Errorf("the snapshot names %s %d of %d", what, n, most)
			}
		}
		return nil
	}
	vaults, subs := len(m.jobs), len(m.subs)
	errs := []error{within("vault", vaults, s.Windowed...), within("vault", vaults, s.Checks...)}
	for _, j := range s.Jobs {
		errs = append(errs, within("activity", int(activities), int(j.Doing)))
	}
	for i := range s.Subs {
		errs = append(errs, within("vault", vaults, s.Subs[i].Parked...))
	}
	for _, t := range s.Timers {
		errs = append(errs, within("timer", m.waveTimer()+1, t.Owner))
	}
	for _, lanes := range [][]laneState{s.Starts.Eligible, s.Starts.AtSub, s.Starts.AtLoc} {
		for _, l := range lanes {
			errs = append(errs, within("subscription", subs, l.Sub), within("location", len(m.locs), l.Loc),
				within("vault", vaults, l.Vaults...))
			if len(l.Vaults) == 0 {
				errs = append(errs, fmt.Errorf("the snapshot has vaults wait that are none"))
			}
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// state is the queue as it is written.
func (q *queue) state() (s queueState) {
	of := func(lanes []*lane) (out []laneState) {
		for _, l := range lanes {
			out = append(out, laneState{l.sub, l.loc, l.vaults.items})
		}
		return out
	}
	s.Eligible = of(q.eligible.items)
	for _, sub := range slices.Sorted(maps.Keys(q.atSub)) {
		s.AtSub = append(s.AtSub, of(q.atSub[sub])...)
	}
	for _, loc := range slices.Sorted(maps.Keys(q.atLoc)) {
		s.AtLoc = append(s.AtLoc, of(q.atLoc[loc].items)...)
	}
	return s
}

// restore fills an empty queue. cellOf is of each vault: those of a lane share theirs.
func (q *queue) restore(s queueState, cellOf []int) {
	made := func(l laneState) *lane {
		of := &lane{sub: l.Sub, loc: l.Loc, cell: cellOf[l.Vaults[0]],
			vaults: heapOf[int]{items: l.Vaults, less: q.less}}
		q.lanes[[3]int{l.Sub, l.Loc, of.cell}] = of
		q.size += len(l.Vaults)
		return of
	}
	into := func(h *laneHeap, l *lane) {
		l.home = h
		h.append(l)
	}
	for _, l := range s.Eligible {
		into(q.eligible, made(l))
	}
	for _, l := range s.AtSub {
		q.atSub[l.Sub] = append(q.atSub[l.Sub], made(l))
	}
	for _, l := range s.AtLoc {
		if q.atLoc[l.Loc] == nil {
			q.atLoc[l.Loc] = newLaneHeap()
		}
		into(q.atLoc[l.Loc], made(l))
	}
}
