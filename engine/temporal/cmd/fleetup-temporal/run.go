package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

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
		Flags: []cli.Flag{addressFlag, namespaceFlag, queueFlag, blobsFlag,
			&cli.StringFlag{Name: "ledger", Required: true, Usage: "the `NAME` of the ledger, which is the workflow's ID"},
			&cli.BoolFlag{Name: "yes", Usage: "start what cannot be undone"}},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fmt.Errorf("run needs an inventory or a saved plan")
			}
			if !c.Bool("yes") {
				return fmt.Errorf("upgrades cannot be undone: look at fleetup plan %s, then give --yes", c.Args().First())
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
			var result protocol.Result
			if err := r.Get(c.Context, &result); err != nil {
				return err
			}
			fmt.Printf("ended with exit code %d after %d facts in %d segments\n", result.ExitCode, result.Facts, result.Segments)
			if result.ExitCode != fleet.ExitOK {
				return cli.Exit("", int(result.ExitCode))
			}
			return nil
		},
	}
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
	in := protocol.Input{Ledger: ledger, Plan: data, Scope: scopeOf(p), Options: o, Ref: protocol.PlanRef{Fingerprint: p.Fingerprint, Key: key},
		Opened: fleet.RunOpened{RunID: session.NewRunID(session.Now()), By: session.Actor(p.Credentials), Version: version}}
	return c.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: ledger, TaskQueue: c.queue, WorkflowTaskTimeout: taskTimeout(len(p.Vaults)),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, StaticSummary: "fleetup run of plan " + p.ShortFingerprint()}, protocol.Rollout, in)
}

// scopeOf is how much one reading takes in: classic vaults are listed, today's are read
// one by one.
func scopeOf(p *plan.Plan) fleet.Scope {
	if p.Kind == fleet.KindClassic {
		return fleet.ScopeSubscription
	}
	return fleet.ScopeVault
}
