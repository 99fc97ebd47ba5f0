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
			t.Errorf("of %d requests of %s %d were refused, and %d came before Retry-After was over", all, s.ID,
				s.Throttled, s.Early)
		}
		if n := s.Requests[strictarm.CallVault]; n > 15*4 {
			t.Errorf("%d reads of 15 vaults", n)
		}
	}
}

// TestTodayPaceOfItsOwn: an operation of which the service does not say when to come
// back is looked at 5 and 10 seconds after its start, not once a poll; where the
// service says, that is obeyed.
func TestTodayPaceOfItsOwn(t *testing.T) {
	t.Parallel()
	timings := quick()
	timings.Poll, timings.Overdue = 5*time.Minute, time.Hour
	w := newToday(t, strictarm.Config{Timings: timings})
	w.cloud.AddVault(strictarm.Vault{Subscription: subA,
		Name: "silent"}).URLs(strictarm.AsyncOnly).Takes(7 * time.Second).RetryAfter(0)
	w.cloud.AddVault(strictarm.Vault{Subscription: subB,
		Name: "asks"}).URLs(strictarm.AsyncOnly).Takes(7 * time.Second).RetryAfter(12 * time.Second)
	w.write(strictarm.Inventory{Waves: []strict.Wave{{Name: "all"}}, Limits: strict.Limits{Upgrades: 2}})
	w.start("run", w.inv, "--yes").ends(0)
	const slack = 500 * time.Millisecond // the start is recorded before it is sent
	least := map[string][]time.Duration{"silent": {5*time.Second - slack, 10*time.Second - 2*slack},
		"asks": {12*time.Second - slack}}
	for _, v := range w.judge().Vaults {
		var ages []time.Duration
		for _, at := range v.Accepted[0].PolledAt {
			ages = append(ages, at.Sub(v.Accepted[0].At))
		}
		want := least[v.Vault.Name]
		// fewer on a busy machine: the first came late
		if len(ages) == 0 || len(ages) > len(want) || ages[len(ages)-1] > time.Minute {
			t.Errorf("%s was looked at %v after its start, want %v", v.Vault.Name, ages, want)
			continue
		}
		for n, age := range ages {
			if age < want[n] {
				t.Errorf("%s was looked at %v after its start, want %v", v.Vault.Name, ages, want)
			}
		}
	}
}
