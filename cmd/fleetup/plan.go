package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// formatCalendar is the plan's nights, for a calendar.
const formatCalendar = "ics"

func (e *environment) planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "show what a run would do, and when it ends (the dry run)",
		ArgsUsage: "INVENTORY",
		Description: "Shows the waves, their order and limits, when they end, what is the worst case, and every " +
			"check that\n" +
			"needs no cloud. It starts nothing. With --validate it makes every read-only check as well.",
		Flags: append(append(formatFlags(formatCalendar), stateFlag(), acceptWarningsFlag(),
			flagValidate.is(cli.BoolFlag{Usage: "make every read-only check against the cloud too"}),
			flagDetails.is(cli.BoolFlag{Usage: "name every vault that does not start, and what stops it; with " +
				"--validate also what was found of the others"}),
			flagWhatIf.is(cli.StringFlag{Usage: "compare with other limits and a share of failures: `NAME=VALUE,...` " +
				"of upgrades=N, perSubscription=N, perLocation=N, validations=N, failures=N%. Which vaults fail is " +
				"drawn, up to 100 times, " +
				"by their names: the same each time"}),
			flagChange.is(cli.StringFlag{Usage: "the change's `ID`, for the change board's copy"}),
			flagOut.is(cli.StringFlag{TakesFile: true, Usage: "save the plan to `FILE`, for fleetup run FILE"})),
			cloudFlags()...),
		Action: e.plan,
	}
}

func (e *environment) plan(c *cli.Context) error {
	defer sparing()()
	file := fileOf(c)
	src, err := open(c, file)
	if err != nil {
		return err
	}
	if ledger := src.Apart(); ledger != "" && shownLedger(c, src) != ledger {
		e.warnApart(c, src, ledger)
	}
	out := flagOut.of(c)
	if err := replaceable(out); err != nil {
		return err
	}
	var other whatIf
	if text := flagWhatIf.of(c); text != "" {
		if other, err = parseWhatIf(text, src.Plan.Limits,
			again(c, "--what-if", "upgrades=40,failures=5%")); err != nil {
			return err
		}
	}
	o, newest, err := e.known(src)
	if err != nil {
		return err
	}
	if o.Memory, o.Unfinished, err = e.rememberedWith(src.Ledger, newest); err != nil {
		return err
	}
	o.Format, o.Details, o.Saved = layout.Format(flagOutput.of(c)), flagDetails.of(c), out
	o.State, o.Change = shownLedger(c, src), flagChange.of(c)
	if src.Saved && out == "" {
		o.Saved, o.Unkept = file, flagValidate.of(c) // it runs as it was looked at
	}
	e.tellWarnings(src, o)
	var code fleet.ExitCode
	if flagValidate.of(c) {
		o.Validations, err = e.check(c, src, o.Memory.Carried)
		if err != nil {
			return err
		}
		code = checkedCode(src.Plan, o.Validations, o.Memory.Carried)
		src.Plan = src.Plan.Shown(o.Validations, session.Now())
	}
	if other.text != "" {
		if o.WhatIf, err = other.rehearse(dryrun.Startable(src.Plan, o), o.Memory.Changed(src.Plan)); err != nil {
			return err
		}
	}
	if out != "" {
		if err := save(out, src.Plan); err != nil {
			return err
		}
	}
	if err := e.writePlan(e.stdout, e.columns, src.Plan, o); err != nil {
		return err
	}
	if code == fleet.ExitSignIn {
		return ended(code)
	}
	return nil
}

// tellWarnings says that lint has something to say of an inventory. Lint does not know
// the ledger, by which a vault does not start whose hold is over.
func (e *environment) tellWarnings(src *session.Source, o dryrun.PlanOptions) {
	may := map[fleet.Key]bool{}
	for _, i := range dryrun.Expired(src.Plan, o) {
		may[src.Plan.Vaults[i].Key] = true
	}
	warnings := slices.DeleteFunc(src.Warnings, func(w inventory.Problem) bool {
		return len(w.OverHolds()) > 0 && !slices.ContainsFunc(w.OverHolds(), func(k fleet.Key) bool { return may[k] })
	})
	if n := len(warnings); n > 0 {
		say(e.stderr, "%s in the inventory, see %s. The first: %s", words.Count(n, "warning"),
			lexicon.Command("inventory", "lint", src.File), lexicon.Clean(inWords(warnings[0])))
	}
}

// replaceable makes sure that saving a plan overwrites nothing but a plan.
func replaceable(path string) error {
	if path == "" || !textfile.Exists(path) {
		return nil
	}
	if err := textfile.Replaceable(path); err != nil {
		return failure.Usage("name another file with --out", "--out: %s is %w", path, failure.Cause(err))
	}
	if saved, err := session.IsSavedPlan(path); err == nil && (saved || isEmpty(path)) {
		return nil
	}
	return failure.Usage("name another file with --out",
		"%s is there and is not a saved plan, and is not overwritten", path)
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
		return failure.New(fleet.ExitInternal, fmt.Errorf("the plan cannot be saved to %s: %w", path,
			failure.Cause(err)), next)
	}
	return nil
}
