package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

func (e *environment) importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "write an inventory from a table of vaults in CSV",
		ArgsUsage: "FILE.csv",
		Description: "The columns are those of an included table: subscription, name, location, resourceType, " +
			"targetResourceGroup,\n" +
			"protectedItems and labels.NAME. A comma, a semicolon or a tab parts them. A subscription is an ID, or a " +
			"name that\n" +
			"--subscription ID=NAME or --subscriptions-from gives. All mistakes are reported together, with their " +
			"places.",
		Flags:  foundFlags(),
		Action: e.importTable,
	}
}

func (e *environment) importTable(c *cli.Context) error {
	file := fileOf(c)
	f, err := e.newFound(c)
	if err != nil {
		return err
	}
	if f.Cloud, err = cloudOf(c, nil); err != nil {
		return err
	}
	if err := checkOut(c); err != nil {
		return err
	}
	data, err := e.input(file)
	if err != nil {
		return failure.New(fleet.ExitUsage, fmt.Errorf("%s cannot be read: %w", file, failure.Cause(err)),
			"check the path")
	}
	err = inventory.ReadTable(file, data, f)
	if _, ok := errors.AsType[*inventory.Problems](err); ok {
		return failure.New(fleet.ExitUsage, err, failure.Lines("correct what is named", again(c)))
	}
	if err != nil {
		return err
	}
	if len(f.Subscriptions) == 0 {
		return failure.Usage("give it a row for each vault", "%s has no vaults", file)
	}
	f.Source = "the table " + file
	return e.writeFound(flagOut.of(c), f)
}
