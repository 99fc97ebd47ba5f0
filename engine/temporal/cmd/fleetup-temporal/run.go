package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
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
		Flags: append(append(serverFlags(), runFlags()...), ledgerFlag,
			&cli.BoolFlag{Name: "yes",
				Usage: "start what cannot be undone; on a real cloud it needs a plan saved with fleetup plan --out"},
			&cli.StringFlag{Name: "confirm-irreversible",
				Usage: "confirm a permanent `UPGRADE` by its name, besides --yes"},
			&cli.BoolFlag{Name: "accept-expired-holds", Usage: "start vaults whose hold in the inventory is over"},
			&cli.BoolFlag{Name: "accept-warnings",
				Usage: "consent to every warning of the checks; of a saved plan that belongs to its making"},
			&cli.BoolFlag{Name: "validate-all-first", Usage: "check every vault of the fleet before the first start"}),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("run needs an inventory or a saved plan")
			}
			file := c.Args().First()
			loaded, err := session.Load(file, c.Bool("accept-warnings"))
			if err != nil {
				return err
			}
			p := loaded.Plan
			if err := consented(c, p, file, loaded.Saved); err != nil {
				return err
			}
			options, err := optionsOf(c)
			if err != nil {
				return err
			}
			conn, err := connect(c)
			if err != nil {
				return err
			}
			defer conn.Close()
			r, err := conn.begin(c.Context, c.String("ledger"), p, c.Bool("validate-all-first"), options)
			if err != nil {
				return err
			}
			return conclude(c.Context, r)
		},
	}
}

// consented refuses a run that nobody has consented to, as fleetup run does without a
// terminal.
func consented(c *cli.Context, p *plan.Plan, file string, saved bool) error {
	known := rollout.ProspectsOf(p) // what the ledger remembers, its keeper alone knows
	given := rollout.Consent{Yes: c.Bool("yes"), Saved: saved, Named: c.IsSet("confirm-irreversible"),
		Kind:    fleet.Kind(c.String("confirm-irreversible")),
		Expired: c.Bool("accept-expired-holds"), Holds: len(known.Expired(p))}
	switch given.Missing(p) {
	case rollout.MissingNothing:
		return nil
	case rollout.MissingSameKind:
		return usage("--confirm-irreversible names %q, and the plan's upgrade kind is %s; nothing was started",
			given.Kind, p.Kind)
	case rollout.MissingSaved:
		return usage("on a real cloud --yes needs a saved plan: fleetup plan %s --validate --out FILE; what was "+
			"looked at is what runs", file)
	case rollout.MissingKind:
		return usage("the upgrade kind %s can never be undone: besides --yes its name is needed, "+
			"--confirm-irreversible %s; nothing was started", p.Kind, p.Kind)
	case rollout.MissingExpired:
		return usage("the hold of %d vaults is over, and they would start: fleetup plan %s shows them; "+
			"--accept-expired-holds starts them, a later until in the inventory keeps them out of the run; "+
			"nothing was started", given.Holds, file)
	}
	return usage("upgrades cannot be undone: look at fleetup plan %s, then give --yes", file)
}

// runFlags say how a run is carried out.
func runFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "queue-of",
			Usage: "have workers of a task queue of its own act in a tenant, or in a subscription, by its ID: " +
				"`ID=QUEUE`; may be repeated"},
		&cli.BoolFlag{Name: "search-attributes",
			Usage: "say in search attributes how the run stands; fleetup-temporal attributes makes them once for a " +
				"namespace"},
	}
}

func optionsOf(c *cli.Context) (o protocol.Options, err error) {
	o.SearchAttributes = c.Bool("search-attributes")
	for _, pair := range c.StringSlice("queue-of") {
		id, queue, ok := strings.Cut(pair, "=")
		if !ok || id == "" || queue == "" {
			return o, usage("--queue-of %s: it is the ID of a tenant or a subscription, = and a task queue", pair)
		}
		if o.Queues == nil {
			o.Queues = map[string]string{}
		}
		o.Queues[strings.ToLower(id)] = queue
	}
	return o, nil
}

// conclude waits for the end of a run, and ends as fleetup does.
func conclude(ctx context.Context, r client.WorkflowRun) error {
	result, err := outcome(ctx, r)
	if err != nil {
		return ended(err)
	}
	fmt.Printf("ended with exit code %d after %d facts in %d segments\n", result.ExitCode, result.Facts,
		result.Segments)
	if result.ExitCode != fleet.ExitOK {
		return cli.Exit("", int(result.ExitCode))
	}
	return nil
}

// askAgain is how long to leave a server alone that does not answer.
const askAgain = 5 * time.Second

// outcome waits for the end of a run, for as long as it takes: a server that is away for
// longer than its client tries ends no run.
func outcome(ctx context.Context, r client.WorkflowRun) (result protocol.Result, err error) {
	for said := false; ; said = true {
		err = r.Get(ctx, &result)
		if err == nil || ctx.Err() != nil || !unanswered(err) {
			return result, err
		}
		if !said {
			fmt.Fprintf(os.Stderr, "the server does not answer (%v): the run goes on when it does, and is waited for\n",
				err)
		}
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// unanswered reports whether an error is of a server that cannot be reached, and says
// nothing of the run.
func unanswered(err error) bool {
	if _, ok := errors.AsType[*serviceerror.Unavailable](err); ok {
		return true
	}
	_, ok := errors.AsType[*serviceerror.DeadlineExceeded](err)
	return ok || errors.Is(err, context.DeadlineExceeded)
}

// ended says why a run did not come to its end.
func ended(err error) error {
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return cli.Exit("fleetup-temporal: "+refused.Message(), int(fleet.ExitUsage))
	}
	if _, ok := errors.AsType[*temporal.TerminatedError](err); ok {
		return cli.Exit("fleetup-temporal: the workflow was terminated: go on with it by fleetup-temporal resume",
			int(fleet.ExitInterrupted))
	}
	return err
}

// begin starts the workflow of a plan on a ledger that has no run under way.
func (c *connection) begin(ctx context.Context, ledger string, p *plan.Plan, allFirst bool,
	o protocol.Options) (client.WorkflowRun, error) {
	data, err := plan.Encode(p)
	if err != nil {
		return nil, err
	}
	key, err := c.store.PutPlan(ctx, p.Fingerprint, data)
	if err != nil {
		return nil, err
	}
	return c.start(ctx, len(p.Vaults), "fleetup run of plan "+p.ShortFingerprint(),
		protocol.Input{Ledger: ledger, Plan: data, Scope: protocol.ScopeOf(p), Options: o,
			Ref: protocol.PlanRef{Fingerprint: p.Fingerprint, Key: key},
			Opened: fleet.RunOpened{RunID: session.NewRunID(session.Now()), By: session.Actor(p.Credentials),
				Version:          version,
				ValidateAllFirst: allFirst, Engine: fleet.EngineTemporal}})
}

// manyVaults is for how large a fleet a run is taken of which nothing is known here.
const manyVaults = 20_000

// resume starts a workflow that goes on with the ledger's run.
func (c *connection) resume(ctx context.Context, ledger string, r protocol.Resume,
	o protocol.Options) (client.WorkflowRun, error) {
	return c.start(ctx, manyVaults, "fleetup resume", protocol.Input{Ledger: ledger, Options: o, Resume: &r})
}

// start starts a workflow on a ledger, after the one that the server knows.
func (c *connection) start(ctx context.Context, vaults int, summary string, in protocol.Input) (client.WorkflowRun,
	error) {
	previous, live, err := c.past().Newest(ctx, in.Ledger)
	switch {
	case live:
		return nil,
			cli.Exit(fmt.Sprintf("fleetup-temporal: ledger %s has a run under way: fleetup status --state %s.db on "+
				"the host that keeps the ledger says how it stands", in.Ledger, in.Ledger), int(fleet.ExitInUse))
	case err != nil && !errors.Is(err, histories.ErrNone):
		return nil, err
	}
	in.Previous = previous
	r, err := c.client.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: in.Ledger, TaskQueue: c.queue, WorkflowTaskTimeout: taskTimeout(vaults),
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, StaticSummary: summary}, protocol.Rollout,
		in)
	if err != nil {
		return nil, fmt.Errorf("the run on ledger %s cannot be begun: %w", in.Ledger, err)
	}
	return r, nil
}
