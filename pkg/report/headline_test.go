package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// weeknights are windows from 22:00 to 06:00 in UTC; the fixture's run opens on
// a Monday at 11:00.
var weeknights = &plan.Calendar{Windows: []plan.Window{{Zone: "UTC", Start: 22 * 60, End: 6 * 60,
	Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}}}}

// The sentence at the top is honest however the run stands.
func TestHeadline(t *testing.T) {
	t.Parallel()
	const evening = 11 * 60 // minutes from the run's opening to the window's
	opened := func(t *testing.T, calendar *plan.Calendar) *reporttest.Night {
		n := reporttest.NewNight(t)
		n.St.Plan.Calendar = calendar
		n.Fact(0, fleet.RunOpened{RunID: "r", PlanFingerprint: n.St.Plan.Fingerprint})
		n.Fact(0, fleet.WaveOpened{Wave: "canary"})
		return n
	}
	waiting := fleet.RunSuspended{Why: fleet.SuspendedWait, Until: time.Date(2026, 3, 17, 22, 0, 0, 0, time.UTC),
		Code: fleet.ExitInterrupted}
	for name, c := range map[string]struct {
		calendar *plan.Calendar
		facts    func(n *reporttest.Night)
		live     bool
		hours    int // when it is read, after the opening
		sentence string
		lines    string // a part
	}{
		"nothing yet": {weeknights, func(*reporttest.Night) {}, true, 1,
			"RUN Mon 11:00–11:00 RUNNING: 0 OF 15 UPGRADED, NO ACTION NEEDED", "No upgrades are running."},
		"before the window": {weeknights, func(n *reporttest.Night) { n.Fact(0, waiting) }, false, 1,
			"RUN Mon 11:00–11:00 WAITING: 0 OF 15 UPGRADED, NO ACTION NEEDED",
			"It waits for the window that opens Mon 22:00."},
		"a night over": {weeknights, func(n *reporttest.Night) {
			n.Started(evening+5, "dev/web-01")
			n.Upgraded(evening+20, "dev/web-01")
			n.Validated(evening+21, "dev/web-02", fleet.VerdictBlocked, reporttest.OldAgent)
			n.Fact(evening+8*60, waiting)
		}, false, 20, "NIGHT 1, Mon 22:00–Tue 06:00 WAITING: 1 UPGRADED, 1 NEEDS YOU BEFORE Tue 22:00 (1 blocked)",
			"Overall 1 of 15 vaults upgraded. No vault was sent twice."},
		"the second night": {weeknights, func(n *reporttest.Night) {
			n.Started(evening+5, "dev/web-01")
			n.Upgraded(evening+20, "dev/web-01")
			n.Started(evening+24*60+5, "dev/web-02")
			n.Failed(evening+24*60+20, "dev/web-02", "no")
			n.Fact(evening+32*60, waiting)
		}, false, 50, "NIGHT 2, Tue 22:00–Wed 06:00 WAITING: 0 UPGRADED, 1 NEEDS YOU BEFORE Wed 22:00 (1 failed)",
			"Overall 1 of 15"},
		"a word in the third night": {weeknights, func(n *reporttest.Night) { // a person's word begins no night
			n.Started(evening+24*60+5, "dev/web-02")
			n.Failed(evening+24*60+20, "dev/web-02", "no")
			n.Fact(evening+32*60, waiting)
			n.Fact(evening+48*60+30, fleet.Approved{Wave: "canary", When: fleet.GateAfter})
		}, false, 60, "NIGHT 1, Tue 22:00–Wed 06:00 WAITING: 0 UPGRADED, 1 NEEDS YOU (1 failed)", "Overall 0 of 15"},
		"halted": {nil, func(n *reporttest.Night) {
			n.Started(1, "dev/web-01")
			n.Failed(9, "dev/web-01", "no")
			n.Fact(9, fleet.RunHalted{Scope: "canary", Wave: true, Failures: 1})
		}, false, 1, "RUN Mon 11:00–11:09 HALTED: 0 OF 15 UPGRADED, 1 NEEDS YOU (1 failed)",
			"1 failure exceeded wave canary's budget of 0."},
		"halting": {nil, func(n *reporttest.Night) {
			n.Started(1, "dev/web-01")
			n.Started(1, "dev/web-02")
			n.Failed(9, "dev/web-01", "no")
			n.Fact(9, fleet.RunHalted{Scope: "canary", Wave: true, Failures: 1})
		}, true, 1, "RUN Mon 11:00–11:09 HALTING: 0 OF 15 UPGRADED, 1 NEEDS YOU (1 failed)", "1 upgrade is in flight."},
		"killed": {nil, func(n *reporttest.Night) { n.Started(1, "dev/web-01") }, false, 1,
			"RUN Mon 11:00–11:01 INTERRUPTED: 0 OF 15 UPGRADED, THE RUN NEEDS YOU",
			"1 upgrade is in flight or in doubt: the cloud goes on, and a resume follows. Its process crashed or was " +
				"killed."},
		"stopped": {nil, func(n *reporttest.Night) {
			n.Fact(5, fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted})
		}, false, 1,
			"RUN Mon 11:00–11:05 INTERRUPTED: 0 OF 15 UPGRADED, THE RUN NEEDS YOU", "It was told to stop."},
		"signed out": {nil, func(n *reporttest.Night) {
			n.Fact(5, fleet.RunSuspended{Why: fleet.SuspendedSignIn, Detail: "AADSTS700082", Code: fleet.ExitSignIn})
		}, false, 1, "RUN Mon 11:00–11:05 STOPPED, A SIGN-IN OR PERMISSION IS MISSING: 0 OF 15 UPGRADED, " +
			"THE RUN NEEDS YOU",
			"A sign-in or permission is missing: AADSTS700082."},
		"at a gate": {nil, func(n *reporttest.Night) {
			n.Fact(5, fleet.RunSuspended{Why: fleet.SuspendedWait, Gate: fleet.GateAfter, Wave: "canary",
				Code: fleet.ExitInterrupted})
		}, false, 1, "RUN Mon 11:00–11:05 WAITING: 0 OF 15 UPGRADED, THE RUN NEEDS YOU",
			"It waits for an approval after wave canary."},
		"paused": {nil, func(n *reporttest.Night) {
			n.Fact(5, fleet.Paused{By: fleet.Actor{User: "ops"}, Reason: "a restore"})
			n.Fact(9, fleet.Noted{By: fleet.Actor{User: "ops"}, Text: "still at it"})
		}, true, 1, "RUN Mon 11:00–11:09 PAUSED: 0 OF 15 UPGRADED, THE RUN NEEDS YOU",
			"PAUSED since Mon 16 Mar 11:05 by ops: a restore. Nothing new starts."},
		"all good": {nil, func(n *reporttest.Night) {
			minute := 1
			for w := range n.St.Waves {
				if w > 0 {
					n.Fact(minute, fleet.WaveOpened{Wave: n.St.Waves[w].Name})
				}
				for _, i := range n.St.Plan.Waves[w].Vaults {
					if name := n.St.Plan.Names()[i]; !n.St.Plan.Vaults[i].Excluded() {
						n.Started(minute, name)
						n.Upgraded(minute+1, name)
						minute++
					}
				}
				n.Fact(minute, fleet.WaveDone{Wave: n.St.Waves[w].Name})
			}
			n.Fact(minute, fleet.RunClosed{})
		}, false, 1, "RUN Mon 11:00–11:16 FINISHED: ALL 15 UPGRADED, NO ACTION NEEDED",
			"No vault was sent twice. No upgrades are running."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := opened(t, c.calendar)
			c.facts(n)
			h := viewOf(n, report.ViewOptions{Live: c.live,
				Now: reporttest.T0.Add(time.Duration(c.hours) * time.Hour)}).Worded(report.Options{}).Headline
			if h.Sentence != c.sentence {
				t.Errorf("it says\n%s\nwant\n%s", h.Sentence, c.sentence)
			}
			if lines := strings.Join(h.Lines, " "); !strings.Contains(lines, c.lines) {
				t.Errorf("it goes on\n%s\nwithout\n%s", lines, c.lines)
			}
		})
	}
}
