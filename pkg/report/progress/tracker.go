package progress

import (
	"cmp"
	"maps"
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

	mu     sync.Mutex
	st     *rollout.State // its own, of the facts alone
	words  *lexicon.Wording
	names  []string
	flying map[int]struct{}        // what is in flight
	needs  map[int]struct{}        // the vaults that need a person
	recent report.RecentHappenings // what happened last
	left   bool                    // no process carries the run out
	hours  map[*plan.Calendar]*plan.Schedule

	applied    int           // facts so far
	waits      []report.Wait // as last worked out
	asked      time.Time     // when
	askedAfter int           // and after how many facts
}

// NewTracker returns a tracker that shows the state as it stands. It costs
// O(vaults).
func NewTracker(st *rollout.State) *Tracker {
	t := &Tracker{st: st.Clone(), words: lexicon.WordingOf(st.Plan.Kind), names: st.Plan.Names(),
		hours: map[*plan.Calendar]*plan.Schedule{}}
	t.forecast = forecast.New(t.copy)
	t.rescan()
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
		f, isVault := e.Fact.(fleet.VaultFact)
		i, known := -1, false
		if isVault {
			i, known = t.st.Lookup(f.VaultKey())
		}
		from := fleet.Status("")
		if known {
			from = t.st.Vaults[i].Status
		}
		if err := t.st.Apply(e); err != nil {
			t.st, everything = st.Clone(), true // it began with some of these facts
		}
		t.forecast.Take(e.Fact)
		t.recent.Run(t.st, t.names, e)
		switch e.Fact.(type) {
		case fleet.RunOpened, fleet.Resumed, fleet.FailuresAccepted:
			everything = true
		}
		if !known {
			continue
		}
		if c, ok := report.ChangeOf(t.st, i, from, f); ok {
			c.Event = n
			t.recent.Vault(t.st, e.At, c)
			changes = append(changes, c)
		}
		t.place(i)
	}
	if everything {
		t.rescan()
	}
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
// otherwise, and its end is foreseen from now on. A new tracker takes it for granted. It
// reports whether that changed.
func (t *Tracker) Carried(out bool) bool {
	t.mu.Lock()
	t.left = !out
	t.mu.Unlock()
	return t.forecast.Carried(out)
}

// rescan looks at every vault.
func (t *Tracker) rescan() {
	t.flying, t.needs = map[int]struct{}{}, map[int]struct{}{}
	for i := range t.st.Vaults {
		t.place(i)
	}
}

// place puts a vault where its state wants it.
func (t *Tracker) place(i int) {
	v := &t.st.Vaults[i]
	if delete(t.flying, i); standing.Aloft(v) {
		t.flying[i] = struct{}{}
	}
	if delete(t.needs, i); standing.NeedsPerson(v.Status, v.Final, v.Findings) {
		t.needs[i] = struct{}{}
	}
}

// needy are the vaults that need a person: the gravest first, of those the newest.
func (t *Tracker) needy() []int {
	vs := t.st.Vaults
	grave := func(i int) int { return slices.Index(standing.PersonStatuses, vs[i].Status) }
	return slices.SortedFunc(maps.Keys(t.needs), func(a, b int) int {
		return cmp.Or(grave(a)-grave(b), vs[b].EndedAt.Compare(vs[a].EndedAt), a-b)
	})
}

// counts are how many vaults show each status.
func (t *Tracker) counts() map[fleet.Status]int {
	return standing.Counts(t.st, &t.st.Totals, t.live())
}

func (t *Tracker) live() bool { return !t.left && t.st.Run.Suspended == nil }

// alreadyBy parts those of the counts that are already as wanted.
func (t *Tracker) alreadyBy() rollout.AlreadyBy {
	return standing.AlreadyBy(t.st, &t.st.Totals, t.live())
}

// overall is how much of the fleet is done.
func (t *Tracker) overall() lexicon.Overall {
	ahead := t.st.Earlier() - t.alreadyBy().EarlierRuns
	return lexicon.CountOverall(t.st.Totals.Of, t.st.Earlier(), t.st.EarlierHeld(), ahead)
}

// throttled counts the subscriptions that are throttled.
func (t *Tracker) throttled(now time.Time) int {
	n := 0
	for _, until := range t.st.Throttled {
		if until.After(now) {
			n++
		}
	}
	return n
}
