package report_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestLimitsInForce: a view has the limits that a person has set while they hold, with
// whose word is the newest, and none once the plan's hold again or the run is over.
func TestLimitsInForce(t *testing.T) {
	t.Parallel()
	n := reporttest.BusyNight(t)
	said := func() string {
		v := report.FromState(n.St, report.ViewOptions{Now: reporttest.T0.Add(3 * time.Hour)})
		if v.Run.Limits == nil {
			return ""
		}
		return v.Run.Limits.Words(lexicon.ClockIn(nil).NearBy(reporttest.T0))
	}
	at := lexicon.ClockIn(nil).Near(reporttest.T0.Add(130*time.Minute), reporttest.T0)
	by := fleet.Actor{User: "ann"}
	for _, c := range []struct {
		fact fleet.Fact
		want string
	}{
		{fleet.Noted{By: by, Text: "nothing"}, ""},
		{fleet.LimitsChanged{Upgrades: 4, PerLocation: 2, By: by, Reason: "slow"},
			"upgrades 4, perLocation 2, by ann at " + at + ": slow"},
		{fleet.LimitsChanged{Upgrades: fleet.AsPlanned, By: by, Reason: "well"},
			"perLocation 2, by ann at " + at + ": well"},
		{fleet.LimitsChanged{PerLocation: fleet.AsPlanned, By: by, Reason: "well"}, ""},
		{fleet.LimitsChanged{PerSubscription: 1, By: by, Reason: "slow"},
			"perSubscription 1, by ann at " + at + ": slow"},
		{fleet.RunClosed{}, ""},
	} {
		n.Fact(130, c.fact)
		if got := said(); got != c.want {
			t.Errorf("after %+v: %q, want %q", c.fact, got, c.want)
		}
	}
}
