package arm

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
)

// TestPermissionsOfEveryPage: what an identity may do can stand on several pages, and half
// of them name nothing as missing.
func TestPermissionsOfEveryPage(t *testing.T) {
	t.Parallel()
	first := func(next string) reply { return ok(`{"value":[{"actions":["*/read"]}],"nextLink":"` + next + `"}`) }
	for name, tt := range map[string]struct {
		pages map[string]reply
		says  string
	}{
		"all on the second": {map[string]reply{mayURL: first("/next"), "/next": ok(`{"value":[{"actions":["*"]}]}`)},
			""},
		"some on neither": {map[string]reply{mayURL: first("/next"), "/next": ok(`{"value":[]}`)},
			"the identity lacks permissions on vault"},
		"half of a list": {map[string]reply{mayURL: first("/next"), "/next": refused(404, "ResourceNotFound")},
			"its next page is not read"},
		"without an end": {map[string]reply{mayURL: first("/next"), "/next": first("/next")}, "it was read before"},
	} {
		f := newFake(t)
		for uri, r := range tt.pages {
			f.on("GET", uri, r)
		}
		var r check.Report
		f.upgrader(testChange()).checkPermissions(t.Context(), testVault(), &r)
		said := ""
		for _, fd := range r.Findings {
			said += fd.Message + "\n"
		}
		if (said == "") != (tt.says == "") || !strings.Contains(said, tt.says) ||
			strings.Contains(said, "lacks") != (name == "some on neither") {
			t.Errorf("%s: %q", name, said)
		}
	}
}

func TestPermissionAllows(t *testing.T) {
	t.Parallel()
	const write = "Microsoft.RecoveryServices/vaults/write"
	for _, c := range []struct {
		name            string
		actions, except []string
		want            bool
	}{
		{"all", []string{"*"}, nil, true},
		{"in other capitals", []string{"microsoft.recoveryservices/VAULTS/write"}, nil, true},
		{"a star at the end", []string{"Microsoft.RecoveryServices/*"}, nil, true},
		{"a star in the middle", []string{"Microsoft.RecoveryServices/*/write"}, nil, true},
		{"reads only", []string{"*/read"}, nil, false},
		{"another type", []string{"Microsoft.RecoveryServices/vaults/backupPolicies/write"}, nil, false},
		{"a part is no action", []string{"Microsoft.RecoveryServices/vaults"}, nil, false},
		{"two stars", []string{"*/vaults/*"}, nil, true},
		{"stars that would overlap", []string{"Microsoft.RecoveryServices/vaults/wri*rite"}, nil, false},
		{"taken out again", []string{"*"}, []string{"Microsoft.RecoveryServices/vaults/write"}, false},
		{"another taken out", []string{"*"}, []string{"Microsoft.Authorization/*/Write"}, true},
		{"nothing", nil, nil, false},
	} {
		p := permission{c.actions, c.except}
		if got := p.allows(write); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
