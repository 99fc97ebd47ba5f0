package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

func (e *environment) validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "check the prerequisites of every vault; start nothing",
		ArgsUsage: "INVENTORY",
		Description: "All findings of a vault are shown together. Exits 0 when every vault may start, 7 when some " +
			"may not,\n3 when the cloud or the ledger remembers a failed upgrade, 8 when a sign-in is missing.",
		Flags:  append(append(formatFlags(), stateFlag(), acceptWarningsFlag()), cloudFlags()...),
		Action: e.validate,
	}
}

func (e *environment) validate(c *cli.Context) error {
	file := fileOf(c)
	src, err := open(c, file)
	if err != nil {
		return err
	}
	left, unfinished, err := e.rememberedWith(src.Ledger, nil)
	if err != nil {
		return err
	}
	results, err := e.check(c, src, left.Carried)
	if err != nil {
		return err
	}
	if err := dryrun.Validation(e.stdout, src.Plan, results,
		dryrun.ValidationOptions{Format: layout.Format(flagOutput.of(c)), Zone: localZone(),
			Width: e.columns, Now: session.Now(), State: shownLedger(c, src), Along: e.along,
			Ledger: src.Ledger, Memory: left, Unfinished: unfinished}); err != nil {
		return err
	}
	return ended(checkedCode(src.Plan, results, left.Carried))
}
