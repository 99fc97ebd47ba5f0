package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// gated is a fleet of a canary of two, a gate, and six others.
func gated(t *testing.T) *world {
	w := newWorld(t, quick())
	for _, name := range []string{"c1", "c2"} {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: name,
			Labels: map[string]string{"ring": "canary"}}).Duration(100 * time.Millisecond)
	}
	plainFleet(w, 6, 100*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 10, PerSubscription: 10}, FailureBudget: "9",
		Extra: "waves:\n  - {name: canary, match: {ring: canary}, soak: 300ms, approval: after}\n  - {name: rest, " +
			"upgrades: 2}\n"})
	return w
}

// started counts the vaults with a name's beginning that were started.
func (w *world) started(prefix string) int {
	n := 0
	for name, starts := range w.starts() {
		if strings.HasPrefix(name, prefix) && starts > 0 {
			n++
		}
	}
	return n
}

// A gate holds until a person approves: the run leaves with 5, a resume without
// word stays there, and one after an approval goes on to the end.
func TestGate(t *testing.T) {
	t.Parallel()
	w := gated(t)
	w.start("run", w.inv, "--yes", "--exit-when-waiting").ends(5).says("WAITING for an approval after wave canary",
		"fleetup approve")
	w.start("resume", "--state", w.db, "--yes", "--exit-when-waiting").ends(5)
	if c, v := w.started("c"), w.started("v"); c != 2 || v != 0 {
		t.Fatalf("before the approval %d of the canary and %d others were started", c, v)
	}
	s := w.status(w.db)
	if s.Run.Status != "waiting" || s.Run.ExitCode != 5 || s.Waves[0].Status != "awaiting-approval" ||
		s.find(t, "v0").Status != "deferred" {
		t.Errorf("the run stands as %+v, its waves as %+v", s.Run, s.Waves)
	}
	w.start("approve", "--state", w.db, "--reason", "the canary is well").ends(0).says("2 upgraded, 0 failed")
	if v := w.started("v"); v != 0 {
		t.Errorf("the approval itself started %d vaults", v)
	}
	w.start("resume", "--state", w.db, "--yes", "--exit-when-waiting").ends(0)
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}

// A run that waits at its gate and is killed there has lost nothing: the
// approval belongs to the run and not to its process.
func TestGateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	w := gated(t)
	run := w.start("run", w.inv, "--yes")
	w.until("the canary is upgraded", func() bool {
		n := 0
		for _, v := range w.cloud.Vaults() {
			if v.Report().State == "Upgraded" {
				n++
			}
		}
		return n == 2
	})
	w.until("the run waits at its gate", func() bool { return w.asked().Run.Status == "waiting" })
	run.kill()
	w.gate.quiet(t)
	w.cloud.ClientDied()
	if v := w.started("v"); v != 0 {
		t.Fatalf("%d vaults were started behind a closed gate", v)
	}
	w.start("approve", "--state", w.db, "--wave", "canary", "--reason", "well").ends(0)
	w.start("resume", "--state", w.db, "--yes").ends(0)
	w.judge()
}

// A canary that fails entirely halts with 4 though its wave has no budget of
// its own and the run's is not used up: three failures in a row had one code.
func TestCanaryFailsEntirely(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	for i := range 3 {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: fmt.Sprintf("c%d", i),
			Labels: map[string]string{"ring": "canary"}}).
			Duration(100 * time.Millisecond).FailUpgrade(strictcloud.Failure{Code: "DiskFull",
			Message: "the disk was full"})
	}
	plainFleet(w, 6, 100*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 10, PerSubscription: 10}, FailureBudget: "9",
		Extra: "waves:\n  - {name: canary, match: {ring: canary}, soak: 2s}\n  - {name: rest}\n"})
	w.start("run", w.inv, "--yes").ends(4).says("3 failures in a row had the code DiskFull", "--accept-failures")
	if c, v := w.started("c"), w.started("v"); c != 3 || v != 0 {
		t.Fatalf("%d of the canary and %d others were started", c, v)
	}
	w.start("resume", "--state", w.db, "--yes").ends(4)
	if v := w.started("v"); v != 0 {
		t.Fatalf("%d vaults were started by the resume of a halted run", v)
	}
	w.start("resume", "--state", w.db, "--yes", "--accept-failures", "--reason", "a bad batch").ends(3)
	if v := w.started("v"); v != 6 {
		t.Errorf("%d of the 6 others were started after the failures were accepted", v)
	}
	w.judge()
}

// wall is a moment from now as the windows write it, in UTC.
func wall(in time.Duration) string { return time.Now().UTC().Add(in).Format("15:04") }

// nightly is a window of every day.
func nightly(from, to time.Duration) string {
	return fmt.Sprintf("{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: %q, end: %q, timezone: UTC}",
		wall(from), wall(to))
}

// Outside its windows a run starts nothing and leaves with 5; so it does in a
// window that closes before an upgrade would be over. A wave's own windows take
// the place of the plan's.
func TestWindows(t *testing.T) {
	t.Parallel()
	const waves = "waves:\n  - {name: canary, match: {ring: canary}%s}\n  - {name: rest}\n"
	hour := time.Hour
	for name, c := range map[string]struct {
		extra         string
		code          int
		canary, other int // that start
	}{
		"closed": {"windows: [" + nightly(2*hour, 6*hour) + "]\n" + fmt.Sprintf(waves, ""), 5, 0, 0},
		"open":   {"windows: [" + nightly(-hour, 6*hour) + "]\n" + fmt.Sprintf(waves, ""), 0, 1, 2},
		"closing": {"windows: [" + nightly(-3*hour, 10*time.Minute) + "]\n" +
			fmt.Sprintf(waves, ""), 5, 0, 0},
		"a canary's own": {"windows: [" + nightly(2*hour, 6*hour) + "]\n" +
			fmt.Sprintf(waves, ", windows: []"), 5, 1, 0},
		"a canary's window": {fmt.Sprintf(waves, ", windows: ["+nightly(2*hour, 6*hour)+"]"), 5, 0, 0},
		"blackout": {"blackouts: [{from: " + time.Now().UTC().Add(-hour).Format("2006-01-02T15:04") + ", to: " +
			time.Now().UTC().Add(hour).Format("2006-01-02T15:04") + ", timezone: UTC}]\n" +
			fmt.Sprintf(waves, ""), 5, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quick())
			w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "c1",
				Labels: map[string]string{"ring": "canary"}}).Duration(100 * time.Millisecond)
			plainFleet(w, 2, 100*time.Millisecond)
			w.write(strictcloud.Inventory{Extra: c.extra})
			w.start("plan", w.inv).ends(0).says("Windows")
			run := w.start("run", w.inv, "--yes", "--exit-when-waiting").ends(c.code)
			if a, b := w.started("c"), w.started("v"); a != c.canary || b != c.other {
				t.Errorf("%d of the canary and %d others were started, want %d and %d", a, b, c.canary, c.other)
			}
			if c.code == 5 {
				run.says("WAITING for ", "window", "fleetup resume")
				if s := w.status(w.db); s.Run.Status != "waiting" || s.Run.ExitCode != 5 {
					t.Errorf("the run stands as %+v", s.Run)
				}
				w.start("resume", "--state", w.db, "--yes", "--exit-when-waiting").ends(5)
			}
			w.judge()
		})
	}
}

// Consent is to what was seen: a warning that came up after the plan was saved
// blocks its vault at the door, whatever was consented to.
func TestConsentAtTheDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	known := strictcloud.Reason{Code: "BillingModelChange", Category: "Billing", Message: "The billing changes."}
	seen := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "seen",
		AcceptWarnings: true}).Duration(100 * time.Millisecond).Warnings(known)
	later := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "later",
		AcceptWarnings: true}).Duration(100 * time.Millisecond)
	w.write(strictcloud.Inventory{})
	file := filepath.Join(w.dir, "fleet.plan")
	w.start("plan", w.inv, "--validate", "--out", file).ends(0)
	later.Warnings(known)
	w.start("run", file, "--yes").ends(7)
	if a, b := len(seen.Report().Starts), len(later.Report().Starts); a != 1 || b != 0 {
		t.Errorf("the vault whose warning was seen was started %d times, the other %d times", a, b)
	}
	if s := w.status(w.db); s.find(t, "later").Status != "blocked" {
		t.Errorf("the vault with the new warning is %s", s.find(t, "later").Status)
	}
	w.start("report", "--state",
		w.db).ends(0).says("warning was not there when the plan was made, and consent is to what was seen",
		"make a new plan")
	// Seen in a new plan, it is consented to.
	w.start("plan", w.inv, "--validate", "--out", file).ends(0)
	w.start("run", file, "--yes").ends(0)
	if n := len(later.Report().Starts); n != 1 {
		t.Errorf("after the new plan the vault was started %d times", n)
	}
	w.judge()
}

// What a ledger has measured takes the model's place once it is enough, and the
// plans that come of it run and are read like any other.
func TestMeasuredForecast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 20, 150*time.Millisecond)
	inv := strictcloud.Inventory{Limits: strict.Limits{Upgrades: 20, PerSubscription: 20},
		Waves: []strict.Wave{{Name: "all"}}}
	w.write(inv)
	first := w.start("plan", w.inv).ends(0).stdout.String()
	if strings.Contains(first, "measured") {
		t.Errorf("nothing was measured yet:\n%s", first)
	}
	w.start("run", w.inv, "--yes").ends(0)
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "new"}).Duration(100 * time.Millisecond)
	w.write(inv)
	w.start("plan", w.inv).ends(0).says("from 20 measured upgrades")
	w.start("plan", w.inv, "-o", "json").ends(0).says(`"measuredUpgrades": 20`)
	file := filepath.Join(w.dir, "fleet.plan")
	w.start("plan", w.inv, "--out", file).ends(0)
	w.start("run", file, "--yes").ends(0)
	if got := w.status(w.db).find(t, "new").Status; got != "upgraded" {
		t.Errorf("the new vault is %s", got)
	}
	w.start("run", w.inv, "--yes").ends(0)
	w.status(w.db)
	// A run that found them upgraded has overwritten their records, and forgotten nothing.
	w.start("plan", w.inv).ends(0).says("from 21 measured upgrades")
	w.judge()
}
