package main

import (
	"time"

	"github.com/urfave/cli/v2"
)

// A flag has one handle. Its declaration takes the name from it, and whoever wants
// its value asks it: a name that no flag has does not compile, nor a value of
// another type. Of a command without the flag the value is the zero one, so that
// commands can share what reads it.
type (
	textFlag   string
	listFlag   string
	switchFlag string
	numberFlag string
	rateFlag   string
	spanFlag   string
)

const (
	flagAgentDownload               textFlag = "agent-download"
	flagCare                        textFlag = "care"
	flagCase                        textFlag = "case"
	flagChange                      textFlag = "change"
	flagCloud                       textFlag = "cloud"
	flagConfirmIrreversible         textFlag = "confirm-irreversible"
	flagCredential                  textFlag = "credential"
	flagCredentialResourceManager   textFlag = "credential-resource-manager"
	flagCredentialServiceManagement textFlag = "credential-service-management"
	flagDir                         textFlag = "dir"
	flagFor                         textFlag = "for"
	flagHead                        textFlag = "head"
	flagKind                        textFlag = "kind"
	flagListen                      textFlag = "listen"
	flagListenTokenFile             textFlag = "listen-token-file"
	flagLog                         textFlag = "log"
	flagLogFile                     textFlag = "log-file"
	flagLogFormat                   textFlag = "log-format"
	flagLogLevel                    textFlag = "log-level"
	flagNotifyFile                  textFlag = "notify-file"
	flagOut                         textFlag = "out"
	flagCompare                     textFlag = "compare"
	flagOutput                      textFlag = "output"
	flagProgress                    textFlag = "progress"
	flagQuery                       textFlag = "query"
	flagReason                      textFlag = "reason"
	flagResourceManager             textFlag = "resource-manager"
	flagRun                         textFlag = "run"
	flagScenario                    textFlag = "scenario"
	flagSelector                    textFlag = "selector"
	flagServiceManagement           textFlag = "service-management"
	flagSocketGroup                 textFlag = "socket-group"
	flagState                       textFlag = "state"
	flagSubscriptionsFrom           textFlag = "subscriptions-from"
	flagSupportAddress              textFlag = "support-address"
	flagTargetResourceGroup         textFlag = "target-resource-group"
	flagTenant                      textFlag = "tenant"
	flagTruth                       textFlag = "truth"
	flagUpdate                      textFlag = "update"
	flagWave                        textFlag = "wave"
	flagWhatIf                      textFlag = "what-if"
	flagWindow                      textFlag = "window"

	flagLabel           listFlag = "label"
	flagManagementGroup listFlag = "management-group"
	flagNotify          listFlag = "notify"
	flagReport          listFlag = "report"
	flagSubscription    listFlag = "subscription"

	flagAcceptExpiredHolds switchFlag = "accept-expired-holds"
	flagAcceptFailures     switchFlag = "accept-failures"
	flagTakeOver           switchFlag = "take-over"
	flagAcceptWarnings     switchFlag = "accept-warnings"
	flagAllowCSP           switchFlag = "allow-csp"
	flagClose              switchFlag = "close"
	flagDetails            switchFlag = "details"
	flagDryRun             switchFlag = "dry-run"
	flagExitCode           switchFlag = "exit-code"
	flagExitWhenWaiting    switchFlag = "exit-when-waiting"
	flagHelp               switchFlag = "help"
	flagMan                switchFlag = "man"
	flagMarkdown           switchFlag = "markdown"
	flagNewWord            switchFlag = "new-word"
	flagOff                switchFlag = "off"
	flagOverwrite          switchFlag = "overwrite"
	flagSkipUnreadable     switchFlag = "skip-unreadable"
	flagValidate           switchFlag = "validate"
	flagValidateAllFirst   switchFlag = "validate-all-first"
	flagVersion            switchFlag = "version"
	flagWatch              switchFlag = "watch"
	flagYes                switchFlag = "yes"

	flagAtOnce numberFlag = "at-once"

	flagRequestsPerSecond rateFlag = "requests-per-second"

	flagTimeout spanFlag = "timeout"
)

func (f textFlag) of(c *cli.Context) string        { return c.String(string(f)) }
func (f listFlag) of(c *cli.Context) []string      { return c.StringSlice(string(f)) }
func (f switchFlag) of(c *cli.Context) bool        { return c.Bool(string(f)) }
func (f numberFlag) of(c *cli.Context) int         { return c.Int(string(f)) }
func (f rateFlag) of(c *cli.Context) float64       { return c.Float64(string(f)) }
func (f spanFlag) of(c *cli.Context) time.Duration { return c.Duration(string(f)) }

// is declares the flag: d says all of it but its name.
func (f textFlag) is(d cli.StringFlag) cli.Flag      { d.Name = string(f); return &d }
func (f listFlag) is(d cli.StringSliceFlag) cli.Flag { d.Name = string(f); return &d }
func (f switchFlag) is(d cli.BoolFlag) cli.Flag      { d.Name = string(f); return &d }
func (f numberFlag) is(d cli.IntFlag) cli.Flag       { d.Name = string(f); return &d }
func (f rateFlag) is(d cli.Float64Flag) cli.Flag     { d.Name = string(f); return &d }
func (f spanFlag) is(d cli.DurationFlag) cli.Flag    { d.Name = string(f); return &d }

// among is is for a flag whose value must be one of a few words.
func (f textFlag) among(allowed []string, d cli.StringFlag) cli.Flag {
	d.Action = func(c *cli.Context, v string) error {
		if v == "" {
			return nil
		}
		return oneOf(c, f, allowed...)
	}
	return f.is(d)
}

// flagHandle is any handle.
type flagHandle interface{ dashed() string }

// given reports whether a flag is on the command line, or in its variable.
func given(c *cli.Context, f flagHandle) bool { return c.IsSet(f.dashed()[2:]) }

// dashed is the flag as it is typed.
func (f textFlag) dashed() string   { return "--" + string(f) }
func (f listFlag) dashed() string   { return "--" + string(f) }
func (f switchFlag) dashed() string { return "--" + string(f) }
func (f numberFlag) dashed() string { return "--" + string(f) }
func (f rateFlag) dashed() string   { return "--" + string(f) }
func (f spanFlag) dashed() string   { return "--" + string(f) }
