package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/discover"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

func (e *environment) initCommand() *cli.Command {
	var cares []string
	for _, care := range inventory.Cares() {
		cares = append(cares, fmt.Sprintf("%s (%s)", care, care.Says()))
	}
	return &cli.Command{
		Name:  "init",
		Usage: "begin: find the vaults, and write an inventory with waves and a window",
		Description: "It asks four questions on a terminal: which kind of upgrade, which subscriptions or " +
			"management groups,\n" +
			"in which window, and how careful. A flag answers its question; off a terminal the flags do. Then it " +
			"reads what\n" +
			"Azure has, as fleetup inventory discover does, which changes nothing, and writes fleet.yaml.",
		Flags: append(slices.DeleteFunc(foundFlags(), func(f cli.Flag) bool {
			return f.Names()[0] == string(flagOut)
		}),
			flagOut.is(cli.StringFlag{TakesFile: true, Value: "fleet.yaml", Usage: "write to `FILE`; - for stdout"}),
			flagKind.is(cli.StringFlag{Usage: "what is to be done to the vaults, an `UPGRADE`: fleetup kinds lists " +
				"them"}),
			flagManagementGroup.is(cli.StringSliceFlag{Usage: "look in the subscriptions of this management `GROUP`, " +
				"by its ID, or as TENANT/ID in another tenant; repeatable; not for classic"}),
			flagWindow.is(cli.StringFlag{Usage: "when vaults may start: a `WINDOW` such as " +
				"\"Mon-Fri 22:00-06:00 Europe/London\", or any"}),
			flagCare.is(cli.StringFlag{Usage: "how careful to be, a `WORD`: " + strings.Join(cares, "; ")}),
			skipUnreadableFlag()),
		Action: e.init,
	}
}

// question is one thing that init must know: a flag answers it, or a person.
type question struct {
	flags   []flagHandle // any of them answers it
	example string       // of the first one's value
	title   string
	choices func() [][2]string // with what each means; nil: it is none of a few
	prompt  string
	usual   func(c *cli.Context) string // what no answer means; nil: there must be one
	answer  func(c *cli.Context, text string) error
}

var questions = []question{
	{
		flags: []flagHandle{flagKind}, example: "rsv-alerts", title: "What shall be done to the vaults?",
		choices: func() (rows [][2]string) {
			for _, s := range discoverable() {
				means := s.Title
				if s.Permanent && !strings.Contains(means, "for ever") {
					means += ", for ever"
				}
				rows = append(rows, [2]string{string(s.Kind), means})
			}
			return rows
		},
		prompt: "Kind:",
		answer: func(c *cli.Context, text string) error {
			return errors.Join(c.Set(string(flagKind), text), checkKind(c))
		},
	},
	{
		flags: []flagHandle{flagSubscription, flagSubscriptionsFrom, flagManagementGroup}, example: "ID",
		title:  "In which subscriptions, by their IDs, or in which management groups, by theirs?",
		prompt: "One or more, with spaces between:",
		answer: func(c *cli.Context, text string) error {
			return placesIn(c, strings.Fields(strings.ReplaceAll(text, ",", " ")))
		},
	},
	{
		flags: []flagHandle{flagWindow}, example: "any",
		title:  "When may vaults start? any is at any hour; or such as Mon-Fri 22:00-06:00 Europe/London",
		prompt: "Window",
		usual:  func(*cli.Context) string { return "any" },
		answer: func(c *cli.Context, text string) error {
			return errors.Join(c.Set(string(flagWindow), text), checkWindow(c))
		},
	},
	{
		flags: []flagHandle{flagCare}, example: string(inventory.Balanced), title: "How careful?",
		choices: func() (rows [][2]string) {
			for _, care := range inventory.Cares() {
				rows = append(rows, [2]string{string(care), care.Says()})
			}
			return rows
		},
		prompt: "Care",
		usual:  usualCare,
		answer: func(c *cli.Context, text string) error {
			return errors.Join(c.Set(string(flagCare), strings.ToLower(text)), checkCare(c))
		},
	},
}

// wants are the flags that answer a question.
func (q *question) wants() string {
	var others []string
	for _, f := range q.flags[1:] {
		others = append(others, f.dashed())
	}
	if len(others) == 0 {
		return q.flags[0].dashed()
	}
	return fmt.Sprintf("%s (or %s)", q.flags[0].dashed(), strings.Join(others, " or "))
}

// placesIn takes words for subscriptions, or for management groups: a subscription has a
// GUID.
func placesIn(c *cli.Context, words []string) error {
	flag := flagManagementGroup
	for i, word := range words {
		id, _, _ := strings.Cut(word, "=")
		_, err := fleet.NormalizeGUID(id)
		switch is := err == nil; {
		case i == 0 && is:
			flag = flagSubscription
		case is != (flag == flagSubscription):
			return errors.New("subscriptions or management groups, not both")
		}
	}
	if flag == flagManagementGroup && flagKind.of(c) == string(fleet.KindClassic) {
		return errors.New("classic vaults are found by subscription: give its ID, a GUID")
	}
	for _, word := range words {
		if err := c.Set(string(flag), word); err != nil {
			return err
		}
	}
	return nil
}

func cloudGiven(c *cli.Context) bool {
	return given(c, flagCloud) || given(c, flagResourceManager) || given(c, flagServiceManagement)
}

// discoverable are the kinds whose vaults can be found.
func discoverable() (specs []fleet.KindSpec) {
	return slices.DeleteFunc(forwardKinds(), func(s fleet.KindSpec) bool { return s.Written != nil })
}

// usualCare is how careful to be where nobody says: what is for ever is looked at first.
func usualCare(c *cli.Context) string {
	for _, s := range discoverable() {
		if string(s.Kind) == flagKind.of(c) && s.Permanent {
			return string(inventory.Careful)
		}
	}
	return string(inventory.Balanced)
}

func checkKind(c *cli.Context) error {
	name := flagKind.of(c)
	switch name {
	case string(fleet.KindPatch):
		return failure.Usage(lexicon.Command("kinds", name, "--out", "fleet.yaml"),
			"--kind patch: what the patch is the inventory says, and no vaults are found by it")
	case string(fleet.KindRollback):
		_, err := discover.KindNamed(name, session.CurrentKinds())
		return err
	}
	_, err := kindCalled(c, name, discoverable())
	return err
}

func checkWindow(c *cli.Context) error {
	if _, err := windowOf(c); err != nil {
		return failure.Usage("--window \"Mon-Fri 22:00-06:00 Europe/London\", or --window any", "%w", err)
	}
	return nil
}

// windowOf is the window of the command line, in the zone of this machine where it names
// none.
func windowOf(c *cli.Context) (string, error) {
	return inventory.ParseWindow(flagWindow.of(c), localZone().String())
}

func checkCare(c *cli.Context) error { return oneOf(c, flagCare, texts(inventory.Cares())...) }

// init asks what no flag says, finds the vaults, and writes their inventory.
func (e *environment) init(c *cli.Context) error {
	if err := checkOut(c); err != nil { // before anything is asked
		return err
	}
	for _, check := range []struct {
		flag  textFlag
		check func(*cli.Context) error
	}{{flagKind, checkKind}, {flagWindow, checkWindow}, {flagCare, checkCare}} {
		if given(c, check.flag) {
			if err := check.check(c); err != nil {
				return err
			}
		}
	}
	asked, err := e.answered(c)
	if err != nil {
		return err
	}
	kind, err := discover.KindNamed(flagKind.of(c), session.CurrentKinds())
	if err != nil {
		return err
	}
	if err := checkDiscoverFlags(c, kind); err != nil {
		return err
	}
	f, err := e.newFound(c)
	if err != nil {
		return err
	}
	f.Kind = kind
	if e.terminal && !cloudGiven(c) {
		if err := c.Set(string(flagCloud), string(fleet.AzurePublic)); err != nil { // it is only read
			return err
		}
		say(e.stderr, "Looking in %s (--cloud names another).", fleet.AzurePublic)
	}
	if f.Cloud, err = cloudOf(c, kind); err != nil {
		return err
	}
	window, err := windowOf(c)
	if err != nil {
		return err
	}
	f.Rollout = &inventory.Rollout{Care: inventory.Care(flagCare.of(c)), Window: window}
	unread, err := e.readFound(&discover.Request{Found: f, Tenant: flagTenant.of(c), Groups: flagManagementGroup.of(c),
		PerSecond: discoverRate, AtOnce: discoverAtOnce,
		Azure: azure.Options{Version: versionString(), Log: azure.LogRequests(logOf(c))}}, flagSkipUnreadable.of(c))
	if err != nil {
		if f, ok := errors.AsType[*failure.Error](err); ok && asked {
			f.Next = failure.Lines(f.Next, failure.To("with the same answers", again(c)))
		}
		return err
	}
	f.Sort()
	if in, out := f.Vaults(); in == 0 {
		why := ""
		if out > 0 {
			why = fmt.Sprintf(", but %s that cannot be upgraded", words.Count(out, "vault"))
		}
		return failure.Usage("see that the kind is the one that is meant, and that the identity may read there",
			"there is no vault for %s in %s%s; nothing was written", flagKind.of(c),
			words.Count(len(f.Subscriptions), "subscription"), why)
	}
	if err := checkOut(c); err != nil { // a person may have taken long to answer
		return err
	}
	if err := e.writeFound(flagOut.of(c), f); err != nil {
		return err
	}
	if unread > 0 || len(f.Refused()) > 0 {
		return ended(fleet.ExitFailures)
	}
	return nil
}

// answered puts the questions that no flag answers to the person at the terminal, and says
// whether there were any. Where there is no terminal, the flags that are missing are told,
// all at once.
func (e *environment) answered(c *cli.Context) (asked bool, err error) {
	var open []question
	for _, q := range questions {
		if !slices.ContainsFunc(q.flags, func(f flagHandle) bool { return given(c, f) }) {
			open = append(open, q)
		}
	}
	if !e.terminal {
		var missing, more []string
		for _, q := range open {
			missing = append(missing, q.wants())
			more = append(more, q.flags[0].dashed(), q.example)
		}
		if !cloudGiven(c) {
			missing = append(missing, flagCloud.dashed())
			more = append(more, flagCloud.dashed(), string(fleet.AzurePublic))
		}
		if len(missing) == 0 {
			return false, nil
		}
		return false, failure.Usage(again(c, more...), "init has no terminal to ask on, and needs %s",
			strings.Join(missing, ", "))
	}
	for _, q := range open {
		if err := e.put(c, q); err != nil {
			return false, err
		}
	}
	return len(open) > 0, nil
}

// put asks a question until there is an answer, or too many are none.
func (e *environment) put(c *cli.Context, q question) error {
	page := helpPage{width: cmp.Or(columnsOf(e.stderr), helpWidth)}
	page.paragraph(q.title, 0)
	if q.choices != nil {
		page.rows(q.choices(), 2)
	}
	say(e.stderr, "%s", strings.TrimSuffix(page.b.String(), "\n"))
	prompt := q.prompt
	if q.usual != nil {
		prompt += " [" + q.usual(c) + "]:"
	}
	const tries = 5
	for try := 1; ; try++ {
		text, err := e.askFor(prompt + " ")
		if errors.Is(err, errAskInterrupted) {
			return failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was written"), "")
		} else if err != nil { // the usual is what somebody wants who presses Enter, not who goes away
			say(e.stderr, "")
			return failure.New(fleet.ExitUsage,
				errors.New("the input ended before all was answered; nothing was written"), helpOn(c))
		}
		if text == "" && q.usual != nil {
			text = q.usual(c)
		}
		err = errors.New("an answer is needed")
		if text != "" {
			err = q.answer(c, text)
		}
		if err == nil {
			return nil
		}
		if try == tries {
			return failure.New(fleet.ExitUsage, err, helpOn(c))
		}
		meant := ""
		if f, ok := errors.AsType[*failure.Error](err); ok && f.Meant != "" {
			meant = fmt.Sprintf("; did you mean %s?", f.Meant)
		}
		say(e.stderr, "%s%s", err, meant)
	}
}
