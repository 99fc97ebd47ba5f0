package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// watchStatus shows the status again whenever something has changed. On a
// terminal the page stays in its place; elsewhere a form feed parts the pages.
func (e *environment) watchStatus(c *cli.Context) error {
	format, err := report.ParseRunFormat(c.String("output"))
	if err != nil {
		return failure.Usage(helpOn(c), "%w", err)
	}
	if c.String("query") != "" {
		return failure.Usage("leave one of them out", "--watch shows whole pages, and --query asks for a part")
	}
	if c.String("run") != "" {
		return failure.Usage("leave one of them out", "--watch shows the newest run, and --run asks for one by its ID")
	}
	if err := noArguments(c); err != nil {
		return err
	}
	pick, err := selector(c)
	if err != nil {
		return err
	}
	path, err := statePath(c)
	if err != nil {
		return err
	}
	f, o := &follower{path: path}, e.reportOptions(c, format, path)
	inPlace := e.columns > 0 && format == report.FormatTable
	screen, pages := report.NewScreen(e.stdout), 0
	err = e.watch(f, 0, func() (bool, error) {
		began := time.Now()
		defer func() { f.again = e.redrawAt(f.run, inPlace, time.Since(began)) }()
		var page bytes.Buffer
		if err := e.writeStatus(&page, f.run, pick, c.String("selector"), o); err != nil {
			return true, err
		}
		pages++
		switch {
		case inPlace:
			_, height := e.size()
			if err := screen.Draw(fitting(page.String(), e.columns, height-1)); err != nil {
				return true, err
			}
		case pages > 1 && format == report.FormatTable:
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
	if c.Bool("exit-code") {
		return ended(f.run.State.Verdict())
	}
	return nil
}

// redrawAt is when a page is shown again though nothing was written: when
// something that the run waits for is over, and, where it stays in its place,
// before its ages and its expected end are old; the slower it is made the later.
func (e *environment) redrawAt(run journal.Run, inPlace bool, took time.Duration) (at time.Time) {
	if inPlace && run.State.Run.Closed == nil {
		at = now().Add(max(lookEvery, redrawShare*took))
	}
	for _, w := range report.Waits(run.State, now()) {
		if w.Until != nil && w.Until.After(now()) && (at.IsZero() || w.Until.Before(at)) {
			at = w.Until.Time
		}
	}
	return at
}

// redrawShare is the part of the time that drawing a page again may take.
const redrawShare = 20

func (e *environment) writeStatus(w *bytes.Buffer, run journal.Run, pick *plan.Selector, text string, o report.Options) error {
	if _, err := selected(run.State.Plan, pick, text); err != nil {
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
		lines[i] = report.Cut(lines[i], width)
	}
	return lines
}
