package classic

import (
	"errors"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// report gathers what the checks of one vault found, in the order they ran.
type report struct {
	findings   []fleet.Finding
	requestIDs []string

	blocked    bool // something a person must mend
	waiting    bool // something that passes by itself, or a check without an answer
	denied     bool
	throttled  bool
	retryAfter time.Duration
	failedCall bool // a check got no answer: not to be shared with later vaults
}

// stop reports whether further checks would teach nothing: no sign-in, or a
// cloud that asked to be left alone.
func (r *report) stop() bool { return r.denied || r.throttled }

func (r *report) add(f fleet.Finding, requestID string) {
	if f.Severity == fleet.SeverityError {
		r.blocked = true
	}
	r.note(f, requestID)
}

// hold adds a finding that keeps the vault waiting, not blocked.
func (r *report) hold(f fleet.Finding, requestID string) {
	r.waiting = true
	r.note(f, requestID)
}

func (r *report) note(f fleet.Finding, requestID string) {
	r.findings = append(r.findings, f)
	if requestID != "" && !slices.Contains(r.requestIDs, requestID) {
		r.requestIDs = append(r.requestIDs, requestID)
	}
}

// merge adds what a shared report found.
func (r *report) merge(o report) {
	r.findings = append(r.findings, o.findings...)
	for _, id := range o.requestIDs {
		if !slices.Contains(r.requestIDs, id) {
			r.requestIDs = append(r.requestIDs, id)
		}
	}
	r.blocked = r.blocked || o.blocked
	r.waiting = r.waiting || o.waiting
	r.denied = r.denied || o.denied
	r.throttled = r.throttled || o.throttled
	r.retryAfter = max(r.retryAfter, o.retryAfter)
	r.failedCall = r.failedCall || o.failedCall
}

// failed adds a check that did not give what was asked, by what a caller can do
// about it.
func (u *Upgrader) failed(r *report, side *azure.Side, err error) {
	ce := asCallError(err)
	r.failedCall = true
	f := fleet.Finding{Severity: fleet.SeverityError, Message: text.Clean(err.Error(), text.MaxMessage)}
	class := ce.Class
	if class == fleet.CallUnreachable && ce.RetryAfter > 0 {
		class = fleet.CallThrottled // it named a time to come back (design §2, rule 11)
	}
	switch class {
	case fleet.CallDenied:
		r.denied = true
		f.Code, f.Action = fleet.CodeNotSignedIn, "Sign in again for the "+side.Name()+" side, then resume."
		r.note(f, ce.RequestID)
	case fleet.CallThrottled:
		r.throttled, r.retryAfter = true, max(r.retryAfter, ce.RetryAfter)
		f.Code, f.Action = fleet.CodeThrottled, "Nothing: it is asked again later."
		r.note(f, ce.RequestID)
	case fleet.CallForbidden:
		f.Code, f.Action = fleet.CodeNoPermission, u.sidePermission(side)
		r.add(f, ce.RequestID)
	case fleet.CallConflict:
		f.Code, f.Action = fleet.CodeBusy, "Nothing: it is validated again when the other operation may have ended."
		r.hold(f, ce.RequestID)
	case fleet.CallGarbled:
		f.Code, f.Action = fleet.CodeGarbled, "It is asked again later. If it stays: look for a proxy between here and "+side.Name()+"."
		r.hold(f, ce.RequestID)
	case fleet.CallUnreachable:
		f.Code, f.Action = fleet.CodeUnreachable, "Nothing: it is asked again later."
		r.hold(f, ce.RequestID)
	default: // a definite refusal: its own words
		f.Code, f.Action = ce.Code, "Correct this, then validate again."
		if f.Code == "" {
			f.Code = codeNone
		}
		r.add(f, ce.RequestID)
	}
}

// validation concludes. Nothing was learnt about the vault without a sign-in
// or while throttled; then what blocks goes before what passes by itself.
func (r *report) validation(vault *fleet.Vault, rec *fleet.Record) fleet.Validation {
	v := fleet.Validation{Findings: r.findings, Record: rec, RequestIDs: r.requestIDs}
	refused := vault.Refuses(r.findings)
	switch {
	case r.denied:
		v.Verdict = fleet.VerdictDenied
	case r.throttled:
		v.Verdict, v.RetryAfter = fleet.VerdictThrottled, r.retryAfter
	case r.blocked:
		v.Verdict = fleet.VerdictBlocked
	case r.waiting:
		v.Verdict = fleet.VerdictBusy
	case len(refused) > 0:
		v.Verdict = fleet.VerdictBlocked
		v.Findings = append(v.Findings, vault.Refusal(refused))
	default:
		v.Verdict = fleet.VerdictReady
	}
	return v
}

func asCallError(err error) *fleet.CallError {
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		return ce
	}
	return &fleet.CallError{Class: fleet.ClassOf(err), Err: err}
}
