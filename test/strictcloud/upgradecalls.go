package strictcloud

import (
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// PrereqFault is what one check of the prerequisites meets.
type PrereqFault struct {
	name  string
	reply func(in *request, v *VaultHandle) answer
}

// Faults of a check of the prerequisites. None of them lets a vault start.
var (
	// PrereqBusy answers 409: another operation is under way.
	PrereqBusy = PrereqFault{"409", func(in *request, v *VaultHandle) answer {
		return Busy.reply(in, v)
	}}
	PrereqUnavailable = PrereqFault{"503", func(*request, *VaultHandle) answer {
		return strict.Plain(http.StatusServiceUnavailable)
	}}
	// PrereqErrorPage answers 502 with a proxy's page of HTML.
	PrereqErrorPage = PrereqFault{"502 page", func(*request, *VaultHandle) answer {
		return strict.HTML(http.StatusBadGateway, "Bad Gateway")
	}}
	// PrereqGarbage answers 200 with a page of HTML: nothing was said about
	// the vault.
	PrereqGarbage = PrereqFault{"200 page", func(*request, *VaultHandle) answer {
		return strict.HTML(http.StatusOK, "Sign in to your account")
	}}
	PrereqReset = PrereqFault{"reset", func(*request, *VaultHandle) answer { return strict.Reset() }}
	PrereqHang  = PrereqFault{"no answer", func(*request, *VaultHandle) answer { return strict.Hang() }}
)

// PrereqThrottle answers 429 with Retry-After in seconds, rounded up. A check
// of the vault before it is over is a violation.
func PrereqThrottle(d time.Duration) PrereqFault {
	return PrereqFault{"429", func(in *request, v *VaultHandle) answer {
		a, until := errorAnswer(in, http.StatusTooManyRequests, "TooManyRequests", "Slow down.").RetryAfter(in.Now, d)
		v.prereqThrottledAt, v.prereqNotUntil = in.Now, until
		return a
	}}
}

// PrereqRefuse answers once with a refusal (classic-service.md#errors).
func PrereqRefuse(r Refusal) PrereqFault {
	return PrereqFault{"refusal", func(in *request, v *VaultHandle) answer { return v.refusePrereqs(in, &r) }}
}

// prereqs answers POST P/checkPrereqsForUpgrade.
func (s *Server) prereqs(in *request) answer {
	v := in.vault
	switch {
	case v == nil || v.hidden(in.Now):
		return errorAnswer(in, http.StatusNotFound, "ResourceNotFound", "There is no such vault.")
	case in.Method != http.MethodPost:
		return strict.Plain(http.StatusMethodNotAllowed)
	case in.badBody:
		return xmlAnswer(http.StatusBadRequest, Refusal{Shape: 3, Code: "InvalidInput"}.render("", v))
	}
	if early := v.prereqNotUntil.Sub(in.Now); early > clockSlack {
		in.Problem("%v before Retry-After was over", early.Round(time.Millisecond))
	}
	if v.busyFor > 0 {
		if v.busyUntil.IsZero() {
			v.busyUntil = in.Now.Add(v.busyFor)
		}
		if in.Now.Before(v.busyUntil) {
			return PrereqBusy.reply(in, v)
		}
	}
	if len(v.prereqScript) > 0 {
		fault := v.prereqScript[0]
		v.prereqScript = v.prereqScript[1:]
		return fault.reply(in, v)
	}
	if r := v.record(in.Now); r != nil && r.running(in.Now) {
		return PrereqBusy.reply(in, v)
	}
	if v.standing != nil {
		return v.refusePrereqs(in, v.standing)
	}
	v.validated, v.warned, v.validatedAt = true, false, in.Now
	x := newXML(v.index%3 == 1)
	x.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	x.raw("<" + x.prefix + "Error " + x.nil + `:nil="true" xmlns`)
	if x.prefix != "" {
		x.raw(":az")
	}
	x.raw(`="` + nsAzure + `" xmlns:` + x.nil + `="http://www.w3.org/2001/XMLSchema-instance" />`)
	return xmlAnswer(http.StatusOK, x.String()).AsGood()
}

func (v *VaultHandle) refusePrereqs(in *request, r *Refusal) answer {
	v.validated, v.warned, v.validatedAt = r.warningsOnly(), r.warningsOnly(), in.Now
	return xmlAnswer(r.status(), r.render(v.entryElement, v)).AsGood()
}

// result answers GET P/upgradeOperationResult.
func (s *Server) result(in *request) answer {
	v := in.vault
	if v == nil {
		return errorAnswer(in, http.StatusNotFound, "ResourceNotFound", "There is no such vault.")
	}
	r := v.record(in.Now)
	if r == nil {
		return errorAnswer(in, http.StatusNotFound, "OperationNotFound", "No upgrade of the vault was ever started.")
	}
	code, message, result, status := "", "", "Invalid", "InProgress"
	var steps []string
	if !r.running(in.Now) {
		result, status = "Succeeded", "Completed"
		if f := r.failure; f != nil {
			code, message, result, steps = f.Code, f.Message, "Failed", f.Steps
		}
	}
	x := newXML(v.index%3 == 1)
	x.root("OperationInfo", nsAzure)
	x.leaf("ErrorCode", code)
	if len(steps) == 0 {
		x.null("JobSteps")
	} else {
		x.open("JobSteps")
		for _, step := range steps {
			x.open("JobStep")
			x.leaf("Detail", step)
			x.leaf("Message", step)
			x.leaf("OperationResult", result)
			x.leaf("OperationStatus", status)
			x.close("JobStep")
		}
		x.close("JobSteps")
	}
	x.raw("<" + x.prefix + "Jobs " + x.nil +
		`:nil="true" xmlns:d2p1="http://schemas.microsoft.com/2003/10/Serialization/Arrays" />`)
	x.leaf("Message", message)
	x.leaf("OperationResult", result)
	x.leaf("OperationStatus", status)
	x.close("OperationInfo")
	return xmlAnswer(http.StatusOK, x.String()).AsGood()
}

// startedBody is the answer to an accepted start (classic-service.md#the-three-calls).
func (v *VaultHandle) startedBody(r *record, now time.Time) string {
	x := newXML(v.index%3 == 1)
	x.root("ResourceUpgradeDetails", nsAzure)
	v.renderDetails(x, r, now)
	x.close("ResourceUpgradeDetails")
	return x.String()
}
