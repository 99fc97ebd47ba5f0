package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// contoso is a copy of the example, so that its ledger is the test's own.
func contoso(t *testing.T) (file string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/contoso")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "fleet.yaml")
}

func TestContosoDryRun(t *testing.T) {
	t.Parallel()
	file := contoso(t)
	if code, out, errs := try(t, "inventory", "lint", file); code != fleet.ExitOK ||
		!strings.Contains(out, "400 vaults in 20 subscriptions, 4 waves, 8 held") {
		t.Errorf("lint exited %d: %s%s", code, out, errs)
	}
	if code, out, errs := try(t, "plan", file); code != fleet.ExitOK ||
		!strings.Contains(out, "400 vaults = 392 to start + 8 held") {
		t.Errorf("plan exited %d: %s%s", code, out, errs)
	}
}

// TestContosoRun runs the whole example: it must end as it always does, in a
// time that somebody who tries it out will wait.
func TestContosoRun(t *testing.T) {
	t.Parallel()
	if !*long {
		t.Skip("takes 20 s; run with -long")
	}
	file := contoso(t)
	db := strings.TrimSuffix(file, ".yaml") + ".db"
	if code, out, errs := try(t, "run", file, "--yes"); code != fleet.ExitFailures {
		t.Fatalf("exited %d, want %d\n%s\n%s", code, fleet.ExitFailures, out, errs)
	}
	_, out, _ := try(t, "report", "--state", db, "-o", "json")
	var doc struct {
		Totals map[fleet.Status]int
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[fleet.Status]int{fleet.Upgraded: 349, fleet.Already: 3, fleet.Failed: 3, fleet.Blocked: 37,
		fleet.Excluded: 8, fleet.Unknown: 0}
	if !maps.Equal(doc.Totals, want) {
		t.Errorf("it ended with %v, want %v", doc.Totals, want)
	}
	cloud, err := emulator.Reopen(session.EmulatorPath(db), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	if s := cloud.Summary(); s.DoubleAccepted+s.SentAgain+s.Mistakes != 0 {
		t.Errorf("accepted twice %d, sent again %d, mistakes %v", s.DoubleAccepted, s.SentAgain, s.MistakeList)
	}
}
