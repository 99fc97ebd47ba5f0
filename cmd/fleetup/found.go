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

	"github.com/fleetup-dev/fleetup/internal/discover"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// foundFlags are what the commands have that write an inventory.
func foundFlags() []cli.Flag {
	return append([]cli.Flag{
		flagSubscription.is(cli.StringSliceFlag{Usage: "a subscription as `ID[=NAME]`; repeatable"}),
		flagSubscriptionsFrom.is(cli.StringFlag{TakesFile: true,
			Usage: "a `FILE` with a subscription in each line: ID, ID=NAME, or ID, NAME and TENANT with tabs " +
				"between; - for stdin"}),
		flagTenant.is(cli.StringFlag{Usage: "the `TENANT` of the subscriptions that name none, where it is not the " +
			"credential's own"}),
		flagCloud.is(cli.StringFlag{Usage: "the `CLOUD`: AzurePublic, AzureGovernment, AzureChina"}),
		flagServiceManagement.is(cli.StringFlag{Usage: "the classic side's `URL`, in place of --cloud; plain http to " +
			"loopback only"}),
		flagResourceManager.is(cli.StringFlag{Usage: "the Resource Manager side's `URL`, in place of --cloud"}),
		flagTargetResourceGroup.is(cli.StringFlag{Usage: "the target `GROUP` of the vaults: a name, or a template " +
			"such as rg-{location}"}),
		flagOut.is(cli.StringFlag{TakesFile: true, Usage: "write to `FILE` and not to stdout"}),
		flagOverwrite.is(cli.BoolFlag{Usage: "let --out replace an inventory that is there"}),
	}, credentialFlags()...)
}

// newFound makes what the flags say of a fleet that is to be found.
func (e *environment) newFound(c *cli.Context) (*inventory.Found, error) {
	f := &inventory.Found{At: session.Now(), TargetResourceGroup: flagTargetResourceGroup.of(c)}
	if f.TargetResourceGroup != "" {
		if err := inventory.CheckTarget(f.TargetResourceGroup); err != nil {
			return nil, failure.Usage("name a resource group that exists", "--target-resource-group: %w", err)
		}
	}
	if flagTenant.of(c) != "" {
		if err := inventory.CheckTenant(flagTenant.of(c)); err != nil {
			return nil, failure.Usage("az account show --query tenantId -o tsv", "--tenant: %w", err)
		}
	}
	f.Credentials = credentials(c, fleet.Credentials{})
	var list discover.List
	for _, text := range flagSubscription.of(c) {
		list.Add("--subscription", text)
	}
	if file := flagSubscriptionsFrom.of(c); file != "" {
		data, err := e.input(file)
		if err != nil {
			return nil, failure.New(fleet.ExitUsage,
				fmt.Errorf("--subscriptions-from: %s cannot be read: %w", file, failure.Cause(err)), "check the path")
		}
		list.AddLines(file, data)
	}
	var err error
	f.Subscriptions, err = list.Of(flagTenant.of(c))
	return f, err
}

// cloudOf reads which cloud the flags mean. There is no default: a forgotten
// flag must not mean production. kind is nil for the classic one, which alone needs
// the classic side.
func cloudOf(c *cli.Context, kind *fleet.KindSpec) (fleet.Cloud, error) {
	name, sm, rm := flagCloud.of(c), flagServiceManagement.of(c), flagResourceManager.of(c)
	if sm == "" && rm == "" {
		switch cloud, known := fleet.KnownCloud(fleet.CloudName(name)); {
		case name == "":
			return cloud, failure.Usage(again(c, flagCloud.dashed(), string(fleet.AzurePublic)),
				"%s needs to know which cloud: --cloud, or --service-management and --resource-manager", c.Command.Name)
		case cloud.Name == fleet.Emulator:
			return cloud, failure.Usage(failure.Lines("fleetup emulate INVENTORY",
				"give the URL that it prints as --service-management and --resource-manager"),
				"--cloud Emulator has no vaults but those of an inventory")
		case known:
			return cloud, nil
		}
		return fleet.Cloud{}, oneOf(c, flagCloud, string(fleet.AzurePublic), string(fleet.AzureGovernment),
			string(fleet.AzureChina))
	}
	if name != "" || sm == "" && kind == nil || rm == "" {
		if kind != nil {
			return fleet.Cloud{}, failure.Usage(helpOn(c),
				"endpoints of one's own need --resource-manager, and no --cloud")
		}
		return fleet.Cloud{}, failure.Usage(helpOn(c),
			"endpoints of one's own need both --service-management and --resource-manager, and no --cloud")
	}
	for _, x := range [][2]string{{"service-management", sm}, {"resource-manager", rm}} {
		if x[1] == "" {
			continue
		}
		if err := plan.CheckEndpoint(x[1]); err != nil {
			return fleet.Cloud{}, failure.Usage(helpOn(c), "--%s is not a usable URL: %w", x[0], err)
		}
	}
	return fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: strings.TrimRight(sm, "/"),
		ResourceManager: strings.TrimRight(rm, "/")}, nil
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
	path := flagOut.of(c)
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
	case !flagOverwrite.of(c):
		next := "name another file"
		if takes(c, flagSubscription) { // it may be brought up to date instead
			next = lexicon.Command("inventory", "discover", "--update", path)
		}
		return failure.Usage(next,
			"--out: %s is there already; --overwrite would replace it", path)
	}
	return nil
}

// writeFound writes a new inventory to a file, or to stdout, and says how it stands.
func (e *environment) writeFound(path string, f *inventory.Found) error {
	data := inventory.Write(f)
	if err := e.writeInventory(path, data); err != nil {
		return err
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
	_, err := inventory.Parse(name, data, session.Now(), session.CurrentKinds()...)
	e.sayNext(name, err)
	return nil
}

// writeInventory writes an inventory to a file, or to stdout for none and for -.
func (e *environment) writeInventory(path string, data []byte) error {
	if path == "" || path == "-" {
		_, err := e.stdout.Write(data)
		return err
	}
	if err := textfile.ReplaceWith(textfile.Real(path), data); err != nil {
		return failure.New(fleet.ExitInternal, fmt.Errorf("%s cannot be written: %w", path, failure.Cause(err)),
			"free some room, or name another file")
	}
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
		e.tellNext(lexicon.Command("inventory", "lint", shown))
		return
	}
	if err == nil {
		e.tellNext(lexicon.Command("plan", shown))
	}
}
