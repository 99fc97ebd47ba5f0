package standing

import (
	"maps"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestKept: what keeps all that has not started, what that makes of the counts, and
// where the waves stand then.
func TestKept(t *testing.T) {
	t.Parallel()
	p := onePerWave()
	p.Waves[0].Soak = time.Hour
	opened := []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "canary"}}
	blocked := fleet.Validated{Vault: p.Vaults[0].Key, Verdict: fleet.VerdictBlocked}
	left := func(why, gate string) fleet.Fact { return fleet.RunSuspended{Why: why, Gate: gate} }
	for name, c := range map[string]struct {
		facts  []fleet.Fact
		live   bool
		want   Keeps
		canary WaveStatus
		rest   WaveStatus
	}{
		"running": {nil, true, KeptByNothing, WaveRunning, WavePending},
		"crashed": {nil, false, KeptByCrash, WaveInterrupted, WavePending},
		"halted":  {[]fleet.Fact{fleet.RunHalted{Scope: "run"}}, true, KeptByHalt, WaveHalted, WavePending},
		"closing": {[]fleet.Fact{fleet.RunHalted{Scope: "run"}, fleet.Stopped{Close: true}}, true, KeptByClosing,
			WaveHalted, WavePending},
		"told to leave": {[]fleet.Fact{fleet.Stopped{}, left(fleet.SuspendedStop, "")}, false, KeptByStop,
			WaveInterrupted, WavePending},
		"no sign-in": {[]fleet.Fact{left(fleet.SuspendedSignIn, "")}, false, KeptBySignIn, WaveInterrupted,
			WavePending},
		"left, a window": {[]fleet.Fact{left(fleet.SuspendedWait, "")}, false, KeptByWindow, WaveWaiting, WavePending},
		"left, a pause": {[]fleet.Fact{fleet.Paused{}, left(fleet.SuspendedPause, "")}, false, KeptByPause,
			WavePaused, WavePending},
		"left, a gate": {[]fleet.Fact{blocked, fleet.WaveDone{Wave: "canary"},
			left(fleet.SuspendedWait, fleet.GateAfter)}, false, KeptByGate, WaveAwaitingApproval, WavePending},
		"closed": {[]fleet.Fact{blocked, fleet.WaveDone{Wave: "canary"}, fleet.RunClosed{}}, false, KeptByNothing,
			WaveFinished, WaveClosed},
	} {
		st := rollout.NewState(p)
		for _, f := range append(opened[:len(opened):len(opened)], c.facts...) {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := KeptBy(st, c.live); got != c.want {
			t.Errorf("%s: kept by %q, want %q", name, got, c.want)
		}
		open := st.Totals.Of(fleet.Pending)
		want := map[fleet.Status]int{fleet.Pending: open}
		if c.want != KeptByNothing {
			want = map[fleet.Status]int{fleet.Deferred: open}
		}
		if open < 2 {
			want[fleet.Blocked] = 1
		}
		if got := Counts(st, &st.Totals, c.live); !maps.Equal(got, want) {
			t.Errorf("%s: the counts are %v, want %v", name, got, want)
		}
		for w, want := range []WaveStatus{c.canary, c.rest} {
			if got, soaks := WaveOf(st, w, c.live, t0.Add(2*time.Hour)); got != want || !soaks.IsZero() {
				t.Errorf("%s: wave %d is %s (soaks until %s), want %s", name, w, got, soaks, want)
			}
		}
	}
}

// TestNeedsPerson: what is failed, unknown for good or blocked by something that does
// not come right by itself.
func TestNeedsPerson(t *testing.T) {
	t.Parallel()
	found := func(codes ...string) (fs []fleet.Finding) {
		for _, c := range codes {
			fs = append(fs, fleet.Finding{Severity: fleet.SeverityError, Code: c, Message: "m"})
		}
		return fs
	}
	for _, c := range []struct {
		status fleet.Status
		final  bool
		fs     []fleet.Finding
		want   bool
	}{
		{fleet.Failed, false, nil, true},
		{fleet.Unknown, true, nil, true},
		{fleet.Unknown, false, nil, false},
		{fleet.Upgrading, true, found("AgentTooOld"), false},
		{fleet.Blocked, false, nil, true},
		{fleet.Blocked, false, found("AgentTooOld"), true},
		{fleet.Blocked, false, found(fleet.CodeThrottled), false},
		{fleet.Blocked, false, found(fleet.CodeThrottled, "AgentTooOld"), true},
		{fleet.Blocked, false, found(fleet.CodeBusy, fleet.CodeBusyDeadline), false},
		{fleet.Blocked, false, []fleet.Finding{{Severity: fleet.SeverityWarning, Code: "w"},
			found(fleet.CodeVanished)[0]}, false},
	} {
		if got := NeedsPerson(c.status, c.final, c.fs); got != c.want {
			t.Errorf("%s, final %t, %v: %t, want %t", c.status, c.final, c.fs, got, c.want)
		}
	}
	if got := Blocking(append(found(fleet.CodeUpgradeFailed), found("Internal")...)); len(got) != 1 || got[0] != 1 {
		t.Errorf("what says only that it failed, beside the service's own code, is told too: %v", got)
	}
}
