package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// moment is one of a night, with the plan changed to bring it about.
type moment struct {
	name    string
	minutes int
	night   func(t *testing.T) *night
}

// planned is a night of a plan that was changed before.
func planned(t *testing.T, change func(*plan.Plan)) *night {
	n := newNight(t)
	change(n.st.Plan)
	n.st = rollout.NewState(n.st.Plan)
	n.fact(0, fleet.RunOpened{RunID: "0193ab12-7e57-7000-8000-000000000001", PlanFingerprint: n.st.Plan.Fingerprint, By: ops})
	return n
}

var ops = fleet.Actor{User: "ops", Host: "bastion"}

// canaryDone is a night whose first wave has just ended.
func canaryDone(t *testing.T) *night {
	n := planned(t, func(p *plan.Plan) {
		p.Waves[0].Soak = 90 * time.Minute
		p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter, Expiry: time.Hour}
	})
	n.fact(0, fleet.WaveOpened{Wave: "canary"})
	n.started(1, "dev/web-01")
	n.validated(1, "dev/web-02", fleet.VerdictAlready)
	n.upgraded(19, "dev/web-01")
	n.fact(19, fleet.WaveDone{Wave: "canary"})
	return n
}

// meddledNight is the busy night in which people have their say.
func meddledNight(t *testing.T) *night {
	n := busyNight(t)
	n.fact(123, fleet.LimitsChanged{Upgrades: 4, By: ops, Reason: "the storage team asks"})
	n.fact(123, fleet.Noted{By: ops, Text: "handing over to anna, hr is slow tonight"})
	n.fact(124, fleet.Paused{By: ops, Reason: "a customer needs a restore"})
	n.fact(124, fleet.Throttled{Subscription: prodID, Until: t0.Add(140 * time.Minute)})
	return n
}

func moments() []moment {
	return []moment{
		{"busy", 125, busyNight},
		{"meddled", 125, meddledNight},
		{"halted", 131, haltedNight},
		{"finished", 291, finishedNight},
		{"soaking", 40, canaryDone},
		{"approval", 110, canaryDone},
		{"late", 58, func(t *testing.T) *night { // beyond the 90th percentile, not yet flagged
			n := newNight(t)
			n.fact(0, fleet.RunOpened{RunID: "r-late", By: ops})
			n.fact(0, fleet.WaveOpened{Wave: "canary"})
			n.started(32, "dev/web-01")
			n.started(36, "dev/web-02")
			return n
		}},
		{"window-closed", 26 * 60, func(t *testing.T) *night {
			n := planned(t, func(p *plan.Plan) {
				p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{time.Monday, time.Wednesday}, Start: 22 * 60, End: 6 * 60, Zone: "Australia/Sydney"}}}
			})
			n.fact(0, fleet.WaveOpened{Wave: "canary"})
			n.validated(1, "dev/web-01", fleet.VerdictReady)
			return n
		}},
		{"closing", 125, func(t *testing.T) *night {
			n := busyNight(t)
			n.fact(124, fleet.Stopped{Close: true, By: ops, Reason: "the change is withdrawn"})
			return n
		}},
		{"stopping", 125, func(t *testing.T) *night {
			n := busyNight(t)
			n.fact(124, fleet.Stopped{By: ops, Reason: "the machine goes down"})
			return n
		}},
	}
}

func TestLiveGolden(t *testing.T) {
	t.Parallel()
	for _, m := range moments() {
		for _, size := range []struct {
			width, height int
			colour        bool
		}{{45, 18, false}, {80, 24, false}, {200, 40, false}, {120, 24, true}} {
			if size.colour && m.name != "meddled" {
				continue
			}
			n := m.night(t)
			tr := NewTracker(n.st)
			tr.Zone, tr.Ledger = sydney, "contoso.db"
			tr.Apply(n.st, n.events[len(n.events)/2:]) // a note is nowhere in the state
			now := t0.Add(time.Duration(m.minutes) * time.Minute)
			if _, err := tr.Estimate(now, nil); err != nil {
				t.Fatal(err)
			}
			lines := tr.Live(now, size.width, size.height, size.colour)
			golden(t, fmt.Sprintf("live-%s-%dx%d", m.name, size.width, size.height), []byte(strings.Join(lines, "\n")+"\n"))
		}
	}
}

// What must not be missed is said in words, not by colour alone, on every width
// that a terminal has in practice.
func TestLiveSaysTroubleInWords(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"meddled": {"PAUSED", "customer needs a", "!!", "OVERDUE"}, "halted": {"HALTED", "budget of 3"}, "closing": {"CLOSING"},
		"stopping": {"STOPPING"}, "late": {"! ", "BEYOND P90"}, "approval": {"needs approval", "approval after", "approve"},
		"soaking": {"soaks until 23:49"}, "window-closed": {"WAITING", "window that opens Wed 22:00"},
	}
	seen := 0
	for _, m := range moments() {
		for _, width := range []int{40, 60, 80, 200} {
			tr := NewTracker(m.night(t).st)
			tr.Zone = sydney
			shown := strings.Join(tr.Live(t0.Add(time.Duration(m.minutes)*time.Minute), width, 30, false), "\n")
			flat := strings.Join(strings.Fields(shown), " ")
			for _, w := range want[m.name] {
				seen++
				if !strings.Contains(shown, w) && !strings.Contains(flat, w) {
					t.Errorf("%s at %d columns does not say %q:\n%s", m.name, width, w, shown)
				}
			}
		}
	}
	if seen < 4*len(want) {
		t.Errorf("looked for %d words", seen)
	}
}

// What was read last of an upgrade in flight stands in its line, with nothing in it
// that a terminal would obey.
func TestLiveShowsWhatWasReadLast(t *testing.T) {
	t.Parallel()
	n := planned(t, func(*plan.Plan) {})
	n.fact(0, fleet.WaveOpened{Wave: "pilot"})
	n.started(22, "hr/files-2")
	n.fact(30, fleet.Inspected{Vault: n.key("hr/files-2"), OperationID: op("hr/files-2"), Reading: fleet.LastReading{What: "nothing is under way\x1b[2J", Poll: "HTTP 204"}})
	for _, width := range []int{80, 200} {
		shown := strings.Join(NewTracker(n.st).Live(t0.Add(31*time.Minute), width, 30, false), "\n")
		if !strings.Contains(shown, "hr/files-2  nothing is under way") || strings.Contains(shown, "\x1b") {
			t.Errorf("at %d columns:\n%s", width, shown)
		}
	}
}

func TestLiveFitsEveryTerminal(t *testing.T) {
	t.Parallel()
	states := []*rollout.State{rollout.NewState(fixturePlan()), bigState(300, 40)}
	states[1].Plan.Vaults[0].Name = "生命生命生命生命生命生命生命生命生命生命生命生命"
	for _, m := range moments() {
		states = append(states, m.night(t).st)
	}
	for n, st := range states {
		tr := NewTracker(st)
		tr.Ledger = "a folder with spaces/contoso.db"
		for width := 1; width <= 200; width += 1 + width/8 {
			for height := 1; height <= 60; height += 1 + height/4 {
				for _, colour := range []bool{false, true} {
					lines := tr.Live(t0.Add(5*time.Hour), width, height, colour)
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

// A guess made before anything has happened is the plan's own forecast; as the
// run goes on only what is left counts.
func TestEstimate(t *testing.T) {
	t.Parallel()
	p := fixturePlan()
	p.Waves[1].Soak = time.Hour
	st := rollout.NewState(p)
	tr := NewTracker(st)
	guess := func(minutes int) rollout.Outlook {
		t.Helper()
		f, err := tr.Estimate(t0.Add(time.Duration(minutes)*time.Minute), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	p50, p90, err := Forecasts(p, t0, nil, nil)
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

	n := busyNight(t) // without a soak
	tr = NewTracker(n.st)
	f = guess(125)
	// sql-09 started at 122 and takes 20–25 minutes; slow-1 is long overdue; the
	// ready and the pending ones wait for it or for hr's second slot.
	if !f.P50.After(t0.Add(142*time.Minute)) || f.P50.After(t0.Add(240*time.Minute)) || f.P90.Before(f.P50) {
		t.Errorf("in the middle: %s–%s", f.P50, f.P90)
	}
	n.fact(126, fleet.Stopped{Close: true, By: ops})
	tr = NewTracker(n.st)
	f = guess(126)
	near("closing", f.P50, t0.Add(143*time.Minute), time.Minute) // only what is in flight: sql-09

	tr = NewTracker(finishedNight(t).st)
	if o := guess(300); !o.Zero() {
		t.Errorf("a finished run is expected to end: %+v", o)
	}
}

// A soak that has begun is not waited for anew, nor is a window that an upgrade
// under way needs no more.
func TestEstimateTakesTheSoakThatIsLeft(t *testing.T) {
	t.Parallel()
	n := canaryDone(t)
	tr := NewTracker(n.st)
	f, err := tr.Estimate(t0.Add(40*time.Minute), nil)
	if err != nil {
		t.Fatal(err)
	}
	tr = NewTracker(n.st)
	g, err := tr.Estimate(t0.Add(100*time.Minute), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := g.P50.Sub(f.P50).Abs(); d > time.Minute { // 109 is the soak's end either way
		t.Errorf("an hour later the guess moved by %s", d)
	}
}

func TestStreamGolden(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var s *Stream
	replay(t, slices.Concat(meddledNight(t).events, []fleet.Event{{At: t0.Add(125 * time.Minute), Fact: fleet.Paused{Off: true, By: ops}}}),
		func(st *rollout.State, batch []fleet.Event) {
			if s == nil {
				var err error
				if s, err = NewStream(&b, st, t0); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Events(st, batch); err != nil {
				t.Fatal(err)
			}
		})
	if err := s.Heartbeat(t0.Add(126 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.Message(t0.Add(127*time.Minute), "a word\x1b[2J"); err != nil {
		t.Fatal(err)
	}
	golden(t, "stream.jsonl", b.Bytes())
	for n, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		var v struct {
			SchemaVersion int
			Type          string
			At            time.Time
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Type == "" || v.At.IsZero() || (n == 0) != (v.SchemaVersion == 1) {
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
	st := bigState(10_000, 400)
	for i := range st.Plan.Vaults {
		st.Plan.Vaults[i].Predicted = plan.Predict(i % 400)
	}
	tr, screen := NewTracker(st), NewScreen(&bytes.Buffer{})
	f := []fleet.Event{{At: t0, Fact: fleet.DeadlinePassed{Vault: st.Plan.Vaults[3].Key, Deadline: fleet.DeadlineOverdue}}}
	n := 0
	for b.Loop() {
		tr.Apply(st, f)
		screen.w = &bytes.Buffer{}
		if err := screen.Draw(tr.Live(t0.Add(time.Hour+time.Duration(n)*250*time.Millisecond), 120, 40, true)); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(100*4*b.Elapsed().Seconds()/float64(b.N), "%core")
}

// BenchmarkEstimate is what a guess of the end costs.
func BenchmarkEstimate(b *testing.B) {
	st := bigState(10_000, 400)
	for i := range st.Plan.Vaults {
		st.Plan.Vaults[i].Predicted = plan.Predict(i % 400)
	}
	st.Plan.Limits.Upgrades, st.Plan.Limits.PerSubscription = 400, 0
	tr := NewTracker(st)
	for b.Loop() {
		if _, err := tr.Estimate(t0.Add(time.Hour), nil); err != nil {
			b.Fatal(err)
		}
	}
}
