package plan

import (
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A mistaken name is answered with the vault that was meant, and with none where
// several may have been.
func TestNamesMeant(t *testing.T) {
	t.Parallel()
	p := &Plan{}
	for _, ref := range [][2]string{{"ferry", "sql-01"}, {"ferry", "sql-02"}, {"crane", "sql-01"}, {"crane", "files"}} {
		p.Vaults = append(p.Vaults, Vault{Vault: fleet.Vault{SubscriptionID: ref[0] + "-id", SubscriptionName: ref[0],
			Name: ref[1]}})
	}
	for name, want := range map[string][]string{
		"files":        {"crane/files"},
		"SQL-02":       {"ferry/sql-02"},
		"ferry/files":  {"crane/files"},
		"sql-01":       {"ferry/sql-01", "crane/sql-01"},
		"crane/file":   {"crane/files"},
		"ferry/sql-09": nil, // as near to the one as to the other
		"nothing":      nil,
	} {
		_, err := p.Find(name)
		e, ok := err.(*NameError)
		if !ok || len(e.Choices) > 0 || !slices.Equal(e.Near, want) {
			t.Errorf("%s: got %#v, want near %q", name, err, want)
		}
	}
}
