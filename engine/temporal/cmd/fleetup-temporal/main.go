// Command fleetup-temporal carries rollouts out on Temporal: workers on any number of
// hosts, of which each may be lost at any time. What a rollout is, and what is promised
// of it, is fleetup's own (see the module's README).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is that of this program, which the linker may set.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := application().RunContext(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "fleetup-temporal:", err)
		os.Exit(1)
	}
}

func application() *cli.App {
	return &cli.App{
		Name:    "fleetup-temporal",
		Version: version,
		Usage:   "carry fleetup's rollouts out on Temporal",
		Commands: []*cli.Command{workerCommand(), runCommand(), resumeCommand(), exportCommand(), attributesCommand(),
			demoCommand()},
	}
}
