package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

const subA, subB = "sub-a", "sub-b"

// fake is a cloud of which only readings and checks are asked.
type fake struct {
	Upgrader // nil: a call that is not expected panics
	mu       sync.Mutex
	reads    []time.Time
	read     func(ctx context.Context, n int) error // of the nth reading, from 1
	sentAt   func() time.Time
	one      bool            // vaults are read one by one
	state    json.RawMessage // of every vault
	validate func(ctx context.Context, v *fleet.Vault) fleet.Validation
}

func (f *fake) Scope() fleet.Scope {
	if f.one {
		return fleet.ScopeVault
	}
	return fleet.ScopeSubscription
}

func (f *fake) Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	f.mu.Lock()
	sent := time.Now()
	f.reads = append(f.reads, sent)
	n := len(f.reads)
	f.mu.Unlock()
	if f.read != nil {
		if err := f.read(ctx, n); err != nil {
			return nil, err
		}
	}
	s := &fleet.Snapshot{Subscription: subscription, ReadAt: sent, Vaults: map[fleet.Key]fleet.Sighting{}}
	if f.sentAt != nil {
		s.ReadAt = f.sentAt()
	}
	for _, v := range vaults {
		s.Vaults[v.Vault.Key] = fleet.Sighting{Address: fmt.Sprint(n), State: f.state}
	}
	return s, nil
}

func (f *fake) Validate(ctx context.Context, v *fleet.Vault, _ fleet.Sighting, _ bool, _ []string) fleet.Validation {
	return f.validate(ctx, v)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reads)
}

var errRead = &fleet.CallError{Op: "list", Class: fleet.CallUnreachable, Err: errors.New("no route")}

// vaultIn is the first vault that planOf puts into a subscription.
func vaultIn(subscription string) *fleet.Vault {
	return &fleet.Vault{Key: map[string]fleet.Key{subA: "v0", subB: "v1"}[subscription], SubscriptionID: subscription}
}

// planOf is a plan of so many vaults over subA and subB in turn.
func planOf(vaults int) *plan.Plan {
	p := &plan.Plan{Timings: plan.DefaultTimings(), Limits: plan.DefaultLimits()}
	for i := range vaults {
		p.Vaults = append(p.Vaults, plan.Vault{Vault: fleet.Vault{Key: fleet.Key(fmt.Sprintf("v%d", i)),
			SubscriptionID: []string{subA, subB}[i%2], Name: fmt.Sprintf("v%d", i)}})
	}
	return p
}

// cacheOf is a cache whose readings have all ended when the bubble does.
func cacheOf(t *testing.T, f *fake) (*snapshotCache, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	var calls errgroup.Group
	l := newSnapshotCache(ctx, &calls, f, planOf(4), newClock(time.Now(), time.Time{}))
	t.Cleanup(func() { cancel(); _ = calls.Wait() })
	return l, cancel
}
