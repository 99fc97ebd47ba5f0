package rollout

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// TestForesee works the end of a run out by hand, for the situations in which
// the plan's own forecast says nothing any more. Every upgrade takes 20 minutes
// in the median and 30 in the slow case; what is past is in minutes.
func TestForesee(t *testing.T) {
	t.Parallel()
	t0 := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	by := fleet.Actor{User: "ops"}
	fleetOf4 := func() *plan.Plan {
		p := testPlan(4, 1, 1)
		p.Limits.Upgrades, p.Limits.PerSubscription = 2, 0
		p.Timings.Poll = time.Minute
		for i := range p.Vaults {
			p.Vaults[i].Predicted = plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}
		}
		return p
	}
	window := func(start, end int) *plan.Calendar {
		every := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
		return &plan.Calendar{Windows: []plan.Window{{Days: every, Start: start * 60, End: end * 60, Zone: "UTC"}}}
	}
	// two begins the run and starts the first two vaults after so many minutes.
	two := func(r *recorded, minute int) {
		r.fact(0, fleet.RunOpened{RunID: "r", By: by})
		r.fact(0, fleet.WaveOpened{Wave: "w1"})
		for i := range r.st.Vaults {
			r.fact(0, fleet.Validated{Vault: r.st.Plan.Vaults[i].Key, Verdict: fleet.VerdictReady})
		}
		for i := range 2 {
			r.start(minute, i)
		}
	}
	for _, c := range []struct {
		name      string
		plan      func(*plan.Plan)
		past      func(*recorded)
		at        int // minutes
		p50, p90  int // minutes; -1: no outlook
		justEnded bool
	}{
		{"under way", nil, func(r *recorded) { two(r, 0) }, 5, 40, 60, false},
		{"with a lower limit", nil, func(r *recorded) { // one after the other once both are over
			two(r, 0)
			r.fact(5, fleet.LimitsChanged{Upgrades: 1, By: by})
		}, 5, 60, 90, false},
		{"a second night: what was done before is not done again, and its wave soaks no more", func(p *plan.Plan) {
			p.Waves = []plan.Wave{{Name: "w1", Vaults: []int{0, 1, 2}, Soak: time.Hour}, {Name: "w2", Vaults: []int{3}}}
			p.Vaults[3].Wave = 1
		}, func(r *recorded) {
			k := func(i int) fleet.Key { return r.st.Plan.Vaults[i].Key }
			r.fact(0, fleet.RunOpened{RunID: "r", By: by, Upgraded: []fleet.Key{k(0), k(1), k(2)},
				Changed: map[string]time.Time{"w1": t0.Add(-time.Hour)}})
			r.fact(0, fleet.WaveOpened{Wave: "w1"})
		}, 5, 25, 35, false},
		{"closing: only what is in flight", nil, func(r *recorded) {
			two(r, 0)
			r.fact(5, fleet.Stopped{Close: true, By: by})
		}, 5, 20, 30, true},
		{"halted: only what is in flight", nil, func(r *recorded) {
			two(r, 0)
			r.fact(5, fleet.RunHalted{Scope: "run"})
		}, 5, 20, 30, true},
		{"halted with nothing in flight", nil, func(r *recorded) {
			r.fact(0, fleet.RunOpened{RunID: "r", By: by})
			r.fact(5, fleet.RunHalted{Scope: "run"})
		}, 5, -1, -1, false},
		// The window closes at 23:00; what is in flight goes on, the rest begins
		// at 22:00 the next day.
		{"the window is closed over what is in flight", func(p *plan.Plan) { p.Calendar = window(22, 23) },
			func(r *recorded) { two(r, 50) }, 65, 24*60 + 20, 24*60 + 30, false},
		// 35 minutes old: beyond both. Half of the spread is left, 5 minutes.
		{"later than its prediction", nil, func(r *recorded) { two(r, 0) }, 35, 60, 70, false},
		{"half a minute after a resume", nil, func(r *recorded) {
			two(r, 0)
			r.fact(10, fleet.RunSuspended{Why: fleet.SuspendedSignal})
			r.fact(15, fleet.Resumed{By: by})
		}, 15, 40, 60, false},
		{"without a process: resumed now", nil, func(r *recorded) {
			two(r, 0)
			r.fact(10, fleet.RunSuspended{Why: fleet.SuspendedSignal})
		}, 15, 40, 60, false},
		{"crashed between a start and its answer", nil, func(r *recorded) {
			two(r, 0)
			r.fact(6, fleet.StartAnswered{Vault: r.st.Plan.Vaults[0].Key, OperationID: "op0",
				Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}})
		}, 8, 40, 60, false},
		{"in the soak", func(p *plan.Plan) {
			p.Waves = []plan.Wave{{Name: "w1", Vaults: []int{0, 1}, Soak: time.Hour}, {Name: "w2", Vaults: []int{2, 3}}}
			p.Vaults[2].Wave, p.Vaults[3].Wave = 1, 1
		}, func(r *recorded) {
			two(r, 0)
			for i := range 2 {
				r.done(20, i)
			}
			r.fact(20, fleet.WaveDone{Wave: "w1"})
		}, 50, 100, 110, false},
		{"closed", nil, func(r *recorded) {
			two(r, 0)
			r.fact(30, fleet.RunClosed{})
		}, 35, -1, -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := fleetOf4()
			if c.plan != nil {
				c.plan(p)
			}
			r := &recorded{t: t, st: NewState(p), t0: t0}
			c.past(r)
			o, err := Foresee(r.st, t0.Add(time.Duration(c.at)*time.Minute), nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.p50 < 0 {
				if !o.Zero() {
					t.Fatalf("there is an outlook: %+v", o)
				}
				return
			}
			minutes := func(at time.Time) int { return int(at.Sub(t0).Round(time.Minute) / time.Minute) }
			// An end is seen by the reading that follows, up to a minute later, and
			// what starts then ends as much later.
			if p50, p90 := minutes(o.P50), minutes(o.P90); p50 < c.p50 || p50 > c.p50+3 || p90 < c.p90 ||
				p90 > c.p90+3 {
				t.Errorf("it ends after %d to %d minutes, want %d to %d", p50, p90, c.p50, c.p90)
			}
			if o.Ending != c.justEnded {
				t.Errorf("ending: %v", o.Ending)
			}
		})
	}
}

// recorded is a run of which the facts are told.
type recorded struct {
	t  *testing.T
	st *State
	t0 time.Time
}

func (r *recorded) fact(minute int, f fleet.Fact) {
	r.t.Helper()
	if err := r.st.Apply(fleet.Event{At: r.t0.Add(time.Duration(minute) * time.Minute), Fact: f}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorded) start(minute, i int) {
	r.t.Helper()
	k, op := r.st.Plan.Vaults[i].Key, "op"+string(rune('0'+i))
	r.fact(minute, fleet.StartIntended{Vault: k, OperationID: op, Attempt: 1})
	if minute > 0 || i > 0 { // the very first waits for its answer
		r.fact(minute, fleet.StartAnswered{Vault: k, OperationID: op,
			Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	}
}

func (r *recorded) done(minute, i int) {
	r.t.Helper()
	k, op := r.st.Plan.Vaults[i].Key, "op"+string(rune('0'+i))
	r.fact(minute, fleet.Observed{Vault: k, OperationID: op,
		Record: &fleet.Record{OperationID: op, State: fleet.RecordUpgraded}})
	r.fact(minute, fleet.Verified{Vault: k, OperationID: op})
}

// TestForeseeIsTheSameWithinAMinute: whoever asks about a run that stands still, from
// whatever view of it, is told the same until the next minute begins.
func TestForeseeIsTheSameWithinAMinute(t *testing.T) {
	t.Parallel()
	t0 := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	p := testPlan(4, 1, 1)
	p.Limits.Upgrades, p.Limits.PerSubscription = 2, 0
	for i := range p.Vaults {
		p.Vaults[i].Predicted = plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}
	}
	st := NewState(p)
	for _, f := range []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "w1"}} { // and killed
		if err := st.Apply(fleet.Event{At: t0.Add(7 * time.Second), Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	at := func(d time.Duration) Outlook {
		o, err := Foresee(st, t0.Add(d), nil)
		if err != nil || o.Zero() {
			t.Fatal(o, err)
		}
		return o
	}
	first := at(5*time.Minute + time.Second)
	if o := at(5*time.Minute + 59*time.Second); o.P50 != first.P50 || o.P90 != first.P90 {
		t.Errorf("within a minute it ends %s to %s, and %s to %s", first.P50, first.P90, o.P50, o.P90)
	}
	if o := at(6 * time.Minute); o.P50 != first.P50.Add(time.Minute) {
		t.Errorf("a minute later it ends %s, then %s", first.P50, o.P50)
	}
}

// TestForeseeByOneClock: the end of a run on an emulated cloud is by the clock that the
// run goes by, of what is in flight as of what is to come.
func TestForeseeByOneClock(t *testing.T) {
	t.Parallel()
	t0 := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	ends := func(scale float64) [2]time.Duration {
		p := testPlan(4, 1, 1)
		p.Limits.Upgrades, p.Limits.PerSubscription, p.Timings.Poll = 2, 0, time.Second
		for i := range p.Vaults {
			p.Vaults[i].Predicted = plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}
		}
		st := NewState(p)
		k := p.Vaults[0].Key
		for _, f := range []fleet.Fact{fleet.RunOpened{RunID: "r", TimeScale: scale}, fleet.WaveOpened{Wave: "w1"},
			fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1},
			fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}} {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatal(err)
			}
		}
		o, err := Foresee(st, t0, nil)
		if err != nil {
			t.Fatal(err)
		}
		return [2]time.Duration{o.P50.Sub(t0), o.P90.Sub(t0)}
	}
	real, quick := ends(0), ends(60)
	for i, want := range []time.Duration{40 * time.Minute, time.Hour} {
		if d := real[i] - want; d < 0 || d > time.Minute {
			t.Errorf("the real one ends after %s", real)
		}
		if d := quick[i] - want/60; d < 0 || d > 20*time.Second {
			t.Errorf("the quick one ends after %s", quick)
		}
	}
}

// TestOverdueByOneClock: the usual time after which an upgrade is overdue is the cloud's,
// what an inventory says is the run's.
func TestOverdueByOneClock(t *testing.T) {
	t.Parallel()
	usual := plan.DefaultTimings().Overdue
	for _, c := range []struct {
		says   time.Duration
		chosen bool
		scale  float64
		want   time.Duration
	}{{usual, false, 0, usual}, {usual, false, 1, usual}, {usual, false, 60, 100 * time.Second},
		{usual, false, 6000, soonestOverdue}, {usual, false, 0.5, usual},
		{2 * time.Second, false, 60, 2 * time.Second}, {usual, true, 60, usual}, {usual, true, 0, usual}} {
		p := testPlan(1, 1, 1)
		p.Timings.Overdue, p.Timings.OverdueChosen = c.says, c.chosen
		st := NewState(p)
		st.Run.TimeScale = c.scale
		if got := st.overdue(); got != c.want {
			t.Errorf("%s at scale %g: %s, want %s", c.says, c.scale, got, c.want)
		}
	}
}
