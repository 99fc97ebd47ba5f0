package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "resume the unfinished run",
		Description: "What is in flight is followed, what is in doubt is read before anything is sent, a failed " +
			"vault is never\n" +
			"started again. The plan was confirmed when the run began; on a terminal resume asks once more.",
		Flags: append([]cli.Flag{neededStateFlag(), yesFlag(), irreversibleFlag(), supportFlag(), exitWhenWaitingFlag(),
			reportFileFlag(), socketGroupFlag(), e.progressFlag(),
			flagAcceptFailures.is(cli.BoolFlag{Usage: "after a halt: go on, the failures so far count no more"}),
			flagTakeOver.is(cli.BoolFlag{Usage: "go on here with a run that fleetup-temporal carried out: its " +
				"workflow has ended, or two would decide; needs a --reason"}),
			reasonFlag()}, append(slices.Concat(notifyFlags(), pageFlags()), cloudFlags()...)...),
		Before: e.readTargets,
		Action: e.resume,
	}
}

func (e *environment) resume(c *cli.Context) error {
	path := flagState.of(c)
	reason := strings.TrimSpace(flagReason.of(c))
	if err := rollout.CheckReason(reason); err != nil {
		return err
	}
	if flagAcceptFailures.of(c) {
		if err := needReason(c, "--accept-failures", reason, "known bad batch"); err != nil {
			return err
		}
	}
	if flagTakeOver.of(c) {
		if err := needReason(c, "--take-over", reason, "its server is lost"); err != nil {
			return err
		}
	}
	reports, err := reportFiles(c, path)
	if err != nil {
		return err
	}
	group, err := socketGroup(c)
	if err != nil {
		return err
	}
	h, err := openLocked(c)
	if err != nil {
		return err
	}
	defer func() { h.Close() }()
	run, ok := h.Run, h.Begun
	if ok {
		e.warnOfFuture(run.State.Run.LastAt, path)
	}
	if !ok || errors.Is(run.State.MayResume(true), rollout.ErrOver) {
		say(e.stderr, "Nothing to resume: %s has no unfinished run.", lexicon.Clean(path))
		if ok {
			e.tellNext(nothingRuns(h))
		} else {
			e.tellNext(session.FirstRun(path))
		}
		return nil
	}
	st := run.State
	if errors.Is(st.MayResume(flagAcceptFailures.of(c)), rollout.ErrHalted) {
		return e.stillHalted(st, path)
	}
	if st.Run.Halt == nil && flagAcceptFailures.of(c) {
		say(e.stderr, "The run is not halted: --accept-failures changes nothing.")
	}
	if !st.Elsewhere() && flagTakeOver.of(c) {
		say(e.stderr, "The run is carried out by no engine: --take-over changes nothing.")
	}
	if err := e.enoughDescriptors(st.Plan, flagListen.of(c) != ""); err != nil {
		return err
	}
	e.tellChanges(st.Plan, path, false)
	if sends := session.OtherRequest(st.Plan); sends != "" {
		say(e.stderr,
			"The plan was made by another version of fleetup, and shows another request than this one makes, for "+
				"vaults that are still to be started: %s", lexicon.Clean(sends))
	}
	if e.terminal && !flagYes.of(c) {
		h.Close() // a question keeps nobody else from the ledger
	}
	if err := e.consentedAgain(c, st, path); err != nil {
		return err
	}
	if e.terminal && !flagYes.of(c) {
		anew, err := processOf(c).Reopen(h)
		if err != nil {
			return err
		}
		h = anew
		if h.Run.Seq != run.Seq {
			return failure.Usage(again(c), "somebody else has written to %s while you were asked; nothing was started",
				path)
		}
		run = h.Run
		st = run.State
	}
	ledger, p := h.Ledger, st.Plan
	page, err := openPage(c)
	if err != nil {
		return err
	}
	defer page.Close()
	conn, err := connect(c, p, folderFor(p, path), session.EmulatorPath(path))
	if err != nil {
		return err
	}
	defer conn.Disconnect()
	if err := e.signedIn(conn); err != nil {
		return err
	}
	if err := ledger.Reserve(st.Room()); err != nil {
		return err
	}
	commands := st.Resume(fleet.Resumed{By: signedActor(c, p), Version: versionString(), Given: e.given()},
		flagAcceptFailures.of(c), reason)
	return e.carryOut(c, job{path: path, plan: p, runID: run.Info.ID, ledger: ledger, lock: h.Lock, group: group,
		cloud: conn, begins: run, commands: commands, reports: reports, page: page})
}

// stillHalted says why the run does not go on, and what would let it.
func (e *environment) stillHalted(st *rollout.State, path string) error {
	return failure.New(fleet.ExitHalted, fmt.Errorf("halted: %s; nothing was started", lexicon.HaltedNow(st)),
		failure.Lines(lexicon.Command("report", "--state", path),
			failure.To("when the cause is understood", goesOn(st, path))))
}
