package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

func (e *environment) discoverCommand() *cli.Command {
	return &cli.Command{
		Name:  "discover",
		Usage: "write or update an inventory from what Azure has",
		Description: "With --kind it asks Resource Graph for today's vaults of subscriptions or management groups, which --query can\n" +
			"narrow down; their tags become labels. Without --kind it reads the classic vaults of each subscription, one request\n" +
			"each: those that are upgraded or being upgraded stand in comments. Without --target-resource-group such an inventory\n" +
			"has a placeholder that lint refuses: nobody guesses where vaults shall go.\n" +
			"With --update only vaults that are new are added and those that are gone are marked; what people wrote stays byte\n" +
			"for byte, and included files are never changed.\n" +
			"Exits 3 when it left something undone: a subscription that --skip-unreadable skipped, a vault that no inventory can hold,\n" +
			"or an entry to be changed by hand; 8 when a sign-in or permission is missing.",
		Flags: append(foundFlags(),
			&cli.StringFlag{Name: "kind", Usage: "what is to be done to the vaults, an `UPGRADE`: " + strings.Join(discoverable(), ", ")},
			&cli.StringSliceFlag{Name: "management-group", Usage: "with --kind: look in the subscriptions of this management `GROUP`, by its ID; repeatable"},
			&cli.StringFlag{Name: "query", Usage: "with --kind: only vaults that pass this `FILTER` in the query language, such as \"tags.env =~ 'prod'\""},
			&cli.StringSliceFlag{Name: "label", Usage: "with --kind: make a label of this `TAG`, and of no other; repeatable"},
			&cli.StringFlag{Name: "update", TakesFile: true, Usage: "bring this `INVENTORY` up to date: its subscriptions, or those given"},
			&cli.BoolFlag{Name: "dry-run", Usage: "with --update: say what would change, and write nothing"},
			&cli.BoolFlag{Name: "skip-unreadable", Usage: "go on without the subscriptions that cannot be read, and exit 3"},
			&cli.Float64Flag{Name: "requests-per-second", Value: 20, Usage: "ask the cloud at most `N` times a second, all subscriptions together"},
			&cli.IntFlag{Name: "at-once", Value: 8, Usage: "read `N` subscriptions at once"}),
		Action: e.discover,
	}
}

func (e *environment) discover(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	update := c.String("update")
	switch {
	case c.Bool("dry-run") && update == "":
		return failure.Usage(helpOn(c), "--dry-run has no meaning without --update: without --out nothing is written but to stdout")
	case !(c.Float64("requests-per-second") >= 0.01) || c.Float64("requests-per-second") > 10_000 || c.Int("at-once") < 1 || c.Int("at-once") > 1000:
		return failure.Usage(helpOn(c), "--requests-per-second must be between 0.01 and 10000, --at-once between 1 and 1000")
	}
	f, err := e.newFound(c)
	if err != nil {
		return err
	}
	if f.Kind, err = discoveredKind(c); err != nil {
		return err
	}
	if err := checkOut(c); err != nil {
		return err
	}
	var listed map[string]bool
	if update != "" {
		if listed, err = outlined(c, f, update); err != nil {
			return err
		}
	}
	if err := checkDiscoverFlags(c, f.Kind); err != nil {
		return err
	}
	if update == "" {
		if f.Cloud, err = cloudOf(c, f.Kind); err != nil {
			return err
		}
	}
	if len(f.Subscriptions) == 0 && !c.IsSet("management-group") {
		what := "--subscription ID, or --subscriptions-from FILE"
		if f.Kind != nil {
			what += ", or --management-group GROUP"
		}
		return failure.Usage("az account list --query '[].[id,name]' -o tsv | fleetup inventory discover --subscriptions-from -", "discover needs subscriptions: %s", what)
	}
	read := e.readFleet
	if f.Kind != nil {
		read = e.readToday
	}
	unread, err := read(c, f, listed)
	if err != nil {
		return err
	}
	f.Sort()
	undone := unread > 0
	if update != "" {
		notes, err := e.update(c, f, update)
		if err != nil {
			return err
		}
		undone = undone || notes > 0
	} else if err := e.writeFound(c, f); err != nil {
		return err
	}
	if undone || len(f.Refused()) > 0 {
		return ended(fleet.ExitFailures)
	}
	return nil
}

// outlined takes the kind, the cloud, the sign-in and the subscriptions from the
// inventory that is to be updated; flags go over them. It returns the IDs of all
// its subscriptions.
func outlined(c *cli.Context, f *inventory.Found, path string) (listed map[string]bool, err error) {
	for _, flag := range []string{"cloud", "service-management", "resource-manager"} {
		if c.IsSet(flag) {
			return nil, failure.Usage("leave it out", "--%s has no meaning with --update: the inventory says which cloud", flag)
		}
	}
	o, err := inventory.ReadOutline(path, f.At, today()...)
	switch {
	case errors.Is(err, inventory.ErrTooBig):
		return nil, failure.New(fleet.ExitUsage, err, "")
	case errors.Is(err, os.ErrNotExist):
		return nil, failure.New(fleet.ExitUsage, fmt.Errorf("%s cannot be read: %w", path, failure.Cause(err)), "check the path; without --update discover writes a new one")
	case errors.Is(err, textfile.ErrNotRegular):
		return nil, failure.New(fleet.ExitUsage, fmt.Errorf("%s cannot be read: %w", path, textfile.ErrNotRegular), "check the path")
	case err != nil:
		return nil, err
	case c.IsSet("kind") && c.String("kind") != string(o.Kind):
		return nil, failure.Usage("leave it out", "--kind is %q, and %s is an inventory of kind %s", c.String("kind"), path, o.Kind)
	case o.Cloud.Name == fleet.Emulator:
		return nil, failure.Usage("run "+report.Command("emulate", path)+", and update a copy with the cloud line that it prints",
			"cloud Emulator has no vaults but those of the inventory")
	}
	f.Cloud = o.Cloud
	if _, undoes := o.Kind.Undoes(); undoes {
		return nil, failure.Usage("list them from the inventory of that run", "%s is an inventory of a rollback: its vaults are those of the run that it undoes, and are not discovered", path)
	}
	if o.Kind != fleet.KindClassic {
		k, err := kindOf(o.Kind)
		if err != nil {
			return nil, err
		}
		f.Kind = &k.KindSpec
	}
	if f.Credentials, err = credentials(c, o.Credentials); err != nil {
		return nil, err
	}
	listed = map[string]bool{}
	all := len(f.Subscriptions) == 0
	for _, s := range o.Subscriptions {
		listed[s.ID] = true
		if all {
			f.Subscriptions = append(f.Subscriptions, inventory.FoundSubscription{ID: s.ID, Name: s.Name, Tenant: s.Tenant})
			continue
		}
		for i := range f.Subscriptions {
			if g := &f.Subscriptions[i]; g.ID == s.ID {
				g.Name, g.Tenant = s.Name, s.Tenant
			}
		}
	}
	return listed, nil
}

// oneRate is a limiter of all subscriptions together: nobody waits long here,
// and one sign-in asks for them all.
type oneRate struct{ *runner.Limiter }

func (r oneRate) Wait(ctx context.Context, _ string, lane fleet.Lane) error {
	return r.Limiter.Wait(ctx, "", lane)
}

// Told learns nothing: a limit that one subscription has reached is not that of
// the others.
func (oneRate) Told(string, fleet.Lane, fleet.LaneAnswer) {}

// readFleet reads the vaults of every subscription and returns how many could
// not be read, where that is no error.
func (e *environment) readFleet(c *cli.Context, f *inventory.Found, _ map[string]bool) (unread int, err error) {
	sm, rm, err := azure.NewSides(azure.Options{Cloud: f.Cloud, Credentials: f.Credentials, Version: versionString(),
		Log: azure.LogRequests(logOf(c)), Pacer: oneRate{runner.NewLimiter(c.Float64("requests-per-second"))}})
	if err != nil {
		return 0, err
	}
	var subscriptions []fleet.Subscription
	var ids []string
	for _, s := range f.Subscriptions {
		ids = append(ids, s.ID)
		subscriptions = append(subscriptions, fleet.Subscription{ID: s.ID, Tenant: s.Tenant})
	}
	up, err := classic.New(classic.Options{ServiceManagement: sm, ResourceManager: rm, Subscriptions: subscriptions})
	if err != nil {
		return 0, err
	}
	defer up.Close()
	ctx, stop := e.untilInterrupted()
	defer stop()
	errs := make([]error, len(f.Subscriptions))
	for i, l := range up.List(ctx, ids, c.Int("at-once")) {
		s := &f.Subscriptions[i]
		if l.Err != nil {
			errs[i], s.Unread = l.Err, l.Err.Error()
		}
		for _, v := range l.Vaults {
			s.Vaults = append(s.Vaults, foundVault(v))
		}
	}
	if ctx.Err() != nil {
		return 0, failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was written"), "the same command again begins anew")
	}
	f.Source = "the classic listing of " + cloudName(f.Cloud.Name, f.Cloud.ServiceManagement)
	return e.unreadable(f, errs, c.Bool("skip-unreadable"))
}

// cloudName names a cloud for people: one of one's own by the URL of its side.
func cloudName(name fleet.CloudName, url string) string {
	if name == fleet.CustomCloud {
		return url
	}
	return string(name)
}

// unreadable judges the subscriptions that could not be read.
func (e *environment) unreadable(f *inventory.Found, errs []error, skip bool) (int, error) {
	var lines []string
	n, more, code := 0, 0, fleet.ExitInternal
	var last *fleet.CallError // one request may have been for many
	for i, err := range errs {
		if err == nil {
			continue
		}
		n++
		ce, _ := errors.AsType[*fleet.CallError](err)
		if ce != nil && ce == last {
			more++
			continue
		}
		lines, last, more = andMore(lines, more), ce, 0
		who := f.Subscriptions[i].ID
		if name := f.Subscriptions[i].Name; name != "" && name != who {
			who = name + " (" + who + ")"
		}
		lines = append(lines, fmt.Sprintf("subscription %s: %v", who, err))
		if class := fleet.ClassOf(err); class == fleet.CallDenied || class == fleet.CallForbidden {
			code = fleet.ExitSignIn
		}
	}
	if n == 0 {
		return 0, nil
	}
	lines = andMore(lines, more)
	const shown = 20
	if m := len(lines); m > shown {
		lines = append(lines[:shown], fmt.Sprintf("and %d more", m-shown))
	}
	text := fmt.Sprintf("%d of %s cannot be read:\n%s", n, words.Count(len(errs), "subscription"), strings.Join(lines, "\n"))
	if !skip || n == len(errs) {
		next := "--skip-unreadable goes on without them"
		if code == fleet.ExitSignIn {
			who := "a co-administrator of these subscriptions"
			if f.Kind != nil {
				who = "somebody with the Reader role on these subscriptions, and give --tenant where they are in another"
			}
			next = "sign in as " + who + ", or go on without them: --skip-unreadable"
		}
		return 0, failure.New(code, fmt.Errorf("%s\nnothing was written", text), next)
	}
	say(e.stderr, "%s", text)
	return n, nil
}

// andMore says of how many subscriptions more the last line tells.
func andMore(lines []string, more int) []string {
	if more > 0 {
		lines[len(lines)-1] += fmt.Sprintf(" (and the same of %s more)", words.Count(more, "subscription"))
	}
	return lines
}

// foundVault is a listed vault with what its upgrade's record means.
func foundVault(v classic.Listed) inventory.FoundVault {
	found := inventory.FoundVault{Vault: fleet.Vault{Name: v.Name, Location: v.Location, ResourceType: v.ResourceType}}
	r := v.Record
	if r == nil {
		return found
	}
	day := ""
	if !r.StartedAt.IsZero() {
		day = ", started " + r.StartedAt.UTC().Format("2006-01-02")
	}
	if r.Trigger == fleet.TriggerForced {
		day += " by Microsoft"
	}
	switch r.State {
	case fleet.RecordFailed:
		found.Note = "its last upgrade failed (operation " + r.OperationID + "): a run carries that over, until it is reopened"
	case fleet.RecordUpgraded:
		found.LeftOut = "upgraded already" + day
	default:
		found.LeftOut = "its upgrade is under way" + day
	}
	return found
}

// update brings an inventory up to date and returns how many things it could
// not do.
func (e *environment) update(c *cli.Context, f *inventory.Found, path string) (notes int, err error) {
	// Read again: reading the cloud takes minutes, in which people write.
	real := textfile.Real(path)
	data, err := textfile.Read(real)
	if err != nil {
		return 0, failure.New(fleet.ExitUsage, fmt.Errorf("%s cannot be read: %w", path, failure.Cause(err)), "check the path")
	}
	if !textfile.Plain(data) {
		return 0, failure.Usage("save it as UTF-8, and give the same command again", "%s is stored as UTF-16: every byte that discover does not change must stay as it is", path)
	}
	text, changes, err := inventory.Update(path, data, f, today()...)
	if err != nil {
		if _, ok := errors.AsType[*inventory.Problems](err); !ok {
			err = failure.New(fleet.ExitUsage, err, "write a new one beside it with --out, and compare")
		}
		return 0, err
	}
	out := c.String("out")
	switch same := bytes.Equal(text, data); {
	case c.Bool("dry-run"):
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
		err = textfile.Rewrite(real, text)
	}
	if err != nil {
		return 0, failure.New(fleet.ExitInternal, fmt.Errorf("the inventory cannot be written: %w", failure.Cause(err)), "free some room, or name another file with --out")
	}
	e.tellRefused(f)
	for _, n := range slices.Concat(changes.Notes, f.Lost()) {
		say(e.stderr, "%s", n)
	}
	say(e.stderr, "%s: %d added, %d vanished, %d found again, %d unchanged (%d of them not in Azure), %d left out.", report.Clean(path),
		len(changes.Added), len(changes.Vanished), len(changes.Back), changes.Unchanged, changes.Gone, changes.LeftOut)
	if c.Bool("dry-run") {
		say(e.stderr, "Nothing was written.")
		return len(changes.Notes), nil
	}
	if out == "" {
		_, err := readInventory(path)
		e.sayNext(path, err)
	}
	return len(changes.Notes), nil
}
