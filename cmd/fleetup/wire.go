package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

var (
	_ runner.Store = (*state.Ledger)(nil)
	_ runner.Store = (*state.Memory)(nil)
	_ azure.Pacer  = (*runner.Limiter)(nil)
)

// connect connects to the cloud of a plan, as the command line says; see
// session.Process.Connect.
func connect(c *cli.Context, p *plan.Plan, base, stateFile string) (*session.Cloud, error) {
	return processOf(c).Connect(p, session.ConnectOptions{Credentials: credentials(c, p.Credentials), Folder: base,
		StateFile: stateFile,
		AllowCSP:  flagAllowCSP.of(c), AgentDownload: flagAgentDownload.of(c)})
}

// processOf is this process, carrying out a command.
func processOf(c *cli.Context) session.Process {
	log := logOf(c)
	return session.Process{Command: c.Command.Name, Version: versionString(), Committed: logFacts(log),
		Requests: azure.LogRequests(log), Pace: logPace(log), TakeOver: flagTakeOver.of(c)}
}

// acquire takes the lock of a ledger for a command.
func acquire(c *cli.Context, path string) (*state.Lock, error) { return processOf(c).Acquire(path) }

// openLocked takes the ledger that the command line names.
func openLocked(c *cli.Context) (*session.LockedLedger, error) {
	return processOf(c).OpenLocked(flagState.of(c))
}

// load reads the inventory or the saved plan that a command line names.
func load(c *cli.Context, path string) (session.Loaded, error) {
	return session.Load(path, flagAcceptWarnings.of(c))
}

// open is load with what belongs to the plan on this machine.
func open(c *cli.Context, file string) (*session.Source, error) {
	return session.Open(file, flagState.of(c), flagAcceptWarnings.of(c))
}
