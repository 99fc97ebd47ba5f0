package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// Each limit is reached and never exceeded, in a fleet that would exceed all of
// them; also by upgrades whose answer was lost, and across a kill.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits            strict.Limits
		all, sub, located int // what is reached; 0: not asked
	}{
		{strict.Limits{Upgrades: 3, PerSubscription: 3, PerLocation: 3}, 3, 3, 0},
		{strict.Limits{Upgrades: 50, PerSubscription: 2}, 6, 2, 0},
		{strict.Limits{Upgrades: 50, PerSubscription: 50, PerLocation: 3}, 6, 0, 3},
	} {
		t.Run(fmt.Sprintf("%d, %d, %d", c.limits.Upgrades, c.limits.PerSubscription, c.limits.PerLocation),
			func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, quick())
				for i := range 24 {
					v := w.cloud.AddVault(strictcloud.Vault{Subscription: []string{subA, subB, subC}[i%3],
						Name:     fmt.Sprintf("v%d", i),
						Region:   regions[i/3%2].cloud,
						Location: regions[i/3%2].inventory}).Duration(500 * time.Millisecond)
					switch i % 8 {
					case 1:
						v.Start(strictcloud.UnavailableAfterAcceptance)
					case 4:
						v.Start(strictcloud.ResetThenAccepted(300 * time.Millisecond))
					}
				}
				w.write(strictcloud.Inventory{Limits: c.limits, Waves: []strict.Wave{{Name: "all"}}})
				run := w.start("run", w.inv, "--yes")
				w.until("a third is accepted", func() bool { return w.accepted() >= 8 })
				run.kill()
				w.gate.quiet(t)
				w.cloud.ClientDied()
				w.start("resume", "--state", w.db, "--yes").ends(0)
				w.judge()
				r := w.cloud.Report()
				most := func(m map[string]int) (n int) {
					for _, k := range m {
						n = max(n, k)
					}
					return n
				}
				for _, got := range []struct {
					what       string
					have, want int
				}{
					{"the fleet", r.MaxInFlight, c.all},
					{"a subscription", most(r.MaxInFlightPerSubscription), c.sub},
					{"a location", most(r.MaxInFlightPerLocation), c.located},
				} {
					if got.want > 0 && got.have != got.want {
						t.Errorf("at most %d upgrades at once in %s, want %d: the limit is there to be used", got.have,
							got.what, got.want)
					}
				}
			})
	}
}
