package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestLiveCountsAgainstWhatMayFly: what is in flight stands against the lowest that binds:
// the plan's limits, all of them, a person's, or what a hard ceiling leaves of the budget.
func TestLiveCountsAgainstWhatMayFly(t *testing.T) {
	t.Parallel()
	// What may fly in the open wave: 7 vaults of 2 subscriptions, in one location.
	for name, c := range map[string]struct {
		ceiling plan.Ceiling
		limits  plan.WaveLimits
		person  fleet.LimitsChanged
		want    string
	}{
		"the vaults":         {limits: plan.WaveLimits{Upgrades: 40}, want: "7 at once ·"},
		"the plan's":         {limits: plan.WaveLimits{Upgrades: 5}, want: "5 at once ·"},
		"the subscriptions'": {limits: plan.WaveLimits{Upgrades: 40, PerSubscription: 1}, want: "2 at once ·"},
		"the locations'":     {limits: plan.WaveLimits{Upgrades: 40, PerLocation: 1}, want: "1 at once ·"},
		"a person's": {limits: plan.WaveLimits{Upgrades: 5}, person: fleet.LimitsChanged{Upgrades: 3},
			want: "3 at once (limited; the plan allows 5)"},
		"a person's of a part": {limits: plan.WaveLimits{Upgrades: 5}, person: fleet.LimitsChanged{PerSubscription: 1},
			want: "2 at once (limited; the plan allows 5)"},
		"a hard ceiling's": {plan.CeilingHard, plan.WaveLimits{Upgrades: 40}, fleet.LimitsChanged{},
			"3 at once (the hard ceiling of a failure budget)"},
		"a person's below that": {plan.CeilingHard, plan.WaveLimits{Upgrades: 40}, fleet.LimitsChanged{Upgrades: 2},
			"2 at once (limited; the plan allows 7)"},
	} {
		n := reporttest.BusyNight(t)
		l := &n.St.Plan.Limits
		l.Upgrades, l.PerSubscription, l.PerLocation = c.limits.Upgrades, c.limits.PerSubscription, c.limits.PerLocation
		n.St.Plan.Ceiling = c.ceiling
		n.St.Plan.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: n.St.RunBudget().Failed + 3}
		if c.person != (fleet.LimitsChanged{}) {
			c.person.By, c.person.Reason = fleet.Actor{User: "ops"}, "slow"
			n.Fact(130, c.person)
		}
		shown := strings.Join(NewTracker(n.St).Live(reporttest.T0.Add(3*time.Hour), 200, 40, false), "\n")
		if !strings.Contains(shown, ", at most "+c.want) {
			t.Errorf("%s: not %q in\n%s", name, c.want, shown)
		}
	}
}

// TestLiveColumnsAlign: what stands in a column begins where its neighbours do, whatever the
// words of the run's direction: "rolling back" is longer than any word of an upgrade.
func TestLiveColumnsAlign(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, kind := range []fleet.Kind{reporttest.KindAlerts, fleet.RollbackOf(reporttest.KindAlerts)} {
		n := reporttest.ChangedNight(t, kind)
		st := rollout.NewState(n.St.Plan)
		tr := NewTracker(st)
		for i, e := range n.Events {
			if err := st.Apply(e); err != nil {
				t.Fatal(err)
			}
			tr.Apply(st, n.Events[i:i+1])
			for _, width := range []int{80, 120, 200} {
				for _, after := range []time.Duration{0, time.Minute, 20 * time.Minute, 3 * time.Hour} {
					seen[lexicon.WordingOf(kind).Done] += aligned(t, tr, tr.Live(e.At.Add(after), width, 60, false))
				}
			}
		}
	}
	if len(seen) != 2 || seen["upgraded"] < 100 || seen["rolled back"] < 100 {
		t.Errorf("looked at too few lines: %v", seen)
	}
}

// aligned looks where the names begin in what is in flight, and the words in what
// happened last, and returns how many lines of both it saw.
func aligned(t *testing.T, tr *Tracker, lines []string) (seen int) {
	t.Helper()
	at := map[string]int{}
	part := ""
	for _, l := range lines {
		if !strings.HasPrefix(l, " ") && !strings.HasPrefix(l, "!") && !strings.HasPrefix(l, "?") {
			part, _, _ = strings.Cut(l, " ")
			continue
		}
		column := -1
		switch part {
		case "In":
			for _, name := range tr.names {
				if before, _, ok := strings.Cut(l, name); ok {
					column = text.StringWidth(before)
				}
			}
		case "What":
			if word := 2 + len("15:04:05 "); len(l) > word+tr.column() && l[word] != ' ' {
				rest := l[word+tr.column():]
				if column = 0; rest[0] == ' ' {
					column = len(l) - len(strings.TrimLeft(rest, " "))
				}
			}
		}
		if column < 0 {
			continue
		}
		seen++
		if was, ok := at[part]; ok && was != column {
			t.Errorf("column %d, the others at %d: %q of\n%s", column, was, l, strings.Join(lines, "\n"))
		}
		at[part] = column
	}
	return seen
}

// TestFlightsAlign: upgrades in flight that are not told alike have their names in one
// column.
func TestFlightsAlign(t *testing.T) {
	t.Parallel()
	ws, at := flightWidths{}, 0
	lines := []flightLine{{note: "rolling back"}, {note: "BEYOND P90", predicted: "of 10h00m–12h30m"},
		{note: "IN DOUBT", wave: "wave of-many-words"}}
	for i := range lines {
		lines[i].mark, lines[i].age, lines[i].name, lines[i].operation = "  ", "5m", "dev/web-01", "operation"
		ws.fit(&lines[i])
	}
	for _, what := range []string{"dev/web-01", "operation"} {
		for i := range lines {
			s := ""
			for _, p := range lines[i].parts(ws, withWave) {
				s += p.Text
			}
			before, _, _ := strings.Cut(s, what)
			if n := text.StringWidth(before); i > 0 && n != at {
				t.Errorf("%s at %d, before at %d: %q", what, n, at, s)
			} else {
				at = n
			}
		}
	}
}
