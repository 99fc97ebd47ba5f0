package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// plainFleet fills a world with vaults in good health whose upgrades take d.
func plainFleet(w *world, n int, d time.Duration) {
	for i := range n {
		w.cloud.AddVault(strictcloud.Vault{Subscription: []string{subA, subB}[i%2],
			Name: fmt.Sprintf("v%d", i)}).Duration(d)
	}
}

// While a run has the ledger, every other command that needs it is turned away
// with the holder's name, and does not disturb the run.
func TestLedgerInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 6, 3*time.Second)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 6, PerSubscription: 2},
		Waves: []strict.Wave{{Name: "all"}}})
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	run := w.start("run", w.inv, "--yes")
	w.until("two upgrades are accepted", func() bool { return w.accepted() >= 2 })
	var others []*client // all at once: the run must not be over before the last
	for _, args := range [][]string{
		{"run", w.inv, "--yes"},
		{"resume", "--state", w.db, "--yes"},
		{"reopen", subA + "/v0", "--reason", "why not", "--state", w.db},
		{"refresh", "--state", w.db},
		{"audit", "verify", "--state", w.db},
		{"audit", "export", "--state", w.db},
	} {
		others = append(others, w.start(args...))
	}
	for _, c := range others {
		c.ends(6).says(fmt.Sprint(run.cmd.Process.Pid), host, "since "+run.began.UTC().Format("2006-01-02T15:"))
		if c.stdout.String() != "" {
			t.Errorf("%v wrote to stdout: %s", c.args, c.stdout.String())
		}
	}
	select {
	case <-run.done:
		t.Error("the run was over before the others were turned away: make its upgrades longer")
	default:
	}
	run.ends(0)
	for _, v := range w.status(w.db).Vaults {
		if v.Status != "upgraded" {
			t.Errorf("%s is %s", v.Name, v.Status)
		}
	}
	w.judge()
}

// A run that was killed leaves no lock behind.
func TestLockDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 2, 300*time.Millisecond)
	w.write(strictcloud.Inventory{})
	run := w.start("run", w.inv, "--yes")
	w.until("an upgrade is accepted", func() bool { return w.accepted() >= 1 })
	run.kill()
	w.gate.quiet(t)
	w.cloud.ClientDied()
	w.start("run", w.inv, "--yes").ends(2).says("unfinished run", "fleetup resume")
	// What is planned is what runs: the plan is in the ledger (design.md#rule-7).
	if err := os.Remove(w.inv); err != nil {
		t.Fatal(err)
	}
	w.start("resume", "--state", w.db, "--yes").ends(0)
	w.judge()
}

// A saved plan runs as it was looked at, whatever the inventory says by then.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 3, 100*time.Millisecond)
	w.write(strictcloud.Inventory{})
	file := filepath.Join(w.dir, "fleet.plan")
	w.start("plan", w.inv, "--out", file).ends(0)
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "later"})
	w.write(strictcloud.Inventory{})
	w.start("run", file, "--yes", "--state", w.db).ends(0)
	if n := len(w.status(w.db).Vaults); n != 3 {
		t.Errorf("the run had %d vaults, want the plan's 3", n)
	}
	if n := w.starts()["later"]; n != 0 {
		t.Errorf("a vault that is not in the plan was started %d times", n)
	}
	w.judge()
}

// A run whose ledger is taken away stops before it sends anything more: an
// intent that is written nowhere is none (design.md#rule-2 and #the-ledger).
func TestLedgerTakenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 6, 800*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 2, PerSubscription: 2},
		Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("two upgrades are accepted", func() bool { return w.accepted() >= 2 })
	if err := os.Rename(w.db, w.db+".moved"); err != nil {
		t.Fatal(err)
	}
	run.ends(1).says(w.db)
	if n := w.accepted(); n != 2 {
		t.Errorf("%d starts were accepted, want the 2 from before the ledger was gone", n)
	}
	if err := os.Rename(w.db+".moved", w.db); err != nil {
		t.Fatal(err)
	}
	w.start("resume", "--state", w.db, "--yes").ends(0)
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}

// Two ledgers for the same vaults: the second run finds the first one's
// upgrades in the cloud, follows them as somebody else's and starts nothing.
func TestTwoLedgers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 8, 2500*time.Millisecond)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 8, PerSubscription: 4},
		Waves: []strict.Wave{{Name: "all"}}})
	first := w.start("run", w.inv, "--yes")
	w.until("all upgrades are accepted", func() bool { return w.accepted() == 8 })
	other := filepath.Join(w.dir, "other.db")
	second := w.start("run", w.inv, "--yes", "--state", other)
	first.ends(0)
	second.ends(0).says("foreign", "somebody else's upgrade is under way, it is followed")
	for _, v := range w.status(w.db).Vaults {
		if v.Status != "upgraded" {
			t.Errorf("in the first ledger %s is %s", v.Name, v.Status)
		}
	}
	for _, v := range w.status(other).Vaults {
		if v.Status != "already" {
			t.Errorf("in the second ledger %s is %s, want already (%s)", v.Name, v.Status, v.why())
		}
		if !strings.Contains(v.why(), "by somebody else") || v.Attempt != 0 {
			t.Errorf("in the second ledger %s says %q, after %d attempts", v.Name, v.why(), v.Attempt)
		}
	}
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}

// A lost ledger does not make the cloud forget: what failed counts as failed,
// what is under way is followed, nothing is started twice (design.md#rule-5).
func TestLostLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 10, 700*time.Millisecond)
	broke := strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"}
	var fails []*strictcloud.VaultHandle
	for i, d := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 4 * time.Second} {
		fails = append(fails, w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: fmt.Sprintf("fails-%d", i),
			ProtectedItems: 500}).
			Duration(d).FailUpgrade(broke))
	}
	w.write(strictcloud.Inventory{FailureBudget: "5", Limits: strict.Limits{Upgrades: 4, PerSubscription: 3},
		Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("six upgrades are accepted, and two have failed", func() bool {
		return w.accepted() >= 6 && fails[0].Report().State == "Failed" && fails[1].Report().State == "Failed"
	})
	run.kill()
	w.gate.quiet(t)
	w.cloud.ClientDied()
	before := w.starts()
	if fails[2].Report().State != "InProgress" {
		t.Fatal("one upgrade was to be under way, and to fail later")
	}
	if err := os.Remove(w.db); err != nil {
		t.Fatal(err)
	}
	w.start("status", "--state", w.db).ends(2).says("no ledger")
	w.start("resume", "--state", w.db, "--yes").ends(2).says("no ledger")
	w.start("run", w.inv, "--yes").ends(3)
	s := w.status(w.db)
	for name, n := range w.starts() {
		v := s.find(t, name)
		want := "upgraded"
		switch {
		case name == "fails-2":
			want = "blocked" // seen as somebody else's, and followed until it failed
		case strings.HasPrefix(name, "fails"):
			want = "failed"
		case before[name] > 0:
			want = "already"
		}
		if v.Status != want {
			t.Errorf("%s is %s, want %s (%s)", name, v.Status, want, v.why())
		}
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	// The next run finds that failure in the cloud's record.
	w.start("run", w.inv, "--yes").ends(3)
	s = w.status(w.db)
	if v := s.find(t, "fails-2"); v.Status != "failed" || len(fails[2].Report().Starts) != 1 {
		t.Errorf("in the next run fails-2 is %s", v.Status)
	}
	// The limit is of the client's own upgrades: those of the lost ledger are
	// somebody else's to the new one.
	w.limits = strict.Limits{}
	w.judge()
}
