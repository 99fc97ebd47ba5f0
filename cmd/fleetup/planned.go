package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// remembered is what earlier runs on the ledger left, and what a live one has done so
// far; nothing where there is no ledger, or where it cannot be asked.
func (e *environment) remembered(path string) (rollout.Memory, error) {
	m, _, err := e.rememberedWith(path, nil)
	return m, err
}

// rememberedWith is remembered with the run that is not over; nil where there is none. read
// is the newest run, where it was read before: of a journal that is still the same it is
// not read again.
func (e *environment) rememberedWith(path string, read *journal.Run) (m rollout.Memory,
	open *dryrun.Unfinished, err error) {
	if !textfile.Exists(path) {
		return rollout.Memory{}, nil, nil
	}
	var live bool
	var newest fleet.Kind
	err = session.ReadLedger(path, func(r *session.ReadOnlyLedger) (err error) {
		live, open = r.Live != nil, nil
		if run, ok, err := r.LatestUnless(read); err == nil && ok {
			e.doubt(r, run, path)
			if run.State != nil {
				newest = run.State.Plan.Kind
			}
			if st, now := run.State, session.Now(); st != nil && run.Broken == nil && st.MayOpen() != nil {
				open = dryrun.UnfinishedRun(run.Info.ID, string(standing.PhaseOf(st, live, now)), path,
					report.NextSteps(st, live, now))
			}
		}
		m, err = r.Remembered()
		m.Newest = newest
		return err
	})
	switch {
	case err != nil && codeOf(err) == fleet.ExitInUse:
		say(e.stderr, "The ledger %s is in use right now: what earlier runs left is not in this plan.",
			lexicon.Clean(path))
		return rollout.Memory{}, nil, nil
	case err != nil:
		return rollout.Memory{}, nil, err
	case live:
		say(e.stderr, "A run has the ledger %s right now: this plan is of what it has done so far.",
			lexicon.Clean(path))
	}
	return m, open, nil
}

// known is what is known of a plan before its run: by it plan shows the plan, and run
// shows it and asks. What the ledger has measured goes into the plan; what it remembers
// is for remembered to add. newest is the last run of the ledger, where it was read.
func (e *environment) known(src *session.Source) (o dryrun.PlanOptions, newest *journal.Run, err error) {
	o = dryrun.PlanOptions{Ledger: src.LedgerBeside(), Emulated: session.EmulationOf(src)}
	src.Plan, o.Measured, newest, err = e.calibrated(src)
	return o, newest, err
}

// writePlan forecasts the plan and writes it.
func (e *environment) writePlan(w io.Writer, columns int, p *plan.Plan, o dryrun.PlanOptions) error {
	o.Now, o.Zone, o.Width, o.Upgrade, o.Unattended = session.Now(), localZone(), columns,
		session.UpgradeOf(p), !e.terminal
	o.Along = e.along
	p50, p90, err := dryrun.Forecasts(p, o)
	if err != nil {
		return fmt.Errorf("the forecast failed: %w", err)
	}
	o.P50, o.P90 = &p50, &p90
	if o.Format != formatCalendar {
		return dryrun.Plan(w, p, o)
	}
	if n, err := dryrun.Calendar(w, p, o); err != nil || n > 0 {
		return err
	}
	return failure.Usage(lexicon.Command("plan", p.Inventory),
		"by this plan nothing starts, so there is no night for a calendar")
}

// toRead connects to the cloud of a plan for a command that starts nothing.
func toRead(c *cli.Context, src *session.Source) (conn *session.Cloud, done func(), err error) {
	p, stateFile, unlock := src.Plan, "", func() {}
	if p.Cloud.Name == fleet.Emulator && textfile.Exists(session.EmulatorPath(src.Ledger)) {
		// The emulated cloud of a ledger goes on where its runs left it, and
		// only one process may have it.
		lock, err := acquire(c, src.Ledger)
		if err != nil {
			return nil, nil, err
		}
		stateFile, unlock = session.EmulatorPath(src.Ledger), func() { lock.Close() }
	}
	conn, err = connect(c, p, src.Folder, stateFile)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return conn, func() { conn.Disconnect(); unlock() }, nil
}

// check makes every read-only check of a plan's vaults. A failure that a person
// has permitted to be tried again is none, as in a run.
func (e *environment) check(c *cli.Context, src *session.Source,
	carried map[fleet.Key]fleet.Carried) (map[fleet.Key]fleet.Validation, error) {
	p := src.Plan
	conn, done, err := toRead(c, src)
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, stop := e.untilInterrupted()
	defer stop()
	screen := progress.NewScreen(e.stderr)
	results, permits := make(map[fleet.Key]fleet.Validation, len(p.Vaults)), map[fleet.Key][]string{}
	for k, was := range carried {
		if was.Status == fleet.Pending {
			permits[k] = was.Disregard
		}
	}
	err = runner.ValidateAll(ctx, p, conn, conn.Limiter, permits, func(i int, v fleet.Validation) {
		results[p.Vaults[i].Key] = v
		if e.screen {
			// progress is no outcome
			_ = screen.Draw([]string{fmt.Sprintf("checked %d of %d", len(results), p.ToStart())})
		}
	})
	if e.screen {
		_ = screen.Clear()
	}
	if err != nil {
		return nil, failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was started"),
			"the same command again begins anew")
	}
	return results, nil
}

// checkedCode is the exit code that the checks' results stand for, and what earlier runs
// left: what has failed in one of them is failed in the next.
func checkedCode(p *plan.Plan, results map[fleet.Key]fleet.Validation,
	carried map[fleet.Key]fleet.Carried) fleet.ExitCode {
	n := map[fleet.Verdict]int{}
	for _, v := range results {
		n[v.Verdict]++
	}
	for i := range p.Vaults {
		v := &p.Vaults[i]
		if c, ok := carried[v.Key]; ok && c.Status != fleet.Pending && !v.Excluded() {
			n[fleet.VerdictFailed]++
		}
	}
	switch {
	case n[fleet.VerdictDenied] > 0:
		return fleet.ExitSignIn
	case n[fleet.VerdictFailed] > 0:
		return fleet.ExitFailures
	case n[fleet.VerdictBlocked]+n[fleet.VerdictBusy] > 0:
		return fleet.ExitNotUpgraded
	}
	return fleet.ExitOK
}
