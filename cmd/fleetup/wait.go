package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) waitCommand() *cli.Command {
	return &cli.Command{
		Name:  "wait",
		Usage: "wait for a state of the run",
		Description: "It exits 0 when the run is in that state, as the run stands when it ended otherwise, and 5 when the time is\n" +
			"up. It only reads: while no process carries the run out, it waits for somebody to resume it.",
		Flags: []cli.Flag{neededStateFlag(),
			&cli.StringFlag{Name: "for", Value: "finished", Usage: "what to wait for: finished, halted, approval (a gate waits for a person, its wave has soaked), or wave=`NAME` (that wave is done)"},
			&cli.DurationFlag{Name: "timeout", Usage: "give up after this `TIME`, such as 90m (default: never)"}},
		Action: e.wait,
	}
}

func (e *environment) wait(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	wave, isWave := strings.CutPrefix(c.String("for"), "wave=")
	if !isWave {
		if err := oneOf("for", c.String("for"), "finished", "halted", "approval", "wave=NAME"); err != nil {
			return err
		}
	}
	path, err := statePath(c)
	if err != nil {
		return err
	}
	f, said := &follower{path: path}, false
	err = e.watch(f, c.Duration("timeout"), func() (bool, error) {
		st := f.run.state
		if isWave && !slices.ContainsFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave }) {
			return true, usage(report.Command("status", "--state", path)+" shows the waves", "the run has no wave %q", wave)
		}
		if happened(st, c.String("for"), wave) {
			return true, nil
		}
		if st.Run.Closed != nil {
			say(e.stderr, "The run finished without that.")
			return true, ended(st.Verdict())
		}
		if !f.run.live && !said {
			said = true
			say(e.stderr, "No process carries the run out: %s goes on with it.", report.Command("resume", "--state", path))
		}
		return false, nil
	})
	if errors.Is(err, errLate) {
		return &failure{fleet.ExitInterrupted, fmt.Errorf("after %s the run is not there yet", c.Duration("timeout").Round(time.Second)),
			report.Command("status", "--state", path) + " tells how it stands"}
	}
	return err
}

// happened reports whether what is waited for has happened.
func happened(st *rollout.State, what, wave string) bool {
	switch what {
	case "finished":
		return st.Run.Closed != nil
	case "halted":
		return st.Run.Halt != nil
	case "approval":
		w, when, ok := st.NextGate()
		if !ok {
			return false
		}
		if when == fleet.GateBefore {
			w--
		}
		return w < 0 || !st.Waves[w].DoneAt.IsZero()
	}
	return slices.ContainsFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave && !w.DoneAt.IsZero() })
}
