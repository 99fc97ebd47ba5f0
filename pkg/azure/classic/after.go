package classic

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Reconcile concludes from a vault's fresh sighting and a read of its target
// whether the cloud knows an operation. The service keeps the ID of the start
// as the upgrade's OperationId (classic-service.md#the-listing), so one record with it is proof.
// Absence counts only where the vault is listed, no record is newer than those
// in before, and the target is not there.
func (u *Upgrader) Reconcile(ctx context.Context, v *fleet.Vault, operationID string, seen fleet.Sighting, present bool,
	before []string) fleet.Reconciliation {
	listed := seen.Record
	if !present {
		listed = nil
	}
	if listed != nil && sameOperation(listed.OperationID, operationID) {
		return fleet.Reconciliation{Reading: fleet.ReadOurs, Record: listed,
			Detail: "the listing's record is of our operation"}
	}
	t, _, err := u.target(ctx, v)
	if t != nil {
		if rec := t.record(); rec != nil && sameOperation(rec.OperationID, operationID) {
			return fleet.Reconciliation{Reading: fleet.ReadOurs, Record: rec,
				Detail: "the target vault's record is of our operation"}
		}
	}
	foreign := listed != nil && !slices.ContainsFunc(before, func(id string) bool {
		return id == listed.OperationID || sameOperation(id, listed.OperationID)
	})
	unreadable := func(detail string) fleet.Reconciliation {
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable, Detail: detail}
	}
	switch {
	case foreign:
		return fleet.Reconciliation{Reading: fleet.ReadForeign, Record: listed,
			Detail: "the listing's record is of another operation, " + text.Clean(listed.OperationID, text.MaxID)}
	case err != nil:
		return unreadable("the target could not be read: " + text.Clean(err.Error(), text.MaxMessage))
	case t != nil:
		return unreadable(fmt.Sprintf("the target exists (provisioning state %s) and does not name our operation",
			t.state()))
	case !present:
		return unreadable("the vault is not in the listing, and its target does not exist")
	}
	return fleet.Reconciliation{Reading: fleet.ReadAbsent,
		Detail: "the vault is listed without our operation, and its target does not exist"}
}

// Verify reads the new vault (classic-service.md#the-resource-manager-side): it is good when it is
// provisioned and its own record says that our operation upgraded it. Not yet so is no
// error; a read that failed is one.
func (u *Upgrader) Verify(ctx context.Context, v *fleet.Vault, operationID string) (fleet.Verification, error) {
	t, _, err := u.target(ctx, v)
	if err != nil {
		return fleet.Verification{}, err
	}
	if t == nil {
		return fleet.Verification{Detail: "the new vault " + v.TargetPath() + " does not exist"}, nil
	}
	var not []string
	if s := t.state(); !strings.EqualFold(s, "Succeeded") {
		not = append(not, "its provisioning state is "+s)
	}
	rec := t.record()
	if rec == nil {
		not = append(not, "it holds no upgrade record")
		rec = &fleet.Record{}
	} else {
		if rec.State != fleet.RecordUpgraded {
			not = append(not, "its upgrade record says "+string(rec.State))
		}
		if !sameOperation(rec.OperationID, operationID) {
			not = append(not, fmt.Sprintf("its upgrade record is of operation %q",
				text.Clean(rec.OperationID, text.MaxID)))
		}
	}
	id := cmp.Or(text.Clean(t.ID, text.MaxMessage), rec.UpgradedResourceID)
	if id == "" {
		id = v.TargetPath()
	}
	if len(not) > 0 {
		return fleet.Verification{ResourceID: id,
			Detail: "the new vault " + v.TargetPath() + " is not as it should be: " + strings.Join(not, "; ")}, nil
	}
	return fleet.Verification{OK: true, ResourceID: id}, nil
}

// Explain reads the result of a vault's newest upgrade (classic-service.md#the-three-calls): what
// the service says of a failure, or nothing.
func (u *Upgrader) Explain(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) []fleet.Finding {
	if seen.Address == "" {
		return nil
	}
	resp, err := u.do(ctx, u.o.ServiceManagement, subscriptionID(v.SubscriptionID), azure.Request{
		Op: "read the upgrade result of vault " + v.Ref(), Method: http.MethodGet,
		Path: seen.Address + "/upgradeOperationResult", Header: upgradeHeader(newOperationID(time.Now())),
	})
	if err != nil || resp.Status != http.StatusOK {
		return nil
	}
	n, err := parse(resp.Body)
	if err != nil || n.local != "OperationInfo" {
		return nil
	}
	return explanation(n)
}

// explanation turns an OperationInfo into a finding: the error, and the job
// steps that did not end well.
func explanation(n *node) []fleet.Finding {
	f := fleet.Finding{Severity: fleet.SeverityError, Code: text.Clean(n.value("ErrorCode"), text.MaxID)}
	f.Message, f.Items = splitTable(n.child("Message").text)
	for _, step := range n.child("JobSteps").kids {
		if s := failedStep(step); s != "" {
			f.Items = append(f.Items, s)
		}
	}
	f.Items = bounded(f.Items)
	if f.Code == "" && f.Message == "" && len(f.Items) == 0 {
		return nil
	}
	f.Code = cmp.Or(f.Code, fleet.CodeUpgradeFailed)
	if f.Message == "" {
		f.Message = "the upgrade ended with " + text.Clean(n.value("OperationResult"), text.MaxID)
	}
	f.Action = "Do not retry unless Microsoft says so."
	return []fleet.Finding{f}
}

func failedStep(step *node) string {
	result := text.Clean(step.value("OperationResult"), text.MaxID)
	if strings.EqualFold(result, "Succeeded") {
		return ""
	}
	var parts []string
	for _, s := range []string{step.value("Message"), step.value("Detail"), result} {
		if s = text.Clean(s, text.MaxMessage); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}
