package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "upgrade the fleet",
		ArgsUsage: "INVENTORY|PLAN",
		Description: "PERMANENT: the service has no rollback. On a terminal the plan is shown and the number of vaults must\n" +
			"be typed. Unattended it needs --yes, and on a real cloud a plan saved with fleetup plan --out.",
		Flags:  append([]cli.Flag{stateFlag(), yesFlag(), acceptWarningsFlag(), supportFlag()}, cloudFlags()...),
		Action: e.runRollout,
	}
}

func (e *environment) runRollout(c *cli.Context) error {
	file, err := oneArgument(c, "inventory or plan")
	if err != nil {
		return err
	}
	p, saved, err := load(c, file)
	if err != nil {
		return err
	}
	if !c.Bool("yes") && !e.terminal {
		return usage("fleetup plan "+file+", then fleetup run "+file+" --yes",
			"an upgrade cannot be undone, and nobody is here to be asked: run needs --yes")
	}
	if c.Bool("yes") && !saved && realCloud(p.Cloud) {
		return usage("fleetup plan "+file+" --out FILE, look at it, then fleetup run FILE --yes",
			"on a real cloud --yes needs a saved plan: what was looked at is what runs")
	}
	path, err := statePath(c, inventoryOf(p, file))
	if err != nil {
		return err
	}
	lock, err := acquire(c, path)
	if err != nil {
		return err
	}
	defer lock.Close()
	if exists(path) {
		if err := refuseUnfinished(lock, path); err != nil {
			return err
		}
	}
	if !c.Bool("yes") {
		if err := e.confirm(p); err != nil {
			return err
		}
	}
	conn, err := connect(c, p, folderOf(inventoryOf(p, file)), truthPath(path))
	if err != nil {
		return err
	}
	defer conn.close()
	ledger, err := state.Open(lock, state.Binding{Cloud: cloudIdentity(p.Cloud), Version: versionString()})
	if err != nil {
		return err
	}
	defer ledger.Close()
	cs, err := carried(ledger, p)
	if err != nil {
		return err
	}
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	by, err := signedActor(c, p)
	if err != nil {
		return err
	}
	opened := fleet.RunOpened{RunID: newRunID(now()), PlanFingerprint: p.Fingerprint, By: by, Version: versionString(), Carried: cs}
	first := fleet.Event{At: now(), Fact: opened}
	if err := ledger.Begin(data, []fleet.Event{first}, nil); err != nil {
		return err
	}
	begins := rollout.NewState(p)
	if err := begins.Apply(first); err != nil {
		return err
	}
	return e.carryOut(c, job{path: path, plan: p, runID: opened.RunID, ledger: ledger, cloud: conn, begins: begins})
}

// job is a run that a process carries out.
type job struct {
	path     string
	plan     *plan.Plan
	runID    string
	ledger   *state.Ledger
	cloud    *cloud
	begins   *rollout.State // as it stands
	commands []fleet.Fact
}

// carryOut drives the rollout and says how it ended.
func (e *environment) carryOut(c *cli.Context, j job) error {
	progress := e.newProgress(j.begins)
	code, err := runner.Run(context.Background(), runner.Options{
		Plan: j.plan, Store: j.ledger, Cloud: j.cloud, Limiter: j.cloud.limiter,
		Replay: func(apply func(fleet.Event) error) error {
			return j.ledger.Events(j.runID, func(_ uint64, ev fleet.Event) error { return apply(ev) })
		},
		Commands: j.commands, Interrupt: e.interrupt, Progress: progress.update,
	})
	progress.stop()
	if errors.Is(err, runner.ErrCommit) {
		return &failure{fleet.ExitInternal, err, "make room or mend the disk, then fleetup resume --state " + j.path + ": it reads before it sends"}
	}
	if err != nil {
		return err
	}
	run, ok, err := latest(j.ledger)
	if err != nil || !ok {
		return errors.Join(err, ended(code))
	}
	if err := report.Status(e.stdout, view(run.state), reportOptions(c, report.FormatTable, j.path)); err != nil {
		return err
	}
	return ended(code)
}

// refuseUnfinished makes sure that the ledger's last run is over.
func refuseUnfinished(lock *state.Lock, path string) error {
	ledger, err := state.OpenExisting(lock)
	if err != nil {
		return err
	}
	defer ledger.Close()
	info, ok, err := ledger.LatestRun()
	if err != nil || !ok || info.Closed {
		return err
	}
	return usage("fleetup resume --state "+path+" goes on with it; fleetup status --state "+path+" tells where it stands",
		"the ledger %s has an unfinished run, %s: a new one would forget what is in flight", path, info.ID)
}

// confirm shows the plan and asks for the number of vaults.
func (e *environment) confirm(p *plan.Plan) error {
	if err := e.writePlan(e.stderr, p, report.PlanOptions{}); err != nil {
		return err
	}
	want := strconv.Itoa(p.ToStart())
	fmt.Fprintf(e.stderr, "\nThis cannot be undone. Type the number of vaults to start (%s) to go on: ", want)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n') // no answer is no consent
	if strings.TrimSpace(strings.ReplaceAll(line, ",", "")) != want {
		return usage("", "not confirmed; nothing was started")
	}
	return nil
}

// realCloud reports whether starts on the cloud touch real vaults.
func realCloud(c fleet.Cloud) bool {
	local := func(base string) bool {
		u, err := url.Parse(base)
		return err == nil && plan.IsLoopback(u.Hostname())
	}
	return c.Name != fleet.Emulator && !(local(c.ServiceManagement) && local(c.ResourceManager))
}

// inventoryOf is the inventory a plan was made from: what names its ledger.
func inventoryOf(p *plan.Plan, file string) string {
	if p.Inventory != "" {
		return p.Inventory
	}
	return file
}

// signedActor is who gives the command, with the sign-ins it uses.
func signedActor(c *cli.Context, p *plan.Plan) (fleet.Actor, error) {
	cr, err := credentials(c, p.Credentials)
	return actor(cr), err
}
