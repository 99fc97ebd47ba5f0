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
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

func (e *environment) waitCommand() *cli.Command {
	return &cli.Command{
		Name:  "wait",
		Usage: "wait for a state of the run",
		Description: "It exits 0 when the run is in that state or has passed it, as the run stands when it ended " +
			"otherwise, 7 (3\n" +
			"where some have failed) when it cannot come there because the run is being closed, 5 when the time is " +
			"up. Where the approval has been\n" +
			"given, nobody is waited for: 0. It only reads: while no process carries the run out, it waits for " +
			"somebody to resume it.",
		Flags: []cli.Flag{neededStateFlag(),
			flagFor.is(cli.StringFlag{Value: waitFinished,
				Usage: "what to wait for: finished, halted, approval (a gate waits for a person, its wave has " +
					"soaked), or wave=`NAME` (that wave is done)"}),
			flagTimeout.is(cli.DurationFlag{Usage: "give up after this `TIME`, such as 90m (default: never)"})},
		Action: e.wait,
	}
}

func (e *environment) wait(c *cli.Context) error {
	wave, isWave := strings.CutPrefix(flagFor.of(c), "wave=")
	if !isWave {
		if err := oneOf(c, flagFor, waitFinished, waitHalted, waitApproval, "wave=NAME"); err != nil {
			return err
		}
	}
	path := flagState.of(c)
	f, said, told := &follower{path: path}, false, ""
	err := e.watch(f, flagTimeout.of(c), func() (bool, error) {
		st := f.run.State
		if isWave && !slices.ContainsFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave }) {
			var names []string
			for _, w := range st.Waves {
				names = append(names, w.Name)
			}
			return true, perhapsEarlier(c,
				failure.Mistyped(wave, words.Likeliest(wave, names), toStatus(path), "the run has no wave %q", wave))
		}
		is := foundFor(st, flagFor.of(c), wave, session.Now())
		if is.text != "" && is.text != told {
			told = is.text
			say(e.stderr, "%s", lexicon.Clean(is.text))
		}
		if is.met {
			return true, nil
		}
		f.again = is.again
		if st.Run.Closed != nil {
			say(e.stderr, "The run %s without that.",
				map[bool]string{true: "was closed", false: "finished"}[st.NeverStarted() > 0])
			return true, ended(st.Verdict())
		}
		if is.never {
			return true, ended(closes(st))
		}
		if !f.run.Live && !said {
			said = true
			say(e.stderr, "No process carries the run out.")
			e.tellNext(goesOn(st, path))
		}
		return false, nil
	})
	if errors.Is(err, errLate) {
		return failure.New(fleet.ExitInterrupted,
			fmt.Errorf("after %s the run is not there yet", flagTimeout.of(c).Round(time.Second)),
			toStatus(path))
	}
	return err
}

// What may be waited for besides a wave.
const (
	waitFinished = "finished"
	waitHalted   = "halted"
	waitApproval = "approval"
)

// found is how a run stands to what is waited for.
type found struct {
	met   bool      // it is there, or has passed it
	never bool      // it cannot come there any more, though it goes on
	again time.Time // when time alone may change that; zero: it does not
	text  string    // what is to be said of that; empty: nothing
}

// foundFor tells how a run stands to what is waited for.
func foundFor(st *rollout.State, what, wave string, now time.Time) found {
	switch what {
	case waitFinished:
		return found{met: st.Run.Closed != nil}
	case waitHalted:
		return found{met: st.Run.Halt != nil}
	case waitApproval:
		return foundGate(st, now)
	}
	w := slices.IndexFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave })
	switch ws := &st.Waves[w]; {
	case !ws.DoneAt.IsZero():
		return found{met: true}
	case st.Closing() && st.Run.Closed == nil && ws.OpenedAt.IsZero():
		return found{never: true, text: fmt.Sprintf("The run is being closed, by %s: wave %s does not begin in it.",
			st.Run.Stopped.By.User, wave)}
	}
	return found{}
}

// foundGate tells whether a gate waits for a person, and else whether one may.
func foundGate(st *rollout.State, now time.Time) found {
	if st.Run.Closed != nil {
		return found{}
	}
	clock := lexicon.ClockIn(localZone())
	given, more := standing.GivenInAdvance(st, now), standing.ApprovalToCome(st, now)
	gate := ""
	if given != nil {
		gate = fmt.Sprintf("The gate %s wave %s is approved already, %s", given.When, given.Wave,
			report.GivenInAdvance(given, clock.NearBy(now)))
	}
	switch {
	case st.Closing() && more:
		return found{never: true, text: fmt.Sprintf("The run is being closed, by %s: it comes to no gate any more.",
			st.Run.Stopped.By.User)}
	case given != nil && more:
		return found{again: given.Until, text: gate + "; a later one waits for a person."}
	case given != nil:
		return found{met: true, text: gate + "; no other waits for a person."}
	case !more:
		return found{met: true, text: "No gate of the run waits for a person, now or later."}
	}
	g := standing.GateToApprove(st, now)
	if g == nil {
		return found{}
	}
	if !g.Since.IsZero() {
		return found{met: true}
	}
	return found{again: st.SoaksUntil(max(st.CurrentWave(), 0))}
}

// closes is how a run that is being closed ends if nothing more fails.
func closes(st *rollout.State) fleet.ExitCode {
	if st.Totals.Of(fleet.Failed)+st.Totals.Of(fleet.Unknown) > 0 {
		return fleet.ExitFailures
	}
	return fleet.ExitNotUpgraded
}
