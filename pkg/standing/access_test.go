package standing

import (
	"reflect"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// twoSubscriptions is a plan of one wave with two vaults of a subscription and one of
// another.
func twoSubscriptions() *plan.Plan {
	p := onePerWave()
	p.Waves = []plan.Wave{{Name: "all", Vaults: []int{0, 1, 2}}}
	p.Vaults = append(p.Vaults, p.Vaults[0])
	for i, v := range []struct{ sub, name string }{{"lab", "lab-01"}, {"lab", "lab-02"}, {"shop", "web"}} {
		x := &p.Vaults[i]
		x.Wave, x.SubscriptionID, x.Name = 0, v.sub, v.name
		x.Key = fleet.KeyOf(x.Kind, x.SubscriptionID, x.ResourceType, x.Location, x.Name)
	}
	return p
}

// TestAccessWaits: a subscription that denies access is among the waits with the
// vaults that it keeps, and holds the run up only where nothing else goes on.
func TestAccessWaits(t *testing.T) {
	t.Parallel()
	p := twoSubscriptions()
	ready := func(i int) fleet.Fact { return fleet.Validated{Vault: p.Vaults[i].Key, Verdict: fleet.VerdictReady} }
	blocked := func(i int) fleet.Fact { return fleet.Validated{Vault: p.Vaults[i].Key, Verdict: fleet.VerdictBlocked} }
	intended := fleet.StartIntended{Vault: p.Vaults[0].Key, OperationID: "op", Attempt: 1}
	denied := fleet.AccessDenied{Subscription: "lab", Detail: "token expired"}
	givenUp := fleet.AccessDenied{Subscription: "lab", Detail: "no co-administrator", GivenUp: true}
	wait := Wait{For: WaitAccess, Subscription: "lab", Since: t0, Denied: "token expired", Retry: RetryReading,
		Every: p.Timings.Poll, Vaults: 2, Which: []int{0, 1}}
	with := func(change func(w *Wait)) []Wait {
		w := wait
		change(&w)
		return []Wait{w}
	}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		want  []Wait
		phase Phase // with a process
	}{
		"the rest goes on": {[]fleet.Fact{ready(0), ready(1), ready(2), denied},
			with(func(w *Wait) { w.Meanwhile = true }), Running},
		"nothing else is to do": {[]fleet.Fact{ready(0), ready(1), blocked(2), denied}, with(func(*Wait) {}), Waiting},
		"before the checks":     {[]fleet.Fact{blocked(2), denied}, with(func(*Wait) {}), Waiting},
		"one of them is decided": {[]fleet.Fact{blocked(0), ready(1), blocked(2), denied},
			with(func(w *Wait) { w.Vaults, w.Which = 1, []int{1} }), Waiting},
		"one of them is in flight": {[]fleet.Fact{ready(0), ready(1), blocked(2), intended, denied},
			with(func(w *Wait) { w.Vaults, w.Which, w.Meanwhile = 1, []int{1}, true }), Running},
		"given up": {[]fleet.Fact{ready(0), ready(1), blocked(2), givenUp},
			with(func(w *Wait) { w.Denied, w.Retry, w.Every = "no co-administrator", RetryGivenUp, 0 }), Waiting},
		"in a pause": {[]fleet.Fact{ready(0), ready(1), ready(2), denied, fleet.Paused{Reason: "looking"}},
			append([]Wait{{For: WaitPause, Since: t0, Reason: "looking"}}, wait), Paused},
		"in a pause, one in flight": {[]fleet.Fact{ready(0), ready(1), blocked(2), intended, denied,
			fleet.Paused{Reason: "looking"}},
			append([]Wait{{For: WaitPause, Since: t0, Reason: "looking"}},
				with(func(w *Wait) { w.Vaults, w.Which = 1, []int{1} })...), Paused},
		"two deny": {[]fleet.Fact{ready(0), ready(1), ready(2), denied, fleet.AccessDenied{Subscription: "shop"}},
			append([]Wait{wait}, Wait{For: WaitAccess, Subscription: "shop", Since: t0, Retry: RetryReading,
				Every: p.Timings.Poll, Vaults: 1, Which: []int{2}}), Waiting},
		"it can be read again": {[]fleet.Fact{ready(0), ready(1), blocked(2), denied,
			fleet.AccessDenied{Subscription: "lab", Off: true}}, nil, Running},
		"resumed": {[]fleet.Fact{ready(0), ready(1), blocked(2), givenUp,
			fleet.RunSuspended{Why: fleet.SuspendedSignIn}, fleet.Resumed{}}, nil, Running},
		"another one denies": {[]fleet.Fact{ready(0), ready(1), ready(2),
			fleet.AccessDenied{Subscription: "none of the plan's"}}, nil, Running},
	} {
		st := rollout.NewState(p)
		for _, f := range append([]fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "all"}}, c.facts...) {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		now := t0.Add(time.Minute)
		if got := Waits(st, now); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: it waits for\n%+v\nwant\n%+v", name, got, c.want)
		}
		if got := PhaseOf(st, true, now); got != c.phase {
			t.Errorf("%s: it is %s, want %s", name, got, c.phase)
		}
	}

	// A run that was left for it says so, and a resume tries it.
	st := rollout.NewState(p)
	for _, f := range []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "all"}, ready(0), ready(1),
		ready(2), givenUp,
		fleet.RunSuspended{Why: fleet.SuspendedSignIn, Subscription: "lab"}} {
		if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	want := with(func(w *Wait) { w.Denied, w.Retry, w.Every = "no co-administrator", RetryResume, 0 })
	if got := AccessWaits(st, true); !reflect.DeepEqual(got, want) {
		t.Errorf("left, it waits for\n%+v\nwant\n%+v", got, want)
	}
}
