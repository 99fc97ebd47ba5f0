package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "upgrade the fleet",
		ArgsUsage: "INVENTORY|PLAN",
		Description: "PERMANENT: the service has no rollback, except where the plan says how it is undone. On a " +
			"terminal the plan is\n" +
			"shown and the number of vaults must be typed. Unattended it needs --yes, and on a real cloud a plan " +
			"saved with\n" +
			"fleetup plan --out. A kind that is permanent on vaults in use must be named besides.",
		Flags: append([]cli.Flag{stateFlag(), yesFlag(), irreversibleFlag(), acceptWarningsFlag(), expiredHoldsFlag(),
			supportFlag(), exitWhenWaitingFlag(), reportFileFlag(), socketGroupFlag(), e.progressFlag(),
			flagValidateAllFirst.is(cli.BoolFlag{Usage: "check every vault of the fleet before the first start, not " +
				"only those of the first wave"})}, append(slices.Concat(notifyFlags(), pageFlags()),
			cloudFlags()...)...),
		Before: e.readTargets,
		Action: e.runRollout,
	}
}

func (e *environment) runRollout(c *cli.Context) error {
	file := fileOf(c)
	src, err := open(c, file)
	if err != nil {
		return err
	}
	if err := e.wayBack(c, src); err != nil {
		return err
	}
	known, _, err := e.known(src)
	if err != nil {
		return err
	}
	p, path := src.Plan, src.Ledger
	reports, err := reportFiles(c, src.File, p.Inventory, path)
	if err != nil {
		return err
	}
	group, err := socketGroup(c)
	if err != nil {
		return err
	}
	if err := e.consented(c, src, known); err != nil {
		return err
	}
	if err := session.CheckScenario(src); err != nil {
		return err
	}
	if err := e.enoughDescriptors(p, flagListen.of(c) != ""); err != nil {
		return err
	}
	if src.Saved {
		if sends := session.OtherRequest(p); sends != "" {
			return failure.Usage(lexicon.Command(slices.Concat([]string{"plan", p.Inventory, "--out", file},
				alsoGiven(c, string(flagState)))...),
				"%s was made by another version of fleetup, and shows another request than this one makes: %s; "+
					"nothing was started", file, sends)
		}
		e.tellChanges(p, path, true)
	}
	lock, err := acquire(c, path)
	if err != nil {
		return err
	}
	defer func() { lock.Close() }()
	bound := state.Binding{Cloud: session.CloudIdentity(p.Cloud), Version: versionString()}
	var past *audit.History
	if textfile.Exists(path) {
		if past, err = recorded(lock, path, bound); err != nil {
			return err
		}
		if last, ok := past.Newest(); ok {
			e.warnOfFuture(last.State.Run.LastAt, path)
			// else the plan says so, before the question
			if s := dryrun.Strangers(p, past.Left().Vaults(), lexicon.Clean(path)); s != "" && flagYes.of(c) {
				say(e.stderr, "%s", s)
			}
			if s := dryrun.HeldByHand(p,
				dryrun.PlanOptions{Memory: rollout.Memory{Held: past.Left().Held(p)}}); s != "" && flagYes.of(c) {
				say(e.stderr, "Warning: %s", s)
			}
		}
	}
	if !flagYes.of(c) {
		lock.Close() // a question keeps nobody else from the ledger
		if err := e.confirm(c, src, known); err != nil {
			return err
		}
		if lock, err = acquire(c, path); err != nil {
			return err
		}
	}
	page, err := openPage(c)
	if err != nil {
		return err
	}
	defer page.Close()
	conn, err := connect(c, p, src.Folder, session.EmulatorPath(path))
	if err != nil {
		return err
	}
	defer conn.Disconnect()
	if err := e.signedIn(conn); err != nil {
		return err
	}
	ledger, err := state.Open(lock, bound)
	if err != nil {
		return err
	}
	defer ledger.Close()
	ledger.Committed = logFacts(logOf(c))
	if past, err = finished(past, ledger); err != nil {
		return err
	}
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	begins := journal.Begin(p)
	opened := past.Left().Open(p, fleet.RunOpened{RunID: session.NewRunID(session.Now()), By: signedActor(c, p),
		Version: versionString(), ValidateAllFirst: flagValidateAllFirst.of(c), TimeScale: timeScale(src),
		Given: e.given()})
	first := fleet.Event{At: session.Now(), Fact: opened}
	if err := ledger.Reserve(begins.State.Room()); err != nil {
		return err
	}
	if err := ledger.Begin(data, []fleet.Event{first}, nil); err != nil {
		return err
	}
	if err := begins.Apply(first); err != nil {
		return err
	}
	return e.carryOut(c, job{path: path, plan: p, runID: opened.RunID, ledger: ledger, lock: lock, group: group,
		cloud: conn, begins: begins, reports: reports, page: page})
}

// wayBack refuses a rollback that would begin a ledger of its own beside an emulated
// cloud of its own: nothing was changed there that could be undone. On a real cloud the
// same vaults are there, and only the history of the fleet is torn in two: that is said,
// as it is where a person has named the other ledger.
func (e *environment) wayBack(c *cli.Context, src *session.Source) error {
	ledger := src.Apart()
	if ledger == "" {
		return nil
	}
	begins := flagState.of(c) == "" && !textfile.Exists(src.Ledger)
	if begins && src.Plan.Cloud.Name == fleet.Emulator {
		return failure.Usage(again(c, flagState.dashed(), ledger),
			"%s, which has an emulated cloud of its own, with nothing to undo; nothing was started", apart(src, ledger))
	}
	e.warnApart(c, src, ledger)
	return nil
}

// warnApart says that a rollback is recorded apart from its upgrade.
func (e *environment) warnApart(c *cli.Context, src *session.Source, ledger string) {
	emulated := ""
	if src.Plan.Cloud.Name == fleet.Emulator {
		emulated = ", which has an emulated cloud of its own"
	}
	say(e.stderr, "Warning: %s%s. One ledger for both ways keeps the whole history of each vault: %s",
		apart(src, ledger), emulated,
		again(c, flagState.dashed(), ledger))
}

func apart(src *session.Source, ledger string) string {
	return fmt.Sprintf("the upgrade to be undone is recorded in %s, and this rollback would be recorded in %s",
		lexicon.Clean(ledger), lexicon.Clean(src.Ledger))
}

// timeScale is how many times as fast the emulated cloud of a plan is, 0 where time goes
// there as here.
func timeScale(src *session.Source) float64 {
	if e := session.EmulationOf(src); e != nil && e.TimeScale != 1 {
		return e.TimeScale
	}
	return 0
}

// recorded is what a ledger says that is there before a run; see finished.
func recorded(lock *state.Lock, path string, bound state.Binding) (*audit.History, error) {
	ledger, err := state.Open(lock, bound)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	return finished(nil, ledger)
}

// finished makes sure that all of a ledger is what was written, and that its last run
// is over. It returns what the ledger says; known is what it said before, nil for
// nothing: who has read it need not read it again where nothing was written.
func finished(known *audit.History, ledger *state.Ledger) (*audit.History, error) {
	past, err := known.Still(ledger, versionString())
	if err != nil {
		return nil, err
	}
	if last, ok := past.Newest(); ok && last.State.MayOpen() != nil {
		path := ledger.Path()
		return nil, failure.Usage(failure.Lines(goesOn(last.State, path), toStatus(path)),
			"the ledger %s has an unfinished run, %s: a new one would forget what is in flight", path, last.Info.ID)
	}
	return past, nil
}
