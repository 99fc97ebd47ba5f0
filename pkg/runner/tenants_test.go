package runner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// expiring is a sign-in that works until it has expired, and again once somebody has
// signed in anew.
type expiring struct{ expires, again time.Time }

func (s expiring) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if now := time.Now(); !s.expires.IsZero() && !now.Before(s.expires) && (s.again.IsZero() || now.Before(s.again)) {
		return azcore.AccessToken{}, errors.New("the refresh token has expired")
	}
	return azcore.AccessToken{Token: secret, ExpiresOn: time.Now().Add(5 * time.Minute)}, nil
}

// TestATenantsExpiredSignIn: the sign-in of one tenant holds up the vaults of that tenant
// alone. Those of the other are upgraded meanwhile; its own go on when somebody has signed in
// anew, or else stay where they are, the run leaves with exit 8 and a resume finishes it.
// Nothing is started twice, and nothing fails for it.
func TestATenantsExpiredSignIn(t *testing.T) {
	t.Parallel()
	const here, there = "72f988bf-86f1-41af-91ab-2d7cd011db47", "b1e2a5c0-9a41-4c0e-8a4e-6f6f8b7c1d20"
	for name, signedIn := range map[string]time.Duration{"and somebody signs in anew": 30 * time.Minute,
		"and nobody signs in": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				begun := time.Now()
				p := fleetOf(t, 12, 2, []plan.WaveSpec{{Name: "all", CatchAll: true}}, func(in *plan.Input) {
					in.Subscriptions[0].Tenant, in.Subscriptions[1].Tenant = here, there
					in.Limits.PerSubscription = 1
				})
				n := newNight(t, p, asPredicted)
				n.patience = 48 * time.Hour
				expires := begun.Add(40 * time.Minute)
				n.sides = func(o *azure.Options) {
					o.Cloud = fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "https://sm.contoso.example",
						ResourceManager: "https://rm.contoso.example"}
					first := n.started == 1
					o.NewCredential = func(_ fleet.CredentialKind, tenant string) (azcore.TokenCredential, error) {
						switch s := (expiring{expires: expires}); {
						case tenant != there || !first:
							return expiring{}, nil // a later process is begun by who signed in
						default:
							if signedIn > 0 {
								s.again = expires.Add(signedIn)
							}
							return s, nil
						}
					}
				}
				code, err := n.process()
				if err != nil {
					t.Fatal(err)
				}
				st, ours := n.state(), map[string]int{}
				for i := range st.Vaults {
					if st.Vaults[i].Status == fleet.Upgraded {
						ours[p.Vaults[i].SubscriptionID]++
					}
				}
				if ours[sub1] != 6 {
					t.Errorf("of the tenant whose sign-in holds %d of 6 are upgraded: %v", ours[sub1], st.Totals)
				}
				if failed := st.Totals.Of(fleet.Failed) + st.Totals.Of(fleet.Blocked); failed > 0 {
					t.Errorf("%d failed or are blocked for want of a sign-in", failed)
				}
				for _, s := range n.trace.starts() {
					late := !s.at.Before(expires) && (signedIn == 0 || s.at.Before(expires.Add(signedIn)))
					if s.subscription == sub2 && late {
						t.Errorf("%s at %s, without a sign-in", s.vault, s.at)
					}
				}
				switch {
				case signedIn > 0 && (code != fleet.ExitOK || ours[sub2] != 6):
					t.Errorf("exit %d with %d of 6 of the other tenant", code, ours[sub2])
				case signedIn == 0 && (code != fleet.ExitSignIn || ours[sub2] == 6 || ours[sub2] == 0):
					t.Errorf("exit %d with %d of 6 of the tenant that nobody signs in to", code, ours[sub2])
				case signedIn == 0:
					if why := st.Run.Suspended; why == nil || why.Subscription != sub2 {
						t.Errorf("the run was left for %+v", why)
					}
					n.ends(fleet.ExitOK)
				}
				for vault, times := range n.posts() {
					if times != 1 {
						t.Errorf("%s was started %d times", vault, times)
					}
				}
			})
		})
	}
}
