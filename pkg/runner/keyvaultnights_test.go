package runner_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/kvrbac"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var keyVaultNights = flag.Int("keyvault-nights", 20, "how many nights TestKeyVaultNights simulates")

// keyVaults is a plan of key vaults whose access policies become roles.
func keyVaults(t *testing.T, vaults int, more func(*plan.Input)) *plan.Plan {
	return fleetOf(t, vaults, 1, []plan.WaveSpec{{Name: "all", CatchAll: true}}, func(in *plan.Input) {
		ofToday(in, kvrbac.Roles().Spec)
		in.Timings.Poll = 30 * time.Second
		for i := range in.Subscriptions[0].Vaults {
			in.Subscriptions[0].Vaults[i].AcceptWarnings = true // the built-in roles give a little more
		}
		if more != nil {
			more(in)
		}
	})
}

// What comes before a start takes minutes: it holds no slot meanwhile, and no
// other vault. What a person must mend blocks its vault alone.
func TestRolesBeforeTheChange(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		p := keyVaults(t, 12, func(in *plan.Input) { in.Limits.Upgrades = 1 })
		lost, late := p.Vaults[3].Ref(), p.Vaults[5].Ref()
		n := newNight(t, p, emulator.Scenario{Faults: []emulator.Fault{
			{Kind: "principal-missing", Vault: lost, Times: -1}, {Kind: "roles-late", Vault: late, For: "15m"}}})
		began := time.Now()
		if code := n.finish(); code != fleet.ExitNotUpgraded {
			t.Errorf("exit %d", code)
		}
		if took := time.Since(began); took < 15*time.Minute || took > 20*time.Minute {
			t.Errorf("the run took %v", took)
		}
		sum := n.cloud.Summary()
		for i, v := range n.state().Vaults {
			pv := &p.Vaults[i]
			c, _ := sum.Resource(pv.SubscriptionID, pv.Name)
			switch {
			case pv.Ref() == lost:
				if last := v.Findings[len(v.Findings)-1]; v.Status != fleet.Blocked ||
					last.Code != "PrincipalNotFound" || c.Requests["patch"] > 0 ||
					!strings.Contains(last.Action, "access polic") || v.Findings[0].Code == last.Code {
					t.Errorf("%s: %s, %+v", lost, v.Status, v.Findings)
				}
			case v.Status != fleet.Upgraded || c.Accepted != 1 || len(c.Roles) != 6:
				t.Errorf("%s: %s, accepted %d times with %d roles", pv.Ref(), v.Status, c.Accepted, len(c.Roles))
			}
		}
		n.checkRoles()
	})
}

// checkRoles holds every change against the roles that were made for it before:
// the newest is ten minutes old.
func (n *night) checkRoles() {
	n.t.Helper()
	made := map[string]time.Time{}
	for _, c := range n.trace.calls {
		switch {
		case c.kind == "assign" && c.status == http.StatusCreated:
			made[c.vault] = c.done
		case c.kind == "upgrade" && !made[c.vault].IsZero() && c.at.Sub(made[c.vault]) < 10*time.Minute:
			n.t.Errorf("%s was changed %v after its newest role was made", c.vault, c.at.Sub(made[c.vault]))
		}
	}
}

// TestKeyVaultNights: processes die anywhere, roles come late or not at all. No
// vault is changed before its roles are in force, none is given a role twice.
func TestKeyVaultNights(t *testing.T) {
	t.Parallel()
	const shards = 4
	for s := range shards {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			for seed := int64(s); seed < int64(*keyVaultNights); seed += shards {
				keyVaultNight(t, seed)
			}
		})
	}
}

func keyVaultNight(t *testing.T, seed int64) {
	inBubble(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(uint64(seed), 83))
		p := keyVaults(t, 3+r.IntN(6), func(in *plan.Input) {
			in.Limits = plan.Limits{Validations: 1 + r.IntN(8), Upgrades: 1 + r.IntN(4), RequestsPerSecond: 10}
		})
		menu := []emulator.Fault{
			{Kind: "principal-missing", Times: 1}, {Kind: "principal-missing", Times: -1},
			{Kind: "roles-late", For: "25m"},
			{Kind: "server-error", Calls: []string{"roles", "assign"}, Status: 503, Chance: 0.4, Times: 20},
			{Kind: "throttled", Calls: []string{"assign"}, RetryAfter: 90, Times: 2},
			{Kind: "throttled", Calls: []string{"roles"}, RetryAfter: 20, Times: 3},
			{Kind: "denied", Calls: []string{"assign"}, Status: 403, Times: 1},
			{Kind: "denied", Calls: []string{"roles"}, Status: 401, Times: 1},
			{Kind: "garbage", Calls: []string{"roles"}, Times: 1},
			{Kind: "reset-before", Calls: []string{"roles", "assign"}, Chance: 0.3, Times: 10},
			{Kind: "reset-after", Times: 1}, {Kind: "server-error", Calls: []string{"patch"}, Status: 503, Times: 1},
		}
		sc := emulator.Scenario{Seed: seed}
		for range 1 + r.IntN(4) {
			f := menu[r.IntN(len(menu))]
			f.Rate = 0.2 + 0.5*r.Float64()
			sc.Faults = append(sc.Faults, f)
		}
		n := newNight(t, p, sc)
		n.crash, n.hold = randomCrashes(r, 5), rand.New(rand.NewPCG(uint64(seed), 18))
		n.finish()
		for _, b := range n.audit() {
			t.Error(b)
		}
		n.checkRoles()
		sum := n.cloud.Summary()
		if sum.Mistakes > 0 {
			t.Errorf("the protocol was broken: %v", sum.MistakeList)
		}
		for i, v := range n.state().Vaults {
			pv := &p.Vaults[i]
			c, _ := sum.Resource(pv.SubscriptionID, pv.Name)
			names := map[string]bool{}
			for _, a := range c.Roles {
				names[a.Role+a.PrincipalID] = true
			}
			switch {
			case v.Open():
				t.Errorf("%s ended as %s", pv.Ref(), v.Status)
			case c.Accepted > 1 || len(names) != len(c.Roles):
				t.Errorf("%s was changed %d times; its roles: %+v", pv.Ref(), c.Accepted, c.Roles)
			case v.Status == fleet.Upgraded &&
				(fmt.Sprint(c.Properties["enableRbacAuthorization"]) != "true" || len(c.Roles) != 6):
				t.Errorf("%s is reported upgraded, with %d roles: %v", pv.Ref(), len(c.Roles), c.Properties)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d, faults %+v:\n%s", seed, sc.Faults, strings.Join(n.story(), "\n"))
		}
	})
}
