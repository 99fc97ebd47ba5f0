package rollout

import (
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A hold that is over needs a consent where its vault may start: not where the ledger or
// the plan's own checks say that nothing starts.
func TestExpired(t *testing.T) {
	t.Parallel()
	p := testPlan(6, 1, 1, 6)
	for i := range p.Vaults {
		p.Vaults[i].LapsedHold = &fleet.Hold{Reason: "until Monday"}
	}
	p.Vaults[5].Hold = &fleet.Hold{Reason: "a newer one"}
	expect := func(what string, k Prospects, want ...int) {
		t.Helper()
		if got := k.Expired(p); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	expect("nothing known", ProspectsOf(p), 0, 1, 2, 3, 4)
	m := Memory{Carried: map[fleet.Key]fleet.Carried{p.Vaults[0].Key: {Status: fleet.Failed}},
		AsWanted: map[fleet.Key]AsWanted{p.Vaults[1].Key: {Ours: true}}}
	expect("by a ledger", Prospects{Memory: m}, 2, 3, 4)

	p.CheckedAt = scriptStart
	for i, verdict := range []fleet.Verdict{fleet.VerdictReady, fleet.VerdictBlocked, fleet.VerdictAlready,
		fleet.VerdictFailed} {
		p.Vaults[i].Check = &fleet.Validation{Verdict: verdict}
	}
	expect("by the plan's checks", ProspectsOf(p), 0, 1, 4)
}
