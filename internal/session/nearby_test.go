package session

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// folder is a folder with empty files of these names.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestFilesIn: the regular files alone, the hidden ones not among them; of a folder
// that cannot be read, none.
func TestFilesIn(t *testing.T) {
	t.Parallel()
	dir := folder(t, "b.db", "a.db", ".hidden.db", "a.yaml", "db")
	if err := os.Mkdir(filepath.Join(dir, "folder.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder, ending string
		want           []string
	}{
		{dir, ".db", []string{"a.db", "b.db"}},
		{dir, "", []string{"a.db", "a.yaml", "b.db", "db"}},
		{filepath.Join(dir, "nowhere"), ".db", nil},
		{filepath.Join(dir, "a.db"), ".db", nil}, // no folder
	} {
		if got := filesIn(c.folder, c.ending); !slices.Equal(got, c.want) {
			t.Errorf("%s in %s: %q, want %q", c.ending, c.folder, got, c.want)
		}
	}
}

// TestFirstRun: the inventory beside a ledger is named where it has the ledger's name.
func TestFirstRun(t *testing.T) {
	t.Parallel()
	dir := folder(t, "fleet.yaml", "other.yaml", "ledger.yaml")
	for ledger, inventory := range map[string]string{"fleet.db": filepath.Join(dir, "fleet.yaml"),
		"none.db": "INVENTORY", "ledger": "INVENTORY"} {
		path := filepath.Join(dir, ledger)
		if got := FirstRun(path); !strings.Contains(got, "plan "+inventory+" --state ") {
			t.Errorf("%s: %s, want %s", ledger, got, inventory)
		}
	}
}

// TestALedgerInPlaceOfAnInventory: who names a ledger where an inventory belongs is
// told so, and of the inventory where there is one.
func TestALedgerInPlaceOfAnInventory(t *testing.T) {
	t.Parallel()
	dir := folder(t, "fleet.yaml")
	head := append(make([]byte, 16), 0xed, 0xda, 0x0c, 0xed)
	for name, meant := range map[string]string{"fleet.db": filepath.Join(dir, "fleet.yaml"), "other.db": ""} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, head, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(path, false)
		e, ok := errors.AsType[*failure.Error](err)
		if !ok || loaded.Saved || e.Code != fleet.ExitUsage || e.Meant != meant ||
			!strings.Contains(e.Error(), "is a ledger") {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestLoadErrors: what cannot be read, and a plan that cannot be run.
func TestLoadErrors(t *testing.T) {
	t.Parallel()
	dir := folder(t, "fleet.yaml")
	plan := filepath.Join(dir, "plan.json")
	if err := os.WriteFile(plan, []byte(`{"schemaVersion": 0}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// Nor one whose beginning was lost, or is another file's: it is told as a plan.
	written := "{\n  \"schemaVersion\": 1,\n  \"fingerprint\": \"d48c\"\n}\n"
	beheaded, overwritten := filepath.Join(dir, "beheaded.plan"), filepath.Join(dir, "overwritten.plan")
	for path, text := range map[string]string{beheaded: written[3:], overwritten: "\xa9\x00\xff" + written} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, says, meant string }{
		{beheaded, "is no plan that can be run", ""},
		{overwritten, "is no plan that can be run", ""},
		{filepath.Join(dir, "fleet.yml"), "cannot be read", filepath.Join(dir, "fleet.yaml")},
		{dir, "cannot be read", ""},
		{plan, "is no plan that can be run", ""},
	} {
		loaded, err := Load(c.path, false)
		e, ok := errors.AsType[*failure.Error](err)
		if loaded.Plan != nil || !ok || e.Meant != c.meant || !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: %+v", c.path, e)
		}
	}
}

// failing is a ledger that cannot be read, or not beyond its runs.
type failing struct {
	journal.Reader
	runs, rest error
}

func (f failing) Runs() ([]state.RunInfo, error) {
	return []state.RunInfo{{ID: "20260316-a"}, {ID: "20260316-b"}}, f.runs
}
func (f failing) VaultRecords(func(fleet.VaultRecord) error) error { return f.rest }
func (f failing) Plan(string) ([]byte, error)                      { return nil, f.rest }
func (f failing) Events(_ string, fn func(uint64, fleet.Event) error) error {
	return errors.Join(fn(1, fleet.Event{Fact: fleet.RunOpened{}}), f.rest)
}

// TestWhatCannotBeReadIsNotNothing: an error of a ledger is told, not taken for one that
// has nothing.
func TestWhatCannotBeReadIsNotNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	runs, rest := &ReadOnlyLedger{Reader: failing{runs: broken}}, &ReadOnlyLedger{Reader: failing{rest: broken}}
	for name, read := range map[string]func(r *ReadOnlyLedger) error{
		"remembered": func(r *ReadOnlyLedger) error { _, err := r.Remembered(); return err },
		"all": func(r *ReadOnlyLedger) error {
			return r.All(func(string, uint64, fleet.Event) error { return nil })
		},
		"older": func(r *ReadOnlyLedger) error {
			_, _, _, _, _, err := Older(r, func(*plan.Plan) bool { return false })
			return err
		},
		"a run": func(r *ReadOnlyLedger) error { _, _, err := r.Run("20260316-a", "fleet.db"); return err },
	} {
		for _, r := range []*ReadOnlyLedger{runs, rest} {
			if err := read(r); !errors.Is(err, broken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	stop := errors.New("stop")
	n := 0
	err := (&ReadOnlyLedger{Reader: failing{}}).All(func(string, uint64, fleet.Event) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("an error of who reads: %v after %d events", err, n)
	}
	for id, says := range map[string]string{"20260316": "2 runs of the ledger fleet.db begin with",
		"20260317": `has no run "20260317"`} {
		if _, _, err := (&ReadOnlyLedger{Reader: failing{}}).Run(id, "fleet.db"); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("run %s: %v", id, err)
		}
	}
}
