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
		Description: "It exits 0 when the run is in that state, or has passed it; for an approval also when one " +
			"has been given in\n" +
			"advance. Otherwise: with the run's own code when it ended without that; with 7, or 3 where some have " +
			"failed,\n" +
			"when it is being closed and cannot come there; with 5 when the time is up. It only reads: while no " +
			"process\n" +
			"carries the run out, it waits until somebody resumes it. It is about the newest run; where that is " +
			"over when it\n" +
			"begins, it gives another one 3 seconds to open.",
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
	w := &waiter{e: e, c: c, isWave: isWave, wave: wave, until: session.Now().Add(session.LookFor),
		follower: follower{path: path}}
	err := e.watch(&w.follower, flagTimeout.of(c), w.look)
	if errors.Is(err, errLate) {
		next := toStatus(path)
		switch st := w.run.State; {
		case st != nil && st.Run.Closed != nil: // there was no time for another to open
			w.until = time.Time{}
			_, err := w.look()
			return err
		case st != nil && !w.run.Live:
			next = goesOn(st, path)
		}
		return failure.New(fleet.ExitInterrupted,
			fmt.Errorf("after %s the run has not come to that state", flagTimeout.of(c).Round(time.Second)), next)
	}
	return err
}

// waiter waits for a state of a run.
type waiter struct {
	follower
	e      *environment
	c      *cli.Context
	isWave bool   // a wave is to be done; else something else is waited for
	wave   string // which

	open     bool      // the run that is looked at was not over once: so it is the one that was meant
	until    time.Time // until then another may open, where the newest is over
	deserted bool      // it was said that no process carries the run out
	told     string    // what was said last of how the run stands to what is waited for
}

// look says whether the waiting is over.
func (w *waiter) look() (bool, error) {
	st, e := w.run.State, w.e
	if w.open = w.open || st.Run.Closed == nil; !w.open && session.Now().Before(w.until) {
		w.again = w.until
		return false, nil
	}
	if w.isWave && !slices.ContainsFunc(st.Waves, func(x rollout.WaveState) bool { return x.Name == w.wave }) {
		var names []string
		for _, x := range st.Waves {
			names = append(names, x.Name)
		}
		return true, perhapsEarlier(w.c,
			failure.Mistyped(w.wave, words.Likeliest(w.wave, names), toStatus(w.path), "the run has no wave %q",
				w.wave))
	}
	is := foundFor(st, flagFor.of(w.c), w.wave, session.Now())
	if is.text != "" && is.text != w.told {
		w.told = is.text
		say(e.stderr, "%s", lexicon.Clean(is.text))
	}
	if is.met {
		return true, nil
	}
	w.again = is.again
	if st.Run.Closed != nil {
		say(e.stderr, "The run %s without that.",
			map[bool]string{true: "was closed", false: "finished"}[st.NeverStarted() > 0])
		return true, ended(st.Verdict())
	}
	if is.never {
		return true, ended(closes(st))
	}
	if !w.run.Live && !w.deserted {
		w.deserted = true
		say(e.stderr, "No process carries the run out.")
		if flagTimeout.of(w.c) == 0 { // else what to do is said when the time is up
			e.tellNext(goesOn(st, w.path))
		}
	}
	return false, nil
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
	w, when, _ := st.NextGate() // there is one: g
	return found{again: standing.ReachesGate(st, w, when)}
}

// closes is how a run that is being closed ends if nothing more fails.
func closes(st *rollout.State) fleet.ExitCode {
	if st.Totals.Of(fleet.Failed)+st.Totals.Of(fleet.Unknown) > 0 {
		return fleet.ExitFailures
	}
	return fleet.ExitNotUpgraded
}
