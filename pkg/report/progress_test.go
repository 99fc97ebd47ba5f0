package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// replay feeds facts one batch at a time, as a run does.
func replay(t *testing.T, events []fleet.Event, each func(st *rollout.State, batch []fleet.Event)) *rollout.State {
	t.Helper()
	st := rollout.NewState(fixturePlan())
	each(st, nil)
	for i := range events {
		if err := st.Apply(events[i]); err != nil {
			t.Fatal(err)
		}
		each(st, events[i:i+1])
	}
	return st
}

func TestPlainGolden(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var p *Plain
	replay(t, finishedNight(t).events, func(st *rollout.State, batch []fleet.Event) {
		if p == nil {
			p = NewPlain(&b, st, sydney)
		}
		if err := p.Events(st, batch); err != nil {
			t.Fatal(err)
		}
		if len(batch) > 0 && batch[0].At.Equal(t0.Add(39*time.Minute)) {
			if err := p.Heartbeat(t0.Add(40 * time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	})
	golden(t, "plain.txt", b.Bytes())
}

// A batch of many facts says the same vaults' lines as the facts one by one,
// each under its own time.
func TestPlainOfOneBatchEndsTheSame(t *testing.T) {
	t.Parallel()
	n := busyNight(t)
	tr := NewTracker(rollout.NewState(fixturePlan()))
	lines := strings.Join(Lines(tr, n.st, n.events, sydney), "")
	for _, want := range []string{"22:00:00 run ", "22:19:00 wave       canary done", "FAILED     prod/sql-07", "OVERDUE    hr/slow-1"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
	if got, want := tr.Live(t0, 100, 40, false), Live(n.st, t0, 100, 40, false); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the tracker shows\n%s\nthe state\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A tracker that was fed facts shows what one made from the state does.
func TestTrackerFollowsState(t *testing.T) {
	t.Parallel()
	var tr *Tracker
	replay(t, finishedNight(t).events, func(st *rollout.State, batch []fleet.Event) {
		if tr == nil {
			tr = NewTracker(st)
		}
		tr.Apply(st, batch)
		now := st.Run.LastAt.Add(time.Minute)
		got, want := tr.Live(now, 100, 60, false), Live(st, now, 100, 60, false)
		// The order of the failures is that in which they came; a fresh
		// tracker cannot know it.
		if g, w := len(got), len(want); g != w {
			t.Fatalf("after %v: %d lines, want %d\n%s\n--- want\n%s", batch, g, w, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for i := range got {
			if got[i] != want[i] && !strings.Contains(got[i], "FAILED") && !strings.Contains(got[i], "UNKNOWN") {
				t.Fatalf("after %v: line %d is %q, want %q", batch, i, got[i], want[i])
			}
		}
	})
}

func TestLiveGolden(t *testing.T) {
	t.Parallel()
	st, now := busyNight(t).st, t0.Add(125*time.Minute)
	for _, size := range []struct {
		width, height int
		colour        bool
	}{{40, 12, false}, {80, 24, false}, {120, 24, true}} {
		lines := Live(st, now, size.width, size.height, size.colour)
		golden(t, fmt.Sprintf("live-%dx%d", size.width, size.height), []byte(strings.Join(lines, "\n")+"\n"))
	}
}

func TestLiveFitsEveryTerminal(t *testing.T) {
	t.Parallel()
	states := []*rollout.State{rollout.NewState(fixturePlan()), busyNight(t).st, haltedNight(t).st, finishedNight(t).st, bigState(300, 40)}
	states[4].Plan.Vaults[0].Name = "生命生命生命生命生命生命生命生命生命生命生命生命"
	for n, st := range states {
		for width := 1; width <= 200; width += 1 + width/8 {
			for height := 1; height <= 60; height += 1 + height/4 {
				for _, colour := range []bool{false, true} {
					lines := Live(st, t0.Add(5*time.Hour), width, height, colour)
					if len(lines) == 0 || len(lines) > max(height-1, 1) {
						t.Fatalf("state %d: %d lines at height %d", n, len(lines), height)
					}
					for _, l := range lines {
						if w := text.StringWidthWithoutEscSequences(l); w > width {
							t.Fatalf("state %d: %d columns at width %d: %q", n, w, width, l)
						}
						if !colour && strings.ContainsFunc(l, steering) {
							t.Fatalf("state %d: a control character without colour: %q", n, l)
						}
					}
				}
			}
		}
	}
}

func TestLiveShowsTheOldestFirstAndTheRest(t *testing.T) {
	t.Parallel()
	st := bigState(500, 30)
	lines := Live(st, t0.Add(5*time.Hour), 80, 20, false)
	all := strings.Join(lines, "\n")
	if !strings.Contains(all, "In flight 30") || !strings.Contains(lines[len(lines)-1], "more") {
		t.Errorf("the view does not say how many more are in flight:\n%s", all)
	}
	var flights []string
	for _, l := range lines {
		if strings.Contains(l, "upgrading") && strings.HasPrefix(l, "  ") {
			flights = append(flights, l)
		}
	}
	if len(flights) < 5 || !strings.Contains(flights[0], "v0029") || !strings.Contains(flights[1], "v0028") {
		t.Errorf("not the oldest first:\n%s", all)
	}
}

// bigState is a run of n vaults of which the first flying are in flight, the
// last of those the oldest.
func bigState(n, flying int) *rollout.State {
	p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(), FailureBudget: plan.Budget{Unit: plan.UnitDefault},
		Waves: []plan.Wave{{Name: "all"}}}
	for i := range n {
		v := plan.Vault{}
		v.Name, v.SubscriptionID, v.SubscriptionName = fmt.Sprintf("v%04d", i), prodID, "prod"
		v.Key = fleet.KeyOf(fleet.KindClassic, prodID, fleet.BackupVault, "x", v.Name)
		p.Vaults, p.Waves[0].Vaults = append(p.Vaults, v), append(p.Waves[0].Vaults, i)
	}
	st := rollout.NewState(p)
	events := []fleet.Event{{At: t0, Fact: fleet.RunOpened{RunID: "big"}}, {At: t0, Fact: fleet.WaveOpened{Wave: "all"}}}
	for i := flying - 1; i >= 0; i-- {
		k, now := p.Vaults[i].Key, t0.Add(time.Duration(flying-i)*time.Minute)
		events = append(events, fleet.Event{At: now, Fact: fleet.Validated{Vault: k, Verdict: fleet.VerdictReady}},
			fleet.Event{At: now, Fact: fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1}},
			fleet.Event{At: now, Fact: fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}})
	}
	if err := st.Replay(events); err != nil {
		panic(err)
	}
	return st
}

func TestScreen(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := NewScreen(&b)
	step := func(want string, do func() error) {
		t.Helper()
		b.Reset()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("wrote %q, want %q", b.String(), want)
		}
	}
	step("\x1b[2Ka\n\x1b[2Kb\n", func() error { return s.Draw([]string{"a", "b"}) })
	step("\r\x1b[2A\x1b[2Kc\n\x1b[2Kd\n\x1b[2Ke\n", func() error { return s.Draw([]string{"c", "d", "e"}) })
	step("\r\x1b[3A\x1b[Jsaid\n\x1b[2Kc\n\x1b[2Kd\n\x1b[2Ke\n", func() error { return s.Above("said\n") })
	step("\r\x1b[3A\x1b[2Kf\n\x1b[J", func() error { return s.Draw([]string{"f"}) })
	step("\r\x1b[1A\x1b[J", s.Clear)
	step("said\n", func() error { return s.Above("said\n") })
}

func BenchmarkTracker(b *testing.B) {
	st := bigState(100_000, 100)
	tr := NewTracker(st)
	f := []fleet.Event{{At: t0, Fact: fleet.DeadlinePassed{Vault: st.Plan.Vaults[3].Key, Deadline: fleet.DeadlineOverdue}}}
	for b.Loop() {
		tr.Apply(st, f)
		tr.Live(t0.Add(time.Hour), 120, 40, true)
	}
}
