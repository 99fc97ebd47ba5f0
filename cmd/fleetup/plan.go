package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

func (e *environment) planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "show what a run would do, and when it ends (the dry run)",
		ArgsUsage: "INVENTORY",
		Description: "Shows the waves, their order and limits, when they end, what is the worst case, and every check that\n" +
			"needs no cloud. It starts nothing. With --validate it makes every read-only check as well.",
		Flags: append([]cli.Flag{stateFlag(), formatFlag(), acceptWarningsFlag(),
			flagValidate.is(cli.BoolFlag{Usage: "make every read-only check against the cloud too"}),
			flagDetails.is(cli.BoolFlag{Usage: "name every vault that does not start, and what stops it; with --validate also what was found of the others"}),
			flagWhatIf.is(cli.StringFlag{Usage: "compare with other limits and a share of failures: `NAME=VALUE,...` of upgrades=N, perSubscription=N, perLocation=N, validations=N, failures=N%"}),
			flagChange.is(cli.StringFlag{Usage: "the change's `ID`, for the change board's copy"}),
			flagOut.is(cli.StringFlag{TakesFile: true, Usage: "save the plan to `FILE`, for fleetup run FILE"})}, cloudFlags()...),
		Action: e.plan,
	}
}

func (e *environment) plan(c *cli.Context) error {
	file, err := oneArgument(c, "an inventory")
	if err != nil {
		return err
	}
	format, err := layout.ParseFormat(flagOutput.of(c))
	if err != nil {
		return failure.Usage(helpOn(c), "%w", err)
	}
	src, err := open(c, file)
	if err != nil {
		return err
	}
	out := flagOut.of(c)
	if err := replaceable(out); err != nil {
		return err
	}
	if !src.saved {
		e.tellWarnings(file)
	}
	o := dryrun.PlanOptions{Format: format, Details: flagDetails.of(c), Saved: out, State: src.shownLedger(c), Ledger: src.ledgerBeside(), Change: flagChange.of(c), Emulated: emulationOf(src)}
	var other whatIf
	if text := flagWhatIf.of(c); text != "" {
		if other, err = parseWhatIf(text, src.plan.Limits, again(c, "--what-if", "upgrades=40,failures=5%")); err != nil {
			return err
		}
	}
	if src.plan, o.Measured, err = e.calibrated(src); err != nil {
		return err
	}
	if o.Carried, err = e.carriedNow(src.ledger); err != nil {
		return err
	}
	var code fleet.ExitCode
	if flagValidate.of(c) {
		o.Validations, err = e.check(c, src, o.Carried)
		if err != nil {
			return err
		}
		code = checkedCode(o.Validations)
		src.plan = src.plan.Shown(o.Validations)
	}
	if other.text != "" {
		if o.WhatIf, err = other.rehearse(dryrun.Startable(src.plan, o.Validations, o.Carried)); err != nil {
			return err
		}
	}
	if out != "" {
		if err := save(out, src.plan); err != nil {
			return err
		}
	}
	if err := e.writePlan(e.stdout, e.columns, src.plan, o); err != nil {
		return err
	}
	if code == fleet.ExitSignIn {
		return ended(code)
	}
	return nil
}

// tellWarnings says that lint has something to say of an inventory.
func (e *environment) tellWarnings(file string) {
	_, warnings, err := inventory.Check(file, now(), today()...)
	if n := len(warnings); err == nil && n > 0 {
		say(e.stderr, "%s in the inventory, see %s. The first: %s", words.Count(n, "warning"), lexicon.Command("inventory", "lint", file), lexicon.Clean(inWords(warnings[0])))
	}
}

// writePlan forecasts the plan and writes it.
func (e *environment) writePlan(w io.Writer, columns int, p *plan.Plan, o dryrun.PlanOptions) error {
	o.Now, o.Zone, o.Width, o.Upgrade, o.Unattended = now(), localZone(), columns, upgradeOf(p), !e.terminal
	p50, p90, err := dryrun.Forecasts(p, o.Now, o.Validations, o.Carried)
	if err != nil {
		return fmt.Errorf("the forecast failed: %w", err)
	}
	o.P50, o.P90 = &p50, &p90
	return dryrun.Plan(w, p, o)
}

// carriedNow is what earlier runs on the ledger left, and what a live one has
// done so far; nothing where there is no ledger, or where it cannot be asked.
func (e *environment) carriedNow(path string) (map[fleet.Key]fleet.Carried, error) {
	if !textfile.Exists(path) {
		return nil, nil
	}
	var m map[fleet.Key]fleet.Carried
	var live bool
	err := readLedger(path, func(r *reading) error {
		m, live = map[fleet.Key]fleet.Carried{}, r.live != nil
		if run, ok, err := r.latest(); err == nil && ok {
			e.doubt(r, run, path)
		}
		return r.records.VaultRecords(func(rec fleet.VaultRecord) error {
			if carried, ok := rollout.Carry(rec); ok {
				m[rec.Vault] = carried
			}
			return nil
		})
	})
	switch {
	case err != nil && codeOf(err) == fleet.ExitInUse:
		say(e.stderr, "The ledger %s is in use right now: what earlier runs left is not in this plan.", lexicon.Clean(path))
		return nil, nil
	case err != nil:
		return nil, err
	case live:
		say(e.stderr, "A run has the ledger %s right now: this plan is of what it has done so far.", lexicon.Clean(path))
	}
	return m, nil
}

// replaceable makes sure that saving a plan overwrites nothing but a plan.
func replaceable(path string) error {
	if path == "" || !textfile.Exists(path) {
		return nil
	}
	if err := textfile.Replaceable(path); err != nil {
		return failure.Usage("name another file with --out", "--out: %s is %w", path, failure.Cause(err))
	}
	if saved, err := savedPlan(path); err == nil && (saved || isEmpty(path)) {
		return nil
	}
	return failure.Usage("name another file with --out", "%s is there and is not a saved plan, and is not overwritten", path)
}

// isEmpty reports whether a file holds nothing that could be lost.
func isEmpty(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Size() == 0
}

// save writes a plan so that the file is there whole or not at all.
func save(path string, p *plan.Plan) error {
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	err = textfile.ReplaceWith(textfile.Real(path), data)
	if err != nil {
		next := "name a file with --out in a folder that exists and that you may write to"
		if errors.Is(err, syscall.ENOSPC) {
			next = "make room on its disk, or name a file on another with --out"
		}
		return failure.New(fleet.ExitInternal, fmt.Errorf("the plan cannot be saved to %s: %w", path, failure.Cause(err)), next)
	}
	return nil
}

// toRead connects to the cloud of a plan for a command that starts nothing.
func toRead(c *cli.Context, src *source) (conn *cloud, done func(), err error) {
	p, stateFile, unlock := src.plan, "", func() {}
	if p.Cloud.Name == fleet.Emulator && textfile.Exists(emulatorPath(src.ledger)) {
		// The emulated cloud of a ledger goes on where its runs left it, and
		// only one process may have it.
		lock, err := acquire(c, src.ledger)
		if err != nil {
			return nil, nil, err
		}
		stateFile, unlock = emulatorPath(src.ledger), func() { lock.Close() }
	}
	conn, err = connect(c, p, src.folder, stateFile)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return conn, func() { conn.close(); unlock() }, nil
}

// untilInterrupted is a context that ends with the first signal, or with stop.
func (e *environment) untilInterrupted() (ctx context.Context, stop func()) {
	obeys := e.ends.watch()
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-e.interrupt:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { cancel(); watch.Wait(); obeys() }
}

// check makes every read-only check of a plan's vaults. A failure that a person
// has permitted to be tried again is none, as in a run.
func (e *environment) check(c *cli.Context, src *source, carried map[fleet.Key]fleet.Carried) (map[fleet.Key]fleet.Validation, error) {
	p := src.plan
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
	err = runner.ValidateAll(ctx, p, conn, conn.limiter, permits, func(i int, v fleet.Validation) {
		results[p.Vaults[i].Key] = v
		if e.screen {
			_ = screen.Draw([]string{fmt.Sprintf("checked %d of %d", len(results), p.ToStart())}) // progress is no outcome
		}
	})
	if e.screen {
		_ = screen.Clear()
	}
	if err != nil {
		return nil, failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was started"), "the same command again begins anew")
	}
	return results, nil
}

// checkedCode is the exit code that the checks' results stand for.
func checkedCode(results map[fleet.Key]fleet.Validation) fleet.ExitCode {
	n := map[fleet.Verdict]int{}
	for _, v := range results {
		n[v.Verdict]++
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
