package rsv

import (
	"encoding/json"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The kind that CONTRIBUTING.md adds, word for word (TestWalkThrough there).

// SameSubscription keeps what is restored in the vault's own subscription.
func SameSubscription() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "restore to other subscriptions",
		Spec: fleet.KindSpec{Kind: "rsv-same-subscription", Title: "no restore to other subscriptions",
			Properties: []fleet.Property{{Name: "restoreSettings", Since: "2023-08-01"}}},
		Section: "restoreSettings.crossSubscriptionRestoreSettings", State: "crossSubscriptionRestoreState",
		Body: `{"properties":{"restoreSettings":{"crossSubscriptionRestoreSettings":` +
			`{"crossSubscriptionRestoreState":"Disabled"}}}}`,
		From: []string{"Enabled", ""}, More: []string{"PermanentlyDisabled"},
		Code: "cross-subscription-restore", Rule: "only Enabled becomes Disabled", First: lookAtIt,
	}
}

// TestWalkThroughWorks: that is all there is to a kind.
func TestWalkThroughWorks(t *testing.T) {
	t.Parallel()
	const open = `{"provisioningState":"Succeeded","restoreSettings":{"crossSubscriptionRestoreSettings":` +
		`{"crossSubscriptionRestoreState":"Enabled"}}}`
	f := newFake(t, open)
	s := SameSubscription()
	out, back := s.Change(), s.Back()
	before := changed(t, f.upgrader(out), testVault(out))
	if val, _ := checked(t, f.upgrader(out), testVault(out)); val.Verdict != fleet.VerdictAlready {
		t.Errorf("once changed: %+v", val)
	}
	v := testVault(back)
	var err error
	if v.Restore, err = back.Spec.Restore(before); err != nil {
		t.Fatal(err)
	}
	changed(t, f.upgrader(back), v)
	if got := f.bodies(); len(got) != 2 || got[0] != s.Body || f.properties != open {
		t.Errorf("sent %q; now it has %s", got, f.properties)
	}
	if _, err := back.Spec.Restore(json.RawMessage(`{"restoreSettings.crossSubscriptionRestoreSettings":null}`)); err == nil {
		t.Error("what was unset is put back")
	}
}
