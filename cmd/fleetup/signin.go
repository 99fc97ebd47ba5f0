package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// signedIn refuses to begin where one side of the cloud gives no token at all:
// better now, with somebody here, than after the first reads were refused.
func (e *environment) signedIn(c *session.Cloud) error {
	defer e.ends.watch()()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.SignIn(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			return failure.New(fleet.ExitSignIn, fmt.Errorf("%w; nothing was started", err),
				"sign in (with the Azure CLI: az login), or choose another sign-in with --credential or in the "+
					"inventory")
		}
		return nil
	case <-e.interrupt:
		return failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was started"), "")
	}
}
