package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/activities"
	"github.com/fleetup-dev/fleetup/engine/temporal/keeper"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/engine/temporal/rolloutflow"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// A step of a large fleet takes longer than the second after which the SDK takes a
// workflow for stuck.
const longestStep = time.Minute

// manyAtOnce is how many activities a worker has at the same time: they wait for the
// cloud, and cost next to nothing meanwhile.
const manyAtOnce = 2000

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "carry out what runs ask for, until it is told to end",
		Flags: append(serverFlags(),
			&cli.StringFlag{Name: "ledgers",
				Usage: "keep the ledgers' files in this `FOLDER`: one worker of a task queue does"},
			&cli.BoolFlag{Name: "activities-only",
				Usage: "carry actions out and no workflows: for the task queue of a tenant (run --queue-of)"},
			&cli.IntFlag{Name: "share", DefaultText: "as many as the server sees at the task queue",
				Usage: "use one part in `N` of each plan's request rate, where N workers speak to the same " +
					"subscriptions, of other task queues too"},
			&cli.Float64Flag{Name: "activities-per-second",
				Usage: "have the server hand out so many actions a second at most, over all workers of the task " +
					"queue: `RATE`"},
			&cli.StringFlag{Name: "deployment",
				Usage: "the `NAME` of the worker deployment that this worker is of: a run stays with the build that " +
					"began it"},
			&cli.StringFlag{Name: "build-id", DefaultText: generation(),
				Usage: "the `ID` of this build in the deployment"},
			&cli.StringFlag{Name: "emulator", Usage: "the `URL` of the emulator, for plans of cloud Emulator"}),
		Action: work,
	}
}

// generation names the build by what it makes of a history.
func generation() string { return fmt.Sprintf("generation-%d", rolloutflow.Generation) }

func work(c *cli.Context) error {
	share := c.Int("share")
	switch {
	case c.IsSet("share") && share < 1:
		return usage("--share is how many workers share the rate, 1 at least")
	case c.String("deployment") == "" && c.String("build-id") != "":
		return usage("--build-id is of a --deployment: name that too")
	case c.Bool("activities-only") && c.String("ledgers") != "":
		return usage("the worker that keeps the ledgers is one of the run's own task queue, without --activities-only")
	}
	conn, err := connect(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	host, _ := os.Hostname()
	// Two containers may have the same host's name and process ID.
	self := fmt.Sprintf("%d@%s@%s", os.Getpid(), host, rand.Text())
	rates, ctx := newShares(max(share, 1)), c.Context
	if share == 0 {
		n, err := pollers(ctx, conn.client, conn.queue, self)
		if err != nil {
			return fmt.Errorf("the server does not say how many workers share the request rate (give --share N): %w",
				err)
		}
		rates.among(n)
		following, end := context.WithCancel(ctx)
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			rates.follow(following, conn.client, conn.queue, self)
		}()
		defer func() { end(); <-followed }()
	}
	plans := func(ctx context.Context, ref protocol.PlanRef) ([]byte, error) { return conn.store.Get(ctx, ref.Key) }
	calls := &activities.Worker{Plan: plans,
		Connect: func(p *plan.Plan) (*session.Cloud, error) {
			return cloudOf(p, c.String("emulator"), rates)
		}}
	defer calls.Close()
	o := worker.Options{Identity: self, DeadlockDetectionTimeout: longestStep,
		MaxConcurrentActivityExecutionSize: manyAtOnce,
		WorkerStopTimeout:                  5 * time.Second,
		DisableWorkflowWorker:              c.Bool("activities-only"),
		TaskQueueActivitiesPerSecond:       c.Float64("activities-per-second")}
	if name := c.String("deployment"); name != "" {
		o.DeploymentOptions = worker.DeploymentOptions{UseVersioning: true,
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
			Version: worker.WorkerDeploymentVersion{DeploymentName: name,
				BuildID: cmp.Or(c.String("build-id"), generation())}}
	}
	w := worker.New(conn.client, conn.queue, o)
	if !o.DisableWorkflowWorker {
		w.RegisterWorkflowWithOptions(rolloutflow.Rollout, workflow.RegisterOptions{Name: protocol.Rollout})
	}
	w.RegisterActivityWithOptions(calls.Check, activity.RegisterOptions{Name: protocol.Check})
	w.RegisterActivityWithOptions(calls.Call, activity.RegisterOptions{Name: protocol.Call})
	w.RegisterActivityWithOptions(calls.Send, activity.RegisterOptions{Name: protocol.Send})
	w.RegisterActivityWithOptions(calls.Watch, activity.RegisterOptions{Name: protocol.Watch})
	if folder := c.String("ledgers"); folder != "" {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		k := &keeper.Keeper{Folder: folder, Version: c.App.Version, Plan: plans, Say: saying(conn.client),
			Keep: conn.store.PutLedger, Blob: conn.store.Get,
			Store: conn.store.PutPlan, Past: conn.past().Read}
		defer k.Close()
		k.Hold()
		l := worker.New(conn.client, protocol.LedgerQueue(conn.queue),
			worker.Options{MaxConcurrentActivityExecutionSize: manyAtOnce, DisableWorkflowWorker: true})
		l.RegisterActivityWithOptions(k.Open, activity.RegisterOptions{Name: protocol.Open})
		l.RegisterActivityWithOptions(k.Record, activity.RegisterOptions{Name: protocol.Record})
		if err := l.Start(); err != nil {
			return err
		}
		defer l.Stop()
	}
	if err := w.Start(); err != nil {
		return err
	}
	fmt.Printf("working on task queue %s\n", conn.queue)
	<-c.Context.Done()
	w.Stop()
	return nil
}

// saying hands orders to the workflows of runs.
func saying(cl client.Client) func(context.Context, string, protocol.Ask) (rollout.Said, error) {
	return func(ctx context.Context, ledger string, a protocol.Ask) (said rollout.Said, err error) {
		h, err := cl.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: ledger, UpdateName: protocol.Order,
			Args: []any{a}, WaitForStage: client.WorkflowUpdateStageCompleted})
		if err == nil {
			err = h.Get(ctx, &said)
		}
		if _, over := errors.AsType[*serviceerror.NotFound](err); over {
			err = fmt.Errorf("no workflow carries out the run on ledger %s: fleetup-temporal resume --ledger %s goes "+
				"on with it", ledger, ledger)
		}
		return said, err
	}
}

// cloudOf connects to a plan's cloud, or to the emulator at a URL, at this worker's part of
// the plan's rate.
func cloudOf(p *plan.Plan, emulator string, rates *shares) (*session.Cloud, error) {
	limiter := rates.limiter(p.Limits.RequestsPerSecond)
	if p.Cloud.Name != fleet.Emulator {
		return session.Process{Command: "temporal worker"}.Connect(p,
			session.ConnectOptions{Credentials: p.Credentials, Limiter: limiter})
	}
	if emulator == "" {
		return nil, fmt.Errorf("the plan is of cloud Emulator: a worker finds it with --emulator")
	}
	endpoints := p.Cloud
	endpoints.ServiceManagement, endpoints.ResourceManager = emulator, emulator
	k, err := session.KindOfPlan(p)
	if err != nil {
		return nil, err
	}
	up, _, err := k.Connect(p, session.ConnectOptions{},
		azure.Options{Cloud: endpoints, Version: "temporal", Pacer: limiter})
	if err != nil {
		return nil, err
	}
	return &session.Cloud{Upgrader: up, Limiter: limiter, Disconnect: up.Close}, nil
}
