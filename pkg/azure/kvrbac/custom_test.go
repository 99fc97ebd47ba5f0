package kvrbac

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The roles that people made for what no built-in role gives alone count like
// those; they are read once, whatever vault asks.
func TestCustomRoles(t *testing.T) {
	t.Parallel()
	const mine = "c0ffee00-aaaa-4000-8000-000000000009"
	backup := policy(app, `"keys":["get","list","backup"],"secrets":["get","list","backup"]`)
	for name, d := range map[string]struct {
		role    string // its permissions; empty: the definition is gone
		verdict fleet.Verdict
		puts    int
	}{
		"all that is needed": {
			`[{"dataActions":["Microsoft.KeyVault/vaults/keys/read","Microsoft.KeyVault/vaults/keys/backup/action","microsoft.keyvault/vaults/SECRETS/*"]}]`, fleet.VerdictReady, 0},
		"in two parts": {
			`[{"dataActions":["Microsoft.KeyVault/vaults/keys/*"]},{"dataActions":["Microsoft.KeyVault/*"],"notDataActions":["Microsoft.KeyVault/vaults/keys/*"]}]`, fleet.VerdictReady, 0},
		"everything": {`[{"dataActions":["*"]}]`, fleet.VerdictReady, 0},
		"too little": {`[{"dataActions":["Microsoft.KeyVault/vaults/keys/*"]}]`, fleet.VerdictBlocked, 0},
		"all but a part": {
			`[{"dataActions":["Microsoft.KeyVault/vaults/*"],"notDataActions":["Microsoft.KeyVault/vaults/secrets/backup/action"]}]`, fleet.VerdictReady, 1},
		"no data": {`[{"actions":["*"]}]`, fleet.VerdictBlocked, 0},
		"gone":    {"", fleet.VerdictBlocked, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, v := newService(t, backup), keyVault()
				s.custom = map[string]string{mine: d.role}
				s.give(app, mine, "/subscriptions/"+sub, time.Hour)
				u := s.upgrader(Roles(), nil)
				val := s.validate(u, v)
				if val.Verdict != d.verdict ||
					(find(val.Findings, codeGrantsMore) != nil) != (d.verdict == fleet.VerdictBlocked) {
					t.Fatalf("%+v", val)
				}
				if d.verdict == fleet.VerdictReady && (s.out(u, v) == 0) != (d.puts == 0) {
					t.Error("it was waited for nothing, or not waited for")
				}
				// it is kept for ten minutes
				if got := s.asked(); strings.Count(got, "PUT") != d.puts ||
					strings.Count(got, "definition") != 1+d.puts {
					t.Errorf("asked %s", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, backup), keyVault()
		s.give(group, mine, "/", time.Hour) // nobody's here
		s.validate(s.upgrader(Roles(), nil), v)
		if got := s.asked(); strings.Contains(got, "definition") {
			t.Errorf("asked %s", got)
		}
		s.give(app, mine, "/", time.Hour)
		s.answers["definition"] = []string{`403 {"error":{"code":"AuthorizationFailed","message":"x"}}`}
		if val := s.validate(s.upgrader(Roles(), nil), v); val.Verdict != fleet.VerdictBlocked ||
			find(val.Findings, fleet.CodeNoPermission) == nil {
			t.Errorf("%+v", val)
		}
	})
}
