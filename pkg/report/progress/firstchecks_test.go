package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// Ready vaults that wait for the first checks of others of their wave say so, in a log and
// on a terminal, and not any more once those are done.
func TestWhatReadyVaultsWaitForIsSaid(t *testing.T) {
	t.Parallel()
	n, now := reporttest.NewNight(t), reporttest.T0.Add(time.Minute)
	n.Fact(0, fleet.RunOpened{RunID: "r", PlanFingerprint: n.St.Plan.Fingerprint})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Validated(1, "dev/web-01", fleet.VerdictReady)
	tracker := NewTracker(n.St)
	line, live := tracker.heartbeat(now), strings.Join(tracker.Live(now, 120, 40, false), "\n")
	if want := "starts wait for the first check of 1 vault in dev"; !strings.Contains(line, want) {
		t.Errorf("%q does not say %q", line, want)
	}
	if want := "starts, after the first check of 1 vault in dev"; !strings.Contains(live, want) {
		t.Errorf("the view does not say %q:\n%s", want, live)
	}
	n.Validated(1, "dev/web-02", fleet.VerdictReady)
	if line := NewTracker(n.St).heartbeat(now); strings.Contains(line, "starts wait") {
		t.Error(line)
	}
}
