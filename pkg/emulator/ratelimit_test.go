package emulator

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	const reads, writes = "x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-subscription-writes"
	synctest.Test(t, func(t *testing.T) {
		c := todaysCloud(t, Scenario{TimeScale: 60, Limits: Limits{Reads: Bucket{Size: 3, PerSecond: 0.5}}})
		cl := inMemory(t, c)
		v, other := estate()[0], estate()[2]
		for _, left := range []string{"2", "1", "0"} {
			a := cl.read(v)
			wantStatus(t, a, 200)
			if got := a.header.Get(reads); got != left || a.header.Get(writes) != "" {
				t.Errorf("%q left, want %s: %v", got, left, a.header)
			}
		}
		a := cl.read(v)
		wantStatus(t, a, 429, "SubscriptionRequestsThrottled")
		if a.header.Get("Retry-After") != "2" || a.header.Get(reads) != "0" {
			t.Errorf("headers %v", a.header)
		}
		if a := cl.read(other); a.header.Get(reads) != "2" {
			t.Errorf("another subscription: %v", a.header)
		}
		if a := cl.patch(v, alertsBody); a.header.Get(writes) != "199" || a.header.Get(reads) != "" {
			t.Errorf("a write: %v", a.header)
		}
		if a := cl.arm(pathOf(estate()[1])+"x", kvVersion); a.status != 404 || a.header.Get(reads) != "0" {
			t.Errorf("an answer that costs nothing: %d %v", a.status, a.header)
		}
		time.Sleep(2 * time.Second) // wall time, whatever the scale
		wantStatus(t, cl.read(v), 200)
		wantStatus(t, cl.read(v), 429)
		time.Sleep(time.Hour)
		if a := cl.arm("/subscriptions/"+prod, "2022-12-01"); a.header.Get(reads) != "2" {
			t.Errorf("full again, no more: %v", a.header)
		}
	})
}

// What is left is what was left when the process was killed.
func TestReopenFindsTheBuckets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, file := withStateFile(t, Scenario{Limits: Limits{Reads: Bucket{Size: 1, PerSecond: 0.1}}}, estate()...)
		wantStatus(t, inMemory(t, c).read(estate()[0]), 200)
		cl := inMemory(t, reopen(t, file))
		wantStatus(t, cl.read(estate()[0]), 429)
		time.Sleep(10 * time.Second)
		wantStatus(t, cl.read(estate()[0]), 200)
	})
}
