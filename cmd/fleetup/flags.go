package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state", EnvVars: []string{"FLEETUP_STATE"}, TakesFile: true,
		Usage: "the ledger `FILE` (default: the inventory's path with .db)"}
}

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Usage: "do not ask: unattended"}
}

func outputFlag(formats ...string) cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: formats[0],
		Usage: "`FORMAT`: " + strings.Join(formats, ", ")}
}

// credentialFlags pick the sign-in of both sides, or of each.
func credentialFlags() []cli.Flag {
	var kinds []string
	for _, k := range fleet.CredentialKinds() {
		kinds = append(kinds, string(k))
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "credential", Usage: "the sign-in `KIND` of both sides, in place of the inventory's: " + strings.Join(kinds, ", ")},
		&cli.StringFlag{Name: "credential-service-management", Usage: "the sign-in `KIND` of the classic side"},
		&cli.StringFlag{Name: "credential-resource-manager", Usage: "the sign-in `KIND` of the Resource Manager side"},
	}
}

// cloudFlags change how the cloud is spoken to.
func cloudFlags() []cli.Flag {
	return append(credentialFlags(),
		&cli.BoolFlag{Name: "allow-csp", Usage: "let vaults of CSP subscriptions through, should the service have learnt to upgrade them"},
		&cli.StringFlag{Name: "agent-download", Usage: "`URL` shown to people who must update backup agents"})
}

func acceptWarningsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "accept-warnings", Usage: "consent to every warning of the prerequisite check, a billing conversion among them"}
}

func supportFlag() cli.Flag {
	return &cli.StringFlag{Name: "support-address", EnvVars: []string{"FLEETUP_SUPPORT_ADDRESS"},
		Usage: "where support messages go (default: the address that the service's article names)"}
}

// credentials returns the inventory's sign-ins with the flags over them.
func credentials(c *cli.Context, from fleet.Credentials) (fleet.Credentials, error) {
	for _, f := range []struct {
		flag  string
		sides []*fleet.CredentialKind
	}{
		{"credential", []*fleet.CredentialKind{&from.ServiceManagement, &from.ResourceManager}},
		{"credential-service-management", []*fleet.CredentialKind{&from.ServiceManagement}},
		{"credential-resource-manager", []*fleet.CredentialKind{&from.ResourceManager}},
	} {
		v := c.String(f.flag)
		if v == "" {
			continue
		}
		var kinds []string
		for _, k := range fleet.CredentialKinds() {
			kinds = append(kinds, string(k))
		}
		if err := oneOf(f.flag, v, kinds...); err != nil {
			return from, err
		}
		for _, s := range f.sides {
			*s = fleet.CredentialKind(v)
		}
	}
	return from, nil
}

// statePath is the ledger's path: --state, FLEETUP_STATE, or the inventory's
// path with .db.
func statePath(c *cli.Context, inventory string) (string, error) {
	if s := c.String("state"); s != "" {
		return s, nil
	}
	if inventory == "" {
		return "", usage("fleetup "+c.Command.Name+" --state FILE", "%s needs to know which ledger: --state FILE, or FLEETUP_STATE", c.Command.Name)
	}
	return strings.TrimSuffix(inventory, filepath.Ext(inventory)) + ".db", nil
}

// load reads an inventory or a saved plan. saved tells which it was.
func load(c *cli.Context, path string) (p *plan.Plan, saved bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false, &failure{fleet.ExitUsage, fmt.Errorf("the inventory cannot be read: %w", err), "check the path"}
	}
	if text := strings.TrimSpace(string(data[:min(len(data), 64)])); strings.HasPrefix(text, "{") && strings.Contains(text, `"schemaVersion"`) {
		p, err := plan.Decode(data)
		if err != nil {
			return nil, true, &failure{fleet.ExitUsage, fmt.Errorf("%s is no plan that can be run: %w", path, err), "make it again: fleetup plan INVENTORY --out FILE"}
		}
		if c.Bool("accept-warnings") {
			return nil, true, usage("fleetup plan INVENTORY --accept-warnings --out FILE", "a saved plan runs as it is; consent belongs to its making")
		}
		return p, true, nil
	}
	p, err = inventory.Load(path, now())
	if err != nil {
		if errors.Is(err, inventory.ErrTooBig) {
			err = &failure{fleet.ExitUsage, err, ""}
		}
		return nil, false, err
	}
	if c.Bool("accept-warnings") {
		p = p.AcceptWarnings()
	}
	return p, false, nil
}
