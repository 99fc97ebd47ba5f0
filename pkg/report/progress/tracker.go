package progress

import (
	"slices"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
	"github.com/fleetup-dev/fleetup/pkg/standing/forecast"
)

// Tracker keeps what the progress of a live run shows, so that drawing it
// costs what is in flight and not the size of the fleet. Feed it the facts of
// each step after the state has folded them, from the goroutine that owns the
// state; every method is safe for concurrent use, so another goroutine may
// draw.
type Tracker struct {
	// Zone is that of the times in the live view, nil for UTC; Ledger is the
	// path that its commands name, empty for none. Set them before the first
	// call. Hint, unless empty, is a last line below everything: what the keys do.
	Zone   *time.Location
	Ledger string
	Hint   string

	Emulated *report.Emulated // the cloud is the emulator; nil: it is not. Set it before the first call

	forecast *forecast.Keeper

	mu      sync.Mutex
	st      *rollout.State // its own, of the facts alone
	plan    *plan.Plan
	words   *lexicon.Wording
	names   []string
	index   map[fleet.Key]int
	status  []fleet.Status   // as last seen, in the plan's order
	flying  map[int]struct{} // what is in flight
	failed  []failure        // the newest last
	run     rollout.RunState
	totals  rollout.Totals
	running func(fleet.Status) int // how many vaults show a status while a process carries the run out; of totals
	resting func(fleet.Status) int // and while none does
	overall lexicon.Overall
	waves   []rollout.WaveState
	budget  rollout.Budget
	calm    map[string]time.Time    // until when subscriptions are left alone
	note    fleet.Event             // the newest note; no fact: none
	recent  report.RecentHappenings // what happened last
	left    bool                    // no process carries the run out
	gate    gate                    // the one that the run stands before
	hours   map[*plan.Calendar]*plan.Schedule

	applied    int           // facts so far
	waits      []report.Wait // as last worked out
	asked      time.Time     // when
	askedAfter int           // and after how many facts
}

// gate is a gate that needs a person's approval; the zero one is none.
type gate struct {
	wave int
	when string
}

// failure is a vault that failed or is unknown for good.
type failure struct {
	vault  int
	status fleet.Status
	reason string
}

// maxFailures is how many failures the tracker remembers for the live view.
const maxFailures = 20

// NewTracker returns a tracker that shows the state as it stands. It costs
// O(vaults).
func NewTracker(st *rollout.State) *Tracker {
	t := &Tracker{st: st.Clone(), plan: st.Plan, words: lexicon.WordingOf(st.Plan.Kind), names: st.Plan.Names(), index: st.Plan.Index(), status: make([]fleet.Status, len(st.Vaults)),
		calm: map[string]time.Time{}, hours: map[*plan.Calendar]*plan.Schedule{}}
	t.forecast = forecast.New(t.copy)
	t.rescan(st)
	t.copyTotals(st)
	for id, until := range st.Throttled {
		t.calm[id] = until
	}
	return t
}

// Apply takes in facts that the state has folded already, and returns which
// vaults changed. It costs O(facts), and O(vaults) for the few facts that
// touch the whole run.
func (t *Tracker) Apply(st *rollout.State, events []fleet.Event) []report.StatusChange {
	t.mu.Lock()
	defer t.mu.Unlock()
	var changes []report.StatusChange
	everything := false
	for n, e := range events {
		t.applied++
		if err := t.st.Apply(e); err != nil {
			t.st = st.Clone() // it began with some of these facts
		}
		t.forecast.Take(e.Fact)
		t.recent.Run(st, t.names, e)
		switch f := e.Fact.(type) {
		case fleet.RunOpened, fleet.Resumed, fleet.FailuresAccepted:
			everything = true
		case fleet.Throttled:
			t.calm[f.Subscription] = f.Until
		case fleet.Noted:
			t.note = e
		case fleet.VaultFact:
			if c, ok := t.vaultFact(st, f); ok {
				c.Event = n
				t.recent.Vault(st, e.At, c)
				changes = append(changes, c)
			}
		}
	}
	if everything {
		t.rescan(st) // last: what other facts of the batch changed has to be seen first
	}
	t.copyTotals(st)
	return changes
}

// Recall tells the tracker what its run went through before, so that the view
// knows what happened last.
func (t *Tracker) Recall(c *report.TimelineBuilder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c != nil {
		t.recent = c.Recent.Clone()
	}
}

// Forecast is what keeps the guess when the run ends: have it made anew from a goroutine
// of its own.
func (t *Tracker) Forecast() *forecast.Keeper { return t.forecast }

// copy is the state by the facts so far.
func (t *Tracker) copy() *rollout.State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.st.Clone()
}

// remaining is the guess as it is seen from now.
func (t *Tracker) remaining(now time.Time) standing.Remaining {
	return standing.RemainingOf(t.st, t.forecast.Outlook(), now, !t.left)
}

// Carried says whether a process carries the run out: one that nobody does looks
// otherwise. A new tracker takes it for granted.
func (t *Tracker) Carried(out bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left = !out
}

// vaultFact takes in one fact about a vault; ok is false when it changed
// nothing that shows.
func (t *Tracker) vaultFact(st *rollout.State, f fleet.VaultFact) (c report.StatusChange, ok bool) {
	i, known := t.index[f.VaultKey()]
	if !known {
		return c, false
	}
	c, ok = report.ChangeOf(st, i, t.status[i], f)
	t.place(st, i)
	return c, ok
}

// rescan looks at every vault.
func (t *Tracker) rescan(st *rollout.State) {
	t.flying, t.failed = map[int]struct{}{}, nil
	for i := range st.Vaults {
		t.place(st, i)
	}
}

// place puts a vault where its state wants it.
func (t *Tracker) place(st *rollout.State, i int) {
	v := &st.Vaults[i]
	t.status[i] = v.Status
	if delete(t.flying, i); standing.Aloft(v) {
		t.flying[i] = struct{}{}
	}
	lost := (v.Status == fleet.Failed || v.Status == fleet.Unknown && v.Final) && !v.Carried
	known := slices.IndexFunc(t.failed, func(f failure) bool { return f.vault == i })
	switch {
	case !lost && known >= 0:
		t.failed = slices.Delete(t.failed, known, known+1)
	case lost && known >= 0:
		t.failed[known] = failure{i, v.Status, v.Reason}
	case lost:
		t.failed = append(t.failed, failure{i, v.Status, v.Reason})
		if len(t.failed) > maxFailures {
			t.failed = slices.Delete(t.failed, 0, 1)
		}
	}
}

// shown counts the vaults that show a status.
func (t *Tracker) shown(s fleet.Status) int {
	if t.left {
		return t.resting(s)
	}
	return t.running(s)
}

// copyTotals copies what the views need, so that none of them reads the state.
func (t *Tracker) copyTotals(st *rollout.State) {
	t.run, t.totals, t.budget = st.Run, st.Totals, st.RunBudget()
	t.running, t.resting = report.ShownCounts(st, &t.totals, st.Run.Suspended == nil), report.ShownCounts(st, &t.totals, false)
	t.overall = lexicon.CountOverall(t.totals.Of, st.Earlier())
	t.waves = append(t.waves[:0], st.Waves...)
	t.gate = gate{}
	if w, when, ok := st.NextGate(); ok {
		t.gate = gate{w, when}
	}
}

// done counts the vaults of some totals whose fate in this run is decided.
// An unknown one may still be read.
func done(t *rollout.Totals) int {
	return t.Of(fleet.Upgraded) + t.Of(fleet.Already) + t.Of(fleet.Failed) + t.Of(fleet.Blocked)
}

// current is the index of the wave opened last, -1 before the first.
func (t *Tracker) current() int {
	for i := len(t.waves) - 1; i >= 0; i-- {
		if !t.waves[i].OpenedAt.IsZero() {
			return i
		}
	}
	return -1
}

// throttled counts the subscriptions that are throttled.
func (t *Tracker) throttled(now time.Time) int {
	n := 0
	for id, until := range t.calm {
		if until.After(now) {
			n++
		} else {
			delete(t.calm, id)
		}
	}
	return n
}
