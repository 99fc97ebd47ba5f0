package strictarm_test

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// What a version of the API does not know is refused and not shown; what it
// requires is refused where it is missing.
func TestVersions(t *testing.T) {
	t.Parallel()
	plain := func(state string) string {
		return `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"` + state + `"}}}}`
	}
	days := func(state, n string) string {
		return strings.Replace(plain(state), `"}}}}`,
			`","configuration":{"type":"TimeBased","durationInDays":`+n+`}}}}}`, 1)
	}
	for name, d := range map[string]struct {
		version string
		vault   strictarm.Vault
		do      func(*strictarm.VaultHandle)
		body    string
		status  int
		says    string // of the violation; empty: there is none
	}{
		"unlocked": {"2026-07-01", strictarm.Vault{Kind: strictarm.Immutability}, nil, unlockedBody, 200,
			""},
		"without configuration": {"2026-07-01", strictarm.Vault{Kind: strictarm.Immutability}, nil, plain("Unlocked"),
			400, "configuration is missing"},
		"in the first version": {"2026-05-01", strictarm.Vault{Kind: strictarm.Immutability}, nil, plain("Unlocked"),
			400, "configuration is missing"},
		"in the one before": {"2026-02-01", strictarm.Vault{Kind: strictarm.Immutability}, nil, plain("Unlocked"),
			200, ""},
		"known too early": {"2026-02-01", strictarm.Vault{Kind: strictarm.Immutability}, nil, unlockedBody, 400,
			"is not in version 2026-02-01"},
		"in a preview before": {"2026-03-31-preview", strictarm.Vault{Kind: strictarm.Immutability}, nil,
			unlockedBody, 400, "2026-05-01 is the first"},
		"in a preview after": {"2026-05-31-preview", strictarm.Vault{Kind: strictarm.Immutability}, nil,
			unlockedBody, 200, ""},
		"days that were wanted": {"2026-07-01", strictarm.Vault{Kind: strictarm.Immutability, Days: 30}, nil,
			days("Unlocked", "30"), 200, ""},
		"other days": {"2026-07-01", strictarm.Vault{Kind: strictarm.Immutability, Days: 30}, nil,
			days("Unlocked", "31"), 200, "durationInDays is 31, want 30"},
		"days nobody wanted": {"2026-07-01", strictarm.Vault{Kind: strictarm.Immutability}, nil, days("Unlocked", "30"),
			200, "configuration"},
		"no days": {"2026-07-01", strictarm.Vault{Kind: strictarm.Immutability}, nil,
			strings.Replace(unlockedBody, "AsPerPolicy", "TimeBased", 1), 400, "TimeBased"},
		"locked as it is": {"2026-07-01", strictarm.Vault{Kind: strictarm.ImmutabilityLock}, nil, lockedBody, 200, ""},
		"locked otherwise": {"2026-07-01", strictarm.Vault{Kind: strictarm.ImmutabilityLock}, nil, days("Locked", "30"),
			200, "AsPerPolicy"},
		"locked with its days": {"2026-07-01", strictarm.Vault{Kind: strictarm.ImmutabilityLock},
			func(v *strictarm.VaultHandle) {
				v.Property("securitySettings.immutabilitySettings.configuration",
					map[string]any{"type": "TimeBased", "durationInDays": 44})
			}, days("Locked", "44"), 200, ""},
		"locked from of old": {"2026-07-01", strictarm.Vault{Kind: strictarm.ImmutabilityLock},
			func(v *strictarm.VaultHandle) {
				v.Property("securitySettings.immutabilitySettings.configuration", nil)
			}, lockedBody, 200, ""},
		"locked in an old version": {"2025-08-01", strictarm.Vault{Kind: strictarm.ImmutabilityLock}, nil,
			plain("Locked"), 200, ""},
		"alerts too early": {"2024-01-01", strictarm.Vault{}, nil, alertsBody, 400, "is not in version 2024-01-01"},
		"alerts":           {"2024-02-01", strictarm.Vault{}, nil, alertsBody, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud,
				c := newCloud(t, strictarm.Config{APIVersions: map[strictarm.Call]string{strictarm.CallVault: d.version,
				strictarm.CallPatch: d.version}})
			d.vault.Subscription, d.vault.Name = subA, "v1"
			v := cloud.AddVault(d.vault).Takes(0)
			if d.do != nil {
				d.do(v)
			}
			query := "?api-version=" + d.version
			c.do("GET", "/subscriptions/"+subA+
				"/providers/Microsoft.AlertsManagement/actionRules?api-version=2021-08-08", "")
			shown := c.do("GET", v.ID()+query, "").body
			c.do("GET", v.ID()+"/providers/Microsoft.Authorization/locks?api-version=2020-05-01", "")
			if has := strings.Contains(shown, `"configuration"`); has && d.version < "2026-05" ||
				strings.Contains(shown, "alertsForAllFailoverIssues") == (d.version < "2024-02") {
				t.Errorf("shown in %s: %s", d.version, shown)
			}
			clean(t, cloud)
			if got := c.do("PATCH", v.ID()+query, d.body); got.status != d.status {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if d.says == "" {
				clean(t, cloud)
			} else {
				complains(t, cloud, d.says)
			}
			if r := v.Report(); r.Wanted != (d.status == 200) {
				t.Errorf("wanted: %v", r.Wanted)
			}
		})
	}
}
