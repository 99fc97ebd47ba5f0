package arm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestPreflight: what is asked of a subscription, in its order, until asking more
// would teach nothing.
func TestPreflight(t *testing.T) {
	t.Parallel()
	good, skipped := fleet.CheckGood, fleet.CheckSkipped
	for name, tt := range map[string]struct {
		answers map[string]reply
		want    []fleet.CheckState // subscription, provider, permissions, vault, locks
		says    string
	}{
		"good": {nil, []fleet.CheckState{good, good, good, good, good}, "could be read"},
		"no subscription": {map[string]reply{subURL: refused(404, "SubscriptionNotFound")},
			[]fleet.CheckState{fleet.CheckDenied, skipped, skipped, skipped, skipped}, "knows no subscription " + sub},
		"disabled": {map[string]reply{subURL: ok(`{"state":"Disabled"}`)},
			[]fleet.CheckState{fleet.CheckMissing, good, good, good, good}, `its state is "Disabled"`},
		"signed out": {map[string]reply{subURL: refused(401, "ExpiredAuthenticationToken")},
			[]fleet.CheckState{fleet.CheckDenied, skipped, skipped, skipped, skipped}, "Expired"},
		"not to be read": {map[string]reply{subURL: refused(403, "AuthorizationFailed")},
			[]fleet.CheckState{fleet.CheckDenied, good, good, good, good}, "fleetup permissions"},
		"not registered": {map[string]reply{providerURL: ok(`{"registrationState":"NotRegistered"}`)},
			[]fleet.CheckState{good, fleet.CheckMissing, good, good, good},
			"az provider register --namespace Microsoft.RecoveryServices"},
		"no such provider": {map[string]reply{providerURL: refused(404, "InvalidResourceNamespace")},
			[]fleet.CheckState{good, fleet.CheckMissing, good, good, good}, "not registered"},
		"no such vault": {map[string]reply{vaultURL: refused(404, "ResourceNotFound")},
			[]fleet.CheckState{good, good, good, fleet.CheckMissing, good}, "there is no vault"},
		"vault not to be read": {map[string]reply{vaultURL: refused(403, "AuthorizationFailed")},
			[]fleet.CheckState{good, good, good, fleet.CheckDenied, good}, "fleetup permissions"},
		"locked": {map[string]reply{locksURL: locks("ReadOnly")},
			[]fleet.CheckState{good, good, good, good, fleet.CheckMissing}, "ReadOnly lock"},
		"throttled": {map[string]reply{providerURL: refused(429, "TooManyRequests").with("Retry-After", "60")},
			[]fleet.CheckState{good, fleet.CheckWaiting, skipped, skipped, skipped}, "TooManyRequests"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			for uri, r := range tt.answers {
				f.on("GET", uri, r)
			}
			checks := f.upgrader(testChange()).Preflight(t.Context(), sub, []*fleet.Vault{testVault()})
			var states []fleet.CheckState
			for _, c := range checks {
				states = append(states, c.State)
			}
			if !slices.Equal(states, tt.want) || !strings.Contains(fmt.Sprint(checks), tt.says) {
				t.Errorf("got %v", checks)
			}
			if others := len(f.log) - len(f.came("GET")); others != 0 {
				t.Errorf("%d requests were no reads", others)
			}
		})
	}
	if checks := newFake(t).upgrader(testChange()).Preflight(t.Context(), sub, nil); len(checks) != 2 {
		t.Errorf("without vaults: %v", checks)
	}
}

// TestPreflightOfGuard: the resource guard's tenant is signed in to as well.
func TestPreflightOfGuard(t *testing.T) {
	t.Parallel()
	for tenant, want := range map[string]fleet.CheckState{"guardians": fleet.CheckGood, "closed": fleet.CheckDenied} {
		u, err := (&wire{}).upgrader(t, testChange(), tenant, nil)
		if err != nil {
			t.Fatal(err)
		}
		checks := u.Preflight(t.Context(), sub, nil)
		if c := checks[len(checks)-1]; c.Name != "resource guard's tenant" || c.Detail != tenant || c.State != want {
			t.Errorf("%s: %+v", tenant, c)
		}
	}
	signed := newFake(t).upgrader(testChange()).SignIns(t.Context(), "contoso")
	if len(signed) != 1 || !signed[0].Identity.Fixed {
		t.Errorf("signed in as %+v", signed)
	}
}
