package web

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// TestPageOfToday: nothing on the page of vaults that are changed where they are
// speaks of new vaults, a support address or what cannot be undone.
func TestPageOfToday(t *testing.T) {
	t.Parallel()
	const id = "/subscriptions/53a3c692-5283-4f0a-baf6-000000000001/resourceGroups/rg-sql/providers/Microsoft.RecoveryServices/vaults/sql-07"
	ofClassic := []string{"new resource ID", "data-csv-map", "Support message</summary>", "cannot be undone",
		report.DefaultSupportAddress}
	for _, kind := range []fleet.Kind{fleet.KindClassic, "rsv-alerts"} {
		v := &report.View{Totals: map[fleet.Status]int{fleet.Failed: 1, fleet.Upgraded: 1},
			Checklist: []string{"Look at the rules."},
			Run: report.Run{ID: "r", Status: report.RunFinished, Kind: kind,
				Permanent: kind == fleet.KindClassic}, Waves: []report.Wave{{Name: "all"}},
			Subscriptions: []report.Subscription{{ID: "53a3c692-5283-4f0a-baf6-000000000001", Name: "prod"}}}
		for name, status := range map[string]fleet.Status{"sql-07": fleet.Failed, "sql-08": fleet.Upgraded} {
			v.Vaults = append(v.Vaults, report.Vault{Vault: "prod/" + name,
				SubscriptionID: "53a3c692-5283-4f0a-baf6-000000000001", Name: name,
				Wave: "all", Status: status, ResourceGroup: new("rg-sql"),
				ResourceID: new(strings.Replace(id, "sql-07", name, 1)), UpgradedResourceID: new(id)})
		}
		var b bytes.Buffer
		if err := WriteReport(&b, tasked(v), report.Options{}); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		for _, s := range ofClassic {
			if strings.Contains(page, s) != (kind == fleet.KindClassic) {
				t.Errorf("the page of %s and %q: %v", kind, s, strings.Contains(page, s))
			}
		}
		for _, s := range []string{id, "Look at the rules.", "rg-sql"} {
			if !strings.Contains(page, s) {
				t.Errorf("the page of %s lacks %q", kind, s)
			}
		}
		if strings.Contains(page, "<b>rsv-alerts</b>") != (kind == "rsv-alerts") {
			t.Errorf("the page of %s does not say its kind", kind)
		}
	}
}
