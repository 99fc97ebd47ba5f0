package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "go on with the unfinished run",
		Description: "What is in flight is followed, what is in doubt is read before anything is sent, a failed vault is never\n" +
			"started again. The plan was confirmed when the run began; on a terminal resume asks once more.",
		Flags: append([]cli.Flag{stateFlag(), yesFlag(), supportFlag(),
			&cli.BoolFlag{Name: "accept-failures", Usage: "after a halt: go on, the failures so far count no more"},
			&cli.StringFlag{Name: "reason", Usage: "why: `TEXT` that the journal keeps"}}, cloudFlags()...),
		Action: e.resume,
	}
}

func (e *environment) resume(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	path, err := statePath(c, "")
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(c.String("reason"))
	if c.Bool("accept-failures") && reason == "" {
		return usage("fleetup resume --accept-failures --reason \"known bad batch\"", "--accept-failures needs a --reason: the journal keeps it")
	}
	if !exists(path) {
		return noLedger(path)
	}
	lock, err := acquire(c, path)
	if err != nil {
		return err
	}
	defer lock.Close()
	ledger, err := state.OpenExisting(lock)
	if err != nil {
		return err
	}
	defer ledger.Close()
	run, ok, err := latest(ledger)
	if err != nil {
		return err
	}
	if !ok || run.info.Closed {
		say(e.stderr, "Nothing to resume: %s has no unfinished run.", report.Clean(path))
		return nil
	}
	st := run.state
	if st.Run.Halt != nil && !c.Bool("accept-failures") && inFlight(st) == 0 {
		return e.stillHalted(st, path)
	}
	if e.terminal && !c.Bool("yes") {
		if err := e.confirmResume(st); err != nil {
			return err
		}
	}
	p := st.Plan
	conn, err := connect(c, p, folderOf(inventoryOf(p, path)), truthPath(path))
	if err != nil {
		return err
	}
	defer conn.close()
	by, err := signedActor(c, p)
	if err != nil {
		return err
	}
	commands := []fleet.Fact{fleet.Resumed{By: by, Version: versionString()}}
	if c.Bool("accept-failures") && st.Run.Halt != nil {
		commands = append(commands, fleet.FailuresAccepted{By: by, Reason: reason})
	}
	return e.carryOut(c, job{path: path, plan: p, runID: run.info.ID, ledger: ledger, cloud: conn, begins: st, commands: commands})
}

// stillHalted says why the run does not go on, and what would let it.
func (e *environment) stillHalted(st *rollout.State, path string) error {
	h := st.Run.Halt
	scope := "the run"
	if h.Wave {
		scope = "wave " + h.Scope
	}
	return &failure{fleet.ExitHalted,
		fmt.Errorf("halted: %s failed or unknown in %s, where %d may be; nothing was started", plural(h.Failures, "vault"), scope, h.Budget),
		fmt.Sprintf("fleetup report --state %s; when the cause is understood, fleetup resume --state %s --accept-failures --reason TEXT", path, path)}
}

func (e *environment) confirmResume(st *rollout.State) error {
	t := &st.Totals
	left := t.Of(fleet.Pending) + t.Of(fleet.Ready) + t.Of(fleet.Busy)
	fmt.Fprintf(e.stderr, "Run %s: %d still to start, %d in flight or in doubt. An upgrade cannot be undone.\nGo on? Type yes: ",
		st.Run.ID, left, inFlight(st))
	line, _ := bufio.NewReader(e.stdin).ReadString('\n') // no answer is no consent
	if strings.TrimSpace(line) != "yes" {
		return usage("", "not confirmed; nothing was started")
	}
	return nil
}

// inFlight counts the vaults whose upgrade may be under way.
func inFlight(st *rollout.State) int {
	n := 0
	for i := range st.Vaults {
		if st.Vaults[i].InFlight() {
			n++
		}
	}
	return n
}
