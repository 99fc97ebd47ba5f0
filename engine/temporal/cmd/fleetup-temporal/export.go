package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "make a ledger again from the server's histories alone",
		ArgsUsage: "FILE",
		Description: "The file must not exist. It has the same facts as the ledger that was written along, and its " +
			"chain ends with the same\n" +
			"head; fleetup report, show and audit verify read it. Of a run that goes on it has what is decided so " +
			"far. What was\n" +
			"written to the ledger's file after the run, by fleetup reopen for one, is in it when the next run has " +
			"begun.",
		Flags: append(serverFlags(), ledgerFlag),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("export needs the name of the file to make")
			}
			conn, err := connect(c)
			if err != nil {
				return err
			}
			defer conn.Close()
			seq, head, err := conn.export(c.Context, c.String("ledger"), c.Args().First())
			if errors.Is(err, histories.ErrNone) {
				return usage("the server has no history of ledger %s: it keeps what has ended as long as the "+
					"namespace's retention says", c.String("ledger"))
			}
			if err != nil {
				return err
			}
			fmt.Printf("%s: %d events, journal head %s\n", c.Args().First(), seq, head)
			return nil
		},
	}
}

// export makes a ledger again at a path, and returns its newest event.
func (c *connection) export(ctx context.Context, ledger, path string) (seq uint64, head string, err error) {
	execution, _, err := c.past().Newest(ctx, ledger)
	if err != nil {
		return 0, "", err
	}
	told, err := c.past().Read(ctx, ledger, execution)
	if err != nil {
		return 0, "", err
	}
	return told.Rebuild(ctx, path, version, c.store.Get)
}
