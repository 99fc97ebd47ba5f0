package rollout

import (
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestTotalsHaveAPlaceForEveryStatus(t *testing.T) {
	t.Parallel()
	for i, status := range fleet.Statuses() {
		if got := ordinal(status); got != i {
			t.Errorf("%s has the ordinal %d, want %d", status, got, i)
		}
	}
	if got := len(fleet.Statuses()); got != statusCount {
		t.Fatalf("statusCount is %d, but there are %d statuses", statusCount, got)
	}
	var totals Totals
	for n, s := range fleet.Statuses() {
		totals.add(s, n+1)
	}
	sum := 0
	for n, s := range fleet.Statuses() {
		sum += n + 1
		if totals.Of(s) != n+1 {
			t.Errorf("%d vaults are %s, want %d", totals.Of(s), s, n+1)
		}
	}
	if totals.All() != sum {
		t.Errorf("%d vaults in all, want %d", totals.All(), sum)
	}
}
