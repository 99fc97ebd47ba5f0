package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
)

// oneArgument returns the command's only argument; what says which, as in "an
// inventory".
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", failure.Usage(helpOn(c), "%s needs %s", c.Command.Name, what)
	}
	return "", failure.Usage(helpOn(c), "%s takes one argument, %s; there are %d", c.Command.Name, what, c.NArg())
}

func noArguments(c *cli.Context) error {
	if c.NArg() > 0 {
		return failure.Usage(helpOn(c), "%s takes no argument such as %q", c.Command.Name, c.Args().First())
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
