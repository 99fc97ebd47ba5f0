package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) waitCommand() *cli.Command {
	return &cli.Command{
		Name:  "wait",
		Usage: "wait for a state of the run",
		Description: "It exits 0 when the run is in that state, as the run stands when it ended otherwise, and 5 when the time is\n" +
			"up. It only reads: while no process carries the run out, it waits for somebody to resume it.",
		Flags: []cli.Flag{neededStateFlag(),
			flagFor.is(cli.StringFlag{Value: "finished", Usage: "what to wait for: finished, halted, approval (a gate waits for a person, its wave has soaked), or wave=`NAME` (that wave is done)"}),
			flagTimeout.is(cli.DurationFlag{Usage: "give up after this `TIME`, such as 90m (default: never)"})},
		Action: e.wait,
	}
}

func (e *environment) wait(c *cli.Context) error {
	wave, isWave := strings.CutPrefix(flagFor.of(c), "wave=")
	if !isWave {
		if err := oneOf(c, flagFor, "finished", "halted", "approval", "wave=NAME"); err != nil {
			return err
		}
	}
	path := flagState.of(c)
	f, said := &follower{path: path}, false
	err := e.watch(f, flagTimeout.of(c), func() (bool, error) {
		st := f.run.State
		if isWave && !slices.ContainsFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave }) {
			var names []string
			for _, w := range st.Waves {
				names = append(names, w.Name)
			}
			return true, failure.Mistyped(wave, words.Likeliest(wave, names), lexicon.Command("status", "--state", path), "the run has no wave %q", wave)
		}
		yes, at := happened(st, flagFor.of(c), wave, session.Now())
		if yes {
			return true, nil
		}
		f.again = at
		if st.Run.Closed != nil {
			say(e.stderr, "The run finished without that.")
			return true, ended(st.Verdict())
		}
		if !f.run.Live && !said {
			said = true
			say(e.stderr, "No process carries the run out.")
			e.tellNext(goesOn(st, path))
		}
		return false, nil
	})
	if errors.Is(err, errLate) {
		return failure.New(fleet.ExitInterrupted, fmt.Errorf("after %s the run is not there yet", flagTimeout.of(c).Round(time.Second)),
			toStatus(path))
	}
	return err
}

// happened reports whether the run is in the state that is waited for, and else
// when time alone will bring it there; zero where time will not.
func happened(st *rollout.State, what, wave string, at time.Time) (bool, time.Time) {
	switch what {
	case "finished":
		return st.Run.Closed != nil, time.Time{}
	case "halted":
		return st.Run.Halt != nil, time.Time{}
	case "approval":
		w, when, ok := st.NextGate()
		if !ok {
			return false, time.Time{}
		}
		if when == fleet.GateBefore {
			w--
		}
		if w < 0 {
			return true, time.Time{}
		}
		if st.Waves[w].DoneAt.IsZero() {
			return false, time.Time{}
		}
		soaked := st.SoaksUntil(w)
		return !at.Before(soaked), soaked
	}
	return slices.ContainsFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave && !w.DoneAt.IsZero() }), time.Time{}
}
