package runner_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var (
	oneSeed = flag.Int64("seed", 0, "run the night of this seed alone")
	nights  = flag.Int("nights", 1000, "how many nights TestNights simulates")
)

// TestNights runs whole nights with seeded faults, crashes and signals, and
// asks the cloud afterwards what really happened: rules 1, 3, 5, 8 and 11 of
// the design.
func TestNights(t *testing.T) {
	if *oneSeed != 0 {
		oneNight(t, *oneSeed)
		return
	}
	const shards = 8
	for s := range shards {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			for seed := int64(s + 1); seed <= int64(*nights); seed += shards {
				if oneNight(t, seed); t.Failed() {
					t.Fatalf("this night alone: go test ./pkg/runner -run TestNights -seed %d", seed)
				}
			}
		})
	}
}

func oneNight(t *testing.T, seed int64) {
	inBubble(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(uint64(seed), 17))
		p, sc := randomNight(t, r, seed)
		n := newNight(t, p, sc)
		defer n.cloud.Close()
		n.crash = randomCrashes(r)
		code := n.finish()
		n.check(seed, code)

		// Another run on the same ledger starts no failed vault again.
		n.crash = nil
		failed := n.statuses(fleet.Failed)
		before := n.posts()
		n.open("run-2", n.carried())
		n.fresh = true
		n.check(seed, n.finish())
		after := n.posts()
		for v := range failed {
			if after[v] != before[v] {
				t.Errorf("seed %d: %s had failed and was sent again by the next run", seed, v)
			}
		}
	})
}

// check compares how the run ended with what the cloud saw.
func (n *night) check(seed int64, code fleet.ExitCode) {
	t := n.t
	t.Helper()
	st, sum := n.state(), n.cloud.Summary()
	if sum.Mistakes > 0 {
		t.Errorf("seed %d: the protocol was broken: %v", seed, sum.MistakeList)
	}
	if sum.DoubleAccepted > 0 || sum.SentAgain > 0 {
		t.Errorf("seed %d: rule 1: %d accepted twice, %d sent again", seed, sum.DoubleAccepted, sum.SentAgain)
	}
	if sum.MaxUpgrades > n.plan.Limits.Upgrades {
		t.Errorf("seed %d: %d upgrades at once, %d allowed", seed, sum.MaxUpgrades, n.plan.Limits.Upgrades)
	}
	for _, s := range sum.Subscriptions {
		if l := n.plan.Limits.PerSubscription; l > 0 && s.MaxUpgrades > l {
			t.Errorf("seed %d: %d upgrades at once in %s, %d allowed", seed, s.MaxUpgrades, s.Name, l)
		}
		// Rule 11: one listing a tick, and one more for each process. A read
		// that fails may be tried again at once, twice.
		ticks := int(time.Since(n.began)/n.plan.Timings.Poll) + n.started + 1
		if s.Listings > 3*ticks {
			t.Errorf("seed %d: rule 11: %d listings of %s in %d ticks", seed, s.Listings, s.Name, ticks)
		}
	}
	for loc, most := range sum.MaxByLocation {
		if l := n.plan.Limits.PerLocation; l > 0 && most > l {
			t.Errorf("seed %d: %d upgrades at once in %s, %d allowed", seed, most, loc, l)
		}
	}
	for i := range st.Vaults {
		v, pv := &st.Vaults[i], &n.plan.Vaults[i]
		c, ok := sum.Vault(pv.SubscriptionID, pv.Name)
		if !ok {
			t.Fatalf("seed %d: the cloud does not know %s", seed, pv.Ref())
		}
		if v.Open() {
			t.Errorf("seed %d: rule 8: %s ended as %s", seed, pv.Ref(), v.Status)
		}
		if v.Attempt > plan.MaxAttempts {
			t.Errorf("seed %d: rule 3: %s was sent %d times", seed, pv.Ref(), v.Attempt)
		}
		switch v.Status {
		case fleet.Upgraded:
			if c.Status != "Upgraded" || c.Accepted != 1 {
				t.Errorf("seed %d: %s is reported upgraded; the cloud says %q, accepted %d times", seed, pv.Ref(), c.Status, c.Accepted)
			}
		case fleet.Blocked, fleet.Excluded:
			if c.Accepted != 0 {
				t.Errorf("seed %d: %s is reported %s, but its start was accepted (%s)", seed, pv.Ref(), v.Status, v.Reason)
			}
		case fleet.Failed:
			if c.Accepted > 0 && c.Status != "Failed" {
				t.Errorf("seed %d: %s is reported failed; the cloud says %q", seed, pv.Ref(), c.Status)
			}
		}
	}
	if want := st.Verdict(); want != code {
		t.Errorf("seed %d: exit %d, but the run stands at %d", seed, code, want)
	}
	if t.Failed() {
		t.Logf("scenario of seed %d: %d vaults, limits %+v", seed, len(n.plan.Vaults), n.plan.Limits)
	}
}

// posts counts the starts that the cloud was sent, by vault.
func (n *night) posts() map[string]int {
	m := map[string]int{}
	for _, v := range n.cloud.Summary().Vaults {
		m[v.SubscriptionID+"/"+v.Name] = v.Requests["upgrade"]
	}
	return m
}

// statuses is the set of vaults that have a status.
func (n *night) statuses(s fleet.Status) map[string]bool {
	m := map[string]bool{}
	st := n.state()
	for i := range st.Vaults {
		if st.Vaults[i].Status == s {
			m[n.plan.Vaults[i].SubscriptionID+"/"+n.plan.Vaults[i].Name] = true
		}
	}
	return m
}
