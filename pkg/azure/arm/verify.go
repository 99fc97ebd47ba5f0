package arm

import (
	"context"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Reconcile concludes from a vault's fresh sighting whether a start whose answer
// was lost has arrived. The service keeps no record of it: the vault as it should
// be is proof enough that nothing is to be sent again; a settled vault that is
// not counts as one without it.
func (u *Upgrader) Reconcile(_ context.Context, v *fleet.Vault, operationID string, seen fleet.Sighting, present bool,
	_ []string) fleet.Reconciliation {
	res, err := u.change.resource(seen)
	switch {
	case !present:
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable, Detail: "there is no vault " + v.ResourceID()}
	case seen.Record != nil && (seen.Record.OperationID == operationID || seen.Record.OperationID == ""):
		rec := *seen.Record
		rec.OperationID = operationID
		detail := "the vault is as the start would make it"
		switch {
		case rec.State == fleet.RecordFailed:
			detail = rec.Message
		case rec.Presumed:
			detail = "an operation is under way on the vault since the start, and is taken for ours"
		}
		return fleet.Reconciliation{Reading: fleet.ReadOurs, Record: &rec, Detail: detail}
	case err != nil || res == nil:
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable, Detail: "the vault itself was not read"}
	case !res.Settled():
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable,
			Detail: "the vault's provisioning state is " + res.ProvisioningState,
			Seen:   u.lastReading(v, res, &polled{standing: gone})}
	}
	if why := u.change.reached(u.Kind, v, res); why != "" {
		return fleet.Reconciliation{Reading: fleet.ReadOurs, Detail: why,
			Record: &fleet.Record{OperationID: operationID, State: fleet.RecordUpgraded, UpgradedResourceID: res.ID}}
	}
	return fleet.Reconciliation{Reading: fleet.ReadAbsent, Version: res.Version,
		Detail: "the vault is as it was before the start, and no operation is under way on it",
		Seen:   u.lastReading(v, res, &polled{standing: gone})}
}

// Verify reads the vault: it is good when it is as the change wants it and no
// operation is under way on it. Not yet so is no error; a read that failed is one.
func (u *Upgrader) Verify(ctx context.Context, v *fleet.Vault, _ string) (fleet.Verification, error) {
	res, _, err := u.get(ctx, v)
	switch {
	case err != nil:
		return fleet.Verification{}, err
	case res == nil:
		return fleet.Verification{Detail: "there is no vault " + v.ResourceID() + " any more"}, nil
	case !res.Settled():
		return fleet.Verification{ResourceID: res.ID,
			Detail: "the vault's provisioning state is " + res.ProvisioningState,
			Seen:   u.lastReading(v, res, &polled{standing: gone})}, nil
	case u.change.reached(u.Kind, v, res) == "":
		seen := u.lastReading(v, res, &polled{standing: gone})
		return fleet.Verification{ResourceID: res.ID,
			Detail: "the vault is not as wanted: " + strings.Join(seen.Differs, ", "), Seen: seen}, nil
	}
	return fleet.Verification{OK: true, ResourceID: res.ID}, nil
}

// Explain says why an operation failed: what its own record said.
func (u *Upgrader) Explain(_ context.Context, _ *fleet.Vault, seen fleet.Sighting) []fleet.Finding {
	why := seen.Failure
	if why == nil || why.Code == "" {
		return nil
	}
	return []fleet.Finding{{Severity: fleet.SeverityError, Category: "upgrade", Code: why.Code, Message: why.Message,
		Action: strings.TrimSpace(why.Action + " Mend what it names; fleetup reopen permits another try.")}}
}
