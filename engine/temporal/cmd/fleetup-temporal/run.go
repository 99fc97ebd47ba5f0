package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// taskTimeout is how long a worker may take for one step of the workflow, and so for how
// long the run stands still when one is lost with it. The first step of a large fleet
// takes seconds. The server allows two minutes at most.
func taskTimeout(vaults int) time.Duration {
	return min(10*time.Second+time.Duration(vaults)*time.Millisecond, 2*time.Minute)
}

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "begin a run, and wait for its end",
		ArgsUsage: "INVENTORY|PLAN",
		Flags: append(serverFlags(), ledgerFlag,
			&cli.BoolFlag{Name: "yes", Usage: "start what cannot be undone"}),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("run needs an inventory or a saved plan")
			}
			if !c.Bool("yes") {
				return usage("upgrades cannot be undone: look at fleetup plan %s, then give --yes", c.Args().First())
			}
			p, _, err := session.Load(c.Args().First(), false)
			if err != nil {
				return err
			}
			conn, err := connect(c)
			if err != nil {
				return err
			}
			defer conn.Close()
			r, err := conn.begin(c.Context, c.String("ledger"), p, protocol.Options{})
			if err != nil {
				return err
			}
			return conclude(c.Context, r)
		},
	}
}

// conclude waits for the end of a run, and ends as fleetup does.
func conclude(ctx context.Context, r client.WorkflowRun) error {
	var result protocol.Result
	if err := r.Get(ctx, &result); err != nil {
		return ended(err)
	}
	fmt.Printf("ended with exit code %d after %d facts in %d segments\n", result.ExitCode, result.Facts, result.Segments)
	if result.ExitCode != fleet.ExitOK {
		return cli.Exit("", int(result.ExitCode))
	}
	return nil
}

// ended says why a run did not come to its end.
func ended(err error) error {
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return cli.Exit("fleetup-temporal: "+refused.Message(), int(fleet.ExitUsage))
	}
	if _, ok := errors.AsType[*temporal.TerminatedError](err); ok {
		return cli.Exit("fleetup-temporal: the workflow was terminated: go on with it by fleetup-temporal resume", int(fleet.ExitInterrupted))
	}
	return err
}

// begin starts the workflow of a plan on a ledger that has no run under way.
func (c *connection) begin(ctx context.Context, ledger string, p *plan.Plan, o protocol.Options) (client.WorkflowRun, error) {
	data, err := plan.Encode(p)
	if err != nil {
		return nil, err
	}
	key, err := c.store.PutPlan(ctx, p.Fingerprint, data)
	if err != nil {
		return nil, err
	}
	return c.start(ctx, len(p.Vaults), "fleetup run of plan "+p.ShortFingerprint(),
		protocol.Input{Ledger: ledger, Plan: data, Scope: protocol.ScopeOf(p), Options: o, Ref: protocol.PlanRef{Fingerprint: p.Fingerprint, Key: key},
			Opened: fleet.RunOpened{RunID: session.NewRunID(session.Now()), By: session.Actor(p.Credentials), Version: version}})
}

// manyVaults is for how large a fleet a run is taken of which nothing is known here.
const manyVaults = 20_000

// resume starts a workflow that goes on with the ledger's run.
func (c *connection) resume(ctx context.Context, ledger string, r protocol.Resume, o protocol.Options) (client.WorkflowRun, error) {
	return c.start(ctx, manyVaults, "fleetup resume", protocol.Input{Ledger: ledger, Options: o, Resume: &r})
}

// start starts a workflow on a ledger, after the one that the server knows.
func (c *connection) start(ctx context.Context, vaults int, summary string, in protocol.Input) (client.WorkflowRun, error) {
	previous, live, err := c.past().Newest(ctx, in.Ledger)
	switch {
	case live:
		return nil, cli.Exit(fmt.Sprintf("fleetup-temporal: ledger %s has a run under way: fleetup status --state %s.db on the host that keeps the ledger says how it stands", in.Ledger, in.Ledger), int(fleet.ExitInUse))
	case err != nil && !errors.Is(err, histories.ErrNone):
		return nil, err
	}
	in.Previous = previous
	r, err := c.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: in.Ledger, TaskQueue: c.queue, WorkflowTaskTimeout: taskTimeout(vaults),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, StaticSummary: summary}, protocol.Rollout, in)
	if err != nil {
		return nil, fmt.Errorf("the run on ledger %s cannot be begun: %w", in.Ledger, err)
	}
	return r, nil
}
