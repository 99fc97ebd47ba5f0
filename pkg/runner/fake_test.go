package runner

import (
	"context"
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
	validate func(ctx context.Context, v *fleet.Vault) fleet.Validation
}

func (f *fake) Read(ctx context.Context, subscription string, keys []fleet.Key) (*fleet.Snapshot, error) {
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
	for _, k := range keys {
		s.Vaults[k] = fleet.Sighting{Address: fmt.Sprint(n)}
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

// planOf is a plan of so many vaults over subA and subB in turn.
func planOf(vaults int) *plan.Plan {
	p := &plan.Plan{Timings: plan.DefaultTimings(), Limits: plan.DefaultLimits()}
	for i := range vaults {
		p.Vaults = append(p.Vaults, plan.Vault{Vault: fleet.Vault{Key: fleet.Key(fmt.Sprintf("v%d", i)),
			SubscriptionID: []string{subA, subB}[i%2], Name: fmt.Sprintf("v%d", i)}})
	}
	return p
}

// listerOf is a lister whose readings have all ended when the bubble does.
func listerOf(t *testing.T, f *fake) (*lister, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	var calls errgroup.Group
	l := newLister(ctx, &calls, f, planOf(4), newClock(time.Now(), time.Time{}))
	t.Cleanup(func() { cancel(); _ = calls.Wait() })
	return l, cancel
}
