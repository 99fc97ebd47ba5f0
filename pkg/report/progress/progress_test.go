package progress

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
	"github.com/fleetup-dev/fleetup/test/reporttest"
	"github.com/fleetup-dev/fleetup/test/unsaid"
)

// replay feeds facts one batch at a time, as a run does.
func replay(t *testing.T, events []fleet.Event, each func(st *rollout.State, batch []fleet.Event)) *rollout.State {
	t.Helper()
	st := rollout.NewState(reporttest.FixturePlan())
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
	replay(t, reporttest.FinishedNight(t).Events, func(st *rollout.State, batch []fleet.Event) {
		if p == nil {
			p = NewPlain(&b, st, reporttest.Sydney)
		}
		if err := p.Events(st, batch); err != nil {
			t.Fatal(err)
		}
		if len(batch) > 0 && batch[0].At.Equal(reporttest.T0.Add(39*time.Minute)) {
			if err := p.Heartbeat(reporttest.T0.Add(40 * time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	})
	reporttest.Golden(t, "plain.txt", b.Bytes())
}

// A batch of many facts says the same vaults' lines as the facts one by one,
// each under its own time.
func TestPlainOfOneBatchEndsTheSame(t *testing.T) {
	t.Parallel()
	n := reporttest.BusyNight(t)
	tr := NewTracker(rollout.NewState(reporttest.FixturePlan()))
	lines := strings.Join(Lines(tr, n.St, n.Events, reporttest.Sydney), "")
	for _, want := range []string{"22:00:00 run ", "22:19:00 wave       canary done", "FAILED     prod/sql-07",
		"OVERDUE    hr/slow-1"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
	tr.recent = report.RecentHappenings{} // a state knows nothing of it
	if got, want := tr.Live(reporttest.T0, 100, 40, false),
		Live(n.St, reporttest.T0, 100, 40, false); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the tracker shows\n%s\nthe state\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A tracker that was fed facts shows what one made from the state does.
func TestTrackerFollowsState(t *testing.T) {
	t.Parallel()
	var tr *Tracker
	replay(t, reporttest.FinishedNight(t).Events, func(st *rollout.State, batch []fleet.Event) {
		if tr == nil {
			tr = NewTracker(st)
		}
		tr.Apply(st, batch)
		now := st.Run.LastAt.Add(time.Minute)
		fresh := NewTracker(st)
		fresh.recent = tr.recent // a state knows nothing of it
		got, want := tr.Live(now, 100, 60, false), fresh.Live(now, 100, 60, false)
		// The order of the failures is that in which they came; a fresh
		// tracker cannot know it.
		if g, w := len(got), len(want); g != w {
			t.Fatalf("after %v: %d lines, want %d\n%s\n--- want\n%s", batch, g, w, strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
		for i := range got {
			if got[i] != want[i] && !strings.Contains(got[i], "FAILED") && !strings.Contains(got[i], "UNKNOWN") {
				t.Fatalf("after %v: line %d is %q, want %q", batch, i, got[i], want[i])
			}
		}
	})
}

// Whoever only reads a run sees what the run itself shows, what happened last
// among it, whenever the reader comes.
func TestReaderSeesWhatTheRunShows(t *testing.T) {
	t.Parallel()
	var tr *Tracker
	noted := false
	c, seen := report.NewTimelineBuilder(), 0
	replay(t, reporttest.MeddledNight(t).Events, func(st *rollout.State, batch []fleet.Event) {
		if tr == nil {
			tr = NewTracker(rollout.NewState(st.Plan))
		}
		tr.Apply(st, batch)
		for _, e := range batch {
			c.Add(st, e)
		}
		reader := NewTracker(st)
		reader.Recall(c)
		now := st.Run.LastAt.Add(time.Minute)
		got, want := strings.Join(reader.Live(now, 120, 60, false), "\n"),
			strings.Join(tr.Live(now, 120, 60, false), "\n")
		if len(batch) == 0 {
			return // the moment before the first fact
		}
		note := func(page string) string {
			_, n, _ := strings.Cut(page, "NOTE")
			n, _, _ = strings.Cut(n, "\n")
			return n
		}
		if note(got) != note(want) {
			t.Fatalf("after %v the reader shows the note %q, the run %q", batch, note(got), note(want))
		}
		noted = noted || note(got) != ""
		_, got, _ = strings.Cut(got, "What happened last")
		_, want, _ = strings.Cut(want, "What happened last")
		if got != want || got == "" {
			t.Fatalf("after %v the reader shows\n%s\nthe run\n%s", batch, got, want)
		}
		seen++
	})
	if !noted {
		t.Error("the night has no note")
	}
	if seen < 20 {
		t.Errorf("compared %d times", seen)
	}
}

// countedOpen is a count of vaults that may start.
var countedOpen = regexp.MustCompile(`(?m)(?:^|· )\d+ (?:pending|ready)\b`)

// A run that nobody carries out is told so, with what to type, and what the keys
// do stands below everything.
func TestLiveOfARunThatNobodyCarriesOut(t *testing.T) {
	t.Parallel()
	n := reporttest.BusyNight(t)
	for _, width := range []int{45, 80, 120} {
		tr := NewTracker(n.St)
		tr.Zone, tr.Ledger, tr.Hint = reporttest.Sydney, "contoso.db", "Ctrl-C leaves"
		tr.Carried(false)
		lines := tr.Live(reporttest.T0.Add(125*time.Minute), width, 24, false)
		all := strings.Join(lines, "\n")
		if !strings.HasPrefix(all, "INTERRUPTED ") || !strings.Contains(all, "fleetup resume --yes") ||
			lines[len(lines)-1] != "Ctrl-C leaves" {
			t.Errorf("at %d columns:\n%s", width, all)
		}
		// What has not started is deferred, as in the status.
		if countedOpen.MatchString(all) || width >= 80 && !strings.Contains(all, " deferred") {
			t.Errorf("at %d columns vaults look as if they could start:\n%s", width, all)
		}
		tr.Carried(true)
		if all := strings.Join(tr.Live(reporttest.T0.Add(125*time.Minute), width, 24, false),
			"\n"); !strings.HasPrefix(all, "RUNNING ") {
			t.Errorf("carried out, at %d columns:\n%s", width, all)
		}
	}
}

// Vaults with the same to say are told together: the first few by their names.
func TestWhatHappenedNamesItsVaults(t *testing.T) {
	t.Parallel()
	st := reporttest.BigState(40, 0)
	tr := NewTracker(st)
	for i := range 20 {
		k := st.Plan.Vaults[i].Key
		var batch []fleet.Event
		for _, f := range []fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: k, OperationID: "op"},
			fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}} {
			e := fleet.Event{At: reporttest.T0.Add(time.Duration(i) * time.Second), Fact: f}
			if err := st.Apply(e); err != nil {
				t.Fatal(err)
			}
			batch = append(batch, e)
		}
		tr.Apply(st, batch)
	}
	all := strings.Join(strings.Fields(strings.Join(tr.Live(reporttest.T0.Add(time.Minute), 80, 60, false), " ")), " ")
	if !strings.Contains(all, "00:00 started prod/v0000, prod/v0001, prod/v0002") ||
		!strings.Contains(all, " more (until ") ||
		!regexp.MustCompile(`v00\d\d and \d+ more`).MatchString(all) {
		t.Errorf("%s", all)
	}
	if got := lexicon.Some(4, func(i int) string { return string(rune('a' + i)) }); got != "a, b, c, d" {
		t.Errorf("four are %q", got)
	}
	if got := lexicon.Some(12, func(i int) string { return string(rune('a' + i)) }); got != "a, b, c and 9 more" {
		t.Errorf("twelve are %q", got)
	}
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

func TestPlainOfAKindGolden(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]fleet.Kind{"today": reporttest.KindAlerts,
		"rollback": fleet.RollbackOf(reporttest.KindAlerts)} {
		n := reporttest.ChangedNight(t, k)
		st := rollout.NewState(n.St.Plan)
		tracker, lines := NewTracker(st), ""
		for i, e := range n.Events {
			if err := st.Apply(e); err != nil {
				t.Fatal(err)
			}
			lines += strings.Join(Lines(tracker, st, n.Events[i:i+1], reporttest.Sydney), "")
		}
		reporttest.Golden(t, "plain-"+name+".txt", []byte(lines+tracker.heartbeat(reporttest.T0.Add(time.Hour))+"\n"))
	}
}

// A line of progress and the timeline say a suspension's time in their zone.
func TestLinesAreZoned(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("AEDT", 11*3600)
	n := reporttest.NewNight(t)
	e := fleet.Event{At: reporttest.T0, Fact: fleet.RunSuspended{Why: fleet.SuspendedWait,
		Until: reporttest.T0.Truncate(24 * time.Hour).Add(12 * time.Hour), Code: fleet.ExitInterrupted}}
	if err := n.St.Apply(e); err != nil {
		t.Fatal(err)
	}
	got := Lines(NewTracker(n.St), n.St, []fleet.Event{e}, zone)
	want := layout.Zoned("the window that opens 2026-03-16T12:00:00Z", zone, reporttest.T0)
	if len(got) != 1 || !strings.Contains(got[0], want) || strings.Contains(got[0], "Z") {
		t.Errorf("the line is %q, want it to have %q", got, want)
	}
}

// Nothing that is shown while a rollback goes on calls it an upgrade.
func TestRollbackIsNoUpgrade(t *testing.T) {
	t.Parallel()
	n := reporttest.ChangedNight(t, fleet.RollbackOf(reporttest.KindAlerts))
	st := rollout.NewState(n.St.Plan)
	tracker, shown := NewTracker(st), 0
	tracker.Emulated = &report.Emulated{TimeScale: 20}
	for i, e := range n.Events {
		if err := st.Apply(e); err != nil {
			t.Fatal(err)
		}
		text := Lines(tracker, st, n.Events[i:i+1], reporttest.Sydney)
		text = append(text, tracker.heartbeat(e.At)+"\n")
		for _, width := range []int{40, 120} {
			text = append(text, strings.Join(tracker.Live(e.At, width, 40, false), "\n")+"\n")
		}
		all := strings.Join(text, "")
		shown += strings.Count(all, "rolled back") + strings.Count(all, "rolling back")
		if said := unsaid.Upgrades(all); len(said) > 0 {
			t.Errorf("after %s: %q", e.Fact.Name(), said)
		}
	}
	if shown < 20 {
		t.Errorf("it is called a rollback %d times", shown)
	}
}

// TestTalliesAddUp: the numbers of the live view's tally are of the run's vaults, and each
// vault is in one of them at every moment: an unknown one that is still being read too.
func TestTalliesAddUp(t *testing.T) {
	t.Parallel()
	var tr *Tracker
	reads := 0
	replay(t, reporttest.FinishedNight(t).Events, func(st *rollout.State, batch []fleet.Event) {
		if tr == nil {
			tr = NewTracker(st)
		}
		tr.Apply(st, batch)
		now := st.Run.LastAt
		flying := standing.CountFlights(tr.flights(now))
		reads += flying.Unknown
		sum, said := 0, ""
		for _, p := range tr.tally(flying) {
			n, err := strconv.Atoi(strings.Fields(p.Text)[0])
			if err != nil {
				t.Fatalf("%q does not begin with a number", p.Text)
			}
			sum, said = sum+n, said+p.Text+"; "
		}
		if sum != len(st.Vaults) {
			t.Errorf("%s: %d vaults, and the tally has %d: %s", now, len(st.Vaults), sum, said)
		}
	})
	if reads == 0 {
		t.Error("no vault was unknown and being read")
	}
}
