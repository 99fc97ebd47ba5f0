package emulator

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// resourceProviderNamespace is part of the calls' paths. Production has
// another: clients read it from the listing (classic-service.md#the-listing).
const resourceProviderNamespace = "EmulatedBackupNamespace"

// row is a vault in a listing, as it was at one moment.
type row struct {
	vault *vault
	op    *operation
}

// list answers the listing of a subscription (classic-service.md#the-listing). What it shows is
// copied now; the writing, which takes time for large fleets, is left to the
// reply.
func (c *Cloud) list(s *subscription, at time.Time) reply {
	shown := make([][]row, len(s.regions))
	for i, r := range s.regions {
		for _, v := range r.vaults {
			if !c.vanished(v, at) {
				shown[i] = append(shown[i], row{v, newest(v.ops, at)})
			}
		}
	}
	return reply{status: http.StatusOK, render: func() []byte {
		var d document
		d.open("CloudServices", rootSpace)
		for i, r := range s.regions {
			d.service(r, shown[i], i == 0, at)
		}
		d.close("CloudServices")
		return d.Bytes()
	}}
}

func (d *document) service(r *region, rows []row, first bool, at time.Time) {
	d.open("CloudService", "")
	d.text("Name", r.service)
	d.text("Label", r.service)
	d.text("Description", "Vaults in "+r.location)
	d.text("GeoRegion", r.location)
	d.open("Resources", "")
	if first && len(r.vaults) > 0 {
		// Something that is no vault, under a vault's name.
		before, after := resourceElement("DataTransferJob", r.vaults[0])
		d.Write(before)
		d.Write(after)
	}
	for _, row := range rows {
		v := row.vault
		d.Write(v.before)
		if row.op != nil {
			d.open("IntrinsicSettings", "")
			d.details("", v, row.op, at)
			d.close("IntrinsicSettings")
		}
		d.Write(v.after)
	}
	d.close("Resources")
	d.close("CloudService")
}

// resourceElement writes a Resource element in two parts, before and after the place
// of IntrinsicSettings. They never change, and large fleets are listed often.
func resourceElement(kind string, v *vault) (before, after []byte) {
	var d document
	d.open("Resource", "")
	d.text("ResourceProviderNamespace", resourceProviderNamespace)
	d.text("Type", kind)
	d.text("Name", v.Name)
	d.text("Plan", "")
	d.text("SchemaVersion", "1.1")
	d.text("ETag", guid(0, "etag", kind, v.key))
	d.text("State", "Started")
	d.text("SubState", "Ok")
	cut := d.Len()
	d.open("OutputItems", "")
	d.open("OutputItem", "")
	d.text("Key", "ResourceId")
	d.text("Value", resourceID(kind, v))
	d.close("OutputItem")
	d.close("OutputItems")
	d.open("OperationStatus", "")
	d.text("Type", "Create")
	d.text("Result", "Succeeded")
	d.close("OperationStatus")
	d.text("Label", "")
	d.close("Resource")
	return d.Bytes()[:cut:cut], d.Bytes()[cut:]
}

// resourceID is the classic resource's own number.
func resourceID(kind string, v *vault) string {
	d := digest(0, []string{"resource", kind, v.key})
	return strconv.FormatUint(binary.BigEndian.Uint64(d[:8])>>8, 10)
}

// prereqs answers checkPrereqsForUpgrade (classic-service.md#the-three-calls).
func (c *Cloud) prereqs(q *request, l *line) reply {
	v := q.vault
	if rep := c.occupied(v, l); rep != nil {
		return *rep
	}
	if f := v.fault(c, kindBlocked, kindWarnings); f != nil {
		return c.objections(v, f)
	}
	return reply{status: http.StatusOK, body: []byte(`<Error i:nil="true"` + rootSpace + ` />`)}
}

// occupied answers for a vault that is not there, is being upgraded, was, or
// is busy; nil if it is none of these.
func (c *Cloud) occupied(v *vault, l *line) *reply {
	op := newest(v.ops, l.At)
	var rep reply
	switch {
	case c.vanished(v, l.At):
		rep = refuse(http.StatusNotFound,
			errorBody{shape: 2, code: "ResourceNotFound", message: "The vault " + v.Name + " was not found."})
	case v.onItsWay(l.At) || op != nil && op.status(l.At) == statusInProgress:
		rep = refuse(http.StatusConflict,
			errorBody{shape: 2, code: "ConflictError", message: "An upgrade of the vault is in progress.",
				action: "Wait until it has ended."})
	case op != nil && op.status(l.At) == statusUpgraded:
		rep = refuse(http.StatusBadRequest,
			errorBody{shape: 3, code: "VaultAlreadyUpgraded", message: "The vault was upgraded before."})
	default:
		f := v.fault(c, kindBusy)
		if f == nil || !l.At.Before(c.first(f, l).Add(f.lasts)) {
			return nil
		}
		rep = refuse(http.StatusConflict,
			errorBody{shape: 2, code: "OperationInProgress",
				message: "A configuration job or a registration is under way on the vault.",
				action:  "Wait until it has ended, then try again."})
	}
	return &rep
}

// objections answers with the reasons of a fault (classic-service.md#errors, body 1).
func (c *Cloud) objections(v *vault, f *fault) reply {
	e := errorBody{
		shape:   1,
		code:    "PrerequisitesNotMet",
		message: "The vault does not meet all prerequisites of the upgrade.",
		action:  "See the details.",
		reasons: f.Reasons,
		entry:   "ErrorDetail",
	}
	// No name is documented for an entry, so clients must take any.
	if share(c.seed, "entry", v.key) < 0.5 {
		e.entry = "ResourceUpgradeError"
	}
	if len(e.reasons) == 0 {
		e.reasons = []Reason{standardReason(f.Kind, v)}
	}
	return refuse(cmp.Or(f.Status, http.StatusBadRequest), e)
}

func standardReason(kind string, v *vault) Reason {
	if kind == kindWarnings {
		return Reason{Code: "BillingModelChange", Category: "Billing", Type: ReasonWarning,
			Message: "The vault is billed by storage; the upgrade converts it to billing by protected " +
				"instance.",
			RecommendedAction: "Consent to the conversion."}
	}
	host := strings.ToLower(v.Name)
	return Reason{Code: "AgentVersionTooOld", Category: "Agent", Type: ReasonError,
		Message:           fmt.Sprintf("srv-01.%s.example;2.0.8719.0|srv-02.%s.example;2.0.9049.0", host, host),
		RecommendedAction: "Update the agent on these machines, then check again."}
}

// start answers the POST that begins an upgrade (classic-service.md#the-three-calls).
func (c *Cloud) start(q *request, l *line) reply {
	v := q.vault
	if rep := c.startRefused(q, l); rep != nil {
		return *rep
	}
	after := c.strike(q, l, func(f *fault) bool { return f.Accepted || f.Kind == kindResetAfter })
	at := l.At
	if after != nil {
		at = at.Add(after.delay)
	}
	op := c.upgrade(v, q.id, q.group, at)
	l.Start = op
	if after != nil {
		rep := c.trouble(q, after)
		rep.accepted = true
		return rep
	}
	var d document
	d.details(rootSpace, v, op, op.AcceptedAt)
	return reply{status: http.StatusOK, body: d.Bytes(), accepted: true}
}

// startRefused answers a start that the cloud does not accept, nil if it does.
func (c *Cloud) startRefused(q *request, l *line) *reply {
	v, s := q.vault, q.vault.sub
	if rep := c.occupied(v, l); rep != nil {
		return rep
	}
	wars := func(code, message string) *reply {
		return new(refuse(http.StatusBadRequest, errorBody{shape: 3, code: code, message: message}))
	}
	state, _ := c.target(v, q.group, l.At)
	if other := s.targets[targetKey(q.group, v.Name)]; state == targetNone && other != nil {
		state, _ = c.target(other, q.group, l.At)
	}
	switch {
	case s.disabled:
		return wars("SubscriptionDisabled", "The subscription is disabled.")
	case s.csp:
		return wars("CspSubscriptionNotSupported", "Subscriptions of a Cloud Solution Provider cannot be upgraded.")
	case s.noFeature:
		return wars("UpgradeNotEnabled", "The subscription is not enabled for the upgrade.")
	case s.unregistered[strings.ToLower(providerRecoveryServices)],
		v.ResourceType == typeSiteRecovery && s.unregistered[strings.ToLower(providerSiteRecovery)]:
		return wars("", "The subscription is not registered to use the resource provider.")
	case state != targetNone:
		return wars("TargetVaultExists", "A vault of that name exists in the target resource group.")
	}
	f := c.strikeOf(q, l, kindStartBusy, kindStartRefused)
	switch {
	case f != nil && f.Kind == kindStartBusy:
		e := errorBody{shape: 2, code: "OperationInProgress", message: "Another operation is under way on the vault."}
		return new(refuse(f.saying(http.StatusConflict, &e.code, &e.message), e))
	case f != nil:
		return new(c.scripted(v, f))
	}
	if f := v.fault(c, kindBlocked); f != nil {
		return new(c.objections(v, f))
	}
	if c.used[q.id] {
		l.Mistake = fmt.Sprintf("The x-ms-client-request-id %s belongs to an earlier upgrade.", q.id)
		return new(refuse(http.StatusBadRequest, errorBody{shape: 2, code: "BadRequest", message: l.Mistake}))
	}
	return nil
}

// scripted answers a start with what a fault of kind start-refused says.
func (c *Cloud) scripted(v *vault, f *fault) reply {
	e := errorBody{shape: cmp.Or(f.Shape, 3), code: f.Code, message: f.Message}
	if e.code == "" && e.message == "" {
		e.code, e.message = "EmulatedRefusal", "The upgrade was refused before it started."
	}
	if e.shape == 1 {
		e.entry = "ErrorDetail"
		e.reasons = []Reason{{Code: e.code, Category: "Upgrade", Type: ReasonError, Message: e.message}}
	}
	return refuse(cmp.Or(f.Status, http.StatusBadRequest), e)
}

// result answers upgradeOperationResult (classic-service.md#the-three-calls).
func (c *Cloud) result(q *request, l *line) reply {
	v := q.vault
	op := newest(v.ops, l.At)
	if op == nil || c.vanished(v, l.At) {
		return refuse(http.StatusNotFound,
			errorBody{shape: 2, code: "ResourceNotFound", message: "No upgrade of the vault " + v.Name + " was found."})
	}
	var d document
	d.open("OperationInfo", rootSpace)
	status := op.status(l.At)
	switch status {
	case statusInProgress:
		d.long("ErrorCode", "")
		d.null("JobSteps", "")
		d.nullJobs()
		d.long("Message", "")
		d.long("OperationResult", "Invalid")
		d.long("OperationStatus", "InProgress")
	default:
		outcome, code, message := "Succeeded", "", ""
		if status == statusFailed {
			outcome, code, message = "Failed", op.Code, op.Message
			if f := v.fault(c, kindRepaired); f != nil {
				c.first(f, l)
			}
		}
		d.long("ErrorCode", code)
		d.open("JobSteps", "")
		d.step("Succeeded", "Prerequisites checked", "")
		d.step(outcome, "Vault moved", message)
		d.close("JobSteps")
		d.nullJobs()
		d.long("Message", message)
		d.long("OperationResult", outcome)
		d.long("OperationStatus", "Completed")
	}
	d.close("OperationInfo")
	return reply{status: http.StatusOK, body: d.Bytes()}
}

func (d *document) nullJobs() { d.null("Jobs", ` xmlns:d2p1="`+nsArrays+`"`) }

func (d *document) step(outcome, message, detail string) {
	d.open("JobStep", "")
	d.text("Detail", detail)
	d.text("Message", message)
	d.text("OperationResult", outcome)
	d.text("OperationStatus", "Completed")
	d.close("JobStep")
}
