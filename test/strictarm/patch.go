package strictarm

import (
	"bytes"
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// wireDelay is how long a request that had left already may still arrive after
// an answer that forbids it.
const wireDelay = time.Second

// clockSlack is how much earlier than told a client may come: it may have read
// its clock before the server did.
const clockSlack = 50 * time.Millisecond

// patch answers PATCH of a vault.
func (s *Server) patch(in *request) answer {
	v := in.vault
	s.checkClientRequestID(in)
	if in.change = in.readBody(); in.change != nil {
		in.equal("the body", in.change, object{"properties": v.body(in.version)})
		if properties, ok := in.change["properties"].(object); ok {
			if path, first := v.unknown(properties, in.version); path != "" {
				in.Problem("%s is not in version %s of the specification; %s is the first", path, in.version, first)
			}
		}
	}
	v.judgePatch(in)
	seen := PatchSeen{At: in.Now, ClientRequestID: in.Header.Get("x-ms-client-request-id"),
		Body: string(bytes.TrimSpace(in.Body))}
	if !v.lastRead.IsZero() {
		seen.ReadAge = in.Now.Sub(v.lastRead)
	}
	a := s.decide(in, &seen)
	seen.Status = a.Status
	if a.Cut == strict.CutReset || a.Cut == strict.CutHang {
		seen.Status = 0
	}
	v.patches = append(v.patches, seen)
	v.readSince, v.absent, v.mayKnow = false, nil, time.Time{}
	return a
}

// decide says what becomes of a PATCH.
func (s *Server) decide(in *request, seen *PatchSeen) answer {
	v := in.vault
	fault := Accept
	if refusal := v.refusal(in); refusal != nil {
		fault = *refusal
	} else if len(v.patchScript) > 0 {
		fault, v.patchScript = v.patchScript[0], v.patchScript[1:]
		seen.Fault = fault.name
	}
	v.next = fault.next
	switch fault.next {
	case afterLost:
		v.lost = seen.ClientRequestID
	case afterDenied:
		in.sub.deniedAt = in.Now
	case afterRefused:
		v.permits = max(v.permits-1, 0)
	}
	if !fault.accept {
		return fault.reply(in, v, nil)
	}
	seen.Accepted = true
	op := v.accept(in, *seen, fault.late)
	return fault.reply(in, v, op)
}

// refusal is what a service in good health has against a PATCH.
func (v *VaultHandle) refusal(in *request) *PatchFault {
	state := func(o object) any { return at(o, "securitySettings.immutabilitySettings.state") }
	properties, _ := in.change["properties"].(object)
	unknown, _ := v.unknown(properties, in.version)
	switch {
	case v.gone:
		return refuse(http.StatusNotFound, "ResourceNotFound", "The vault was not found.")
	case in.change == nil:
		return refuse(http.StatusBadRequest, "InvalidRequestContent",
			"The request content was invalid and could not be deserialized.")
	case v.readOnly() != "":
		return refuseAs(ScopeLocked(v.readOnly()))
	case v.running(in.Now) != nil || v.foreign.runs(in.Now):
		return refuseAs(Conflict)
	case v.guarded && in.Header.Get("x-ms-authorization-auxiliary") == "":
		return refuseAs(Guarded)
	case v.turnedOff(properties) != nil:
		return v.turnedOff(properties)
	case v.spec.Kind.provider() == recoveryServices && properties["monitoringSettings"] != nil &&
		!wholeMonitoring(properties):
		return refuse(http.StatusBadRequest, "InvalidRestApiParameter", "monitoringSettings parameter is invalid.")
	case unknown != "":
		return refuse(http.StatusBadRequest, "InvalidRequestContent", unknown+" is not known in this version.")
	case v.spec.Kind.provider() == recoveryServices && misconfigured(properties, in.version) != nil:
		return misconfigured(properties, in.version)
	case state(v.properties()) == "Locked" && state(properties) != nil && state(properties) != "Locked",
		state(v.properties()) != "Unlocked" && state(properties) == "Locked":
		return refuse(http.StatusBadRequest, "InvalidRestApiParameter", "The immutability state cannot be changed so.")
	}
	return nil
}

// wholeMonitoring reports whether all five settings are given with a value
// there is: a partial body is refused (resource-manager.md#alerts).
func wholeMonitoring(properties object) bool {
	all := monitoring(alertsState, alertsState, alertsState, alertsState, alertsState)
	return holds(properties, all)
}

// judgePatch finds every rule that a PATCH breaks, before anything is answered.
func (v *VaultHandle) judgePatch(in *request) {
	if v.spec.Hold != "" {
		in.Problem("the vault is on hold: %s", v.spec.Hold)
	}
	if v.spec.NotInInventory {
		in.Problem("the vault is not in the inventory")
	}
	v.judgeOnce(in)
	v.judgeNext(in)
	v.judgeState(in)
}

// judgeOnce: a PATCH that an earlier one forbids.
func (v *VaultHandle) judgeOnce(in *request) {
	for _, op := range v.ops {
		switch {
		case in.Now.Before(op.end):
			in.Problem("second PATCH while one is under way (%s)", op.patch.ClientRequestID)
		case op.told && !op.outcome.applies && v.permits == 0 && op == v.ops[len(v.ops)-1]:
			in.Problem("PATCH after one that was accepted and ended as %s, without permission", op.outcome.status)
		}
	}
	if v.wanted() {
		in.Problem("PATCH of a vault that is as it is to be")
	}
}

// judgeNext: a PATCH that the last one's answer forbids (design.md#rule-1, #rule-3 and #rule-5).
func (v *VaultHandle) judgeNext(in *request) {
	switch v.next {
	case afterRefused:
		if v.permits == 0 {
			in.Problem("PATCH after the last one was refused for good, without permission")
		}
	case afterLost:
		knew := !v.mayKnow.IsZero() && !in.Now.Before(v.mayKnow.Add(-clockSlack))
		if v.permits == 0 && !knew {
			v.s.resent = append(v.s.resent,
				strict.Resent{Start: in.where(), Lost: v.lost, At: in.Now,
					Reads: map[string][]time.Time{"vault": v.absent}})
		}
	case afterThrottle:
		if early := v.notBefore.Sub(in.Now); early > clockSlack {
			in.Problem("PATCH %v before Retry-After was over", early.Round(time.Millisecond))
		}
	}
	// Another vault's PATCH may have been on the wire when the answer came.
	own := v.next == afterDenied
	denied := in.sub.deniedAt
	if !denied.IsZero() && !in.sub.lastGoodRead.After(denied) && (own || in.Now.Sub(denied) > wireDelay) {
		in.Problem("PATCH after a 401 or 403, before any read of the subscription succeeded")
	}
}

// judgeState: a PATCH that what the client read forbids, or that was sent
// without reading.
func (v *VaultHandle) judgeState(in *request) {
	if !v.readSince {
		in.Problem("PATCH of a vault that was not read since the last one, or never")
	} else if v.lastState != "Succeeded" {
		in.Problem("PATCH of a vault whose provisioningState was read as %s", v.lastState)
	}
	if v.seenLock != "" {
		in.Problem("PATCH of a vault whose ReadOnly lock %s was read", v.seenLock)
	}
	if s, ok := settings[v.spec.Kind]; ok {
		s.judge(in, v)
		return
	}
	if v.rollback {
		if v.spec.Kind == ImmutabilityLock ||
			at(v.properties(), "securitySettings.immutabilitySettings.state") == "Locked" {
			in.Problem("PATCH to take back a lock that is for ever")
		}
		return
	}
	switch v.spec.Kind {
	case Alerts:
		if !in.sub.rulesRead {
			in.Problem("PATCH before the subscription's alert processing rules were read")
		}
	case ImmutabilityLock:
		if state := at(v.properties(), "securitySettings.immutabilitySettings.state"); state != "Unlocked" {
			in.Problem("PATCH to lock a vault whose immutability is %v, not Unlocked", state)
		}
	case KeyVaultRBAC:
		v.judgeCover(in)
	}
}
