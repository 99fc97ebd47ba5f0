package report_test

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// A line about a hold has the word once: "held dev/web-01 wave canary by ops: a freeze".
func TestHeldIsSaidOnce(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	n.Fact(0, fleet.RunOpened{RunID: "r", By: reporttest.Ops})
	tr := progress.NewTracker(n.St)
	for minute, f := range []fleet.Fact{
		fleet.Held{Vault: n.Key("dev/web-01"), By: reporttest.Ops, Reason: "a freeze"},
		fleet.Held{Vault: n.Key("dev/web-01"), Off: true, By: reporttest.Ops, Reason: "over"},
	} {
		n.Fact(minute+1, f)
		line := strings.Join(progress.Lines(tr, n.St, n.Events[len(n.Events)-1:], nil), "")
		word := []string{"held", "released"}[minute]
		if strings.Count(line, word) != 1 || !strings.Contains(line, "  by ops: ") {
			t.Errorf("the line of one that is %s reads %q", word, line)
		}
	}
}
