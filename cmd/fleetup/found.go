package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// foundFlags are what the commands have that write an inventory.
func foundFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringSliceFlag{Name: "subscription", Usage: "a subscription as `ID[=NAME]`; repeatable"},
		&cli.StringFlag{Name: "subscriptions-from", TakesFile: true,
			Usage: "a `FILE` with a subscription in each line: ID, ID=NAME or ID, a tab and NAME; - for stdin"},
		&cli.StringFlag{Name: "tenant", Usage: "the `TENANT` of these subscriptions, where it is not the credential's own"},
		&cli.StringFlag{Name: "cloud", Usage: "the `CLOUD`: AzurePublic, AzureGovernment, AzureChina"},
		&cli.StringFlag{Name: "service-management", Usage: "the classic side's `URL`, in place of --cloud; plain http to loopback only"},
		&cli.StringFlag{Name: "resource-manager", Usage: "the Resource Manager side's `URL`, in place of --cloud"},
		&cli.StringFlag{Name: "target-resource-group", Usage: "the target `GROUP` of the vaults: a name, or a template such as rg-{location}"},
		&cli.StringFlag{Name: "out", TakesFile: true, Usage: "write to `FILE` and not to stdout"},
		&cli.BoolFlag{Name: "overwrite", Usage: "let --out replace an inventory that is there"},
	}, credentialFlags()...)
}

// newFound makes what the flags say of a fleet that is to be found.
func (e *environment) newFound(c *cli.Context) (*inventory.Found, error) {
	f := &inventory.Found{At: now(), TargetResourceGroup: c.String("target-resource-group")}
	if f.TargetResourceGroup != "" {
		if err := inventory.CheckTarget(f.TargetResourceGroup); err != nil {
			return nil, failure.Usage("name a resource group that exists", "--target-resource-group: %w", err)
		}
	}
	if tenant := c.String("tenant"); tenant != "" {
		if err := inventory.CheckTenant(tenant); err != nil {
			return nil, failure.Usage("", "--tenant: %w", err)
		}
	}
	var err error
	if f.Credentials, err = credentials(c, fleet.Credentials{}); err != nil {
		return nil, err
	}
	f.Subscriptions, err = e.subscriptions(c)
	return f, err
}

// cloudOf reads which cloud the flags mean. There is no default: a forgotten
// flag must not mean production. kind is nil for the classic one, which alone needs
// the classic side.
func cloudOf(c *cli.Context, kind *fleet.KindSpec) (fleet.Cloud, error) {
	name, sm, rm := c.String("cloud"), c.String("service-management"), c.String("resource-manager")
	if sm == "" && rm == "" {
		switch cloud, known := fleet.KnownCloud(fleet.CloudName(name)); {
		case name == "":
			return cloud, failure.Usage("--cloud AzurePublic, say", "%s needs to know which cloud: --cloud, or --service-management and --resource-manager", c.Command.Name)
		case cloud.Name == fleet.Emulator:
			return cloud, failure.Usage("run fleetup emulate INVENTORY, and give the URL that it prints as --service-management and --resource-manager",
				"--cloud Emulator has no vaults but those of an inventory")
		case known:
			return cloud, nil
		}
		return fleet.Cloud{}, failure.Usage(helpOn(c), "invalid value %q for --cloud; valid: %s, %s, %s", name, fleet.AzurePublic, fleet.AzureGovernment, fleet.AzureChina)
	}
	if name != "" || sm == "" && kind == nil || rm == "" {
		if kind != nil {
			return fleet.Cloud{}, failure.Usage(helpOn(c), "endpoints of one's own need --resource-manager, and no --cloud")
		}
		return fleet.Cloud{}, failure.Usage(helpOn(c), "endpoints of one's own need both --service-management and --resource-manager, and no --cloud")
	}
	for _, x := range [][2]string{{"service-management", sm}, {"resource-manager", rm}} {
		if x[1] == "" {
			continue
		}
		if err := plan.CheckEndpoint(x[1]); err != nil {
			return fleet.Cloud{}, failure.Usage(helpOn(c), "--%s is not a usable URL: %w", x[0], err)
		}
	}
	return fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: strings.TrimRight(sm, "/"), ResourceManager: strings.TrimRight(rm, "/")}, nil
}

// subscriptions reads --subscription and --subscriptions-from. All mistakes
// are in the error.
func (e *environment) subscriptions(c *cli.Context) ([]inventory.FoundSubscription, error) {
	var (
		list     []inventory.FoundSubscription
		mistakes []error
		seen     = map[string]string{} // IDs and names to where they were given
	)
	add := func(where, text string) {
		id, name, _ := strings.Cut(text, "=")
		norm, err := fleet.NormalizeGUID(strings.TrimSpace(id))
		name = strings.TrimSpace(name)
		if err == nil && name != "" {
			err = inventory.CheckName(name)
		}
		for _, key := range []string{norm, strings.ToLower(name)} {
			if first, twice := seen[key]; err == nil && twice {
				err = fmt.Errorf("%s was given before, at %s", key, first)
			}
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", where, err))
			return
		}
		seen[norm] = where
		if name != "" {
			seen[strings.ToLower(name)] = where
		}
		list = append(list, inventory.FoundSubscription{ID: norm, Name: name, Tenant: c.String("tenant")})
	}
	for _, text := range c.StringSlice("subscription") {
		add("--subscription", text)
	}
	if file := c.String("subscriptions-from"); file != "" {
		data, err := e.input(file)
		if err != nil {
			return nil, failure.New(fleet.ExitUsage, fmt.Errorf("--subscriptions-from: %s cannot be read: %w", file, failure.Cause(err)), "check the path")
		}
		for i, line := range strings.Split(string(data), "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				add(fmt.Sprintf("%s:%d", file, i+1), strings.Replace(line, "\t", "=", 1))
			}
		}
	}
	if len(mistakes) > 0 {
		return nil, failure.Usage("give each subscription once, as ID or ID=NAME", "%w", errors.Join(mistakes...))
	}
	return list, nil
}

// input reads a file, or stdin for -.
func (e *environment) input(file string) ([]byte, error) {
	if file == "-" {
		data, err := io.ReadAll(io.LimitReader(e.stdin, 64<<20))
		if err != nil {
			return nil, err
		}
		return textfile.Decode(data)
	}
	return textfile.ReadText(file)
}

// checkOut refuses, before anything is read, to write over what is no
// inventory or was not meant to be replaced.
func checkOut(c *cli.Context) error {
	path := c.String("out")
	if path == "" || path == "-" {
		return nil
	}
	if err := textfile.Replaceable(path); err != nil {
		return failure.Usage("name another file", "--out: %s is %w", path, failure.Cause(err))
	}
	data, err := textfile.ReadText(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
			return failure.Usage("make the folder, or name another", "--out: the folder of %s is not there", path)
		}
		return nil
	case err != nil:
		return failure.Usage("name another file", "--out: %s is there and cannot be read: %w", path, failure.Cause(err))
	case !inventory.Looks(data):
		return failure.Usage("name another file", "--out: %s is not an inventory, and is not replaced", path)
	case !c.Bool("overwrite"):
		return failure.Usage(report.Command("inventory", "discover", "--update", path)+" brings it up to date and keeps what people wrote",
			"--out: %s is there already; --overwrite would replace it", path)
	}
	return nil
}

// writeFound writes a new inventory, and says how it stands.
func (e *environment) writeFound(c *cli.Context, f *inventory.Found) error {
	data := inventory.Write(f)
	path := c.String("out")
	if path == "" || path == "-" {
		if _, err := e.stdout.Write(data); err != nil {
			return err
		}
	} else if err := textfile.ReplaceWith(textfile.Real(path), data); err != nil {
		return failure.New(fleet.ExitInternal, fmt.Errorf("%s cannot be written: %w", path, failure.Cause(err)), "free some room, or name another file")
	}
	for _, lost := range f.Lost() {
		say(e.stderr, "%s", lost)
	}
	e.tellRefused(f)
	in, out := f.Vaults()
	left := "none left out"
	if out > 0 {
		left = fmt.Sprintf("%d left out (the comments say why)", out)
	}
	say(e.stderr, "%s in %s; %s.", words.Count(in, "vault"), words.Count(len(f.Subscriptions), "subscription"), left)
	name := cmp.Or(path, "-")
	_, err := inventory.Parse(name, data, now(), today()...)
	e.sayNext(name, err)
	return nil
}

// tellRefused names the vaults that no inventory can hold.
func (e *environment) tellRefused(f *inventory.Found) {
	const shown = 20
	refused := f.Refused()
	for i, r := range refused {
		if i == shown {
			say(e.stderr, "and %d more", len(refused)-i)
			break
		}
		say(e.stderr, "%s", r)
	}
}

// sayNext says what an inventory lacks before it can be planned.
func (e *environment) sayNext(path string, err error) {
	shown := path
	if path == "-" {
		shown = "FILE"
	}
	if problems, ok := errors.AsType[*inventory.Problems](err); ok {
		say(e.stderr, "It is to be completed: %s", problems.List[0])
		if n := len(problems.List); n > 1 {
			say(e.stderr, "and %s more.", words.Count(n-1, "place"))
		}
		say(e.stderr, "Next: %s", report.Command("inventory", "lint", shown))
		return
	}
	if err == nil {
		say(e.stderr, "Next: %s", report.Command("plan", shown))
	}
}
