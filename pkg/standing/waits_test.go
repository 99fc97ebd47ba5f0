package standing

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestWaitsOfVaults: what the vaults of the open waves wait for is named once, with the
// vaults that it keeps and the first moment at which one of them goes on; where one has
// something to do, nothing is waited for.
func TestWaitsOfVaults(t *testing.T) {
	t.Parallel()
	p := twoSubscriptions()
	p.Waves = append(p.Waves, plan.Wave{Name: "later", Vaults: []int{3}})
	p.Vaults = append(p.Vaults, p.Vaults[2])
	p.Vaults[3].Key, p.Vaults[3].Wave = "later", 1
	// t0 is a Monday, at 11.
	p.Calendars = []plan.Calendar{{Windows: []plan.Window{{Days: []time.Weekday{time.Monday}, Start: 22 * 60,
		End: 23 * 60, Zone: "UTC"}}}}
	p.Calendars = append(p.Calendars, plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{time.Monday},
		Start: 10 * 60, End: 12 * 60, Zone: "UTC"}}})
	p.Vaults[1].Calendar, p.Vaults[2].Calendar = 1, 2 // closed now, and open
	now := t0.Add(time.Minute)
	retry, deadline, poll := p.Timings.BusyRetry, p.Timings.BusyDeadline, p.Timings.Poll
	window := t0.Add(11 * time.Hour)

	pending, blocked := rollout.VaultState{Status: fleet.Pending}, rollout.VaultState{Status: fleet.Blocked}
	ready := rollout.VaultState{Status: fleet.Ready}
	busy := func(ago time.Duration) rollout.VaultState {
		return rollout.VaultState{Status: fleet.Busy,
			Busy: rollout.Busy{BusySince: now.Add(-ago), BusyAt: now.Add(-ago)}, Reason: "a job is running"}
	}
	unheard := busy(0)
	unheard.Unreached, unheard.Reason = 1, "no route to host"
	unsent := func(code string) rollout.VaultState {
		return rollout.VaultState{Status: fleet.Ready, Refusal: rollout.Refusal{Refusals: 1},
			Upgrade: rollout.Upgrade{Answer: &fleet.StartAnswer{Verdict: fleet.StartNotSent, Code: code,
				Message: "connection refused"}}}
	}
	notYet := func(ago time.Duration, what string) rollout.VaultState {
		return rollout.VaultState{Status: fleet.Ready, Need: rollout.Need{Waits: what, WaitsSince: now.Add(-ago)}}
	}
	pause := Wait{For: WaitPause, Since: t0, By: "sam", Reason: "looking"}
	for name, c := range map[string]struct {
		vaults    [3]rollout.VaultState
		throttled map[string]time.Time
		facts     []fleet.Fact
		want      []Wait
	}{
		"all is to be done":    {[3]rollout.VaultState{ready, pending, ready}, nil, nil, nil},
		"one is to be done":    {[3]rollout.VaultState{busy(time.Minute), blocked, ready}, nil, nil, nil},
		"one is to be checked": {[3]rollout.VaultState{pending, blocked, busy(time.Minute)}, nil, nil, nil},
		"one is in flight": {[3]rollout.VaultState{busy(time.Minute), blocked, {Status: fleet.Upgrading}}, nil,
			nil, nil},
		"one is somebody else's": {[3]rollout.VaultState{busy(time.Minute), blocked,
			{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{Foreign: true}}}, nil, nil, nil},
		"one is in doubt": {[3]rollout.VaultState{busy(time.Minute), blocked, {Status: fleet.Unknown}}, nil, nil, nil},
		"nothing is left": {[3]rollout.VaultState{blocked, blocked,
			{Status: fleet.Unknown, Doubt: rollout.Doubt{Final: true}}}, nil, nil, nil},

		"busy": {[3]rollout.VaultState{busy(2 * time.Minute), blocked, busy(3 * time.Minute)}, nil, nil,
			[]Wait{{For: WaitBusy, Until: now.Add(retry - 3*time.Minute), Vaults: 2, Which: []int{0, 2}}}},
		"busy, one after the other": {[3]rollout.VaultState{busy(2 * time.Minute), busy(3 * time.Minute),
			busy(time.Minute)}, nil, nil,
			[]Wait{{For: WaitBusy, Until: now.Add(retry - 3*time.Minute), Vaults: 3, Which: []int{0, 1, 2}}}},
		"busy, to be looked at though its window is closed": {[3]rollout.VaultState{busy(0), busy(retry), blocked}, nil,
			nil, nil},
		"busy, to be looked at now": {[3]rollout.VaultState{busy(retry), blocked, busy(0)}, nil, nil, nil},
		"no answer to a check": {[3]rollout.VaultState{unheard, blocked, blocked}, nil, nil,
			[]Wait{{For: WaitAnswer, Answer: "no route to host", Vaults: 1, Which: []int{0}}}},
		"a start that could not be sent": {[3]rollout.VaultState{blocked, blocked, unsent(fleet.CodeUnreachable)}, nil,
			nil,
			[]Wait{{For: WaitAnswer, Answer: "connection refused", Vaults: 1, Which: []int{2}}}},
		// The others of its subscription wait with it: one at a time is tried.
		"a start that could not be sent, and others": {[3]rollout.VaultState{ready, unsent(fleet.CodeUnreachable),
			blocked}, nil, nil,
			[]Wait{{For: WaitAnswer, Answer: "connection refused", Vaults: 2, Which: []int{0, 1}}}},
		"two without an answer": {[3]rollout.VaultState{unheard, blocked, unsent(fleet.CodeUnreachable)}, nil, nil,
			[]Wait{{For: WaitAnswer, Answer: "no route to host", Vaults: 2, Which: []int{0, 2}}}},
		"a start that could not be sent, and one is to be checked": {[3]rollout.VaultState{pending,
			unsent(fleet.CodeUnreachable), blocked}, nil, nil, nil},
		// A check without an answer says nothing of the others of its subscription.
		"no answer to a check, and a window": {[3]rollout.VaultState{unheard, ready, blocked}, nil, nil,
			[]Wait{{For: WaitWindow, Until: window, Vaults: 1, Which: []int{1}},
				{For: WaitAnswer, Answer: "no route to host", Vaults: 1, Which: []int{0}}}},
		"of another subscription": {[3]rollout.VaultState{blocked, unsent(fleet.CodeUnreachable), ready},
			nil, nil, nil},
		"a start that was to be checked again": {[3]rollout.VaultState{blocked, blocked, unsent(fleet.CodeChanged)},
			nil, nil, nil},
		"what starts need": {[3]rollout.VaultState{notYet(time.Minute, "a role since 11:00"), blocked,
			notYet(2*time.Minute, "a role since 10:59")}, nil, nil,
			[]Wait{{For: WaitStart, Until: now.Add(deadline - 2*time.Minute), Needs: "a role since 10:59", Vaults: 2,
				Which: []int{0, 2}}}},

		"a throttle": {[3]rollout.VaultState{ready, pending, blocked},
			map[string]time.Time{"lab": now.Add(time.Second)}, nil,
			[]Wait{{For: WaitThrottle, Until: now.Add(time.Second), Subscription: "lab", Vaults: 2,
				Which: []int{0, 1}}}},
		"a throttle that is over": {[3]rollout.VaultState{ready, blocked, blocked},
			map[string]time.Time{"lab": now}, nil, nil},
		"a throttle, and more elsewhere": {[3]rollout.VaultState{ready, blocked, ready},
			map[string]time.Time{"lab": now.Add(time.Second)}, nil, nil},
		"a throttle, one in flight": {[3]rollout.VaultState{ready, {Status: fleet.Starting}, blocked},
			map[string]time.Time{"lab": now.Add(time.Second)}, nil, nil},
		"a throttle, and somebody else's there": {[3]rollout.VaultState{ready,
			{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{Foreign: true}}, blocked},
			map[string]time.Time{"lab": now.Add(time.Second)}, nil, nil},
		"two throttles": {[3]rollout.VaultState{ready, blocked, ready},
			map[string]time.Time{"lab": now.Add(poll), "shop": now.Add(time.Second)}, nil,
			[]Wait{{For: WaitThrottle, Until: now.Add(time.Second), Subscription: "shop", Vaults: 1, Which: []int{2}},
				{For: WaitThrottle, Until: now.Add(poll), Subscription: "lab", Vaults: 1, Which: []int{0}}}},

		"a window": {[3]rollout.VaultState{blocked, ready, blocked}, nil, nil,
			[]Wait{{For: WaitWindow, Until: window, Vaults: 1, Which: []int{1}}}},
		// It may be checked meanwhile.
		"a window, not checked": {[3]rollout.VaultState{blocked, pending, blocked}, nil, nil, nil},
		"a window, not checked, and busy": {[3]rollout.VaultState{busy(0), pending, blocked}, nil, nil,
			[]Wait{{For: WaitBusy, Until: now.Add(retry), Vaults: 1, Which: []int{0}}}},
		"no access, and one to be checked before its window": {[3]rollout.VaultState{blocked, pending, ready}, nil,
			[]fleet.Fact{fleet.AccessDenied{Subscription: "shop"}},
			[]Wait{{For: WaitAccess, Subscription: "shop", Since: t0, Retry: RetryReading, Every: poll, Vaults: 1,
				Which: []int{2}, Meanwhile: true}}},
		// What needs a person first, then what is over first.
		"a window, a throttle and a busy one": {[3]rollout.VaultState{busy(0), ready, ready},
			map[string]time.Time{"shop": now.Add(poll)}, nil,
			[]Wait{{For: WaitWindow, Until: window, Vaults: 1, Which: []int{1}},
				{For: WaitThrottle, Until: now.Add(poll), Subscription: "shop", Vaults: 1, Which: []int{2}},
				{For: WaitBusy, Until: now.Add(retry), Vaults: 1, Which: []int{0}}}},

		"a pause": {[3]rollout.VaultState{ready, blocked, ready}, nil,
			[]fleet.Fact{fleet.Paused{By: fleet.Actor{User: "sam"}, Reason: "looking"}}, []Wait{pause}},
		"a pause, one in flight": {[3]rollout.VaultState{ready, blocked, {Status: fleet.Starting}}, nil,
			[]fleet.Fact{fleet.Paused{By: fleet.Actor{User: "sam"}, Reason: "looking"}}, []Wait{pause}},
		"a pause, and a busy one": {[3]rollout.VaultState{ready, blocked, busy(0)}, nil,
			[]fleet.Fact{fleet.Paused{By: fleet.Actor{User: "sam"}, Reason: "looking"}},
			[]Wait{pause, {For: WaitBusy, Until: now.Add(retry), Vaults: 1, Which: []int{2}}}},
		"halted": {[3]rollout.VaultState{busy(0), blocked, blocked}, nil,
			[]fleet.Fact{fleet.RunHalted{Scope: "run"}}, nil},
		"told to leave": {[3]rollout.VaultState{busy(0), blocked, blocked}, nil, []fleet.Fact{fleet.Stopped{}}, nil},
		"closed":        {[3]rollout.VaultState{busy(0), blocked, blocked}, nil, []fleet.Fact{fleet.RunClosed{}}, nil},
	} {
		st := rollout.NewState(p)
		for _, f := range append([]fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "all"}}, c.facts...) {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		copy(st.Vaults, c.vaults[:])
		for id, until := range c.throttled {
			st.Throttled[id] = until
		}
		if got := Waits(st, now); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: it waits for\n%+v\nwant\n%+v", name, got, c.want)
		}
	}
	if got := Waits(rollout.NewState(p), now); got != nil {
		t.Errorf("before it is opened it waits for %+v", got)
	}
}

// TestWaitsOfWaves: between two waves stand the soak, and the gate of which an approval
// is missing or does not hold.
func TestWaitsOfWaves(t *testing.T) {
	t.Parallel()
	const soak = time.Hour
	before := &plan.Approval{When: plan.ApprovalBefore}
	after := &plan.Approval{When: plan.ApprovalAfter}
	done := []fleet.Fact{fleet.RunOpened{RunID: "r", By: fleet.Actor{User: "sam"}}, fleet.WaveOpened{Wave: "canary"}}
	approved := fleet.Approved{Wave: "canary", When: fleet.GateAfter, By: fleet.Actor{User: "kim"},
		Evidence: fleet.Evidence{Upgraded: 1}, ExpiresAt: t0.Add(2 * soak)}
	upgraded := func(k fleet.Key) []fleet.Fact {
		return []fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1},
			fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}},
			fleet.Observed{Vault: k, OperationID: "op",
				Record: &fleet.Record{OperationID: "op", State: fleet.RecordUpgraded}},
			fleet.Verified{Vault: k, OperationID: "op"}}
	}
	gate := Wait{For: WaitApproval, Wave: "canary", When: fleet.GateAfter}
	with := func(change func(*Wait)) *Wait {
		g := gate
		change(&g)
		return &g
	}
	void := func(why string) *Wait { return with(func(g *Wait) { g.Void = why }) }
	holds := with(func(g *Wait) {
		g.Given = &Approval{Wave: "canary", When: fleet.GateAfter, By: "kim", At: t0, Until: t0.Add(2 * soak)}
	})
	for name, c := range map[string]struct {
		approval *plan.Approval // of the canary
		facts    []fleet.Fact
		soaking  *Wait // the gate that the soak shows
		soaked   *Wait // what is waited for when it is over; nil: nothing
	}{
		"nobody has approved": {after, nil, &gate, &gate},
		"approved":            {after, []fleet.Fact{approved}, holds, nil},
		"approved, and opened": {after, []fleet.Fact{approved, fleet.GateOpened{Wave: "canary", When: fleet.GateAfter}},
			nil, nil},
		"by another than sam": {&plan.Approval{When: plan.ApprovalAfter, NotBy: plan.NotByStarter}, nil,
			with(func(g *Wait) { g.NotBy = "sam" }), with(func(g *Wait) { g.NotBy = "sam" })},
		"there is no approval": {nil, nil, nil, nil},
		"of another plan": {after,
			[]fleet.Fact{func() fleet.Fact { a := approved; a.PlanFingerprint = "x"; return a }()},
			void("the plan has changed since kim approved it"), void("the plan has changed since kim approved it")},
	} {
		p := onePerWave()
		p.Waves[0].Soak = soak
		p.Waves[0].Approval = c.approval
		st := rollout.NewState(p)
		for _, f := range append(append(done[:len(done):len(done)], upgraded(p.Vaults[0].Key)...),
			append([]fleet.Fact{fleet.WaveDone{Wave: "canary"}}, c.facts...)...) {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		during := []Wait{{For: WaitSoak, Since: t0, Until: t0.Add(soak), Wave: "canary", Gate: c.soaking,
			Opens: "rest"}}
		if got := Waits(st, t0.Add(soak-1)); !reflect.DeepEqual(got, during) {
			t.Errorf("%s: it waits for\n%+v\nwant\n%+v", name, got, during)
		}
		var then []Wait
		if c.soaked != nil {
			then = []Wait{*c.soaked}
			then[0].Since = t0.Add(soak) // not since the wave's end, nor the run's beginning
		}
		if got := Waits(st, t0.Add(soak)); !reflect.DeepEqual(got, then) {
			t.Errorf("%s: after the soak it waits for\n%+v\nwant\n%+v", name, got, then)
		}
		if c.soaked == nil && len(c.facts) == 1 { // the approval ends before the gate is opened
			if got := Waits(st, t0.Add(2*soak)); len(got) != 1 ||
				got[0].Void != "the approval of kim expired at 2026-03-16T13:00:00Z" ||
				!got[0].Since.Equal(approved.ExpiresAt) { // not since the soak's end: meanwhile it was approved
				t.Errorf("%s: when the approval has expired it waits for %+v", name, got)
			}
		}
	}

	// Before the first wave, where nothing is done yet, and behind the last.
	p := onePerWave()
	p.Waves[0].Approval, p.Waves[0].Soak, p.Waves[1].Soak = before, soak, soak
	opened := fleet.RunOpened{RunID: "r", By: fleet.Actor{User: "sam"}}
	early := approved
	early.When, early.Evidence = fleet.GateBefore, fleet.Evidence{}
	stale := early
	stale.PlanFingerprint = "x"
	first := Wait{For: WaitApproval, Since: t0, Wave: "canary", When: fleet.GateBefore}
	changed := first
	changed.Void = "the plan has changed since kim approved it"
	blocked := func(i int) fleet.Fact { return fleet.Validated{Vault: p.Vaults[i].Key, Verdict: fleet.VerdictBlocked} }
	behind := []fleet.Fact{opened, early, fleet.GateOpened{Wave: "canary", When: fleet.GateBefore},
		fleet.WaveOpened{Wave: "canary"}}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		want  []Wait
	}{
		"the run is not opened":   {nil, nil},
		"nobody has approved":     {[]fleet.Fact{opened}, []Wait{first}},
		"approved":                {[]fleet.Fact{opened, early}, nil},
		"approved as it was once": {[]fleet.Fact{opened, stale}, []Wait{changed}},
		"the last wave is done": {append(behind[:4:4], blocked(0), fleet.WaveDone{Wave: "canary"},
			fleet.WaveOpened{Wave: "rest"}, blocked(1), fleet.WaveDone{Wave: "rest"}), nil},
	} {
		st := rollout.NewState(p)
		for _, f := range c.facts {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := Waits(st, t0); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: it waits for\n%+v\nwant\n%+v", name, got, c.want)
		}
	}

	// A wave that soaks no more keeps nobody waiting before its end: an earlier run changed it.
	p.Waves[0].Approval = after
	again := rollout.NewState(p)
	for i, f := range []fleet.Fact{opened, fleet.WaveOpened{Wave: "canary"}, blocked(0),
		fleet.WaveDone{Wave: "canary"}} {
		if err := again.Apply(fleet.Event{At: t0.Add(time.Duration(i) * time.Minute), Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	again.Waves[0].Changed = t0.Add(-2 * soak)
	if got, want := Waits(again, t0.Add(soak)),
		[]Wait{{For: WaitApproval, Since: t0.Add(3 * time.Minute), Wave: "canary",
			When: fleet.GateAfter}}; !reflect.DeepEqual(got, want) {
		t.Errorf("behind a soak of the night before it waits for\n%+v\nwant\n%+v", got, want)
	}

	// A pause keeps what is open of the wave: its gate is not reached.
	p.Waves[0].Approval = after
	st := rollout.NewState(p)
	for _, f := range []fleet.Fact{opened, fleet.WaveOpened{Wave: "canary"},
		fleet.Validated{Vault: p.Vaults[0].Key, Verdict: fleet.VerdictReady}, fleet.Paused{Reason: "looking"}} {
		if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := Waits(st, t0), []Wait{{For: WaitPause, Since: t0, Reason: "looking"}}; !reflect.DeepEqual(got,
		want) {
		t.Errorf("in a pause it waits for\n%+v\nwant\n%+v", got, want)
	}
}

// TestWaitsForADate: a wave that has a date waits for it when all before it is done, has
// soaked and is approved; the approval before the wave itself is asked for when it has come,
// and may be given sooner.
func TestWaitsForADate(t *testing.T) {
	t.Parallel()
	date := t0.Add(3 * time.Hour)
	begun := []fleet.Fact{fleet.RunOpened{RunID: "r", By: fleet.Actor{User: "sam"}}}
	gate := func(when string) *Wait { return &Wait{For: WaitApproval, Wave: "rest", When: when, Since: date} }
	early := fleet.Approved{Wave: "rest", When: fleet.GateBefore, By: fleet.Actor{User: "kim"},
		Evidence: fleet.Evidence{}, ExpiresAt: t0.Add(24 * time.Hour)}
	for name, c := range map[string]struct {
		first    bool          // it is the first wave that has the date
		soak     time.Duration // of the wave before
		after    bool          // that wave has a gate
		before   bool          // the wave has one
		facts    []fleet.Fact
		now      time.Time
		want     []Wait
		statuses [2]WaveStatus
		until    time.Time // of the wave with the date
	}{
		"the first wave": {first: true, now: t0.Add(time.Hour),
			want:     []Wait{{For: WaitDate, Since: t0, Until: date, Wave: "canary"}},
			statuses: [2]WaveStatus{WavePending, WavePending}, until: date},
		"the first wave, when it has come": {first: true, now: date,
			statuses: [2]WaveStatus{WavePending, WavePending}},
		"behind a wave": {now: date.Add(-1), want: []Wait{{For: WaitDate, Since: t0, Until: date, Wave: "rest"}},
			statuses: [2]WaveStatus{WaveFinished, WavePending}, until: date},
		"behind a wave, when it has come": {now: date, statuses: [2]WaveStatus{WaveFinished, WavePending}},
		"behind a soak that ends sooner": {soak: time.Hour, now: t0.Add(time.Hour - 1), want: []Wait{{For: WaitSoak,
			Since: t0, Until: t0.Add(time.Hour), Wave: "canary", Opens: "rest", Date: date}},
			statuses: [2]WaveStatus{WaveSoaking, WavePending}, until: date},
		"behind a soak that is over": {soak: time.Hour, now: t0.Add(time.Hour),
			want:     []Wait{{For: WaitDate, Since: t0.Add(time.Hour), Until: date, Wave: "rest"}},
			statuses: [2]WaveStatus{WaveFinished, WavePending}, until: date},
		"behind a soak that ends later": {soak: 4 * time.Hour, now: t0.Add(time.Hour), want: []Wait{{For: WaitSoak,
			Since: t0, Until: t0.Add(4 * time.Hour), Wave: "canary", Opens: "rest"}},
			statuses: [2]WaveStatus{WaveSoaking, WavePending}, until: date},
		"behind a gate after the wave": {after: true, now: t0.Add(time.Hour),
			want:     []Wait{{For: WaitApproval, Since: t0, Wave: "canary", When: fleet.GateAfter}},
			statuses: [2]WaveStatus{WaveAwaitingApproval, WavePending}, until: date},
		"with a gate before it": {before: true, now: t0.Add(time.Hour), want: []Wait{{For: WaitDate, Since: t0,
			Until: date, Wave: "rest", Opens: "rest",
			Gate: &Wait{For: WaitApproval, Wave: "rest", When: fleet.GateBefore}}},
			statuses: [2]WaveStatus{WaveFinished, WavePending}, until: date},
		"with a gate before it, when it has come": {before: true, now: date, want: []Wait{*gate(fleet.GateBefore)},
			statuses: [2]WaveStatus{WaveFinished, WaveAwaitingApproval}},
		"with a gate before it, approved": {before: true, facts: []fleet.Fact{early}, now: t0.Add(time.Hour),
			want: []Wait{{For: WaitDate, Since: t0, Until: date, Wave: "rest", Opens: "rest",
				Gate: &Wait{For: WaitApproval, Wave: "rest", When: fleet.GateBefore, Given: &Approval{Wave: "rest",
					When: fleet.GateBefore, By: "kim", At: t0, Until: early.ExpiresAt}}}},
			statuses: [2]WaveStatus{WaveFinished, WavePending}, until: date},
		"in a run that is closed": {now: t0.Add(time.Hour), facts: []fleet.Fact{
			fleet.RunClosed{Code: fleet.ExitNotUpgraded, NeverStarted: 1}},
			statuses: [2]WaveStatus{WaveFinished, WaveClosed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, at := onePerWave(), 1
			p.Waves[0].Approval, p.Waves[0].Soak = nil, c.soak
			if c.first {
				at = 0
			}
			p.Waves[at].NotBefore = date
			if c.after {
				p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter, Expiry: time.Hour}
			}
			if c.before {
				p.Waves[1].Approval = &plan.Approval{When: plan.ApprovalBefore, Expiry: time.Hour}
			}
			facts := begun
			if !c.first {
				k := p.Vaults[0].Key
				facts = append(slices.Clone(begun), fleet.WaveOpened{Wave: "canary"},
					fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
					fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1},
					fleet.StartAnswered{Vault: k, OperationID: "op",
						Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}},
					fleet.Observed{Vault: k, OperationID: "op",
						Record: &fleet.Record{OperationID: "op", State: fleet.RecordUpgraded}},
					fleet.Verified{Vault: k, OperationID: "op"}, fleet.WaveDone{Wave: "canary"})
			}
			st := rollout.NewState(p)
			for _, f := range append(slices.Clone(facts), c.facts...) {
				if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
					t.Fatal(err)
				}
			}
			if got := Waits(st, c.now); !reflect.DeepEqual(got, c.want) {
				t.Errorf("it waits for\n%+v\nwant\n%+v", got, c.want)
			}
			for w, want := range c.statuses {
				if got, _ := WaveOf(st, w, true, c.now); got != want {
					t.Errorf("wave %d is %s, want %s", w, got, want)
				}
			}
			if _, until := WaveOf(st, at, true, c.now); !until.Equal(c.until) {
				t.Errorf("it stands so until %s, want %s", until, c.until)
			}
		})
	}
}
