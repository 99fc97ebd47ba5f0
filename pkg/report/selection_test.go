package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// A report for one customer shows its vaults and totals, and in no form
// anything of another's.
func TestSelectionKeepsToItself(t *testing.T) {
	t.Parallel()
	sel, err := plan.ParseSelector("subscription=hr")
	if err != nil {
		t.Fatal(err)
	}
	halted := reporttest.BusyNight(t)
	halted.Fact(123, fleet.RunHalted{Scope: reporttest.ProdID, Subscription: true, Failures: 2, Budget: 1})
	signedOut := reporttest.BusyNight(t)
	signedOut.Fact(123, fleet.RunSuspended{Why: fleet.SuspendedSignIn, Subscription: reporttest.ProdID,
		Detail: "AADSTS700082", Code: fleet.ExitSignIn})
	for name, n := range map[string]*reporttest.Night{"halted": halted, "signed out": signedOut,
		"finished": reporttest.FinishedNight(t)} {
		v := shownOf(n, ViewOptions{Now: reporttest.T0.Add(3 * time.Hour), Selector: sel, Selection: "subscription=hr"})
		all := shownOf(n, ViewOptions{})
		if got, want := len(v.Vaults), 6; got != want || count(v.Totals) != want || len(v.Subscriptions) != 1 ||
			ValueOf(v.Selector) != "subscription=hr" {
			t.Errorf("%s: %d vaults, totals %v, subscriptions %v, selector %v", name, got, v.Totals, v.Subscriptions,
				ValueOf(v.Selector))
		}
		if len(all.Vaults) != len(n.St.Vaults) || len(all.Subscriptions) != 3 {
			t.Errorf("%s: without a selector there are %d vaults, %d subscriptions", name, len(all.Vaults),
				len(all.Subscriptions))
		}
		for _, f := range layout.RunFormats() {
			var b bytes.Buffer
			if err := Report(&b, v, Options{Format: f}); err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{reporttest.ProdID, reporttest.DevID, "prod/", "dev/", "sql-0", "web-0",
				"late-", "AADSTS", "subscription prod"} {
				if i := strings.Index(b.String(), secret); i >= 0 {
					t.Errorf("%s as %s tells of %s: …%s…", name, f, secret, b.String()[max(0, i-60):min(b.Len(), i+60)])
				}
			}
			if !strings.Contains(b.String(), "files-2") {
				t.Errorf("%s as %s lacks a vault of the selection", name, f)
			}
		}
	}
}
