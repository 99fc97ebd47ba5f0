package fleet

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
