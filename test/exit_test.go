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

// The exit codes of design.md#the-command-line, each from the whole program. Code 6 is in
// TestLedgerInUse, 5 in TestFirstSignal.

func TestExitOK(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 3, 100*time.Millisecond)
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "held", Hold: "legal freeze"})
	w.write(strictcloud.Inventory{})
	w.start("validate", w.inv).ends(0)
	w.start("plan", w.inv).ends(0).says("NOT CHECKED AGAINST http://127.0.0.1:")
	if n := w.accepted(); n != 0 {
		t.Fatalf("looking has started %d upgrades", n)
	}
	w.start("run", w.inv, "--yes").ends(0)
	w.start("status", "--exit-code", "--state", w.db).ends(0)
	w.start("resume", "--state", w.db, "--yes").ends(0).says("Nothing to resume")
	w.judge()
}

func TestExitUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 2, 100*time.Millisecond)
	w.write(strictcloud.Inventory{})
	file := func(name, text string) string {
		path := filepath.Join(w.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, err := os.ReadFile(w.inv)
	if err != nil {
		t.Fatal(err)
	}
	wrong := file("wrong.yaml", strings.Replace(string(good), "location:", "loction:", 1))
	real := file("real.yaml",
		"apiVersion: fleetup/v1\ncloud: AzurePublic\nupgrade: {kind: classic}\nsubscriptions:\n  - id: "+subA+
			"\n    vaults:\n      - {name: v, location: West US, resourceType: BackupVault, targetResourceGroup: rg}\n")
	for _, c := range []struct {
		why  string
		args []string
		says string
	}{
		{"nobody can be asked", []string{"run", w.inv}, "--yes"},
		{"no inventory", []string{"run"}, "needs an inventory"},
		{"no such file", []string{"run", "nothing.yaml", "--yes"}, "nothing.yaml"},
		{"a wrong key", []string{"run", wrong, "--yes"}, "loction"},
		{"a wrong key, only checked", []string{"inventory", "lint", wrong}, "wrong.yaml:"},
		{"a real cloud without a saved plan", []string{"run", real, "--yes"}, "saved plan"},
		{"no such flag", []string{"run", w.inv, "--force"}, "force"},
		{"no such command", []string{"rum"}, "rum"},
		{"no ledger to resume", []string{"resume", "--state", "none.db", "--yes"}, "no ledger"},
		{"no ledger to show", []string{"status", "--state", "none.db"}, "no ledger"},
		{"no ledger to re-open in", []string{"reopen", subA + "/v0", "--reason", "why", "--state", "none.db"},
			"no ledger"},
		{"no reason", []string{"hold", subA + "/v0", "--state", "none.db"}, "--reason"},
		{"no such format", []string{"status", "--state", "none.db", "-o", "yml"}, "yml"},
	} {
		got := w.start(c.args...).ends(2).says(c.says)
		if got.stdout.String() != "" {
			t.Errorf("%s: %v wrote to stdout: %s", c.why, c.args, got.stdout.String())
		}
	}
	if n := len(w.cloud.Requests()); n != 0 {
		t.Errorf("mistakes sent requests: %v", w.cloud.Requests())
	}
	for _, path := range []string{w.db, filepath.Join(w.dir, "wrong.db"), filepath.Join(w.dir, "none.db")} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("a mistake left a ledger behind: %s", path)
		}
	}
}

func TestExitFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 3, 100*time.Millisecond)
	v := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "fails"}).
		Duration(100 * time.Millisecond).FailUpgrade(strictcloud.Failure{Code: "DiskFull",
		Message: "the disk was full"})
	w.write(strictcloud.Inventory{FailureBudget: "1"})
	w.start("run", w.inv, "--yes").ends(3)
	op := v.Report().OperationID
	// The message to support is ready: subscription, vault, operation.
	w.start("report", "--state", w.db).ends(0).says(op, subA, "fails", "the disk was full",
		"rsvaultupgrade@service.microsoft.com")
	w.start("status", "--exit-code", "--state", w.db).ends(3)
	w.start("resume", "--state", w.db, "--yes").ends(0)
	if n := len(v.Report().Starts); n != 1 {
		t.Errorf("the failed vault was started %d times", n)
	}
	w.judge()
}

// A canary that fails halts the run before anything else is started, and it
// stays halted until a person accepts the failures.
func TestExitHalted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	broke := strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"}
	for _, name := range []string{"c1", "c2", "c3"} {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: name,
			Labels: map[string]string{"ring": "canary"}}).
			Duration(200 * time.Millisecond).FailUpgrade(broke)
	}
	plainFleet(w, 6, 100*time.Millisecond)
	w.write(strictcloud.Inventory{FailureBudget: "9", Limits: strict.Limits{Upgrades: 10, PerSubscription: 10},
		Waves: []strict.Wave{{Name: "canary", Match: map[string]string{"ring": "canary"}, MaxFailures: "0"},
			{Name: "rest"}}})

	w.start("run", w.inv, "--yes").ends(4)
	for name, n := range w.starts() {
		if strings.HasPrefix(name, "v") && n > 0 {
			t.Errorf("%s was started after the canary failed", name)
		}
	}
	s := w.status(w.db)
	if s.Run.Status != "halted" || s.Run.ExitCode != 4 || s.find(t, "v0").Status != "deferred" {
		t.Errorf("the run stands as %+v, v0 as %s", s.Run, s.find(t, "v0").Status)
	}
	w.start("status", "--exit-code", "--state", w.db).ends(4)

	before := w.cloud.Report()
	w.start("resume", "--state", w.db, "--yes").ends(4).says("--accept-failures")
	w.start("resume", "--state", w.db, "--yes", "--accept-failures").ends(2).says("--reason")
	after := w.cloud.Report()
	if a, b := sum(before.Requests), sum(after.Requests); a != b {
		t.Errorf("a resume of a halted run sent %d requests", b-a)
	}

	w.start("resume", "--state", w.db, "--yes", "--accept-failures", "--reason", "known bad batch").ends(3)
	s = w.status(w.db)
	for name, n := range w.starts() {
		want := "upgraded"
		if strings.HasPrefix(name, "c") {
			want = "failed"
		}
		if v := s.find(t, name); v.Status != want || n != 1 {
			t.Errorf("%s is %s after %d starts, want %s after 1", name, v.Status, n, want)
		}
	}
	w.judge()
}

func sum(m map[strictcloud.Call]int) int {
	n := 0
	for _, k := range m {
		n += k
	}
	return n
}

func TestExitNotUpgraded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 2, 100*time.Millisecond)
	v := w.cloud.AddVault(strictcloud.Vault{Subscription: subB, Name: "old-agents"}).Duration(100 * time.Millisecond)
	v.Blocked(oldAgent)
	w.write(strictcloud.Inventory{})
	w.start("validate", w.inv).ends(7).says("web-1", "web-2")
	w.start("run", w.inv, "--yes").ends(7)
	w.start("status", "--exit-code", "--state", w.db).ends(7)
	if n := len(v.Report().Starts); n != 0 {
		t.Errorf("the blocked vault was started %d times", n)
	}
	v.Unblock() // it comes back by itself in the next run (design.md#rule-6)
	w.start("run", w.inv, "--yes").ends(0)
	if got := w.status(w.db); got.find(t, "old-agents").Status != "upgraded" {
		t.Errorf("the mended vault is %s", got.find(t, "old-agents").Status)
	}
	w.judge()
}

// A sign-in that expires in the night brands nothing as failed: exit 8, and a
// resume after a new sign-in goes on.
func TestExitSignIn(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 1, 5} {
		t.Run(fmt.Sprintf("after %d starts", after), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quick())
			plainFleet(w, 12, 150*time.Millisecond)
			w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 4, PerSubscription: 2},
				Waves: []strict.Wave{{Name: "all"}}})
			if after == 0 {
				w.cloud.ExpireSignIn()
			} else {
				w.cloud.ExpireSignInAfter(after)
			}
			run := w.start("run", w.inv, "--yes").ends(8)
			if took := run.ended.Sub(run.began); took > 20*time.Second {
				t.Errorf("it took %v to notice", took)
			}
			s := w.status(w.db)
			for _, v := range s.Vaults {
				switch v.Status {
				case "failed", "blocked", "unknown":
					t.Errorf("without a sign-in %s became %s (%s)", v.Name, v.Status, v.why())
				}
			}
			if s.Run.ExitCode != 8 || s.Run.Status == "finished" {
				t.Errorf("the run stands as %+v", s.Run)
			}
			w.start("resume", "--state", w.db, "--yes").ends(8)
			w.cloud.SignIn()
			w.start("resume", "--state", w.db, "--yes").ends(0)
			for _, v := range w.status(w.db).Vaults {
				if v.Status != "upgraded" {
					t.Errorf("after the new sign-in %s is %s", v.Name, v.Status)
				}
			}
			w.judge()
		})
	}
}

// Errors are JSON where JSON was asked for, and say the code and what to do.
func TestErrorsAsJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	c := w.start("status", "--state", "none.db", "-o", "json").ends(2)
	for _, s := range []string{`"schemaVersion": 1`, `"exitCode": 2`, `"message"`, `"next"`} {
		if !strings.Contains(c.stderr.String(), s) {
			t.Errorf("the error has no %s:\n%s", s, c.stderr.String())
		}
	}
}
