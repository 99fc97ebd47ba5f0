package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// argumentNames are the arguments of which a command takes one alone, by what its
// usage calls them. In brackets such an argument may be left out.
var argumentNames = map[string]string{
	"INVENTORY": "an inventory", "INVENTORY|PLAN": "an inventory or a saved plan", "VAULT": "a vault",
	"FILE.csv":      "a table",
	"KIND":          "an upgrade kind",
	shellNames("|"): "a shell: " + shellNames(", "),
}

// fileOf is the file that a command is given, "" for none. One whose name begins with a
// dash, which only stands behind --, is named by its folder, so that no command line that
// is made with it, nor one with the ledger beside it, takes it for a flag.
func fileOf(c *cli.Context) string {
	file := c.Args().First()
	if len(file) > 1 && file[0] == '-' {
		return "./" + file
	}
	return file
}

// checkLine makes sure of what a command declares of each of its command lines: its
// arguments, where it takes none or one, and its ledger, where it needs one. Its
// action need not look again.
func checkLine(c *cli.Context) error {
	usage, n := c.Command.ArgsUsage, c.NArg()
	what, one := argumentNames[strings.Trim(usage, "[]")]
	switch {
	case usage == "" && n > 0:
		return noSuchArgument(c)
	case one && n == 0 && usage[0] != '[':
		next := helpOn(c)
		if files := session.Inventories(); len(files) == 1 && strings.HasPrefix(usage, "INVENTORY") {
			next = again(c, files[0])
		}
		return failure.Usage(next, "%s needs %s", c.Command.Name, what)
	case one && n > 1:
		next, hint := helpOn(c), ""
		if n == 2 && takes(c, flagState) && !given(c, flagState) {
			for i, a := range c.Args().Slice() {
				if strings.HasSuffix(a, ".db") && textfile.Exists(a) {
					next, hint = retyped(c, []string{c.Args().Get(1 - i)}, nil, flagState.dashed(), a), ledgerByFlag
				}
			}
		}
		return failure.Usage(next, "%s takes one argument, %s; there are %d%s", c.Command.Name, what, n, hint)
	}
	needsLedger := slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { _, ok := f.(neededFlag); return ok })
	if needsLedger && flagState.of(c) == "" {
		file, here := "FILE", session.Ledgers()
		if len(here) == 1 {
			file = here[0]
		}
		return failure.Usage(again(c, flagState.dashed(), file),
			"%s needs to know which ledger: --state FILE, or FLEETUP_STATE; a ledger stands beside its inventory and "+
				"ends in .db", c.Command.Name)
	}
	return nil
}

const ledgerByFlag = "; a ledger is named with --state"

// noSuchArgument refuses the arguments of a command that takes none. What names a
// ledger, or its inventory, was meant for --state, and a vault for fleetup show.
func noSuchArgument(c *cli.Context) error {
	first, next, hint := c.Args().First(), helpOn(c), ""
	if c.NArg() == 1 && takes(c, flagState) {
		switch ledger := session.LedgerMeant(first); {
		case ledger != "" && !given(c, flagState):
			next, hint = retyped(c, nil, nil, flagState.dashed(), ledger), ledgerByFlag
		case takes(c, flagSelector) && strings.Count(first, "/") == 1 && given(c, flagState):
			next, hint = lexicon.Command("show", first, flagState.dashed(), flagState.of(c)),
				"; fleetup show tells of one vault"
		case given(c, flagState):
			next = retyped(c, nil, nil)
		}
	}
	return failure.Usage(next, "%s takes no argument such as %q%s", c.Command.Name, first, hint)
}

// takes reports whether a command has a flag.
func takes(c *cli.Context, f flagHandle) bool {
	return slices.ContainsFunc(c.Command.Flags,
		func(d cli.Flag) bool { return slices.Contains(d.Names(), f.dashed()[2:]) })
}

// oneOf checks the value of a flag that has a fixed set of them, and else proposes the
// one that was probably meant.
func oneOf(c *cli.Context, flag textFlag, allowed ...string) error {
	value := flag.of(c)
	if slices.Contains(allowed, value) {
		return nil
	}
	meant, next := words.Likeliest(value, allowed), ""
	switch {
	case c.Command.Name == "" || c.Command.HelpName == c.App.Name: // a flag of every command
		next = flag.dashed() + " " + cmp.Or(meant, allowed[0]) + ", or leave it out"
	case meant != "":
		next = again(c, flag.dashed(), meant) // where the value came from the environment, too
	default:
		next = helpOn(c)
	}
	return failure.Mistyped(value, meant, next, "invalid value %q for %s; valid: %s", value, flag.dashed(),
		strings.Join(allowed, ", "))
}

// helpOn is the command that shows help on the command of c.
func helpOn(c *cli.Context) string {
	return "fleetup help " + strings.TrimPrefix(c.Command.HelpName, "fleetup ")
}

// shownLedger is the ledger's path for a command to paste: empty where the
// command finds it by itself. A rollback belongs to the ledger of what it undoes.
func shownLedger(c *cli.Context, s *session.Source) string {
	if flagState.of(c) == "" {
		return s.WayBack()
	}
	return s.Ledger
}
