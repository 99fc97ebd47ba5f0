package report

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLedgerBeside: an inventory names a ledger from its own folder, so who writes the
// one that undoes a run copies that name into it, wherever the ledger lies.
func TestLedgerBeside(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	here = filepath.ToSlash(here)
	was := "night/fleet.yaml" // as the run has its inventory
	for name, c := range map[string]struct {
		inventory   string // of the options; empty: the run's
		run         *string
		state, want string
	}{
		"beside it":                    {"fleet.yaml", nil, "fleet.db", "fleet.db"},
		"beside it, in a folder":       {"", &was, "night/fleet.db", "fleet.db"},
		"in a folder below":            {"fleet.yaml", nil, "ledgers/fleet.db", "ledgers/fleet.db"},
		"in the folder above":          {"", &was, "fleet.db", "../fleet.db"},
		"in another folder":            {"", &was, "ledgers/fleet.db", "../ledgers/fleet.db"},
		"above where one stands":       {"", &was, "../fleet.db", "../../fleet.db"},
		"the options' inventory first": {"fleet.yaml", &was, "night/fleet.db", "night/fleet.db"},
		"the inventory is not known":   {"", nil, "ledgers/fleet.db", "ledgers/fleet.db"},
		"in full":                      {"", &was, "/var/lib/fleet.db", "/var/lib/fleet.db"},
		"both in full":                 {"/etc/fleet/fleet.yaml", nil, "/etc/fleet/fleet.db", "/etc/fleet/fleet.db"},
		"the inventory in full":        {"/etc/fleet/fleet.yaml", nil, "fleet.db", here + "/fleet.db"},
		"above the unknown":            {"../../fleet.yaml", nil, "fleet.db", here + "/fleet.db"},
		"the ledger is not known":      {"", &was, "", ""},
	} {
		o := Options{Inventory: c.inventory, State: c.state}
		if got := filepath.ToSlash(o.ledgerBeside(&View{Run: Run{Inventory: c.run}})); got != c.want {
			t.Errorf("%s: it is %q, want %q", name, got, c.want)
		}
	}
}
