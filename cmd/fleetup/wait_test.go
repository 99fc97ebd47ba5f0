package main

import (
	"bytes"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestWaitsForTheGate: a wave that is done and soaks does not stand before its
// gate yet; time alone brings it there.
func TestWaitsForTheGate(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	p := &plan.Plan{Waves: []plan.Wave{
		{Name: "canary", Soak: 30 * time.Minute, Approval: &plan.Approval{When: plan.ApprovalAfter}},
		{Name: "rest"},
	}}
	st := rollout.NewState(p)
	fold := func(minutes int, f fleet.Fact) {
		t.Helper()
		if err := st.Apply(fleet.Event{At: start.Add(time.Duration(minutes) * time.Minute), Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(minutes int, want bool, next time.Time) {
		t.Helper()
		got := foundFor(st, waitApproval, "", start.Add(time.Duration(minutes)*time.Minute))
		if got.met != want || !got.again.Equal(next) || got.never {
			t.Errorf("after %d minutes: %+v; want %v, look again %v", minutes, got, want, next)
		}
	}
	// which soaks
	fold(0, fleet.RunOpened{RunID: "r1", Changed: map[string]time.Time{"canary": start.Add(10 * time.Minute)}})
	fold(0, fleet.WaveOpened{Wave: "canary"})
	expect(5, false, time.Time{})
	fold(10, fleet.WaveDone{Wave: "canary"})
	soaked := start.Add(40 * time.Minute)
	expect(10, false, soaked)
	expect(39, false, soaked)
	expect(40, true, time.Time{})
	fold(41, fleet.GateOpened{Wave: "canary", When: fleet.GateAfter})
	expect(41, true, time.Time{}) // no other comes
}

// TestWaitsNoLongerThanItMust: what was given in advance, has been passed or cannot come
// any more is not waited for.
func TestWaitsNoLongerThanItMust(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	after := &plan.Approval{When: plan.ApprovalAfter}
	given := func(wave string) fleet.Approved {
		return fleet.Approved{Wave: wave, When: fleet.GateAfter, By: fleet.Actor{User: "kim"},
			ExpiresAt: start.Add(24 * time.Hour)}
	}
	soaks := []fleet.Fact{fleet.RunOpened{RunID: "r1", Changed: map[string]time.Time{"canary": start}},
		fleet.WaveOpened{Wave: "canary"}, fleet.WaveDone{Wave: "canary"}}
	stop := fleet.Stopped{Close: true, By: fleet.Actor{User: "ops"}}
	for name, c := range map[string]struct {
		approval *plan.Approval // of the pilot, behind the canary
		facts    []fleet.Fact
		what     string
		want     found
	}{
		"approved in advance": {nil, []fleet.Fact{given("canary")}, waitApproval,
			found{met: true,
				text: "The gate after wave canary is approved already, in advance by kim at Mon 16 Mar 11:00; no " +
					"other waits for a person."}},
		"a later gate": {after, []fleet.Fact{given("canary")}, waitApproval,
			found{again: start.Add(24 * time.Hour),
				text: "The gate after wave canary is approved already, in advance by kim at Mon 16 Mar 11:00; a " +
					"later one waits for a person."}},
		"the last gate is passed": {nil,
			[]fleet.Fact{given("canary"), fleet.GateOpened{Wave: "canary", When: fleet.GateAfter}}, waitApproval,
			found{met: true, text: "No gate of the run waits for a person, now or later."}},
		"being closed before a gate": {nil, []fleet.Fact{stop}, waitApproval,
			found{never: true, text: "The run is being closed, by ops: it comes to no gate any more."}},
		"being closed before a wave": {nil, []fleet.Fact{stop}, "pilot",
			found{never: true, text: "The run is being closed, by ops: wave pilot does not begin in it."}},
		"a wave that is done": {nil, []fleet.Fact{stop}, "canary", found{met: true}},
		"a wave to come":      {nil, nil, "pilot", found{}},
		"a halt to come":      {nil, []fleet.Fact{stop}, waitHalted, found{}},
	} {
		p := &plan.Plan{Waves: []plan.Wave{{Name: "canary", Soak: 30 * time.Minute, Approval: after},
			{Name: "pilot", Approval: c.approval}, {Name: "rest"}}}
		st := rollout.NewState(p)
		for _, f := range append(soaks[:3:3], c.facts...) {
			if err := st.Apply(fleet.Event{At: start, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := foundFor(st, c.what, c.what, start.Add(time.Minute)); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestWaitsForTheRunThatOpens: a run that was over when the waiting began is not judged
// while another may be about to open.
func TestWaitsForTheRunThatOpens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock, l := begun(t, path)
	if err := l.Commit([]fleet.Event{{At: time.Unix(1, 0), Fact: fleet.RunClosed{}}}, nil); err != nil {
		t.Fatal(err)
	}
	l.Close()
	lock.Close()
	for what, want := range map[string]string{waitApproval: "The run finished without that.\n", waitFinished: ""} {
		var said bytes.Buffer
		e := &environment{stderr: &said}
		set := flag.NewFlagSet("wait", flag.ContinueOnError)
		for _, f := range e.waitCommand().Flags {
			if err := f.Apply(set); err != nil {
				t.Fatal(err)
			}
		}
		if err := set.Parse([]string{"--for", what, "--state", path}); err != nil {
			t.Fatal(err)
		}
		w := &waiter{e: e, c: cli.NewContext(e.app(), set, nil), until: session.Now().Add(time.Hour),
			follower: follower{path: path}}
		if _, ok, err := w.follower.look(); !ok || err != nil {
			t.Fatalf("%s: %v %v", what, ok, err)
		}
		if over, err := w.look(); over || err != nil || said.Len() > 0 {
			t.Errorf("%s: judged while a run may open: %t, %v, %s", what, over, err, said.String())
		}
		w.until = time.Time{}
		if over, err := w.look(); !over || codeOf(err) != fleet.ExitOK || said.String() != want {
			t.Errorf("%s: of a run that is over: %t, %v, %q; want %q", what, over, err, said.String(), want)
		}
	}
}
