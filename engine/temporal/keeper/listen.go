package keeper

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// listen opens the socket by which fleetup status, pause, approve and the like reach
// the run, as if this process carried it out.
func (k *Keeper) listen(name string, b *book) error {
	if k.Say == nil {
		return nil
	}
	socket, err := control.Serve(control.Config{Ledger: b.lock.Real(), Version: k.Version, RunID: b.runID,
		Journal: b.ledger,
		Obey: func(ctx context.Context, who control.Peer, raw json.RawMessage) (any, error) {
			return k.obey(ctx, name, who, raw)
		}})
	if err != nil {
		return err
	}
	b.socket = socket
	return b.lock.Announce(socket.Path())
}

// obey hands an order to the run's workflow, which answers when it is in its history.
func (k *Keeper) obey(ctx context.Context, ledger string, who control.Peer, raw json.RawMessage) (any, error) {
	o, err := rollout.ReadOrder(raw)
	if err != nil {
		return nil, &control.Refusal{Message: "the run does not know this order: " + err.Error(),
			ExitCode: fleet.ExitUsage,
			Next:     "give it with the version of fleetup that keeps the ledger, " + k.Version}
	}
	if err := o.Check(); err != nil {
		return nil, &control.Refusal{Message: err.Error(), ExitCode: fleet.ExitUsage}
	}
	o.Reason = strings.TrimSpace(o.Reason)
	by := session.Actor(fleet.Credentials{})
	by.User, by.PID, by.Credential = who.User, who.PID, ""
	said, err := k.Say(ctx, ledger, protocol.Ask{Order: o, By: by})
	if err != nil {
		return nil, &control.Refusal{Message: err.Error(), ExitCode: fleet.ExitUsage}
	}
	return said, nil
}
