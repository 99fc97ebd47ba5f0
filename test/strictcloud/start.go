package strictcloud

import (
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// wireDelay is how long a start that had left already may still arrive after
// an answer that forbids it.
const wireDelay = time.Second

// clockSlack is how much earlier than told a client may come: it may have read
// its clock before the server did.
const clockSlack = 50 * time.Millisecond

// start answers POST P/upgrade.
func (s *Server) start(in *request) answer {
	v := in.vault
	if v == nil {
		return errorAnswer(in, http.StatusNotFound, "ResourceNotFound", "There is no such vault.")
	}
	s.judgeStart(in)
	id := in.Header.Get("x-ms-client-request-id")
	if v.vanish > 0 && v.hiddenUntil.IsZero() {
		v.hiddenUntil = in.Now.Add(v.vanish)
	}
	if in.Method != http.MethodPost {
		v.refuse(in, http.StatusMethodNotAllowed, "wrong method")
		return strict.Plain(http.StatusMethodNotAllowed)
	}
	if in.badBody {
		v.refuse(in, http.StatusBadRequest, "bad body")
		v.next = afterRefused
		return xmlAnswer(http.StatusBadRequest, Refusal{Shape: 3, Code: "InvalidInput"}.render("", v))
	}
	if r := v.record(in.Now); r != nil && r.state(in.Now) != "Failed" {
		v.refuse(in, http.StatusConflict, "an upgrade is "+r.state(in.Now))
		return Busy.reply(in, v)
	}
	fault := Accept
	if len(v.startScript) > 0 {
		fault, v.startScript = v.startScript[0], v.startScript[1:]
	} else if r := v.standing; r != nil && !r.warningsOnly() {
		fault = RefuseStart(*r)
	}
	seen := &v.starts[len(v.starts)-1]
	seen.Fault = fault.name
	if fault.accept {
		v.next = afterNothing
		v.accept(in.Now, id, fault.late)
		seen.Accepted = true
		return fault.reply(in, v)
	}
	a := fault.reply(in, v)
	v.refuse(in, a.Status, fault.name)
	v.next = fault.next
	switch fault.next {
	case afterLost:
		v.lost = id
	case afterDenied:
		in.sub.deniedAt = in.Now
	case afterRefused:
		v.permits = max(v.permits-1, 0)
	}
	return a
}

// refuse keeps the truth of a start that was not taken.
func (v *VaultHandle) refuse(in *request, status int, why string) {
	v.refused = append(v.refused, Refused{
		At: in.Now, OperationID: in.Header.Get("x-ms-client-request-id"), Status: status, Why: why,
	})
}

// judgeStart records the start and finds every rule it breaks, before
// anything is answered.
func (s *Server) judgeStart(in *request) {
	v, sub := in.vault, in.sub
	seen := StartSeen{At: in.Now, OperationID: in.Header.Get("x-ms-client-request-id")}
	if sub.listed {
		seen.ListingAge = in.Now.Sub(sub.listedAt)
	}
	if v.validated {
		seen.ValidationAge = in.Now.Sub(v.validatedAt)
	}
	v.judgePlace(in)
	v.judgeRecord(in)
	v.judgeChecks(in)
	v.starts = append(v.starts, seen)
	v.absentListing, v.absentTarget, v.mayKnow = nil, nil, time.Time{}
}

// judgePlace: a start of a vault that nobody asked to start.
func (v *VaultHandle) judgePlace(in *request) {
	if v.spec.Hold != "" {
		in.Problem("the vault is on hold: %s", v.spec.Hold)
	}
	if v.spec.NotInInventory {
		in.Problem("the vault is not in the inventory")
	}
	if v.hidden(in.Now) {
		in.Problem("the vault is not in the listing")
	}
}

// judgeRecord: a start that the vault's past forbids.
func (v *VaultHandle) judgeRecord(in *request) {
	if r := v.pending(in.Now); r != nil {
		in.Problem("second start while start %s was under way and not proved absent", r.id)
	}
	if r := v.record(in.Now); r != nil {
		switch state := r.state(in.Now); state {
		case "Failed":
			if v.permits == 0 {
				in.Problem("start after operation %s failed, without permission", r.id)
			}
		case "Upgraded":
			in.Problem("start of a vault that is upgraded (operation %s)", r.id)
		default:
			in.Problem("second start while an upgrade is in progress (operation %s)", r.id)
		}
	}
	switch v.next {
	case afterRefused:
		if v.permits == 0 {
			in.Problem("start after the last one was refused for good, without permission")
		}
	case afterLost:
		knew := !v.mayKnow.IsZero() && !in.Now.Before(v.mayKnow.Add(-clockSlack))
		if v.permits == 0 && !knew {
			v.s.resent = append(v.s.resent, strict.Resent{Start: in.where(), Lost: v.lost, At: in.Now,
				Reads: map[string][]time.Time{"listing": v.absentListing, "target": v.absentTarget}})
		}
	case afterThrottle:
		if early := v.notBefore.Sub(in.Now); early > clockSlack {
			in.Problem("start %v before Retry-After was over", early.Round(time.Millisecond))
		}
	}
	// Another vault's start may have been on the wire when the answer came.
	own := v.next == afterDenied
	denied := in.sub.deniedAt
	if !denied.IsZero() && !in.sub.lastGoodRead.After(denied) && (own || in.Now.Sub(denied) > wireDelay) {
		in.Problem("start after a 401 or 403, before any read of the subscription succeeded")
	}
}

// judgeChecks: a start whose prerequisites were not checked or not met
// (classic-service.md#the-operation and #the-resource-manager-side).
func (v *VaultHandle) judgeChecks(in *request) {
	if !v.validated {
		in.Problem("start of a vault whose prerequisites were not found to be met")
	}
	if v.warned && !v.spec.AcceptWarnings {
		in.Problem("start of a vault with warnings, without consent")
	}
	sub := in.sub
	for _, c := range []struct{ key, what string }{
		{string(CallSubscription), "the subscription"},
		{recoveryServices, "provider Microsoft.RecoveryServices"},
		{siteRecovery, "provider Microsoft.SiteRecovery"},
		{string(CallFeature), "the feature VaultUpgrade"},
	} {
		if !sub.checked[c.key] {
			in.Problem("start before %s was checked", c.what)
		}
	}
	if !sub.checked["group "+v.groupKey()] && !v.spec.CreateGroup {
		in.Problem("start before the target group was checked")
	}
	if !v.targetChecked {
		in.Problem("start before the target was checked")
	}
	if sub.missing || sub.state != "Enabled" || sub.isCSP() {
		in.Problem("start in a subscription that cannot be upgraded (%s, %s)", sub.state, sub.quota)
	}
	for _, ns := range []string{recoveryServices, siteRecovery} {
		if sub.providers[ns] != "Registered" {
			in.Problem("start while %s is %s", ns, sub.providers[ns])
		}
	}
	if sub.feature != "Registered" {
		in.Problem("start while the feature VaultUpgrade is %s", sub.feature)
	}
	if sub.missingGroups[v.groupKey()] && !v.spec.CreateGroup {
		in.Problem("start into group %s, which does not exist, without consent to create it", v.spec.Group)
	}
	if v.targetExists {
		in.Problem("start while the target exists")
	}
}
