package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// renderer writes a run in a format.
type renderer func(io.Writer, *report.View, report.Options) error

// read shows the newest run of a ledger in one of its forms. It needs no lock
// and holds the file for milliseconds; a live run is asked.
func (e *environment) read(c *cli.Context, show renderer) error {
	format := layout.Format(flagOutput.of(c))
	pick, err := selector(c)
	if err != nil {
		return err
	}
	path := flagState.of(c)
	run, ok, err := session.ReadRun(path, flagRun.of(c), format == layout.FormatTable,
		func(r *session.ReadOnlyLedger, run journal.Run) { e.doubt(r, run, path) })
	if err != nil {
		return err
	}
	if !ok {
		return noRunYet(path, "")
	}
	if _, err := run.State.Plan.Pick(pick, flagSelector.of(c)); err != nil {
		return perhapsEarlier(c, err)
	}
	v, o := limited(run, pick, flagSelector.of(c)), located(e.reportOptions(c, format, path), run.State.Plan)
	if err := show(e.stdout, v, o); err != nil {
		return err
	}
	if run.Broken != nil {
		return brokenOff(run, path)
	}
	if flagExitCode.of(c) {
		return ended(run.State.Verdict())
	}
	return nil
}

// reportOptions are the options that the command line decides.
func (e *environment) reportOptions(c *cli.Context, f layout.Format, path string) report.Options {
	return report.Options{Format: f, Zone: localZone(), Width: e.columns, SupportAddress: flagSupportAddress.of(c),
		State: path, Emulated: session.Emulation(path), Along: e.along}
}

// sharedOptions are reportOptions of what others read, elsewhere: nothing of this command
// line goes along.
func (e *environment) sharedOptions(c *cli.Context, path string) report.Options {
	o := e.reportOptions(c, layout.FormatTable, path)
	o.Along = nil
	return o
}

// located says where the inventory of a plan is, seen from this folder.
func located(o report.Options, p *plan.Plan) report.Options {
	o.Inventory = inventoryOf(p, o.State)
	return o
}

// view is a run as reports show it.
func view(run journal.Run) *report.View { return limited(run, nil, "") }

// limited is view with the vaults that a selector picks; nil picks all.
func limited(run journal.Run, s *plan.Selector, text string) *report.View {
	at := session.Now()
	o, _ := rollout.Foresee(run.State, at, nil) // without a guess none is shown
	return report.FromState(run.State, report.ViewOptions{Live: run.Live, Now: at, Outlook: o, Evidence: run.Evidence,
		Timeline: run.Told, Selector: s, Selection: text, Later: run.Later,
		TakenUp: run.TakenUp})
}
