package dryrun

import (
	"io"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestForecastsAndBound(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	p.Limits = plan.Limits{Validations: 16, Upgrades: 10, PerSubscription: 2, PerLocation: 3, RequestsPerSecond: 10}
	checks := reporttest.FixtureValidations(p)
	p50, p90, err := Forecasts(p, PlanOptions{Now: reporttest.T0})
	if err != nil {
		t.Fatal(err)
	}
	// 2 vaults; 11, of which 10 in one location, 3 at once, 5 and 6 a
	// subscription, 2 at once; 2.
	if got, want := bound(p), 20*time.Minute+200*time.Minute/3+20*time.Minute; got != want {
		t.Errorf("the lower bound is %s, want %s", got, want)
	}
	if d := p50.EndsAt.Sub(reporttest.T0); d < bound(p) || !p90.EndsAt.After(p50.EndsAt) {
		t.Errorf("the run takes %s (p50), %s (p90), at least %s", d, p90.EndsAt.Sub(reporttest.T0), bound(p))
	}
	some, _, err := Forecasts(p, PlanOptions{Now: reporttest.T0, Validations: checks})
	if err != nil {
		t.Fatal(err)
	}
	if !some.EndsAt.Before(p50.EndsAt) {
		t.Errorf("with vaults that do not start it ends %s, not before %s", some.EndsAt, p50.EndsAt)
	}
	if p.Vaults[6].Excluded() {
		t.Error("the forecast changed the plan")
	}
	none := map[fleet.Key]fleet.Validation{}
	for i := range p.Vaults {
		none[p.Vaults[i].Key] = fleet.Validation{Verdict: fleet.VerdictBlocked}
	}
	if f, _, err := Forecasts(p, PlanOptions{Now: reporttest.T0, Validations: none}); err != nil ||
		!f.EndsAt.Equal(reporttest.T0) {
		t.Errorf("a plan of which nothing starts ends %s, %v", f.EndsAt, err)
	}
	var empty rollout.Forecast
	if err := Plan(io.Discard, p, PlanOptions{P50: &empty, P90: &empty, Now: reporttest.T0}); err != nil {
		t.Errorf("a forecast without waves: %v", err)
	}
}

// TestPermanence: the second line says what is at stake.
func TestPermanence(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		kind               fleet.Kind
		permanent, confirm bool
		ledger, want       string
	}{
		{reporttest.KindAlerts, false, false, "fleet.db",
			"REVERSIBLE: an inventory with upgrade: {kind: rollback, of: rsv-alerts, ledger: fleet.db} puts back " +
				"what was recorded."},
		{reporttest.KindAlerts, false, false, "",
			"REVERSIBLE: an inventory with upgrade: {kind: rollback, of: rsv-alerts, ledger: FILE} puts back what " +
				"was recorded."},
		{fleet.RollbackOf(reporttest.KindAlerts), false, false, "fleet.db",
			"REVERSIBLE: upgrade: {kind: rsv-alerts} does it again."},
		{"lock", true, true, "fleet.db",
			"PERMANENT: nothing can undo it, so a run of it wants --confirm-irreversible lock."},
		{"other", true, false, "fleet.db", "PERMANENT: nothing can undo it."},
		{fleet.KindClassic, true, false, "fleet.db", "PERMANENT: no rollback exists."},
	} {
		p := reporttest.TodayPlan(x.kind)
		p.Upgrade.Permanent, p.Upgrade.Confirm = x.permanent, x.confirm
		if got := newDryRun(p, PlanOptions{Upgrade: p.Upgrade, Ledger: x.ledger}).permanence(); got != x.want {
			t.Errorf("%s: %q, want %q", x.kind, got, x.want)
		}
	}
}

func TestPermissionWords(t *testing.T) {
	t.Parallel()
	for want, actions := range map[string][]string{
		"1 action that reads":                      {"a/read"},
		"a/write and 2 actions that read":          {"b/read", "a/write", "c/read"},
		"a/write, b/write and 1 action that reads": {"b/write", "c/read", "a/write"},
		"": nil,
	} {
		if got := permissionWords(actions); got != want {
			t.Errorf("%v is %q, want %q", actions, got, want)
		}
	}
}
