package report_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// A vault that an earlier run upgraded counts for the ledger, though it is held now.
func TestHoldTakesNothingFromTheLedger(t *testing.T) {
	t.Parallel()
	n := reporttest.HaltedNight(t)
	o := report.ViewOptions{Now: reporttest.T0.Add(time.Hour)}
	was := viewOf(n, o).Overall
	for i := range n.St.Vaults {
		if n.St.Vaults[i].Status == fleet.Excluded {
			n.St.Vaults[i].Earlier = true
			break
		}
	}
	is := viewOf(n, o).Overall
	if was.Held == 0 || is.Held != was.Held-1 || is.Of != was.Of+1 || is.Upgraded != was.Upgraded+1 ||
		is.Earlier != was.Earlier+1 || is.OfRun != was.OfRun {
		t.Errorf("%+v became %+v", was, is)
	}
}
