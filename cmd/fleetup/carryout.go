package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
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

// job is a run that a process carries out.
type job struct {
	path     string
	plan     *plan.Plan
	runID    string
	ledger   *state.Ledger
	lock     *state.Lock
	group    string // who may speak to it besides
	cloud    *session.Cloud
	begins   journal.Run // as it stands
	page     *web.Server // nil: none is served
	commands []fleet.Fact
	reports  []reportFile
}

// carryOut drives the rollout and says how it ended.
func (e *environment) carryOut(c *cli.Context, j job) error {
	if err := withAddresses(j.ledger, j.begins.State); err != nil {
		return err
	}
	defer e.ends.watch()()
	resume := lexicon.Command("resume", "--yes", "--state", j.path)
	e.goesOn.Store(&resume)
	defer e.goesOn.Store(nil)
	progress, reporter := e.newProgress(c, j), e.newReporter(c, j.reports, j.path)
	if err := e.onPage(c, j, progress); err != nil {
		progress.stop()
		return err
	}
	keep := reporter.watch(j.begins.Told, func(st *rollout.State) *report.View {
		return report.FromState(st, report.ViewOptions{Live: true, Now: session.Now(), Timeline: j.begins.Told})
	})
	told, err := e.onTargets(c, j, progress)
	if err != nil {
		progress.stop()
		return err
	}
	control := e.listen(j)
	code, err := runner.Run(context.Background(), runner.Options{
		Plan: j.plan, Store: j.ledger, Cloud: j.cloud, Limiter: j.cloud.Limiter, Begins: j.begins.State,
		Commands: j.commands, Asks: control.asks, Interrupt: e.interrupt,
		Progress: func(st *rollout.State,
			events []fleet.Event) {
			keep(st, events) // the timeline first: an e-mail has it
			progress.update(st, events)
		},
		ExitWhenWaiting: flagExitWhenWaiting.of(c),
	})
	control.close()
	progress.stop()
	reporter.end()
	run, ok, unread := journal.Latest(j.ledger, journal.By(j.plan))
	if unread == nil && ok {
		reporter.write(view(run), true)
	}
	told.end(err)
	if errors.Is(err, runner.ErrCommit) {
		return failure.New(fleet.ExitInternal, err, toWriteAgain(err, j.path))
	}
	if err != nil {
		return err
	}
	if unread == nil && ok {
		unread = report.Status(e.stdout, view(run),
			located(e.reportOptions(c, layout.FormatTable, j.path), run.State.Plan))
	}
	if unread != nil { // the code is the run's nevertheless
		return failure.New(max(code, fleet.ExitInternal), fmt.Errorf("how the run ended cannot be shown: %w", unread),
			toStatus(j.path))
	}
	return ended(code)
}

// withAddresses gives the operations that a run follows their addresses back, which an
// audit of the ledger does without.
func withAddresses(ledger *state.Ledger, st *rollout.State) (err error) {
	for i := range st.Vaults {
		v := &st.Vaults[i]
		if v.Operation, err = ledger.Opened(st.Plan.Vaults[i].Key, v.Operation); err != nil {
			return err
		}
	}
	return nil
}

// toWriteAgain is what to do about a ledger that could not be written.
func toWriteAgain(err error, path string) string {
	resume := lexicon.Command("resume", "--yes", "--state", path)
	if f, ok := errors.AsType[*state.FileError](err); ok && f.Kind == state.ErrReplaced {
		// What is at the path now may know less than was sent.
		return failure.Lines(f.Next, failure.To("with that file back at its path", resume))
	}
	return failure.Lines("make room or mend the disk", resume)
}

// signedActor is who gives the command, with the sign-ins it uses.
func signedActor(c *cli.Context, p *plan.Plan) fleet.Actor {
	return session.Actor(credentials(c, p.Credentials))
}

// folderFor is the folder of a run's inventory: where it was, or beside the
// ledger when the run is resumed from elsewhere.
func folderFor(p *plan.Plan, ledger string) string {
	if filepath.IsAbs(p.Inventory) || textfile.Exists(p.Inventory) {
		return filepath.Dir(p.Inventory)
	}
	return filepath.Dir(ledger)
}
