package azure

import (
	"errors"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Tenants are the tenants to sign in to, by subscription. A subscription that is not
// there is asked in the credential's own tenant.
type Tenants map[string]string

// SignInsOf returns the tenants of subscriptions. It makes no call, but builds each
// tenant's credentials on some sides, and those of others besides: what the environment
// lacks is an error now (*SignInError inside), not in the night.
func SignInsOf(subscriptions []fleet.Subscription, others []string, sides ...*APIClients) (Tenants, error) {
	t := Tenants{}
	tried := map[string]bool{}
	var errs []error
	try := func(tenant string) {
		for _, side := range sides {
			if !tried[tenant] {
				_, err := side.Client(tenant)
				errs = append(errs, err)
			}
		}
		tried[tenant] = true
	}
	for _, s := range subscriptions {
		t[s.ID] = s.Tenant
		try(s.Tenant)
	}
	for _, tenant := range others {
		try(tenant)
	}
	return t, errors.Join(errs...)
}

// Client is a side's client for a subscription. Its error is a *fleet.CallError.
func (t Tenants) Client(side *APIClients, subscription, op string) (*Client, error) {
	c, err := side.Client(t[subscription])
	if err != nil {
		return nil, &fleet.CallError{Op: op, Class: fleet.CallDenied, Err: err}
	}
	return c, nil
}
