package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
)

// answers is a run of which a server says one thing after the other.
type answers struct {
	client.WorkflowRun
	errs []error
}

func (a *answers) Get(_ context.Context, result any) error {
	err := a.errs[0]
	if a.errs = a.errs[1:]; err == nil {
		result.(*protocol.Result).Facts = 7
	}
	return err
}

// TestOutcome: a server that does not answer ends no waiting; what it says of the run does.
func TestOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away, gone := serviceerror.NewUnavailable("connection refused"), serviceerror.NewNotFound("no such workflow")
		late := &serviceerror.DeadlineExceeded{Message: "context deadline exceeded"}
		r, err := outcome(t.Context(), &answers{errs: []error{away, late, context.DeadlineExceeded, nil}})
		if err != nil || r.Facts != 7 {
			t.Errorf("behind a server that was away: %+v, %v", r, err)
		}
		if _, err := outcome(t.Context(), &answers{errs: []error{away, gone}}); !errors.Is(err, gone) {
			t.Errorf("of a run that is gone: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := outcome(ctx, &answers{errs: []error{away}}); err == nil {
			t.Error("it goes on for one who has left")
		}
	})
}
