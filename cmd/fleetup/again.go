package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// again is the command line that was given, with more behind it: what was
// missing. Nothing that it said is lost, so that it can be pasted. A flag that
// is given anew takes the place of the one there, and the ledger is named also
// where it came from the environment.
func again(c *cli.Context, more ...string) string {
	return retyped(c, c.Args().Slice(), nil, more...)
}

// retyped is again with other arguments, and without some flags.
func retyped(c *cli.Context, arguments, without []string, more ...string) string {
	var flags []string
	for _, f := range c.Command.Flags { // those of every command: see typed.along
		name := f.Names()[0]
		if !c.IsSet(name) || slices.Contains(more, "--"+name) || slices.Contains(without, name) || name == "help" {
			continue
		}
		flags = append(flags, spelt(c, name)...)
	}
	args := strings.Fields(c.Command.FullName())
	if n := c.Command.HelpName; n != "" {
		args = strings.Fields(strings.TrimPrefix(n, "fleetup "))
	}
	return lexicon.Command(slices.Concat(args, arguments, flags, more)...)
}

// spelt is a flag as it was given: with each of its values, or alone where it is a
// switch that is on.
func spelt(c *cli.Context, name string) (args []string) {
	switch v := c.Value(name).(type) {
	case bool:
		if v {
			return []string{"--" + name}
		}
	case cli.StringSlice:
		for _, one := range v.Value() {
			args = append(args, "--"+name, one)
		}
	default:
		if s := fmt.Sprint(v); s != "" {
			args = []string{"--" + name, s}
		}
	}
	return args
}

// nothingRuns is what to type where a ledger has no unfinished run.
func nothingRuns(h *session.LockedLedger) string {
	if h.Begun && h.Run.State.Plan.Inventory != "" {
		return failure.Lines(lexicon.Command("report", "--state", h.Path),
			failure.To("for another run", lexicon.Command("plan",
				cmp.Or(inventoryOf(h.Run.State.Plan, h.Path), h.Run.State.Plan.Inventory), "--state", h.Path)))
	}
	return lexicon.Command("runs", "--state", h.Path)
}
