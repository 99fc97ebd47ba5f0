package main

import (
	"context"
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
	"github.com/fleetup-dev/fleetup/pkg/runner"
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
			&cli.StringFlag{Name: "ledgers", Usage: "keep the ledgers' files in this `FOLDER`: one worker of a task queue does"},
			&cli.StringFlag{Name: "emulator", Usage: "the `URL` of the emulator, for plans of cloud Emulator"}),
		Action: work,
	}
}

func work(c *cli.Context) error {
	conn, err := connect(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	plans := func(ctx context.Context, ref protocol.PlanRef) ([]byte, error) { return conn.store.Get(ctx, ref.Key) }
	calls := &activities.Worker{Plan: plans, Connect: func(p *plan.Plan) (*session.Cloud, error) { return cloudOf(p, c.String("emulator")) }}
	defer calls.Close()
	w := worker.New(conn.client, conn.queue, worker.Options{DeadlockDetectionTimeout: longestStep,
		MaxConcurrentActivityExecutionSize: manyAtOnce, WorkerStopTimeout: 5 * time.Second})
	w.RegisterWorkflowWithOptions(rolloutflow.Rollout, workflow.RegisterOptions{Name: protocol.Rollout})
	w.RegisterActivityWithOptions(calls.Call, activity.RegisterOptions{Name: protocol.Call})
	w.RegisterActivityWithOptions(calls.Send, activity.RegisterOptions{Name: protocol.Send})
	w.RegisterActivityWithOptions(calls.Watch, activity.RegisterOptions{Name: protocol.Watch})
	if folder := c.String("ledgers"); folder != "" {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		k := &keeper.Keeper{Folder: folder, Version: c.App.Version, Plan: plans, Say: saying(conn.client), Keep: conn.store.PutLedger, Blob: conn.store.Get,
			Store: conn.store.PutPlan, Past: conn.past().Read}
		defer k.Close()
		l := worker.New(conn.client, protocol.LedgerQueue(conn.queue), worker.Options{MaxConcurrentActivityExecutionSize: manyAtOnce, DisableWorkflowWorker: true})
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
			err = fmt.Errorf("no workflow carries out the run on ledger %s: fleetup-temporal resume --ledger %s goes on with it", ledger, ledger)
		}
		return said, err
	}
}

// cloudOf connects to a plan's cloud, or to the emulator at a URL.
func cloudOf(p *plan.Plan, emulator string) (*session.Cloud, error) {
	if p.Cloud.Name != fleet.Emulator {
		return session.Process{Command: "temporal worker"}.Connect(p, session.ConnectOptions{Credentials: p.Credentials})
	}
	if emulator == "" {
		return nil, fmt.Errorf("the plan is of cloud Emulator: a worker finds it with --emulator")
	}
	endpoints := p.Cloud
	endpoints.ServiceManagement, endpoints.ResourceManager = emulator, emulator
	k, err := session.KindOf(p.Kind)
	if err != nil {
		return nil, err
	}
	limiter := runner.NewLimiter(p.Limits.RequestsPerSecond)
	up, _, err := k.Connect(p, session.ConnectOptions{}, azure.Options{Cloud: endpoints, Version: "temporal", Pacer: limiter})
	if err != nil {
		return nil, err
	}
	return &session.Cloud{Upgrader: up, Limiter: limiter, Disconnect: up.Close}, nil
}
