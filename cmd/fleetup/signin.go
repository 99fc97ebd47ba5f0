package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// signIn gets a token for each tenant of some subscriptions from one side. It
// fails only where no tenant gives any: a single one must not keep the others
// from being upgraded. The tokens are kept for the calls that follow.
func signIn(ctx context.Context, side *azure.APIClients, subscriptions []fleet.Subscription) error {
	var refused error
	tried := map[string]bool{}
	for i := range subscriptions {
		tenant := subscriptions[i].Tenant
		if tried[tenant] {
			continue
		}
		tried[tenant] = true
		client, err := side.Client(tenant)
		if err == nil {
			err = client.Once(nil).Prepare(ctx, "sign in", "")
		}
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*azure.SignInError](err); ok {
			err = e // the call it was for says nothing more
		}
		if refused == nil {
			refused = fmt.Errorf("the %s side: %w", side.Name(), err)
		}
	}
	return refused
}

// signedIn refuses to begin where one side of the cloud gives no token at all:
// better now, with somebody here, than after the first reads were refused.
func (e *environment) signedIn(c *cloud) error {
	defer e.ends.watch()()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.signIn(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			return failure.New(fleet.ExitSignIn, fmt.Errorf("%w; nothing was started", err),
				"sign in (with the Azure CLI: az login), or choose another sign-in with --credential or in the inventory")
		}
		return nil
	case <-e.interrupt:
		return failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was started"), "")
	}
}
