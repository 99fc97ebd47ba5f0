package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// stateFlag names the ledger of a command that is given an inventory or a plan.
func stateFlag() cli.Flag {
	return ledgerFlag("the ledger `FILE` (default: the inventory's path with .db)")
}

// neededStateFlag names the ledger of a command that nothing else tells it; see
// checkLine.
func neededStateFlag() cli.Flag {
	return neededFlag{ledgerFlag("the ledger `FILE`; required").(*cli.StringFlag)}
}

// neededFlag is a flag that its command cannot do without.
type neededFlag struct{ *cli.StringFlag }

func ledgerFlag(usage string) cli.Flag {
	return flagState.is(cli.StringFlag{EnvVars: []string{"FLEETUP_STATE"}, TakesFile: true, Usage: usage})
}

func yesFlag() cli.Flag {
	return flagYes.is(cli.BoolFlag{Usage: "do not ask: unattended"})
}

// formatFlags are the output flags of what has all the forms of a report, and
// these besides.
func formatFlags(more ...string) []cli.Flag {
	return outputFlags(append(texts(layout.Formats()), more...)...)
}

// texts are words of some kind, as texts.
func texts[T ~string](words []T) (out []string) {
	for _, w := range words {
		out = append(out, string(w))
	}
	return out
}

// reportFlags are what every command has that shows a run as a report does, in
// the forms of a report and these besides.
func reportFlags(more ...string) []cli.Flag {
	return slices.Concat([]cli.Flag{neededStateFlag()}, outputFlags(append(texts(layout.RunFormats()), more...)...),
		[]cli.Flag{supportFlag(), selectorFlag(),
			flagRun.is(cli.StringFlag{Usage: "the run with this `ID`, or one that begins so (default: the newest); " +
				"fleetup runs lists them"}),
			flagExitCode.is(cli.BoolFlag{Usage: "exit as the run stands"})})
}

// selectorFlag limits a command to some vaults; selector reads it.
func selectorFlag() cli.Flag {
	return flagSelector.is(cli.StringFlag{Aliases: []string{"l"},
		Usage: "only vaults with these `LABELS`: env=prod,team!=payments, team in (a, b), key, !key; subscription, " +
			"location and resourceType count as labels"})
}

// selector is the selector of a command line, nil for every vault.
func selector(c *cli.Context) (*plan.Selector, error) {
	text := flagSelector.of(c)
	if text == "" && !given(c, flagSelector) {
		return nil, nil
	}
	s, err := plan.ParseSelector(text)
	if err != nil {
		return nil, failure.Usage(helpOn(c), "--selector: %w", err)
	}
	return s, nil
}

// picked returns the vaults that a command line names, each once, or those that its
// selector picks and that may be dealt with. An error may be a *fleet.Refusal.
func picked(c *cli.Context, st *rollout.State, may func(i int) error) ([]int, error) {
	pick, err := selector(c)
	if err != nil {
		return nil, err
	}
	if pick == nil {
		return st.FindAll(c.Args().Slice())
	}
	if c.NArg() > 0 {
		return nil, failure.Usage(helpOn(c), "%s takes vaults by name or with --selector, not both", c.Command.Name)
	}
	all, err := st.Plan.Pick(pick, flagSelector.of(c))
	if err != nil {
		return nil, err
	}
	vaults := slices.DeleteFunc(slices.Clone(all), func(i int) bool { return may(i) != nil })
	if len(vaults) == 0 {
		return nil, failure.Usage(lexicon.Command("status", "-l", flagSelector.of(c), "--state", flagState.of(c)),
			"%s concerns none of the %s with %s",
			c.Command.Name, words.Count(len(all), "vault"), flagSelector.of(c))
	}
	return vaults, nil
}

// outputFlags are the flags of a command that answers in one of some formats: of one that
// has JSON a query, too; see environment.asked.
func outputFlags(formats ...string) []cli.Flag {
	if slices.Contains(formats, string(layout.FormatJSON)) {
		formats = append(slices.Clip(formats), string(layout.FormatYAML), string(layout.FormatTSV)) // see asked
	}
	flags := []cli.Flag{flagOutput.among(formats, cli.StringFlag{Aliases: []string{"o"}, Value: formats[0],
		Usage: "the `FORMAT`: " + strings.Join(formats, ", ")})}
	if slices.Contains(formats, string(layout.FormatJSON)) {
		flags = append(flags,
			flagQuery.is(cli.StringFlag{Usage: "only what the JMESPath `EXPRESSION` finds in the JSON"}))
	}
	return flags
}

// credentialFlags pick the sign-in of both sides, or of each.
func credentialFlags() []cli.Flag {
	kinds := texts(fleet.CredentialKinds())
	return []cli.Flag{
		flagCredential.among(kinds, cli.StringFlag{
			Usage: "the sign-in `KIND` of both sides, in place of the inventory's: " + strings.Join(kinds, ", ")}),
		flagCredentialServiceManagement.among(kinds, cli.StringFlag{Usage: "the sign-in `KIND` of the classic side"}),
		flagCredentialResourceManager.among(kinds,
			cli.StringFlag{Usage: "the sign-in `KIND` of the Resource Manager side"}),
	}
}

// flagNames are what flags are called.
func flagNames(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		names = append(names, f.Names()[0])
	}
	return names
}

// cloudFlags change how the cloud is spoken to.
func cloudFlags() []cli.Flag {
	return append(credentialFlags(),
		flagAllowCSP.is(cli.BoolFlag{Usage: "do not block vaults of CSP subscriptions, if the service supports them " +
			"by now"}),
		flagAgentDownload.is(cli.StringFlag{Usage: "`URL` shown to people who must update backup agents"}))
}

func exitWhenWaitingFlag() cli.Flag {
	return flagExitWhenWaiting.is(cli.BoolFlag{Usage: "leave with 5, to be resumed, instead of waiting for a window " +
		"or an approval"})
}

// socketGroupFlag lets colleagues speak to the run.
func socketGroupFlag() cli.Flag {
	return flagSocketGroup.is(cli.StringFlag{EnvVars: []string{"FLEETUP_SOCKET_GROUP"},
		Usage: "let the members of this `GROUP` ask and tell the run too; the journal keeps their names"})
}

// socketGroup makes sure of the flag before anything begins.
func socketGroup(c *cli.Context) (string, error) {
	name := flagSocketGroup.of(c)
	if _, err := control.GroupID(name); err != nil {
		return "", failure.Usage("leave --socket-group out, or name a group of this machine", "--socket-group: %w", err)
	}
	return name, nil
}

func acceptWarningsFlag() cli.Flag {
	return flagAcceptWarnings.is(cli.BoolFlag{Usage: "consent to every warning of the checks; of classic vaults a " +
		"billing conversion is among them"})
}

func supportFlag() cli.Flag {
	return flagSupportAddress.is(cli.StringFlag{EnvVars: []string{"FLEETUP_SUPPORT_ADDRESS"},
		Usage: "the `ADDRESS` of support messages (default: the one that the service's article names)"})
}

// credentials returns the inventory's sign-ins with the flags over them.
func credentials(c *cli.Context, from fleet.Credentials) fleet.Credentials {
	both := flagCredential.of(c)
	return fleet.Credentials{
		ServiceManagement: cmp.Or(fleet.CredentialKind(cmp.Or(flagCredentialServiceManagement.of(c), both)),
			from.ServiceManagement),
		ResourceManager: cmp.Or(fleet.CredentialKind(cmp.Or(flagCredentialResourceManager.of(c), both)),
			from.ResourceManager),
	}
}
