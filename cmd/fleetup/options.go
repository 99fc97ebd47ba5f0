package main

import "github.com/urfave/cli/v2"

// The flags of a command are the fields of a struct that the library fills: each
// flag names its field as its destination, and a field that is not there does not
// compile.

// nameOf is the name of the flag that fills a field of a command's options.
func nameOf(c *cli.Context, field any) string {
	for _, f := range c.Command.Flags {
		var fills any
		switch f := f.(type) {
		case *cli.StringFlag:
			fills = f.Destination
		case *cli.StringSliceFlag:
			fills = f.Destination
		case *cli.BoolFlag:
			fills = f.Destination
		case *cli.IntFlag:
			fills = f.Destination
		case *cli.Float64Flag:
			fills = f.Destination
		case *cli.DurationFlag:
			fills = f.Destination
		}
		if fills == field {
			return f.Names()[0]
		}
	}
	panic("a field that no flag of " + c.Command.Name + " fills")
}

// given reports whether the flag that fills a field was given, with whatever value.
func given(c *cli.Context, field any) bool { return c.IsSet(nameOf(c, field)) }
