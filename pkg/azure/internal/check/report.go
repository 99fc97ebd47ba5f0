// Package check answers "what did the checks of one vault find": it gathers
// findings in the order they came, and concludes.
package check

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Report gathers what the checks of one vault found, in the order they ran. It
// is for one goroutine at a time.
type Report struct {
	Findings   []fleet.Finding
	RequestIDs []string

	Blocked    bool // something a person must mend
	Waiting    bool // something that passes by itself, or a check without an answer
	Denied     bool
	Throttled  bool
	RetryAfter time.Duration
	FailedCall bool // a check got no answer: not to be shared with later vaults
}

// Stop reports whether further checks would teach nothing: no sign-in, or a
// cloud that is throttled.
func (r *Report) Stop() bool { return r.Denied || r.Throttled }

func (r *Report) Add(f fleet.Finding, requestID string) {
	if f.Severity == fleet.SeverityError {
		r.Blocked = true
	}
	r.note(f, requestID)
}

// Error adds something that a person must mend.
func (r *Report) Error(code, message, action, requestID string) {
	r.Add(fleet.Finding{Severity: fleet.SeverityError, Code: code, Message: message, Action: action}, requestID)
}

// Hold adds a finding that keeps the vault waiting, not blocked.
func (r *Report) Hold(f fleet.Finding, requestID string) {
	r.Waiting = true
	r.note(f, requestID)
}

func (r *Report) note(f fleet.Finding, requestID string) {
	r.Findings = append(r.Findings, f)
	r.asked(requestID)
}

func (r *Report) asked(requestID string) {
	if requestID != "" && !slices.Contains(r.RequestIDs, requestID) {
		r.RequestIDs = append(r.RequestIDs, requestID)
	}
}

// Merge adds what a shared report found.
func (r *Report) Merge(o Report) {
	r.Findings = append(r.Findings, o.Findings...)
	for _, id := range o.RequestIDs {
		r.asked(id)
	}
	r.Blocked = r.Blocked || o.Blocked
	r.Waiting = r.Waiting || o.Waiting
	r.Denied = r.Denied || o.Denied
	r.Throttled = r.Throttled || o.Throttled
	r.RetryAfter = max(r.RetryAfter, o.RetryAfter)
	r.FailedCall = r.FailedCall || o.FailedCall
}

// Failed adds a check that did not give what was asked of a side, by what a
// caller can do about it. permission is the advice where a permission is missing.
func (r *Report) Failed(side *azure.APIClients, permission string, err error) {
	ce := asCallError(err)
	r.FailedCall = true
	f := fleet.Finding{Severity: fleet.SeverityError, Message: text.Clean(err.Error(), text.MaxMessage)}
	class := ce.Class
	if class == fleet.CallUnreachable && ce.RetryAfter > 0 {
		class = fleet.CallThrottled // it named a time to come back (design.md#rule-11)
	}
	switch class {
	case fleet.CallDenied:
		r.Denied = true
		f.Code, f.Action = fleet.CodeNotSignedIn, "Sign in again for the "+side.Name()+" side, then resume."
		r.note(f, ce.RequestID)
	case fleet.CallThrottled:
		r.Throttled, r.RetryAfter = true, max(r.RetryAfter, ce.RetryAfter)
		f.Code, f.Action = fleet.CodeThrottled, "Nothing: it is asked again later."
		r.note(f, ce.RequestID)
	case fleet.CallForbidden:
		f.Code, f.Action = fleet.CodeNoPermission, permission
		r.Add(f, ce.RequestID)
	case fleet.CallConflict:
		f.Code = fleet.CodeBusy
		f.Action = "Nothing: it is validated again when the other operation may have ended, by this run or the next."
		r.Hold(f, ce.RequestID)
	case fleet.CallGarbled:
		f.Code, f.Action = fleet.CodeGarbled,
			"It is asked again later. If it stays: look for a proxy between here and "+side.Name()+"."
		r.Hold(f, ce.RequestID)
	case fleet.CallUnreachable:
		f.Code, f.Action = fleet.CodeUnreachable, "Nothing: it is asked again later."
		r.Hold(f, ce.RequestID)
	default: // a definite refusal: its own words
		f.Code, f.Action = cmp.Or(ce.Code, CodeNone), "Correct this, then validate again."
		r.Add(f, ce.RequestID)
	}
}

// Validation concludes. Nothing was learnt about the vault without a sign-in
// or while throttled; then what blocks goes before what passes by itself.
func (r *Report) Validation(vault *fleet.Vault, rec *fleet.Record) fleet.Validation {
	v := fleet.Validation{Findings: r.Findings, Record: rec, RequestIDs: r.RequestIDs}
	refused := vault.Refuses(r.Findings)
	switch {
	case r.Denied:
		v.Verdict = fleet.VerdictDenied
	case r.Throttled:
		v.Verdict, v.RetryAfter = fleet.VerdictThrottled, r.RetryAfter
	case r.Blocked:
		v.Verdict = fleet.VerdictBlocked
	case r.Waiting:
		v.Verdict = fleet.VerdictBusy
	case len(refused) > 0:
		v.Verdict = fleet.VerdictBlocked
		v.Findings = append(v.Findings, vault.Refusal(refused))
	default:
		v.Verdict = fleet.VerdictReady
	}
	return v
}

// Checks are those that are made of a subscription before the first vault is looked at.
type Checks struct {
	All   []fleet.Check
	Ended bool // further checks would teach nothing
}

// Make makes a check, unless none is to be made any more: look adds to its report and
// returns a detail.
func (c *Checks) Make(name string, look func(*Report) (detail string)) {
	check := fleet.Check{Name: name, State: fleet.CheckSkipped}
	if !c.Ended {
		var r Report
		check.Detail = look(&r)
		check.State, check.Findings = r.State(), r.Findings
		c.Ended = r.Stop()
	}
	c.All = append(c.All, check)
}

// Plain is a look without a detail.
func Plain(look func(*Report)) func(*Report) string {
	return func(r *Report) string { look(r); return "" }
}

// CodeNone stands where the service gave no code.
const CodeNone = "no-code"

func asCallError(err error) *fleet.CallError {
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		return ce
	}
	return &fleet.CallError{Class: fleet.ClassOf(err), Err: err}
}

// State says how a single check ended that made the report.
func (r *Report) State() fleet.CheckState {
	switch {
	case r.Denied, slices.ContainsFunc(r.Findings,
		func(f fleet.Finding) bool { return f.Code == fleet.CodeNoPermission }):
		return fleet.CheckDenied
	case r.Blocked:
		return fleet.CheckMissing
	case r.Waiting, r.Throttled:
		return fleet.CheckWaiting
	}
	return fleet.CheckGood
}
