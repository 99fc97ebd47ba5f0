package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// again is a fake of which the reads of a refresh are asked too. Any other call
// panics: a refresh checks nothing and starts nothing.
type again struct {
	fake
	verify func(v *fleet.Vault) (fleet.Verification, error)
}

func (a *again) Reconcile(_ context.Context, v *fleet.Vault, op string, _ fleet.Sighting, present bool,
	_ []string) fleet.Reconciliation {
	if !present || v.Key == "v5" || v.Key == "v6" {
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	}
	time.Sleep(time.Second)
	state := fleet.RecordUpgraded
	if v.Key == "v1" {
		state = fleet.RecordFailed
	}
	return fleet.Reconciliation{Reading: fleet.ReadOurs, Record: &fleet.Record{OperationID: op, State: state}}
}

func (a *again) Verify(_ context.Context, v *fleet.Vault, _ string) (fleet.Verification, error) {
	return a.verify(v)
}

func (a *again) Explain(context.Context, *fleet.Vault, fleet.Sighting) []fleet.Finding {
	return []fleet.Finding{{Code: "why"}}
}

// stateOf is a run of which nothing is known yet.
func stateOf(vaults int) *rollout.State {
	p := planOf(vaults)
	p.Waves = []plan.Wave{{Name: "all"}}
	return rollout.NewState(p)
}

// Vaults are read at once, each subscription a single time; one that asks for
// patience gets it, and one that cannot be read troubles nobody else.
func TestRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := stateOf(40)
		var vaults []int
		for i := range st.Vaults {
			vaults = append(vaults, i)
		}
		tries := 0
		a := &again{verify: func(v *fleet.Vault) (fleet.Verification, error) {
			switch v.Key {
			case "v2":
				return fleet.Verification{Detail: "Provisioning"}, nil
			case "v3":
				return fleet.Verification{}, &fleet.CallError{Class: fleet.CallForbidden}
			case "v6":
				return fleet.Verification{}, &fleet.CallError{Class: fleet.CallUnreachable}
			case "v4":
				if tries++; tries == 1 {
					return fleet.Verification{},
						&fleet.CallError{Class: fleet.CallThrottled, RetryAfter: 7 * time.Second}
				}
			}
			return fleet.Verification{OK: true, ResourceID: "/new"}, nil
		}}
		began := time.Now()
		got := Refresh(t.Context(), RefreshOptions{State: st, Vaults: vaults, Cloud: a, Limiter: NewLimiter(100),
			By: fleet.Actor{User: "alex"}})
		if d := time.Since(began); d > 15*time.Second {
			t.Errorf("it took %v: not many at once", d)
		}
		if tries != 2 || a.count() != 2 {
			t.Errorf("the throttled vault was read %d times, and %d listings", tries, a.count())
		}
		for i, r := range got {
			f, k := r.Fact, st.Plan.Vaults[i].Key
			if r.Vault != i || r.Err == nil && (f.Vault != k || f.By.User != "alex") {
				t.Errorf("result %d is of vault %d: %+v", i, r.Vault, f)
			}
			switch k {
			case "v1":
				if f.Verified || len(f.Findings) != 1 || f.Findings[0].Code != "why" {
					t.Errorf("the failed one: %+v", f)
				}
			case "v2":
				if f.Verified || len(f.Findings) != 1 || f.Findings[0].Code != fleet.CodeNotVerified ||
					f.Detail != "Provisioning" {
					t.Errorf("the one that is not verified: %+v", f)
				}
			case "v5": // there is no answer to be had from the vault
				if f.Reading != fleet.ReadUnreadable || f.Verified || r.Err != nil {
					t.Errorf("the one that is not readable: %+v, %v", f, r.Err)
				}
			case "v6": // nor from the service
				if fleet.ClassOf(r.Err) != fleet.CallUnreachable {
					t.Errorf("the one that is not reachable: %v", r.Err)
				}
			case "v3":
				if fleet.ClassOf(r.Err) != fleet.CallForbidden {
					t.Errorf("the one that may not be read: %v", r.Err)
				}
			default:
				if !f.Verified || f.ResourceID != "/new" || r.Err != nil {
					t.Errorf("%s: %+v, %v", k, f, r.Err)
				}
			}
		}
	})
}

// One that is told to stop says of the rest that it was not read.
func TestRefreshInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		st := stateOf(2)
		a := &again{verify: func(*fleet.Vault) (fleet.Verification, error) { return fleet.Verification{OK: true}, nil }}
		a.read = func(ctx context.Context, n int) error {
			if n == 2 {
				cancel()
				<-ctx.Done()
			}
			return ctx.Err()
		}
		for _, r := range Refresh(ctx, RefreshOptions{State: st, Vaults: []int{0, 1}, Cloud: a}) {
			if !errors.Is(r.Err, context.Canceled) {
				t.Errorf("vault %d: %v", r.Vault, r.Err)
			}
		}
	})
}
