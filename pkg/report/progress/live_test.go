package progress

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestLiveGolden(t *testing.T) {
	t.Parallel()
	for _, m := range reporttest.Moments() {
		for _, size := range []struct {
			width, height int
			colour        bool
		}{{45, 18, false}, {80, 24, false}, {200, 40, false}, {120, 24, true}} {
			if size.colour && m.Name != "meddled" {
				continue
			}
			n := m.Night(t)
			tr := NewTracker(n.St)
			tr.Zone, tr.Ledger = reporttest.Sydney, "contoso.db"
			tr.Apply(n.St, n.Events[len(n.Events)/2:]) // a note is nowhere in the state
			now := reporttest.T0.Add(time.Duration(m.Minutes) * time.Minute)
			tr.Forecast().Guess(now, nil)
			lines := tr.Live(now, size.width, size.height, size.colour)
			reporttest.Golden(t, fmt.Sprintf("live-%s-%dx%d", m.Name, size.width, size.height),
				[]byte(strings.Join(lines, "\n")+"\n"))
		}
	}
}

// A command ends the line that it stands in: who pastes the rest of the line pastes
// nothing else.
func TestLiveCommandEndsItsLine(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, m := range reporttest.Moments() {
		n := m.Night(t)
		tr := NewTracker(n.St)
		tr.Zone, tr.Ledger = reporttest.Sydney, "contoso.db"
		for _, l := range tr.Live(reporttest.T0.Add(time.Duration(m.Minutes)*time.Minute), 300, 40, false) {
			if !strings.Contains(l, "fleetup ") {
				continue
			}
			if seen++; !strings.HasSuffix(l, " --state contoso.db") {
				t.Errorf("%s: words stand behind the command: %s", m.Name, l)
			}
		}
	}
	if seen < 4 {
		t.Errorf("%d lines have a command", seen)
	}
}

// What must not be missed is said in words, not by colour alone, on every width
// that a terminal has in practice.
func TestLiveSaysTroubleInWords(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"meddled": {"PAUSED since 00:04", "customer needs a", "!!", "OVERDUE"}, "halted": {"HALTED", "budget of 3"},
		"closing":  {"CLOSING"},
		"stopping": {"STOPPING"}, "late": {"! ", "BEYOND P90"},
		"approval":      {"WAITING", " since 23:49" + lexicon.Dot, "needs approval", "approval after", "approve"},
		"soaking":       {"WAITING", " since 22:19" + lexicon.Dot, "soaking until 23:49"},
		"window-closed": {"WAITING", "window that opens Wed 22:00"},
	}
	seen := 0
	for _, m := range reporttest.Moments() {
		for _, width := range []int{40, 60, 80, 200} {
			tr := NewTracker(m.Night(t).St)
			tr.Zone = reporttest.Sydney
			shown := strings.Join(tr.Live(reporttest.T0.Add(time.Duration(m.Minutes)*time.Minute), width, 30, false),
				"\n")
			flat := strings.Join(strings.Fields(shown), " ")
			for _, w := range want[m.Name] {
				seen++
				if !strings.Contains(shown, w) && !strings.Contains(flat, w) {
					t.Errorf("%s at %d columns does not say %q:\n%s", m.Name, width, w, shown)
				}
			}
		}
	}
	if seen < 4*len(want) {
		t.Errorf("looked for %d words", seen)
	}
}

// The banner of a run whose budget is exceeded says what its headline says: it halts while
// something is in flight, and is halted then.
func TestHaltingIsNotHalted(t *testing.T) {
	t.Parallel()
	n := reporttest.Planned(t, func(*plan.Plan) {})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Started(1, "dev/web-01")
	n.Fact(2, fleet.RunHalted{Scope: "run", Failures: 4, Budget: 3})
	for range 2 {
		live := NewTracker(n.St).Live(reporttest.T0.Add(40*time.Minute), 80, 24, false)
		want := strings.Fields(live[0])[0]
		if !slices.ContainsFunc(live[1:], func(l string) bool { return strings.HasPrefix(l, "!! "+want+" since ") }) {
			t.Errorf("under %s its banner reads otherwise:\n%s", want, strings.Join(live, "\n"))
		}
		n.Failed(30, "dev/web-01", "it failed")
	}
}

// What was read last of an upgrade in flight stands in its line, with nothing in it
// that a terminal would obey.
func TestLiveShowsWhatWasReadLast(t *testing.T) {
	t.Parallel()
	n := reporttest.Planned(t, func(*plan.Plan) {})
	n.Fact(0, fleet.WaveOpened{Wave: "pilot"})
	n.Started(22, "hr/files-2")
	n.Fact(30, fleet.Inspected{Vault: n.Key("hr/files-2"), OperationID: reporttest.Op("hr/files-2"),
		Reading: fleet.LastReading{What: "nothing is under way\x1b[2J", Poll: "HTTP 204"}})
	for _, width := range []int{80, 200} {
		shown := strings.Join(NewTracker(n.St).Live(reporttest.T0.Add(31*time.Minute), width, 30, false), "\n")
		if !strings.Contains(shown, "hr/files-2  nothing is under way") || strings.Contains(shown, "\x1b") {
			t.Errorf("at %d columns:\n%s", width, shown)
		}
	}
}

// The night's end is the window's, or that of a blackout inside of it; a blackout that is
// weeks away is neither in the view nor in the sentence at the top of the report.
func TestLiveSaysWhenTheWindowCloses(t *testing.T) {
	t.Parallel()
	everyDay := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	night := []plan.Window{{Days: everyDay, Start: 22 * 60, End: 6 * 60, Zone: "Australia/Sydney"}}
	always := []plan.Window{{Days: everyDay, Zone: "Australia/Sydney"}}
	from := func(at string) []plan.Blackout {
		return []plan.Blackout{{From: at, To: "2026-05-01T00:00", Zone: "Australia/Sydney"}}
	}
	const allNight, noNight = "NIGHT 1, Mon 22:00–Tue 06:00", "RUN Mon 22:00–23:01"
	far, near := from("2026-04-08T00:00"), from("2026-03-17T02:00")
	for name, c := range map[string]struct {
		calendar     plan.Calendar
		window, head string
	}{
		"a night":              {plan.Calendar{Windows: night}, "closes Tue 06:00, in 6h59m", allNight},
		"far, windows":         {plan.Calendar{Windows: night, Blackouts: far}, "closes Tue 06:00, in 6h59m", allNight},
		"far, no window":       {plan.Calendar{Blackouts: far}, "", noNight},
		"far, windows all day": {plan.Calendar{Windows: always, Blackouts: far}, "", noNight},
		"near, no window": {plan.Calendar{Blackouts: near}, "open; a blackout begins Tue 02:00, in 2h59m",
			noNight},
		"in the window": {plan.Calendar{Windows: night, Blackouts: near}, "closes Tue 02:00, in 2h59m, for a blackout",
			"NIGHT 1, Mon 22:00–Tue 02:00"},
	} {
		n := reporttest.Planned(t, func(p *plan.Plan) { p.Calendar = &c.calendar })
		n.Fact(0, fleet.WaveOpened{Wave: "canary"})
		n.Started(61, "dev/web-01")
		now := reporttest.T0.Add(61 * time.Minute)
		tr := NewTracker(n.St)
		tr.Zone = reporttest.Sydney
		got := ""
		for _, l := range tr.Live(now, 200, 40, false) {
			if words, ok := strings.CutPrefix(l, "WINDOW  "); ok {
				got = words
			}
		}
		if got != c.window {
			t.Errorf("%s: the view says %q of the window, want %q", name, got, c.window)
		}
		head := report.FromState(n.St, report.ViewOptions{Live: true, Now: now}).
			Worded(report.Options{Zone: reporttest.Sydney}).Headline.Sentence
		if !strings.HasPrefix(head, c.head+" ") {
			t.Errorf("%s: the report begins with %q, want %q", name, head, c.head)
		}
	}
}

// A run is as old as it is: another process that carries it on makes it no younger.
func TestLiveAgeOverAResume(t *testing.T) {
	t.Parallel()
	n := reporttest.Planned(t, func(*plan.Plan) {})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Fact(90, fleet.RunSuspended{Why: fleet.SuspendedSignal})
	n.Fact(100, fleet.Resumed{By: reporttest.Ops})
	n.Started(101, "dev/web-01")
	head := NewTracker(n.St).Live(reporttest.T0.Add(125*time.Minute), 80, 24, false)[0]
	if want := "RUNNING 2h05m" + lexicon.Dot; !strings.HasPrefix(head, want) {
		t.Errorf("it begins with %q, want %q", head, want)
	}
}

func TestLiveFitsEveryTerminal(t *testing.T) {
	t.Parallel()
	states := []*rollout.State{rollout.NewState(reporttest.FixturePlan()), reporttest.BigState(300, 40)}
	states[1].Plan.Vaults[0].Name = "生命生命生命生命生命生命生命生命生命生命生命生命"
	for _, m := range reporttest.Moments() {
		states = append(states, m.Night(t).St)
	}
	for n, st := range states {
		tr := NewTracker(st)
		tr.Ledger = "a folder with spaces/contoso.db"
		for width := 1; width <= 200; width += 1 + width/8 {
			for height := 1; height <= 60; height += 1 + height/4 {
				for _, colour := range []bool{false, true} {
					lines := tr.Live(reporttest.T0.Add(5*time.Hour), width, height, colour)
					if len(lines) == 0 || len(lines) > max(height-1, 1) {
						t.Fatalf("state %d: %d lines at height %d", n, len(lines), height)
					}
					bar := -1
					for _, l := range lines {
						if cells := strings.Count(l, "█") + strings.Count(l, "░"); cells > 0 {
							if bar >= 0 && cells != bar {
								t.Fatalf("state %d: bars of %d and %d cells at width %d", n, bar, cells, width)
							}
							bar = cells
						}
						if w := text.StringWidthWithoutEscSequences(l); w > width {
							t.Fatalf("state %d: %d columns at width %d: %q", n, w, width, l)
						}
						if !colour && strings.ContainsFunc(l, lexicon.IsSteering) {
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
	st := reporttest.BigState(500, 30)
	lines := Live(st, reporttest.T0.Add(5*time.Hour), 80, 20, false)
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

// A guess made before anything has happened is the plan's own forecast; as the
// run goes on only what is left counts.
func TestEstimate(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	p.Waves[1].Soak = time.Hour
	st := rollout.NewState(p)
	tr := NewTracker(st)
	guess := func(minutes int) rollout.Outlook {
		t.Helper()
		tr.Forecast().Guess(reporttest.T0.Add(time.Duration(minutes)*time.Minute), nil)
		return tr.Forecast().Outlook()
	}
	p50, p90, err := dryrun.Forecasts(p, dryrun.PlanOptions{Now: reporttest.T0})
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want time.Time, by time.Duration) {
		t.Helper()
		if got.Sub(want).Abs() > by {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	f := guess(0)
	near("before the first start, p50", f.P50, p50.EndsAt, 0)
	near("before the first start, p90", f.P90, p90.EndsAt, 0)

	n := reporttest.BusyNight(t) // without a soak
	tr = NewTracker(n.St)
	f = guess(125)
	// sql-09 started at 122 and takes 20–25 minutes; slow-1 is long overdue; the
	// ready and the pending ones wait for it or for hr's second slot.
	if !f.P50.After(reporttest.T0.Add(142*time.Minute)) || f.P50.After(reporttest.T0.Add(240*time.Minute)) ||
		f.P90.Before(f.P50) {
		t.Errorf("in the middle: %s–%s", f.P50, f.P90)
	}
	n.Fact(126, fleet.Stopped{Close: true, By: reporttest.Ops})
	tr = NewTracker(n.St)
	f = guess(126)
	near("closing", f.P50, reporttest.T0.Add(143*time.Minute), time.Minute) // only what is in flight: sql-09

	tr = NewTracker(reporttest.FinishedNight(t).St)
	if o := guess(300); !o.Zero() {
		t.Errorf("a finished run is expected to end: %+v", o)
	}
}

// A soak that has begun is not waited for anew, nor is a window that an upgrade
// under way needs no more.
func TestEstimateTakesTheSoakThatIsLeft(t *testing.T) {
	t.Parallel()
	n := reporttest.CanaryDone(t)
	guess := func(minutes int) rollout.Outlook {
		f := NewTracker(n.St).Forecast()
		f.Guess(reporttest.T0.Add(time.Duration(minutes)*time.Minute), nil)
		return f.Outlook()
	}
	f, g := guess(40), guess(100)
	if d := g.P50.Sub(f.P50).Abs(); d > time.Minute { // 109 is the soak's end either way
		t.Errorf("an hour later the guess moved by %s", d)
	}
}

func TestStreamGolden(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var s *Stream
	replay(t, slices.Concat(reporttest.MeddledNight(t).Events,
		[]fleet.Event{{At: reporttest.T0.Add(125 * time.Minute), Fact: fleet.Paused{Off: true, By: reporttest.Ops}}}),
		func(st *rollout.State, batch []fleet.Event) {
			if s == nil {
				var err error
				if s, err = NewStream(&b, st, reporttest.T0); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Events(st, batch); err != nil {
				t.Fatal(err)
			}
		})
	if err := s.Heartbeat(reporttest.T0.Add(126 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.Message(reporttest.T0.Add(127*time.Minute), "a word\x1b[2J"); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "stream.jsonl", b.Bytes())
	for n, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		var v struct {
			SchemaVersion int
			Type          string
			At            time.Time
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Type == "" || v.At.IsZero() ||
			(n == 0) != (v.SchemaVersion == 1) {
			t.Errorf("line %d: %v: %s", n+1, err, line)
		}
	}
}

// TestScreenOnANarrowerTerminal: lines that the terminal has broken are taken
// away whole.
func TestScreenOnANarrowerTerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := NewScreen(&b)
	s.Resize(80)
	if err := s.Draw([]string{strings.Repeat("a", 70), "b"}); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := s.Draw([]string{strings.Repeat("a", 70), "b"}); err != nil || b.Len() > 0 {
		t.Errorf("drew again what has not changed: %q, %v", b.String(), err)
	}
	s.Resize(30) // 70 columns take three rows now
	if err := s.Draw([]string{"c", "d"}); err != nil {
		t.Fatal(err)
	}
	if want := "\r\x1b[4A\x1b[J\x1b[2Kc\n\x1b[2Kd\n\x1b[J"; b.String() != want {
		t.Errorf("wrote %q, want %q", b.String(), want)
	}
}

// BenchmarkFrame is what a frame of the view costs, the facts of a quarter of a
// second with it: 10,000 vaults, 400 in flight. The share of a core is that
// time four times a second.
func BenchmarkFrame(b *testing.B) {
	st := reporttest.BigState(10_000, 400)
	for i := range st.Plan.Vaults {
		st.Plan.Vaults[i].Predicted = plan.Predict(i % 400)
	}
	tr, screen := NewTracker(st), NewScreen(&bytes.Buffer{})
	f := []fleet.Event{{At: reporttest.T0,
		Fact: fleet.DeadlinePassed{Vault: st.Plan.Vaults[3].Key, Deadline: fleet.DeadlineOverdue}}}
	n := 0
	for b.Loop() {
		tr.Apply(st, f)
		screen.w = &bytes.Buffer{}
		if err := screen.Draw(tr.Live(reporttest.T0.Add(time.Hour+time.Duration(n)*250*time.Millisecond), 120, 40,
			true)); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(100*4*b.Elapsed().Seconds()/float64(b.N), "%core")
}

// BenchmarkEstimate is what a guess of the end costs.
func BenchmarkEstimate(b *testing.B) {
	st := reporttest.BigState(10_000, 400)
	for i := range st.Plan.Vaults {
		st.Plan.Vaults[i].Predicted = plan.Predict(i % 400)
	}
	st.Plan.Limits.Upgrades, st.Plan.Limits.PerSubscription = 400, 0
	tr := NewTracker(st)
	for b.Loop() {
		tr.Forecast().Guess(reporttest.T0.Add(time.Hour), nil)
	}
}

// A command that is too long for a line of the live view goes on as a shell goes
// on with it; no argument is parted.
func TestLiveCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	tr := NewTracker(reporttest.CanaryDone(t).St)
	tr.Ledger = "a folder/it's long/and longer/contoso.db"
	want := standing.Approve("canary")
	for width := 60; width <= 200; width += 10 {
		all := strings.Join(tr.Live(reporttest.T0.Add(110*time.Minute), width, 40, false), "\n")
		_, command, ok := strings.Cut(all, "fleetup ")
		command, _, _ = strings.Cut("fleetup "+command, "\nENDS")
		command = strings.Join(strings.Fields(strings.ReplaceAll(command, "\\\n", " ")), " ")
		if !ok || command != lexicon.Command(append(want, "--state", tr.Ledger)...) {
			t.Errorf("at %d columns %q:\n%s", width, command, all)
		}
	}
}

// TestAKilledRunIsForeseenAnew: the guess from before its process was gone gives way to
// a new one at once, as fleetup status makes one.
func TestAKilledRunIsForeseenAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(reporttest.BusyNight(t).St)
		guesses := 0
		tracker.Forecast().Made = func() { guesses++ }
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			tracker.Forecast().Keep(func() time.Time { return reporttest.T0.Add(125 * time.Minute) }, stop)
		}()
		for _, c := range []struct {
			alive bool
			want  int
		}{{true, 1}, {false, 2}, {false, 2}} {
			synctest.Wait()
			tracker.Carried(c.alive)
			if synctest.Wait(); guesses != c.want {
				t.Errorf("carried %v: %d guesses, want %d", c.alive, guesses, c.want)
			}
		}
		close(stop)
		<-done
	})
}
