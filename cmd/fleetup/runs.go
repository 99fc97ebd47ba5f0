package main

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) runsCommand() *cli.Command {
	return &cli.Command{
		Name:  "runs",
		Usage: "list the runs of a ledger",
		Flags: append(outputFlags("table", "json"), neededStateFlag()),
		Action: func(c *cli.Context) error {
			path := flagState.of(c)
			var rows []report.RunRow
			err := session.ReadLedger(path, func(r *session.ReadOnlyLedger) (err error) {
				rows, err = runRows(r)
				return err
			})
			if err != nil {
				return err
			}
			if flagOutput.of(c) == "json" {
				return writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "runs": rows,
					"next": report.NextCommands(report.RunsNext(rows), path, e.along)})
			}
			if len(rows) == 0 {
				return noRunYet(path, "")
			}
			return report.Runs(e.stdout, rows, e.reportOptions(c, layout.FormatTable, path))
		},
	}
}

// runRows are the runs of a ledger. A plan is read once, however many runs have it.
func runRows(r *session.ReadOnlyLedger) ([]report.RunRow, error) {
	runs, err := r.Runs()
	if err != nil {
		return nil, err
	}
	rows, kinds := make([]report.RunRow, len(runs)), map[string]fleet.Kind{} // by the plans' fingerprints
	for i := range runs {
		rows[i] = runRow(&runs[i], i == len(runs)-1 && r.Live != nil)
	}
	if n := len(runs); n > 0 {
		if err := standsIn(r, &runs[n-1], &rows[n-1], kinds); err != nil {
			return nil, err
		}
	}
	for i := range runs {
		of := runs[i].PlanFingerprint
		if _, known := kinds[of]; !known {
			if kinds[of], err = r.KindOf(runs[i]); err != nil {
				return nil, err
			}
		}
		rows[i].Of(kinds[of])
	}
	return rows, nil
}

// standsIn says where the newest run of a ledger stands, of which alone the facts are
// read, and only where it is not closed; then its kind is one of the kinds. A journal that
// cannot be read keeps nobody from the list. The error is that of a process which went away
// while it was asked.
func standsIn(r *session.ReadOnlyLedger, info *state.RunInfo, row *report.RunRow, kinds map[string]fleet.Kind) error {
	if info.Closed {
		return nil
	}
	run, ok, err := r.Latest()
	switch {
	case errors.Is(err, control.ErrNotThere):
		return err
	case err == nil && ok && run.Info.ID == info.ID:
		row.Stands(run.State, run.Live, session.Now())
		kinds[info.PlanFingerprint] = run.State.Plan.Kind
	}
	return nil
}

// runRow is a run as the list shows it.
func runRow(r *state.RunInfo, live bool) report.RunRow {
	row := report.RunRow{ID: r.ID, Status: string(report.RunInterrupted), PlanFingerprint: r.PlanFingerprint,
		StartedAt: &report.Time{Time: r.OpenedAt}}
	switch {
	case live:
		row.Status = string(report.RunRunning)
	case r.Closed:
		code := int(r.ExitCode)
		verdict := r.ExitCode.Name()
		row.Status, row.EndedAt, row.ExitCode, row.Verdict = string(report.RunFinished), &report.Time{Time: r.ClosedAt},
			&code, &verdict
		row.Ended(r.NeverStarted)
		// As long as between the times that stand beside it, which are cut to seconds.
		row.Took = r.ClosedAt.Truncate(time.Second).Sub(r.OpenedAt.Truncate(time.Second))
	}
	return row
}
