package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayPace runs a fleet that wants more of two subscriptions than they
// give: all is done, hardly anything is refused, and nothing is sent while
// Retry-After says to wait.
func TestTodayPace(t *testing.T) {
	t.Parallel()
	timings := quick()
	timings.Poll = 15 * time.Second // a reading is good for as long as that, also on a busy machine
	w := newToday(t, strictarm.Config{Timings: timings})
	for i := range 30 {
		w.cloud.AddVault(strictarm.Vault{Subscription: []string{subA, subB}[i%2], Name: fmt.Sprintf("v%d", i)}).Takes(0)
	}
	w.cloud.Subscription(subA).Buckets(20, 25, 10, 10)
	w.cloud.Subscription(subB).Buckets(20, 25, 10, 10)
	w.write(strictarm.Inventory{Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Validations: 30, Upgrades: 10, PerSubscription: 2, RequestsPerSecond: 100}})
	w.start("run", w.inv, "--yes").ends(0)
	for _, s := range w.judge().Subscriptions {
		all := 0
		for _, n := range s.Requests {
			all += n
		}
		t.Logf("%s: %d requests (%v), %d refused, %d too early", s.ID, all, s.Requests, s.Throttled, s.Early)
		if s.Throttled > all/10 || s.Early > 0 {
			t.Errorf("of %d requests of %s %d were refused, and %d came before Retry-After was over", all, s.ID, s.Throttled, s.Early)
		}
		if n := s.Requests[strictarm.CallVault]; n > 15*4 {
			t.Errorf("%d reads of 15 vaults", n)
		}
	}
}
