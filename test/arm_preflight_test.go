package test

import (
	"testing"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayPreflight asks before the night what would be missing in it, and
// changes nothing.
func TestTodayPreflight(t *testing.T) {
	t.Parallel()
	w := newToday(t, strictarm.Config{Timings: quick()})
	for _, v := range []strictarm.Vault{
		{Subscription: subA, Name: "v1", Group: "rg-one"}, {Subscription: subA, Name: "v2", Group: "rg-one"},
		{Subscription: subB, Name: "v3"},
	} {
		w.cloud.AddVault(v)
	}
	w.write(strictarm.Inventory{Waves: []strict.Wave{{Name: "all"}}})
	w.start("preflight", w.inv).ends(0)
	w.cloud.Subscription(subB).May([]string{"*/read", "Microsoft.RecoveryServices/*"},
		[]string{"Microsoft.RecoveryServices/vaults/write"})
	w.start("preflight", "--details", w.inv).ends(8).says("Microsoft.RecoveryServices/vaults/write", "v3")
	if n := w.judge().Requests[strictarm.CallPatch]; n > 0 {
		t.Errorf("%d PATCHes came", n)
	}
}
