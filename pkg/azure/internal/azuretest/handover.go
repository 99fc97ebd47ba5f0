// Package azuretest has what the tests of several kinds do alike.
package azuretest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Starter is the half of an upgrader that starts.
type Starter interface {
	Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error)
	Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart, may fleet.MayLeave) fleet.StartAnswer
}

// AtLeisure lets a start leave whenever it can.
func AtLeisure() (time.Duration, string) { return time.Hour, "" }

// Prepare makes a start ready, and returns what sends it as another process would
// that was handed it: encoded and read again. It panics where it cannot be read.
func Prepare(ctx context.Context, u Starter, v *fleet.Vault,
	seen fleet.Sighting) (func(context.Context, string) fleet.StartAnswer, error) {
	start, err := u.Prepare(ctx, v, seen)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(start)
	return func(ctx context.Context, operationID string) fleet.StartAnswer {
		var handed fleet.PreparedStart
		if err := json.Unmarshal(data, &handed); err != nil {
			panic(err)
		}
		handed.OperationID = operationID
		return u.Send(ctx, v, handed, AtLeisure)
	}, err
}
