package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

func (e *environment) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			return e.printVersion()
		},
	}
}

func (e *environment) printVersion() error {
	_, err := fmt.Fprintf(e.stdout, "fleetup %s (commit %s, %s %s/%s)\n",
		versionString(), commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
