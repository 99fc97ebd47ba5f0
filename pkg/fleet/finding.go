package fleet

import (
	"slices"
	"strings"
)

// Severity grades a finding.
type Severity string

// An error blocks the vault; a warning blocks it until somebody consents; an
// info is only shown.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Finding is one reason a check gave. Code and Message are shown as the
// service sent them; nothing branches on a code that the service made up.
type Finding struct {
	Severity Severity `json:"severity"`
	Category string   `json:"category,omitempty"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Action   string   `json:"action,omitempty"` // what to do next
	Items    []string `json:"items,omitempty"`  // the rows of a table in the message, such as machines
	// Said is what the cloud itself says, where the message has it in words of ours. Findings
	// of older versions lack it.
	Said string `json:"said,omitempty"`
}

// ItemDot parts the columns of an item.
const ItemDot = " · "

// Headed reports whether the first of a table's rows names its columns, and so
// is no machine: it alone has several columns and no digit in it.
func Headed(items []string) bool {
	digits := func(s string) bool { return strings.ContainsAny(s, "0123456789") }
	if len(items) < 2 || !strings.Contains(items[0], ItemDot) || digits(items[0]) {
		return false
	}
	return !slices.ContainsFunc(items[1:], func(s string) bool { return !digits(s) })
}

// Columns parts a table's rows into the one that names its columns, empty where none
// does, and the others.
func Columns(items []string) (heading string, rows []string) {
	if Headed(items) {
		return items[0], items[1:]
	}
	return "", items
}

// Codes of fleetup's own findings. A finding of the service keeps the
// service's code.
const (
	CodeNotFound        = "vault-not-found"         // not in the subscription's listing
	CodeAlready         = "already-upgraded"        // the cloud's record says Upgraded
	CodeUpgradeFailed   = "upgrade-failed"          // the cloud's record says Failed
	CodeUpgradeRunning  = "upgrade-in-progress"     // somebody else's upgrade is under way
	CodeBusy            = "operation-in-progress"   // another operation is under way on it
	CodeUnreachable     = "unreachable"             // a check gave no answer; tried again
	CodeChanged         = "changed-since-check"     // not as its check saw it, each time its start was made ready
	CodeNotSignedIn     = "not-signed-in"           // 401, or no token
	CodeNoPermission    = "no-permission"           // 403
	CodeThrottled       = "throttled"               // 429
	CodeSubscription    = "subscription-not-usable" // missing or disabled
	CodeCSP             = "csp-subscription"
	CodeProvider        = "provider-not-registered"
	CodeFeature         = "upgrade-not-enabled"
	CodeGroupMissing    = "resource-group-missing"
	CodeGroupCreated    = "resource-group-will-be-created"
	CodeTargetExists    = "target-exists"
	CodeBusyDeadline    = "busy-deadline"
	CodeAttempts        = "attempts-exhausted"
	CodeForeignOverdue  = "foreign-upgrade-overdue"
	CodeForeignFailed   = "foreign-upgrade-failed"
	CodeGarbled         = "unreadable-answer"
	CodeAnswerLost      = "answer-lost"
	CodeUnconfirmed     = "not-confirmed" // accepted, and how it ended could not be read
	CodeVanished        = "vault-vanished"
	CodeNotVerified     = "not-verified"
	CodeWarningsRefused = "warnings-not-accepted"
	CodeNoWindow        = "no-window"
	CodeRefused         = "refused"               // the service would not take the start, for what a person must mend
	CodeStillRunning    = "upgrade-still-running" // our upgrade of a failed or unknown vault is under way in the cloud
)

// HasSeverity reports whether any of the findings has the severity.
func HasSeverity(fs []Finding, s Severity) bool {
	for _, f := range fs {
		if f.Severity == s {
			return true
		}
	}
	return false
}
