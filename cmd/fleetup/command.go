package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
)

// shownLedger is the ledger's path for a command to paste: empty where the
// command finds it by itself.
func shownLedger(c *cli.Context, s *session.Source) string {
	if flagState.of(c) == "" {
		return ""
	}
	return s.Ledger
}

// statePath is the ledger that a command without an inventory is told.
func statePath(c *cli.Context) (string, error) {
	if s := flagState.of(c); s != "" {
		return s, nil
	}
	return "", failure.Usage(again(c, "--state", "FILE"),
		"%s needs to know which ledger: --state FILE, or FLEETUP_STATE; a ledger stands beside its inventory and ends in .db", c.Command.Name)
}
