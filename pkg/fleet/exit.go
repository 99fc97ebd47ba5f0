package fleet

// ExitCode is a status of the process: part of the command line's contract.
type ExitCode int

// The exit codes (design.md#the-command-line).
const (
	ExitOK          ExitCode = 0
	ExitInternal    ExitCode = 1
	ExitUsage       ExitCode = 2
	ExitFailures    ExitCode = 3
	ExitHalted      ExitCode = 4
	ExitInterrupted ExitCode = 5
	ExitInUse       ExitCode = 6
	ExitNotUpgraded ExitCode = 7
	ExitSignIn      ExitCode = 8
)

// ExitMeaning is a row of the table of exit codes.
type ExitMeaning struct {
	Code    ExitCode
	Name    string
	Meaning string
}

// ExitCodes is the one table of exit codes: help, documentation and JSON
// derive from it.
func ExitCodes() []ExitMeaning {
	return []ExitMeaning{
		{ExitOK, "ok", "all good"},
		{ExitInternal, "error", "internal or environment error"},
		{ExitUsage, "usage", "usage, inventory or plan error"},
		{ExitFailures, "failures", "finished; some failed or unknown"},
		{ExitHalted, "halted", "halted by a budget"},
		{ExitInterrupted, "interrupted", "interrupted or waiting: resume later"},
		{ExitInUse, "in-use", "the ledger is in use"},
		{ExitNotUpgraded, "not-upgraded",
			"finished; none failed, but some were not upgraded (blocked, busy, deferred)"},
		{ExitSignIn, "sign-in", "a sign-in or permission keeps it from going on"},
	}
}

// Name returns the code's name in the table.
func (c ExitCode) Name() string {
	for _, m := range ExitCodes() {
		if m.Code == c {
			return m.Name
		}
	}
	return "unknown"
}
