package classic

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Listed is a vault as the listing spells it.
type Listed struct {
	Key          fleet.Key
	Name         string
	Location     string
	ResourceType fleet.ResourceType
	fleet.Sighting
}

// Listing is what the listing of one subscription gave: its vaults in their
// order there, or an error.
type Listing struct {
	Vaults []Listed
	Err    error
}

// List reads all vaults of some subscriptions as Read does, one request each
// and so many at once. The listings are in the order of the subscriptions; one
// that fails does not stop the others.
func (u *Upgrader) List(ctx context.Context, subscriptions []string, atOnce int) []Listing {
	out := make([]Listing, len(subscriptions))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(max(atOnce, 1), len(subscriptions)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(subscriptions); i = int(next.Add(1)) - 1 {
				out[i] = u.list(ctx, subscriptionID(subscriptions[i]))
			}
		})
	}
	workers.Wait()
	return out
}

func (u *Upgrader) list(ctx context.Context, id string) Listing {
	var l Listing
	if _, l.Err = u.listing(ctx, id, func(v Listed) { l.Vaults = append(l.Vaults, v) }); l.Err != nil {
		l.Vaults = nil // half a listing is none
	}
	return l
}
