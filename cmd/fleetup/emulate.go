package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

func (e *environment) emulateCommand() *cli.Command {
	return &cli.Command{
		Name:      "emulate",
		Usage:     "run the emulator as a server on loopback",
		ArgsUsage: "[INVENTORY]",
		Description: "Both sides of the classic upgrade's protocol, and what the kinds of today's Azure need, filled " +
			"with the vaults of\n" +
			"the inventory. Point an inventory at it with the `cloud:` line that it prints. GET /_emulator/summary " +
			"tells what it\n" +
			"was asked.",
		Flags: []cli.Flag{
			flagListen.is(cli.StringFlag{Value: "127.0.0.1:0", Usage: "loopback `ADDRESS`; port 0 picks a free one"}),
			flagScenario.is(cli.StringFlag{TakesFile: true, Usage: "the scenario `FILE`, in place of the inventory's"}),
			flagLog.is(cli.StringFlag{TakesFile: true,
				Usage: "append each request to `FILE` as a JSON line; - for stdout"}),
			flagTruth.is(cli.StringFlag{TakesFile: true, Usage: "remember in `FILE`, and go on from it"}),
		},
		Action: e.emulate,
	}
}

func (e *environment) emulate(c *cli.Context) error {
	host, _, err := net.SplitHostPort(flagListen.of(c))
	if err != nil || !plan.IsLoopback(host) {
		return failure.Usage("fleetup emulate --listen 127.0.0.1:8080",
			"--listen %q is not a loopback address with a port", flagListen.of(c))
	}
	cfg := emulator.Config{StateFile: flagTruth.of(c)}
	if file := fileOf(c); file != "" {
		loaded, err := load(c, file)
		if err != nil {
			return err
		}
		p := loaded.Plan
		session.Fill(&cfg, p)
		if p.Scenario != "" && flagScenario.of(c) == "" {
			if cfg.Scenario, err = session.Scenario(session.ScenarioPath(p, filepath.Dir(file))); err != nil {
				return err
			}
		}
	}
	if file := flagScenario.of(c); file != "" {
		if cfg.Scenario, err = session.Scenario(file); err != nil {
			return err
		}
	}
	switch file := flagLog.of(c); file {
	case "":
	case "-":
		cfg.Log = e.stdout
	default:
		f, err := appendOwn(file, `{"time":`)
		if isForeign(err) {
			return failure.Usage("name another file with --log", "%s is not appended to: %w", file, err)
		}
		if err != nil {
			return fmt.Errorf("the log cannot be opened: %w", err)
		}
		defer f.Close()
		cfg.Log = io.Writer(f)
	}
	defer e.ends.watch()()
	cloud, err := emulator.New(cfg)
	if errors.Is(err, fs.ErrExist) {
		cloud, err = emulator.Reopen(cfg.StateFile, cfg.Log)
	}
	if err != nil {
		return failure.New(fleet.ExitUsage, fmt.Errorf("the emulator cannot start: %w", err), "")
	}
	defer cloud.Close()
	url, stop, err := session.Serve(flagListen.of(c), cloud)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := fmt.Fprintf(e.stdout, "cloud: {serviceManagement: %q, resourceManager: %q}\n", url, url); err != nil {
		return err // nobody would learn where it is
	}
	say(e.stderr, "Emulator with %s on %s. Summary: %s/_emulator/summary. Stop it with Ctrl-C.",
		words.Count(len(cfg.Vaults)+len(cfg.Resources), "vault"), url, url)
	<-e.interrupt
	return nil
}
