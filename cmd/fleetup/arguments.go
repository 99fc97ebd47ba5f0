package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
)

// argumentNames are the arguments of which a command takes one alone, by what its
// usage calls them. In brackets such an argument may be left out.
var argumentNames = map[string]string{
	"INVENTORY": "an inventory", "INVENTORY|PLAN": "an inventory or a saved plan", "VAULT": "a vault", "FILE.csv": "a table",
	shellNames("|"): "a shell: " + shellNames(", "),
}

// checkLine makes sure of what a command declares of each of its command lines: its
// arguments, where it takes none or one, and its ledger, where it needs one. Its
// action need not look again.
func checkLine(c *cli.Context) error {
	usage, n := c.Command.ArgsUsage, c.NArg()
	what, one := argumentNames[strings.Trim(usage, "[]")]
	switch {
	case usage == "" && n > 0:
		return failure.Usage(helpOn(c), "%s takes no argument such as %q", c.Command.Name, c.Args().First())
	case one && n == 0 && usage[0] != '[':
		return failure.Usage(helpOn(c), "%s needs %s", c.Command.Name, what)
	case one && n > 1:
		return failure.Usage(helpOn(c), "%s takes one argument, %s; there are %d", c.Command.Name, what, n)
	}
	needsLedger := slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { _, ok := f.(neededFlag); return ok })
	if needsLedger && flagState.of(c) == "" {
		return failure.Usage(again(c, "--state", "FILE"),
			"%s needs to know which ledger: --state FILE, or FLEETUP_STATE; a ledger stands beside its inventory and ends in .db", c.Command.Name)
	}
	return nil
}

// oneOf checks the value of a flag.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return failure.Usage("", "invalid value %[2]q for --%[1]s; valid: %[3]s", flag, value, strings.Join(allowed, ", "))
}

// helpOn is the command that shows help on the command of c.
func helpOn(c *cli.Context) string {
	return "fleetup help " + strings.TrimPrefix(c.Command.HelpName, "fleetup ")
}

// shownLedger is the ledger's path for a command to paste: empty where the
// command finds it by itself.
func shownLedger(c *cli.Context, s *session.Source) string {
	if flagState.of(c) == "" {
		return ""
	}
	return s.Ledger
}
