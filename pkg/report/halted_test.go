package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// What was in flight when a run halted may fail after it: the sentence that says why it
// halted counts that too, as the budget beside it does.
func TestHaltSentenceCountsWhatFailedSince(t *testing.T) {
	t.Parallel()
	n := reporttest.HaltedNight(t)
	n.St.Run.Halt.Failures = n.St.RunBudget().Failed - 1 // one has failed since
	now := lexicon.Plural(n.St.RunBudget().Failed, "failure", "failures")
	v := viewOf(n, report.ViewOptions{Now: reporttest.T0.Add(time.Hour)})
	if got := v.Run.Halt.Sentence; !strings.HasPrefix(got, now+" ") ||
		v.Run.Halt.Failures != n.St.RunBudget().Failed-1 {
		t.Errorf("%q, want %s", got, now)
	}
	for i := range v.Vaults {
		if x := &v.Vaults[i]; x.Status == fleet.Deferred && !strings.Contains(report.ValueOf(x.Reason), now+" ") {
			t.Errorf("%s: %s", x.Vault, report.ValueOf(x.Reason))
		}
	}
}
