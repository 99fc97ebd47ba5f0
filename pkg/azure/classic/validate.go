package classic

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// prereqTimeout bounds one try of the service's own checks: it may ask every
// registered machine's agent version.
const prereqTimeout = 100 * time.Second

// Codes of the checks that need no call.
const (
	codeGroupName    = "resource-group-name"
	codeResourceType = "resource-type"
)

// Validate makes every check of a vault and returns all findings together, in
// the order of the checks: local, subscription, target group, target vault,
// the service's prerequisites. A record that already decides (upgraded, in
// progress, failed) costs no call. After a missing sign-in or a throttled call
// it stops, as the rest would fare the same.
func (u *Upgrader) Validate(ctx context.Context, v *fleet.Vault, seen fleet.Sighting, present bool,
	disregard []string) fleet.Validation {
	if val, decided := recordDecides(seen.Record, present, disregard); decided {
		return val
	}
	var r check.Report
	groupOK := localChecks(&r, v)
	if !slices.ContainsFunc(r.Findings, func(f fleet.Finding) bool { return f.Code == fleet.CodeSubscription }) {
		if !present {
			return u.missing(ctx, &r, v, groupOK)
		}
		u.remoteChecks(ctx, &r, v, seen, groupOK)
	}
	return r.Validation(v, seen.Record)
}

// recordDecides concludes from the cloud's record alone where it can.
func recordDecides(rec *fleet.Record, present bool, disregard []string) (fleet.Validation, bool) {
	if !present || rec == nil {
		return fleet.Validation{}, false
	}
	val := fleet.Validation{Record: rec}
	switch rec.State {
	case fleet.RecordUpgraded:
		val.Verdict, val.Findings = fleet.VerdictAlready, []fleet.Finding{alreadyFinding(rec)}
	case fleet.RecordFailed:
		if slices.ContainsFunc(disregard,
			func(id string) bool { return id == rec.OperationID || sameOperation(id, rec.OperationID) }) {
			return fleet.Validation{}, false
		}
		val.Verdict, val.Findings = fleet.VerdictFailed, []fleet.Finding{failedFinding(rec)}
	default:
		val.Verdict = fleet.VerdictUpgrading
	}
	return val, true
}

func alreadyFinding(rec *fleet.Record) fleet.Finding {
	f := fleet.Finding{Severity: fleet.SeverityInfo, Code: fleet.CodeAlready, Message: "the vault is upgraded already"}
	if rec.Trigger == fleet.TriggerForced {
		f.Message += "; Microsoft started this upgrade by itself (" + fleet.TriggerForced + ")"
	}
	if !rec.EndedAt.IsZero() {
		f.Message += "; ended " + rec.EndedAt.Format(time.RFC3339)
	}
	if rec.OperationID != "" {
		f.Message += "; operation " + text.Clean(rec.OperationID, text.MaxID)
	}
	return f
}

func failedFinding(rec *fleet.Record) fleet.Finding {
	msg := cmp.Or(rec.Message, "the service gave no reason")
	return fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeUpgradeFailed,
		Message: fmt.Sprintf("the cloud's record says that an upgrade failed: %s (operation %s)", msg,
			text.Clean(rec.OperationID, text.MaxID)),
		Action: "Do not retry unless Microsoft says so: send support the subscription ID, the vault's name and the " +
			"operation ID.", Said: rec.Message}
}

// localChecks makes the checks that need no call again: a plan may be older
// than this program. It reports whether the target group can be asked for.
func localChecks(r *check.Report, v *fleet.Vault) (groupOK bool) {
	if _, err := fleet.NormalizeGUID(v.SubscriptionID); err != nil {
		r.Error(fleet.CodeSubscription, "the subscription ID "+err.Error(),
			"Correct the subscription's id in the inventory.", "")
	}
	if _, ok := vaultType(string(v.ResourceType)); !ok {
		r.Error(codeResourceType,
			fmt.Sprintf("%q is no type of a classic vault", text.Clean(string(v.ResourceType), text.MaxID)),
			fmt.Sprintf("Set resourceType to one of %v.", fleet.ResourceTypes()), "")
	}
	if err := fleet.CheckResourceGroupName(v.TargetResourceGroup); err != nil {
		r.Error(codeGroupName, err.Error(),
			"Correct targetResourceGroup in the inventory.", "")
		return false
	}
	return true
}

// missing concludes on a vault that the listing does not hold: it may have
// become its target, or never have been there.
func (u *Upgrader) missing(ctx context.Context, r *check.Report, v *fleet.Vault, groupOK bool) fleet.Validation {
	var targetState string
	if groupOK {
		t, resp, err := u.target(ctx, v)
		switch {
		case err != nil:
			u.failed(r, u.o.ResourceManager, err)
			if r.Stop() || r.Waiting {
				return r.Validation(v, nil)
			}
		case t != nil:
			if rec := t.record(); rec != nil && rec.State == fleet.RecordUpgraded {
				return fleet.Validation{Verdict: fleet.VerdictAlready, Record: rec,
					Findings: []fleet.Finding{alreadyFinding(rec)}, RequestIDs: ids(resp)}
			}
			targetState = fmt.Sprintf("; its target exists, with provisioning state %s, but was not made by an "+
				"upgrade that ended well", t.state())
		}
	}
	r.Error(fleet.CodeNotFound,
		fmt.Sprintf("no %s named %s in %s is in the listing of subscription %s%s",
			v.ResourceType, v.Name, v.Location, v.SubscriptionID, targetState),
		"Check the name, the location, the type and the subscription in the inventory.", "")
	return r.Validation(v, nil)
}

func ids(resp *azure.Response) []string {
	if resp == nil || resp.RequestID == "" {
		return nil
	}
	return []string{resp.RequestID}
}

// remoteChecks asks both sides about a vault that is in the listing.
func (u *Upgrader) remoteChecks(ctx context.Context, r *check.Report, v *fleet.Vault, seen fleet.Sighting,
	groupOK bool) {
	sub, err := u.subscription(ctx, subscriptionID(v.SubscriptionID))
	if err != nil {
		u.failed(r, u.o.ResourceManager, err)
	} else {
		r.Merge(sub.Report)
	}
	if r.Stop() {
		return
	}
	// In a subscription that the Resource Manager does not know, every group
	// and vault is missing too: saying so would mislead.
	if groupOK && !sub.missing {
		if u.checkGroup(ctx, r, v); r.Stop() {
			return
		}
		if u.checkTarget(ctx, r, v, seen); r.Stop() {
			return
		}
	}
	u.checkPrereqs(ctx, r, v, seen)
}

func (u *Upgrader) checkGroup(ctx context.Context, r *check.Report, v *fleet.Vault) {
	exists, requestID, err := u.groupExists(ctx, subscriptionID(v.SubscriptionID), v.TargetResourceGroup)
	switch {
	case err != nil:
		u.failed(r, u.o.ResourceManager, err)
	case exists:
	case v.CreateResourceGroup:
		r.Add(fleet.Finding{Severity: fleet.SeverityInfo, Code: fleet.CodeGroupCreated,
			Message: "resource group " + v.TargetResourceGroup + " does not exist; the upgrade will create it"},
			requestID)
	default:
		r.Error(fleet.CodeGroupMissing,
			"resource group "+v.TargetResourceGroup+" does not exist: check the spelling, "+
				"or allow it to be created (createResourceGroup)",
			"Correct targetResourceGroup, create the group, or set createResourceGroup: true.", requestID)
	}
}

func (u *Upgrader) checkTarget(ctx context.Context, r *check.Report, v *fleet.Vault, seen fleet.Sighting) {
	t, resp, err := u.target(ctx, v)
	switch {
	case err != nil:
		u.failed(r, u.o.ResourceManager, err)
	case t == nil:
	case t.Properties.ProvisioningState == "Provisioning" && seen.Record != nil:
		// A person has re-opened the vault after this upgrade failed: what it
		// left behind is known. The service's own checks decide.
		r.Add(fleet.Finding{Severity: fleet.SeverityInfo, Code: fleet.CodeTargetExists,
			Message: "the target vault " + v.TargetPath() + " is left over, half made, from the upgrade that failed"},
			resp.RequestID)
	case t.Properties.ProvisioningState == "Provisioning":
		r.Hold(fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeUpgradeRunning,
			Message: "the target vault " + v.TargetPath() +
				" is being made (provisioning state Provisioning): an upgrade is under way or broke off",
			Action: "Nothing: it is read again later. If it stays so, ask who started it."}, resp.RequestID)
	default:
		r.Error(fleet.CodeTargetExists,
			fmt.Sprintf("a vault is at the target %s already (provisioning state %s)", v.TargetPath(), t.state()),
			"Choose another targetResourceGroup, or find out what that vault is for.", resp.RequestID)
	}
}

// checkPrereqs asks the service for its own checks (classic-service.md#the-three-calls): a POST
// that changes nothing, so it may be tried again.
func (u *Upgrader) checkPrereqs(ctx context.Context, r *check.Report, v *fleet.Vault, seen fleet.Sighting) {
	op := "check the prerequisites of vault " + v.Ref()
	if seen.Address == "" {
		r.Hold(noAddress(v), "")
		return
	}
	resp, err := u.do(ctx, u.o.ServiceManagement, subscriptionID(v.SubscriptionID), azure.Request{
		Op: op, Method: http.MethodPost, Path: seen.Address + "/checkPrereqsForUpgrade",
		Header: upgradeInputHeader(newOperationID(time.Now())), Body: upgradeInput(v), Timeout: prereqTimeout,
		// Reasons are an answer, under whatever status they come.
		Complete: func(_ int, body []byte) bool { e, ok := parseServiceError(body); return ok && len(e.details) > 0 },
	})
	if err != nil {
		u.failed(r, u.o.ServiceManagement, err)
		return
	}
	if resp.Status == http.StatusOK {
		if n, err := parse(resp.Body); err == nil && n.isNil && n.local == "Error" &&
			(n.space == nsAzure || n.space == "") {
			return // all met
		}
	}
	u.prereqFindings(r, resp, v, op)
}

// prereqFindings reads any answer to checkPrereqsForUpgrade but "all met".
func (u *Upgrader) prereqFindings(r *check.Report, resp *azure.Response, v *fleet.Vault, op string) {
	e, readable := parseServiceError(resp.Body)
	switch resp.Status {
	case http.StatusNotFound:
		r.Error(fleet.CodeNotFound, callError(resp, op).Error(),
			"See whether vault "+v.Ref()+" still exists.", resp.RequestID)
		return
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests:
		u.failed(r, u.o.ServiceManagement, callError(resp, op))
		return
	}
	switch class := azure.ClassOfStatus(resp.Status); {
	case readable && len(e.details) > 0,
		readable && class != fleet.CallUnreachable:
		for _, f := range e.findings(u.guide) {
			r.Add(f, resp.RequestID)
		}
	case class == fleet.CallUnreachable:
		u.failed(r, u.o.ServiceManagement, callError(resp, op))
	default:
		u.failed(r, u.o.ServiceManagement, resp.Garbled(op, "the answer is none of the service's"))
	}
}

func noAddress(v *fleet.Vault) fleet.Finding {
	return fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeGarbled,
		Message: "the listing shows vault " + v.Ref() +
			" without the cloud service or the namespace that its calls need",
		Action: "Nothing: the listing is read again later."}
}
