package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/discover"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

func (e *environment) discoverCommand() *cli.Command {
	return &cli.Command{
		Name:  "discover",
		Usage: "write or update an inventory from what Azure has",
		Description: "With --kind it asks Resource Graph for today's vaults of subscriptions or management groups, " +
			"which --query can\n" +
			"narrow down; their tags become labels. Without --kind it reads the classic vaults of each subscription, " +
			"one request\n" +
			"each: those that are upgraded or being upgraded stand in comments. Without --target-resource-group such " +
			"an inventory\n" +
			"has a placeholder that lint refuses: nobody guesses where vaults shall go.\n" +
			"With --update only vaults that are new are added and those that are gone are marked; what people wrote " +
			"stays byte\n" +
			"for byte, and included files are never changed.\n" +
			"Exits 3 when it left something undone: a subscription that --skip-unreadable skipped, a vault that no " +
			"inventory can hold,\n" +
			"or an entry to be changed by hand; 8 when a sign-in or permission is missing.",
		Flags:  discoverFlags(),
		Action: e.discover,
	}
}

// How fast a cloud is read where nobody says otherwise.
const (
	discoverRate   = 20.0 // requests a second
	discoverAtOnce = 8    // subscriptions
)

func discoverFlags() []cli.Flag {
	return append(foundFlags(),
		flagKind.is(cli.StringFlag{Usage: "what is to be done to the vaults, an `UPGRADE`: " +
			strings.Join(discover.Kinds(session.CurrentKinds()), ", ")}),
		flagManagementGroup.is(cli.StringSliceFlag{Usage: "with --kind: look in the subscriptions of this management " +
			"`GROUP`, by its ID, or as TENANT/ID in another tenant; repeatable"}),
		flagQuery.is(cli.StringFlag{Usage: "with --kind: only vaults that pass this `FILTER` in the query language, " +
			"such as \"tags.env =~ 'prod'\""}),
		flagLabel.is(cli.StringSliceFlag{Usage: "with --kind: make a label of this `TAG`, and of no other; " +
			"repeatable"}),
		flagUpdate.is(cli.StringFlag{TakesFile: true,
			Usage: "bring this `INVENTORY` up to date: its subscriptions, or those given"}),
		flagDryRun.is(cli.BoolFlag{Usage: "with --update: say what would change, and write nothing"}),
		skipUnreadableFlag(),
		flagRequestsPerSecond.is(cli.Float64Flag{Value: discoverRate,
			Usage: "ask the cloud at most `N` times a second, all subscriptions together"}),
		flagAtOnce.is(cli.IntFlag{Value: discoverAtOnce, Usage: "read `N` subscriptions at once"}))
}

func skipUnreadableFlag() cli.Flag {
	return flagSkipUnreadable.is(cli.BoolFlag{Usage: "go on without the subscriptions that cannot be read, and exit 3"})
}

func (e *environment) discover(c *cli.Context) error {
	update, rate, atOnce := flagUpdate.of(c), flagRequestsPerSecond.of(c), flagAtOnce.of(c)
	switch {
	case flagDryRun.of(c) && update == "":
		return failure.Usage(helpOn(c),
			"--dry-run has no meaning without --update: without --out nothing is written but to stdout")
	case !(rate >= 0.01) || rate > 10_000 || atOnce < 1 || atOnce > 1000:
		return failure.Usage(helpOn(c),
			"--requests-per-second must be between 0.01 and 10000, --at-once between 1 and 1000")
	}
	f, err := e.newFound(c)
	if err != nil {
		return err
	}
	if kinds := discover.Kinds(session.CurrentKinds()); !slices.Contains(append(kinds, "",
		string(fleet.KindRollback), string(fleet.KindPatch)), flagKind.of(c)) { // which KindNamed explains
		return oneOf(c, flagKind, kinds...)
	}
	if f.Kind, err = discover.KindNamed(flagKind.of(c), session.CurrentKinds()); err != nil {
		return err
	}
	if err := checkOut(c); err != nil {
		return err
	}
	var listed map[string]bool
	if update != "" {
		for _, field := range []textFlag{flagCloud, flagServiceManagement, flagResourceManager} {
			if given(c, field) {
				return failure.Usage("leave it out", "%s has no meaning with --update: the inventory says which cloud",
					field.dashed())
			}
		}
		if listed, err = discover.Outline(f, update, flagKind.of(c), session.CurrentKinds()); err != nil {
			return err
		}
		f.Credentials = credentials(c, f.Credentials)
	}
	if err := checkDiscoverFlags(c, f.Kind); err != nil {
		return err
	}
	if update == "" {
		if f.Cloud, err = cloudOf(c, f.Kind); err != nil {
			return err
		}
	}
	if len(f.Subscriptions) == 0 && !given(c, flagManagementGroup) {
		what := "--subscription ID, or --subscriptions-from FILE"
		if f.Kind != nil {
			what += ", or --management-group GROUP"
		}
		return failure.Usage("az account list --query '[].[id,name,tenantId]' -o tsv | fleetup inventory discover "+
			"--subscriptions-from -", "discover needs subscriptions: %s", what)
	}
	unread, err := e.readFound(&discover.Request{Found: f, Listed: listed, Tenant: flagTenant.of(c),
		Groups: flagManagementGroup.of(c), Query: flagQuery.of(c), Labels: flagLabel.of(c),
		PerSecond: rate, AtOnce: atOnce,
		Azure: azure.Options{Version: versionString(), Log: azure.LogRequests(logOf(c))}}, flagSkipUnreadable.of(c))
	if err != nil {
		return err
	}
	f.Sort()
	notes := 0
	if update != "" {
		notes, err = e.updateFound(c, f)
	} else {
		err = e.writeFound(flagOut.of(c), f)
	}
	if err != nil {
		return err
	}
	if unread > 0 || notes > 0 || len(f.Refused()) > 0 {
		return ended(fleet.ExitFailures)
	}
	return nil
}

// checkDiscoverFlags refuses flags that mean nothing to the kind.
func checkDiscoverFlags(c *cli.Context, kind *fleet.KindSpec) error {
	wrong, why := []flagHandle{flagManagementGroup, flagQuery, flagLabel},
		"needs a kind of today's vaults: the classic listing is read subscription by subscription, as it is"
	if kind != nil {
		wrong, why = []flagHandle{flagTargetResourceGroup, flagRequestsPerSecond, flagAtOnce},
			"has no meaning for kind "+string(kind.Kind)+
				": its vaults are read from Resource Graph, and stay where they are"
	}
	for _, field := range wrong {
		if given(c, field) {
			return failure.Usage("leave it out, or choose another --kind", "%s %s", field.dashed(), why)
		}
	}
	for _, g := range flagManagementGroup.of(c) {
		if tenant, group, other := strings.Cut(g, "/"); other {
			if err := inventory.CheckTenant(tenant); err != nil {
				return failure.Usage("give it as GROUP, or as TENANT/GROUP", "--management-group %s: %w", g, err)
			}
			if group == "" || strings.Contains(group, "/") {
				return failure.Usage("give it as GROUP, or as TENANT/GROUP",
					"--management-group %s names no group of a tenant", g)
			}
		}
	}
	if len(flagManagementGroup.of(c)) > 0 && (given(c, flagSubscription) || given(c, flagSubscriptionsFrom)) {
		return failure.Usage("give one of the two",
			"vaults are looked for in subscriptions or in management groups: --subscription and --management-group "+
				"are mutually exclusive")
	}
	return nil
}

// readFound reads the cloud, and returns how many subscriptions could not be read,
// where that is no error.
func (e *environment) readFound(r *discover.Request, skip bool) (unread int, err error) {
	ctx, stop := e.untilInterrupted()
	defer stop()
	errs, err := r.Read(ctx)
	if ctx.Err() != nil {
		return 0, failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was written"),
			"the same command again begins anew")
	}
	if err != nil {
		return 0, err
	}
	unread, text, err := discover.Unreadable(r.Found, errs, skip)
	if err == nil && unread > 0 {
		say(e.stderr, "%s", text)
	}
	return unread, err
}

// updateFound brings an inventory up to date, or says what that would change, and
// returns how many things it could not do.
func (e *environment) updateFound(c *cli.Context, f *inventory.Found) (notes int, err error) {
	path, out := flagUpdate.of(c), flagOut.of(c)
	text, changes, same, err := discover.Updated(f, path, session.CurrentKinds())
	if err != nil {
		return 0, err
	}
	switch {
	case flagDryRun.of(c):
		for _, x := range []struct {
			sign string
			list []string
		}{{"+", changes.Added}, {"-", changes.Vanished}, {"=", changes.Back}} {
			for _, v := range x.list {
				say(e.stdout, "%s %s", x.sign, v)
			}
		}
	case out == "-":
		_, err = e.stdout.Write(text)
	case out != "":
		err = textfile.ReplaceWith(textfile.Real(out), text)
	case !same:
		err = textfile.Rewrite(textfile.Real(path), text)
	}
	if err != nil {
		return 0, failure.New(fleet.ExitInternal, fmt.Errorf("the inventory cannot be written: %w", failure.Cause(err)),
			"free some room, or name another file with --out")
	}
	e.tellRefused(f)
	for _, n := range slices.Concat(changes.Notes, f.Lost()) {
		say(e.stderr, "%s", n)
	}
	say(e.stderr, "%s: %d added, %d vanished, %d found again, %d unchanged (%d of them not in Azure), %d left out.",
		lexicon.Clean(path),
		len(changes.Added), len(changes.Vanished), len(changes.Back), changes.Unchanged, changes.Gone, changes.LeftOut)
	if flagDryRun.of(c) {
		say(e.stderr, "Nothing was written.")
		return len(changes.Notes), nil
	}
	if out == "" {
		_, err := session.ReadInventory(path)
		e.sayNext(path, err)
	}
	return len(changes.Notes), nil
}
