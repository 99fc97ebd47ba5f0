package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Whoever pastes an advised command line should not have to say again what they have
// said. So each flag of the command line goes along to the commands that are advised
// where the table says that it still matters there, if that command has it and the
// advice does not name it already. Only what was typed goes along: what came from the
// environment is there for the next command, too.

// keeping says where a flag goes along, and why not elsewhere.
type keeping struct {
	to  func(from, to, line string) bool
	why string
}

var (
	always  = func(_, _, _ string) bool { return true }
	never   = func(_, _, _ string) bool { return false }
	sameOne = func(from, to, _ string) bool { return from == to }
	carried = func(from, to, _ string) bool { return from == to || slices.Contains(carriers, to) }
	viewing = func(from, to, _ string) bool { return slices.Contains(views, from) && slices.Contains(views, to) }
	unsaved = func(_, _, line string) bool { return !namesSavedPlan(line) }
)

// views show a run, and carriers carry one out, or read what became of it.
var (
	views    = []string{"status", "report"}
	carriers = []string{"run", "resume", "refresh"}
)

const (
	aConsent = "a consent is for the command that it was given to; advice that needs one names it"
	aForm    = "it is about how this answer looks"
	anAct    = "it is about this one act; advice that needs it names it"
	aTarget  = "advice names what it is about"
	mayTell  = "an address may be a secret: --notify-file goes along"
)

// kept is what becomes of each flag. A flag that is not in it is a mistake, which
// TestKept finds.
var kept = map[flagHandle]keeping{
	flagLogFile:   {carried, "the log is of what is carried out"},
	flagLogLevel:  {carried, "as --log-file"},
	flagLogFormat: {carried, "as --log-file"},

	flagCredential:                  {always, ""},
	flagCredentialResourceManager:   {always, ""},
	flagCredentialServiceManagement: {always, ""},
	flagAllowCSP:                    {always, ""},
	flagAgentDownload:               {always, ""},
	flagSupportAddress:              {always, ""},
	flagAcceptWarnings:              {unsaved, "a saved plan holds its consents, and takes no others"},

	flagExitWhenWaiting: {always, ""},
	flagProgress:        {always, ""},
	flagReport:          {always, ""},
	flagSocketGroup:     {always, ""},
	flagListen:          {carried, "elsewhere it is another server"},
	flagListenTokenFile: {always, ""},
	flagNotifyFile:      {always, ""},
	flagNotify:          {never, mayTell},

	flagValidateAllFirst: {always, ""},
	flagChange:           {always, ""},
	flagSelector:         {viewing, "an order picks its own vaults"},
	flagCase:             {sameOne, anAct},

	flagState: {never, aTarget}, flagRun: {never, aTarget}, flagOut: {never, aTarget}, flagFor: {never, aTarget},
	flagWave: {never, aTarget},
	flagYes:  {never, aConsent}, flagConfirmIrreversible: {never, aConsent}, flagAcceptExpiredHolds: {never, aConsent},
	flagAcceptFailures: {never, aConsent}, flagTakeOver: {never, aConsent},
	flagCompare: {never, aForm}, flagOutput: {never, aForm}, flagQuery: {never, aForm},
	flagExitCode: {never, aForm}, flagWatch: {never, aForm},
	flagDetails: {never, aForm},
	flagMan:     {never, aForm}, flagMarkdown: {never, aForm}, flagHelp: {never, aForm}, flagVersion: {never, aForm},
	flagReason: {never, anAct}, flagClose: {never, anAct}, flagOff: {never, anAct}, flagDryRun: {never, anAct},
	flagHead:     {never, anAct},
	flagValidate: {never, anAct}, flagWhatIf: {never, anAct}, flagTimeout: {never, anAct},
	flagOverwrite: {never, anAct}, flagNewWord: {never, anAct},
	flagCloud: {never, anAct}, flagDir: {never, anAct}, flagKind: {never, anAct}, flagLog: {never, anAct},
	flagScenario: {never, anAct}, flagTruth: {never, anAct},
	flagResourceManager: {never, anAct}, flagServiceManagement: {never, anAct}, flagSubscriptionsFrom: {never, anAct},
	flagSubscription:    {never, anAct},
	flagManagementGroup: {never, anAct}, flagTargetResourceGroup: {never, anAct}, flagTenant: {never, anAct},
	flagUpdate: {never, anAct}, flagWindow: {never, anAct}, flagCare: {never, anAct}, flagLabel: {never, anAct},
	flagSkipUnreadable: {never, anAct}, flagAtOnce: {never, anAct}, flagRequestsPerSecond: {never, anAct},
}

// namesSavedPlan reports whether a command line is about a saved plan: about one that is
// there, or about one that the line before it is to make.
func namesSavedPlan(line string) bool {
	args := argumentsOf(line)
	if len(args) < 3 {
		return false
	}
	saved, err := session.IsSavedPlan(args[2])
	return args[2] == "FILE" || err == nil && saved
}

// argumentsOf are the arguments of a command line that lexicon.Command wrote, unquoted.
func argumentsOf(line string) (args []string) {
	for _, w := range lexicon.CommandWords(line) {
		args = append(args, lexicon.Unquoted(w))
	}
	return args
}

// typed is what a command line said.
type typed struct {
	app   *cli.App
	from  string // the command, without the program's name
	flags []typedFlag
}

type typedFlag struct {
	name string
	args []string // as it was typed, with its value
}

// typedOn reads a command line, as flagsFirst does.
func typedOn(app *cli.App, args []string) typed {
	t := typed{app: app}
	if len(args) < 2 {
		return t
	}
	known, commands := everyFlag(app.Flags, app.Commands), app.Commands
	var path []string
	for rest := args[1:]; len(rest) > 0; {
		a := rest[0]
		rest = rest[1:]
		command, _ := named(commands, []string{a})
		switch {
		case a == "--":
			rest = nil
		case len(a) > 1 && a[0] == '-':
			name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
			f := typedFlag{name: name, args: []string{a}}
			if takesValue(known, a) && len(rest) > 0 {
				f.args, rest = append(f.args, rest[0]), rest[1:]
			}
			if d := flagCalled(known, name); d != nil {
				f.name = d.Names()[0]
				t.flags = append(t.flags, f)
			}
		case command != nil:
			path = append(path, command[0].Name)
			known, commands = append(everyFlag(command[0].Flags, command[0].Subcommands), app.Flags...),
				command[0].Subcommands
		}
	}
	t.from = strings.Join(path, " ")
	return t
}

// flagCalled is the flag with a name, nil where there is none.
func flagCalled(flags []cli.Flag, name string) cli.Flag {
	if i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }); i >= 0 {
		return flags[i]
	}
	return nil
}

// along is an advised command line with what was typed and still matters there.
func (t typed) along(line string) string {
	words := argumentsOf(line)
	if len(t.flags) == 0 || len(words) < 2 || words[0] != "fleetup" || slices.Contains(words, "--help") ||
		slices.ContainsFunc(words, func(w string) bool { return w == ">" || w == "|" }) {
		return line
	}
	path, _ := named(t.app.Commands, words[1:])
	if len(path) == 0 {
		return line
	}
	names := make([]string, len(path))
	for i, c := range path {
		names[i] = c.Name
	}
	more := t.goingAlong(path, strings.Join(names, " "), words, line)
	if len(more) == 0 {
		return line
	}
	return line + strings.TrimPrefix(lexicon.Command(more...), "fleetup")
}

// goingAlong are the flags that go along to a command, whose line has those words.
func (t typed) goingAlong(path []*cli.Command, to string, words []string, line string) (more []string) {
	takes := append(slices.Clone(path[len(path)-1].Flags), globalFlags(t.app)...)
	for _, f := range t.flags {
		d := flagCalled(takes, f.name)
		if d == nil || slices.ContainsFunc(words, func(w string) bool {
			name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
			return strings.HasPrefix(w, "-") && slices.Contains(d.Names(), name)
		}) {
			continue
		}
		for handle, k := range kept {
			if handle.dashed() == "--"+f.name && k.to(t.from, to, line) {
				more = append(more, f.args...)
			}
		}
	}
	return more
}

// given are the flags of a process that carries a run out which its resume is to have
// too: the run keeps them, for whoever looks at it when that process is gone.
func (e *environment) given() []string {
	path, _ := named(e.app().Commands, []string{"resume"})
	return typedOn(e.app(), e.args).goingAlong(path, "resume", nil, "fleetup resume")
}

// alongLines is along of what to do next, line by line.
func (t typed) alongLines(next string) string {
	var lines []string
	for _, s := range failure.Steps(next) {
		if s.Command {
			s.Line = t.along(s.Line)
		}
		lines = append(lines, s.String())
	}
	return failure.Lines(lines...)
}

// along is what e's command line adds to an advised one.
func (e *environment) along(line string) string { return typedOn(e.app(), e.args).along(line) }
