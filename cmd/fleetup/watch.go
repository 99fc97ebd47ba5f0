package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// watchStatus shows the run until it is finished: on a terminal by the live view
// that the run itself has; elsewhere, and where a part was asked for, by its
// status whenever that has changed. In its place on a terminal, and with a form
// feed between the pages of a pipe.
func (e *environment) watchStatus(c *cli.Context) error {
	if flagQuery.of(c) != "" {
		return failure.Usage("leave one of them out", "--watch shows whole pages, and --query asks for a part")
	}
	if flagRun.of(c) != "" {
		return failure.Usage("leave one of them out", "--watch shows the newest run, and --run asks for one by its ID")
	}
	pick, err := selector(c)
	if err != nil {
		return err
	}
	path, format := flagState.of(c), layout.Format(flagOutput.of(c))
	f, o := &follower{path: path}, e.reportOptions(c, format, path)
	o.Watched = true
	inPlace := e.redraws && format == layout.FormatTable
	if inPlace && pick == nil {
		return e.watchLive(c, f, o)
	}
	screen, pages := progress.NewScreen(e.stdout), 0
	err = e.watch(f, 0, func() (bool, error) {
		began := time.Now()
		defer func() { f.again = e.redrawAt(f.run, inPlace, time.Since(began)) }()
		var page bytes.Buffer
		if err := e.writeStatus(&page, f.run, pick, flagSelector.of(c), located(o, f.run.State.Plan)); err != nil {
			return true, perhapsEarlier(c, err)
		}
		pages++
		switch {
		case inPlace:
			width, height := e.pageSize()
			screen.Resize(width)
			if err := screen.Draw(fitting(page.String(), width, height-1)); err != nil {
				return true, err
			}
		case pages > 1 && format == layout.FormatTable:
			fmt.Fprint(e.stdout, "\f\n")
			fallthrough
		default:
			if _, err := e.stdout.Write(page.Bytes()); err != nil {
				return true, err
			}
		}
		return f.run.State.Run.Closed != nil, nil
	})
	if err != nil {
		return err
	}
	return f.verdict(c)
}

// verdict is how the run ended, where the command line asks for it.
func (f *follower) verdict(c *cli.Context) error {
	if flagExitCode.of(c) {
		return ended(f.run.State.Verdict())
	}
	return nil
}

// keysOfWatch says what the keys do to somebody who only looks.
const keysOfWatch = "Ctrl-C leaves this view; the run goes on"

// watchLive shows a run that another process carries out, or nobody, by the live
// view, and in the end its status.
func (e *environment) watchLive(c *cli.Context, f *follower, o report.Options) error {
	f.keep = true
	screen := progress.NewScreen(e.stdout)
	var shown *rollout.State // the one that the tracker began with
	var tracker *progress.Tracker
	var guess *progressOutput // guesses its end
	leave := func() {
		if guess != nil {
			guess.stop()
		}
	}
	defer func() { leave() }()
	err := e.watch(f, 0, func() (bool, error) {
		began := time.Now()
		st := f.run.State
		if st != shown {
			leave()
			tracker, shown = progress.NewTracker(st), st
			tracker.Zone, tracker.Ledger, tracker.Hint = localZone(), o.State, keysOfWatch
			tracker.Emulated = o.Emulated
			tracker.Recall(f.run.Told)
			guess = &progressOutput{done: make(chan struct{}), after: func() {}}
			guess.estimates(tracker)
		} else {
			tracker.Apply(st, f.fresh)
		}
		f.fresh = nil
		if tracker.Carried(f.run.Live) {
			tracker.Forecast().Look(session.Now(), guessAtOnce)
		}
		if st.Run.Closed != nil { // its page says it all
			return true, screen.Clear()
		}
		width, height := e.pageSize()
		screen.Resize(width)
		err := screen.Draw(tracker.Live(session.Now(), width, height, e.colours))
		f.again = session.Now().Add(redrawShare * time.Since(began)) // its ages grow, and a deadline may pass
		return err != nil, err
	})
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := e.writeStatus(&page, f.run, nil, "", o); err != nil {
		return err
	}
	if _, err := e.stdout.Write(page.Bytes()); err != nil {
		return err
	}
	return f.verdict(c)
}

// redrawAt is when a page is shown again though nothing was written: when a soak,
// a window, an approval or something else that the run waits for is over, and, where it stays in its place,
// before its ages and its expected end are old; the slower it is made the later.
func (e *environment) redrawAt(run journal.Run, inPlace bool, took time.Duration) (at time.Time) {
	if inPlace && run.State.Run.Closed == nil {
		at = session.Now().Add(max(lookEvery, redrawShare*took))
	}
	if next := report.NextChange(run.State, session.Now()); !next.IsZero() && (at.IsZero() || next.Before(at)) {
		at = next
	}
	return at
}

// guessAtOnce is how long one waits for a guess of when a run ends, where there is none: a
// frame of a run that its process has just left, and a notification.
const guessAtOnce = 200 * time.Millisecond

// redrawShare is the part of the time that drawing a page again may take.
const redrawShare = 20

func (e *environment) writeStatus(w *bytes.Buffer, run journal.Run, pick *plan.Selector, text string,
	o report.Options) error {
	if _, err := run.State.Plan.Pick(pick, text); err != nil {
		return err
	}
	return report.Status(w, limited(run, pick, text), o)
}

// fitting cuts a page to what a screen can redraw in its place: so many lines,
// none of them wider than the screen.
func fitting(page string, width, height int) []string {
	lines := strings.Split(strings.TrimRight(page, "\n"), "\n")
	if len(lines) > height && height > 1 {
		lines = append(lines[:height-1], "…")
	}
	for i := range lines {
		lines[i] = progress.Cut(lines[i], width)
	}
	return lines
}
