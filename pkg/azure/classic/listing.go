package classic

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Scope says that one request shows all vaults of a subscription.
func (u *Upgrader) Scope() fleet.Scope { return fleet.ScopeSubscription }

// Read reads all vaults of a subscription with their upgrade records: one
// request (classic-service.md#the-listing), whatever vaults are asked for. An answer that is cut
// short, that cannot be read or that names a vault twice is an error.
func (u *Upgrader) Read(ctx context.Context, subscription string, _ []fleet.Followed) (*fleet.Snapshot, error) {
	id := subscriptionID(subscription)
	vaults := make(map[fleet.Key]fleet.Sighting)
	at, err := u.listing(ctx, id, func(v Listed) { vaults[v.Key] = v.Sighting })
	if ce, ok := errors.AsType[*fleet.CallError](err); ok && ce.Class == fleet.CallForbidden {
		ce.Action = "the classic side needs a co-administrator of the subscription, even for an owner"
	}
	if err != nil {
		return nil, err
	}
	return &fleet.Snapshot{Subscription: id, ReadAt: at, Vaults: vaults}, nil
}

// listing asks for the vaults of a subscription and visits each; sent is when
// the request went out. After an error what was visited counts for nothing.
func (u *Upgrader) listing(ctx context.Context, id string, visit func(Listed)) (sent time.Time, err error) {
	op := "list the classic vaults of subscription " + id
	resp, err := u.do(ctx, u.o.ServiceManagement, id, azure.Request{
		Op: op, Method: http.MethodGet, Header: classicHeader(), MaxBody: azure.MaxListingBody,
		Path: "/" + url.PathEscape(id) + "/cloudservices?api-version=2015-02-10",
	})
	if err != nil {
		return time.Time{}, err
	}
	if resp.Status != http.StatusOK {
		return time.Time{}, callError(resp, op)
	}
	if err := parseListing(resp.Body, id, visit); err != nil {
		return time.Time{}, resp.Garbled(op, "the listing cannot be read ("+text.Clean(err.Error(), 300)+")")
	}
	return resp.SentAt, nil
}

// parseListing decodes a listing, one cloud service at a time, and visits its
// vaults.
func parseListing(body []byte, subscription string, visit func(Listed)) error {
	r := newReader(body)
	root, err := r.root()
	if err != nil {
		return err
	}
	if err := is(root.Name, "CloudServices"); err != nil {
		return err
	}
	seen := make(map[fleet.Key]bool)
	for {
		tok, err := r.token()
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			n, err := r.element(t, 2)
			if err != nil {
				return err
			}
			if n.local != "CloudService" {
				continue
			}
			if err := visitCloudService(n, subscription, seen, visit); err != nil {
				return err
			}
		case xml.EndElement:
			return r.end()
		}
	}
}

func visitCloudService(cs *node, subscription string, seen map[fleet.Key]bool, visit func(Listed)) error {
	service, region := cs.value("Name"), cs.value("GeoRegion")
	for _, res := range cs.child("Resources").kids {
		if res.local != "Resource" {
			continue
		}
		written := res.value("Type")
		rtype, ok := vaultType(written)
		if !ok {
			continue
		}
		name := res.value("Name")
		if name == "" || region == "" {
			return fmt.Errorf("a %s in cloud service %q has no name or no region", rtype,
				text.Clean(service, text.MaxID))
		}
		key := fleet.KeyOf(fleet.KindClassic, subscription, rtype, region, name)
		if seen[key] {
			return fmt.Errorf("it names the vault %s twice, so nobody can say which record is its own", key)
		}
		seen[key] = true
		visit(Listed{Key: key, Name: name, Location: region, ResourceType: rtype, Sighting: fleet.Sighting{
			Record:  listedRecord(res),
			Address: address(subscription, service, res.value("ResourceProviderNamespace"), written, name),
		}})
	}
	return nil
}

func vaultType(s string) (fleet.ResourceType, bool) {
	for _, t := range fleet.ResourceTypes() {
		if strings.EqualFold(s, string(t)) {
			return t, true
		}
	}
	return "", false
}

// listedRecord returns the upgrade's record of a listed vault, nil where no
// upgrade was ever started.
func listedRecord(res *node) *fleet.Record {
	settings := res.child("IntrinsicSettings")
	for _, k := range settings.kids {
		if k.local == "ResourceUpgradeDetails" {
			return upgradeRecord(k)
		}
	}
	return nil
}

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
