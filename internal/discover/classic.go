package discover

import (
	"context"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// oneRate is a limiter of all subscriptions together: nobody waits long here,
// and one sign-in asks for them all.
type oneRate struct{ *runner.Limiter }

func (r oneRate) Wait(ctx context.Context, _ string, class fleet.RateLimitClass) error {
	return r.Limiter.Wait(ctx, "", class)
}

// Told learns nothing: a limit that one subscription has reached is not that of
// the others.
func (oneRate) Told(string, fleet.RateLimitClass, fleet.RateLimitAnswer) {}

func (r *Request) readClassic(ctx context.Context) ([]error, error) {
	o, f := r.Azure, r.Found
	o.Pacer = oneRate{runner.NewLimiter(r.PerSecond)}
	sm, rm, err := azure.NewAPIClients(o)
	if err != nil {
		return nil, err
	}
	var subscriptions []fleet.Subscription
	var ids []string
	for _, s := range f.Subscriptions {
		ids = append(ids, s.ID)
		subscriptions = append(subscriptions, fleet.Subscription{ID: s.ID, Tenant: s.Tenant})
	}
	up, err := classic.New(classic.Options{ServiceManagement: sm, ResourceManager: rm, Subscriptions: subscriptions})
	if err != nil {
		return nil, err
	}
	defer up.Close()
	errs := make([]error, len(f.Subscriptions))
	for i, l := range up.List(ctx, ids, r.AtOnce) {
		s := &f.Subscriptions[i]
		if l.Err != nil {
			errs[i], s.Unread = l.Err, l.Err.Error()
		}
		for _, v := range l.Vaults {
			s.Vaults = append(s.Vaults, foundVault(v))
		}
	}
	f.Source = "the classic listing of " + cloudName(f.Cloud.Name, f.Cloud.ServiceManagement)
	return errs, nil
}

// foundVault is a listed vault with what its upgrade's record means.
func foundVault(v classic.Listed) inventory.FoundVault {
	found := inventory.FoundVault{Vault: fleet.Vault{Name: v.Name, Location: v.Location, ResourceType: v.ResourceType}}
	r := v.Record
	if r == nil {
		return found
	}
	day := ""
	if !r.StartedAt.IsZero() {
		day = ", started " + r.StartedAt.UTC().Format("2006-01-02")
	}
	if r.Trigger == fleet.TriggerForced {
		day += " by Microsoft"
	}
	switch r.State {
	case fleet.RecordFailed:
		found.Note = "its last upgrade failed (operation " + r.OperationID +
			"): a run carries that over, until it is reopened"
	case fleet.RecordUpgraded:
		found.LeftOut = "upgraded already" + day
	default:
		found.LeftOut = "its upgrade is under way" + day
	}
	return found
}
