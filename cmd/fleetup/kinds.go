package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

func (e *environment) kindsCommand() *cli.Command {
	return &cli.Command{
		Name:      "kinds",
		Usage:     "list the kinds of upgrades, or show one with an inventory to start from",
		ArgsUsage: "[KIND]",
		Description: "Of each kind: what a vault gets, what undoes it, which permissions it needs, and whether " +
			"answers of the real\n" +
			"service to it are published. With KIND and --out the inventory to start from is written. No call is made.",
		Flags: append(outputFlags("table", "json"),
			flagOut.is(cli.StringFlag{TakesFile: true,
				Usage: "with KIND: write the inventory to `FILE`; - for stdout"}),
			flagOverwrite.is(cli.BoolFlag{Usage: "let --out replace an inventory that is there"})),
		Action: e.kinds,
	}
}

// forwardKinds are the kinds that do something anew, and the one that an inventory writes
// itself; what undoes one is told with it.
func forwardKinds() (specs []fleet.KindSpec) {
	for i := range session.Kinds {
		if _, undoes := session.Kinds[i].Kind.Undoes(); !undoes {
			specs = append(specs, session.Kinds[i].KindSpec)
		}
	}
	for _, s := range session.CurrentKinds() {
		if s.Written != nil {
			specs = append(specs, s)
		}
	}
	return specs
}

func (e *environment) kinds(c *cli.Context) error {
	specs, name := forwardKinds(), c.Args().First()
	o := dryrun.KindsOptions{Format: layout.Format(flagOutput.of(c)), Width: e.columns}
	if name == "" {
		if given(c, flagOut) {
			return failure.Usage("fleetup kinds", "--out writes the inventory of one kind: say which")
		}
		return dryrun.Kinds(e.stdout, specs, o)
	}
	spec, err := kindCalled(c, name, specs)
	if err != nil {
		return err
	}
	starter := inventory.Starter(spec)
	if !given(c, flagOut) {
		return dryrun.Kind(e.stdout, spec, string(starter), o)
	}
	if err := checkOut(c); err != nil {
		return err
	}
	path := flagOut.of(c)
	if err := e.writeInventory(path, starter); err != nil || path == "-" {
		return err
	}
	_, err = inventory.Parse(path, starter, session.Now(), session.CurrentKinds()...)
	e.sayNext(path, err)
	return nil
}

// kindCalled is the kind with a name, as an inventory calls it.
func kindCalled(c *cli.Context, name string, specs []fleet.KindSpec) (*fleet.KindSpec, error) {
	var names []string
	for i := range specs {
		if string(specs[i].Kind) == name {
			return &specs[i], nil
		}
		names = append(names, string(specs[i].Kind))
	}
	switch of, undoes := fleet.Kind(name).Undoes(); {
	case undoes && words.Nearest(string(of), names) == string(of):
		return nil, failure.Usage(retyped(c, []string{string(of)}, nil),
			"%s is what undoes %s; it is told with it", name, of)
	case name == string(fleet.KindRollback):
		return nil, failure.Usage("fleetup kinds", "rollback undoes another kind; how is told with each")
	}
	return nil, failure.Mistyped(name, words.Nearest(name, names), "fleetup kinds", "there is no upgrade kind %q", name)
}
