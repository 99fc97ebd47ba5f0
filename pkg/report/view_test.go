package report_test

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestNames(t *testing.T) {
	t.Parallel()
	type spec struct {
		id, sub, name, location string
		kind                    fleet.ResourceType
		want                    string
	}
	const b, r = fleet.BackupVault, fleet.SiteRecoveryVault
	p := &plan.Plan{}
	specs := []spec{
		{reporttest.ProdID, "prod", "a", "West US", b, "prod/a"},
		{reporttest.ProdID, "prod", "b", "West US", b, "prod/b/westus"},
		{reporttest.ProdID, "prod", "B", "East US", b, "prod/B/eastus"},
		{reporttest.ProdID, "prod", "c", "West US", b, "prod/c/BackupVault"},
		{reporttest.ProdID, "prod", "c", "West US", r, "prod/c/HyperVRecoveryManagerVault"},
		{reporttest.ProdID, "prod", "d", "West US", b, "prod/d/westus/BackupVault"},
		{reporttest.ProdID, "prod", "d", "West US", r, "prod/d/westus/HyperVRecoveryManagerVault"},
		{reporttest.ProdID, "prod", "d", "East US", b, "prod/d/eastus/BackupVault"},
		{reporttest.ProdID, "twin", "e", "West US", b, reporttest.ProdID + "/e"},
		{reporttest.HrID, "twin", "e", "West US", b, reporttest.HrID + "/e"},
	}
	for _, s := range specs {
		v := plan.Vault{}
		v.SubscriptionID, v.SubscriptionName, v.Name, v.Location, v.ResourceType = s.id, s.sub, s.name, s.location,
			s.kind
		p.Vaults = append(p.Vaults, v)
	}
	seen := map[string]bool{}
	for i, got := range p.Names() {
		if got != specs[i].want || seen[strings.ToLower(got)] {
			t.Errorf("vault %d is called %q, want %q", i, got, specs[i].want)
		}
		seen[strings.ToLower(got)] = true
	}
}

// TestNamesOfGroups: vaults of one name are told apart by what the Resource
// Manager tells them apart by.
func TestNamesOfGroups(t *testing.T) {
	t.Parallel()
	got := strings.Join(reporttest.TodayPlan(reporttest.KindAlerts).Names(), " ")
	if want := "dev/web-01 prod/sql-07 prod/files-1/rg-files prod/files-1/rg-old prod/pay-1"; got != want {
		t.Errorf("they are called %s, want %s", got, want)
	}
}

// viewOf is the night as it is shown, its journal read.
func viewOf(n *reporttest.Night, o report.ViewOptions) *report.View {
	o.Timeline = report.NewTimelineBuilder()
	n.Replay(o.Timeline.Add)
	return report.FromState(n.St, o)
}
