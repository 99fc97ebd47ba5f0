package report

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// A run that a person closes takes up nothing any more: what it has not started is the
// next run's, whether its process still follows what is in flight or has ended.
func TestClosingLeavesTheRestToTheNextRun(t *testing.T) {
	t.Parallel()
	for _, closing := range []bool{false, true} {
		n := reporttest.BusyNight(t)
		if closing {
			n.Fact(130, fleet.Stopped{By: fleet.Actor{User: "ops"}, Reason: "withdrawn", Close: true})
		}
		v := FromState(n.St, ViewOptions{Now: reporttest.T0.Add(8 * time.Hour)})
		c := lexicon.ClockIn(reporttest.Sydney)
		var titles []string
		for _, a := range v.actions(Options{Zone: reporttest.Sydney}) {
			titles = append(titles, a.Title)
		}
		got := strings.Join(append(titles, v.headlines(c)...), "\n")
		for sentence, want := range map[string]bool{
			"deferred, for a resume to take up": !closing, "still to come": !closing,
			"deferred, for the next run to take up":                     closing,
			"Resume the run, which closes it when nothing is in flight": closing,
			"left to the next run: this one is being closed":            closing,
		} {
			if strings.Contains(got, sentence) != want {
				t.Errorf("closing %t: %q is said: %t, in\n%s", closing, sentence, !want, got)
			}
		}
	}
}

// What the vaults were before they were deferred does not part them.
func TestDeferredIsToldOnce(t *testing.T) {
	t.Parallel()
	n := reporttest.BusyNight(t)
	v := FromState(n.St, ViewOptions{Now: reporttest.T0.Add(8 * time.Hour)})
	deferred := v.withStatus(fleet.Deferred)
	for i, x := range deferred {
		x.Reason = StringOrNull("the run's process ended before it could start" + beforeThat + strings.Repeat("x", i+1))
	}
	told := 0
	for _, a := range v.actions(Options{}) {
		if ValueOf(a.Code) == string(fleet.Deferred) {
			told++
			if len(a.about) != len(deferred) {
				t.Errorf("%q is about %d of %d vaults", a.Title, len(a.about), len(deferred))
			}
		}
	}
	if told != 1 || len(deferred) < 2 {
		t.Errorf("%d vaults are told in %d lines", len(deferred), told)
	}
}
