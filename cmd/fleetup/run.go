package main

import (
	"context"
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

func (e *environment) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "upgrade the fleet",
		ArgsUsage: "INVENTORY|PLAN",
		Description: "PERMANENT: the service has no rollback, except where the plan says how it is undone. On a terminal the plan is\n" +
			"shown and the number of vaults must be typed. Unattended it needs --yes, and on a real cloud a plan saved with\n" +
			"fleetup plan --out. A kind that is permanent on vaults in use must be named besides.",
		Flags: append([]cli.Flag{stateFlag(), yesFlag(), irreversibleFlag(), acceptWarningsFlag(), expiredHoldsFlag(), supportFlag(), exitWhenWaitingFlag(), reportFileFlag(), socketGroupFlag(), e.progressFlag(),
			flagValidateAllFirst.is(cli.BoolFlag{Usage: "check every vault of the fleet before the first start, not only those of the first wave"})}, append(slices.Concat(notifyFlags(), pageFlags()), cloudFlags()...)...),
		Before: e.readTargets,
		Action: e.runRollout,
	}
}

func (e *environment) runRollout(c *cli.Context) error {
	file, err := oneArgument(c, "an inventory or a saved plan")
	if err != nil {
		return err
	}
	src, err := open(c, file)
	if err != nil {
		return err
	}
	if src.plan, _, err = e.calibrated(src); err != nil {
		return err
	}
	p, path := src.plan, src.ledger
	reports, err := reportFiles(c, src.file, p.Inventory, path)
	if err != nil {
		return err
	}
	group, err := socketGroup(c)
	if err != nil {
		return err
	}
	if err := e.consented(c, src); err != nil {
		return err
	}
	if err := rehearse(src); err != nil {
		return err
	}
	if err := e.enoughDescriptors(p, flagListen.of(c) != ""); err != nil {
		return err
	}
	if src.saved {
		if sends := otherwise(p); sends != "" {
			return failure.Usage(lexicon.Command(slices.Concat([]string{"plan", p.Inventory, "--out", file}, alsoGiven(c, string(flagState)))...), "%s was made by another version of fleetup, and shows another request than this one makes: %s; nothing was started", file, sends)
		}
		e.tellChanges(p, path, true)
	}
	lock, err := acquire(c, path)
	if err != nil {
		return err
	}
	defer func() { lock.Close() }()
	bound := state.Binding{Cloud: cloudIdentity(p.Cloud), Version: versionString()}
	var past *audit.History
	if textfile.Exists(path) {
		if past, err = finished(lock, path, bound); err != nil {
			return err
		}
		if last, ok := past.Newest(); ok {
			e.warnOfFuture(last.State.Run.LastAt, path)
		}
	}
	if !flagYes.of(c) {
		lock.Close() // a question keeps nobody else from the ledger
		if err := e.confirm(c, src); err != nil {
			return err
		}
		if lock, err = acquire(c, path); err != nil {
			return err
		}
		if past = nil; textfile.Exists(path) {
			if past, err = finished(lock, path, bound); err != nil {
				return err
			}
		}
	}
	page, err := openPage(c)
	if err != nil {
		return err
	}
	defer page.Close()
	conn, err := connect(c, p, src.folder, emulatorPath(path))
	if err != nil {
		return err
	}
	defer conn.close()
	if err := e.signedIn(conn); err != nil {
		return err
	}
	ledger, err := state.Open(lock, bound)
	if err != nil {
		return err
	}
	defer ledger.Close()
	ledger.Committed = logFacts(logOf(c))
	if past, err = past.Still(ledger, versionString()); err != nil {
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
	begins := journal.Begin(p)
	opened := past.Left().Open(p, fleet.RunOpened{RunID: newRunID(now()), By: by, Version: versionString(), ValidateAllFirst: flagValidateAllFirst.of(c)})
	first := fleet.Event{At: now(), Fact: opened}
	if err := ledger.Reserve(begins.State.Room()); err != nil {
		return err
	}
	if err := ledger.Begin(data, []fleet.Event{first}, nil); err != nil {
		return err
	}
	if err := begins.Apply(first); err != nil {
		return err
	}
	return e.carryOut(c, job{path: path, plan: p, runID: opened.RunID, ledger: ledger, lock: lock, group: group, cloud: conn, begins: begins, reports: reports, page: page})
}

// job is a run that a process carries out.
type job struct {
	path     string
	plan     *plan.Plan
	runID    string
	ledger   *state.Ledger
	lock     *state.Lock
	group    string // who may speak to it besides
	cloud    *cloud
	begins   journal.Run // as it stands
	page     *web.Server // nil: none is served
	commands []fleet.Fact
	reports  []reportFile
}

// carryOut drives the rollout and says how it ended.
func (e *environment) carryOut(c *cli.Context, j job) error {
	defer e.ends.watch()()
	progress, reporter := e.newProgress(c, j), e.newReporter(c, j.reports, j.path)
	if err := e.onPage(c, j, progress); err != nil {
		progress.stop()
		return err
	}
	keep := reporter.watch(j.begins.Told, func(st *rollout.State) *report.View {
		return report.FromState(st, report.ViewOptions{Live: true, Now: now(), Timeline: j.begins.Told})
	})
	told, err := e.newNotifier(c, j, progress)
	if err != nil {
		progress.stop()
		return err
	}
	control := e.listen(j)
	code, err := runner.Run(context.Background(), runner.Options{
		Plan: j.plan, Store: j.ledger, Cloud: j.cloud, Limiter: j.cloud.limiter,
		Replay: func(apply func(fleet.Event) error) error {
			return j.ledger.Events(j.runID, func(_ uint64, ev fleet.Event) error { return apply(ev) })
		},
		Commands: j.commands, Asks: control.asks, Interrupt: e.interrupt,
		Progress:        func(st *rollout.State, events []fleet.Event) { progress.update(st, events); keep(st, events) },
		ExitWhenWaiting: flagExitWhenWaiting.of(c),
	})
	control.close()
	progress.stop()
	reporter.end()
	run, ok, unread := journal.Latest(j.ledger)
	if unread == nil && ok {
		reporter.write(view(run), true)
	}
	told.end(err)
	if errors.Is(err, runner.ErrCommit) {
		return failure.New(fleet.ExitInternal, err, lines("make room or mend the disk", lexicon.Command("resume", "--yes", "--state", j.path)))
	}
	if err != nil {
		return err
	}
	if unread != nil || !ok {
		return errors.Join(unread, ended(code))
	}
	if err := report.Status(e.stdout, view(run), located(e.reportOptions(c, layout.FormatTable, j.path), run.State.Plan)); err != nil {
		if code == fleet.ExitOK {
			return err
		}
		say(e.stderr, "How the run ended cannot be printed: %s. %s tells it.", lexicon.Clean(failure.Cause(err).Error()), lexicon.Command("status", "--state", j.path))
	}
	return ended(code)
}

// finished makes sure that a ledger is of the plan's cloud, that all of it is what
// was written, and that its last run is over. It returns what it says.
func finished(lock *state.Lock, path string, bound state.Binding) (*audit.History, error) {
	ledger, err := state.Open(lock, bound)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	past, err := audit.Verify(ledger, versionString())
	if err != nil {
		return nil, err
	}
	if last, ok := past.Newest(); ok && last.State.MayOpen() != nil {
		return nil, failure.Usage(lines(goesOn(last.State, path), toStatus(path)),
			"the ledger %s has an unfinished run, %s: a new one would forget what is in flight", path, last.Info.ID)
	}
	return past, nil
}

// signedActor is who gives the command, with the sign-ins it uses.
func signedActor(c *cli.Context, p *plan.Plan) (fleet.Actor, error) {
	cr, err := credentials(c, p.Credentials)
	return actor(cr), err
}
