package audit

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// Carry is what a run takes over of a vault's record; false for nothing.
func Carry(r fleet.VaultRecord) (fleet.Carried, bool) {
	status := r.Status
	switch {
	case status == fleet.Failed, status == fleet.Unknown:
	case len(r.Disregard) > 0 && status != fleet.Upgraded && status != fleet.Already:
		status = fleet.Pending // a permit that no answer has spent yet
	default:
		return fleet.Carried{}, false
	}
	return fleet.Carried{Vault: r.Vault, Status: status, OperationID: r.OperationID, Operation: settled(r).Operation,
		Disregard: r.Disregard, StartedAt: r.StartedAt, EndedAt: r.EndedAt, Accepted: r.Accepted,
		ErrorBody: r.ErrorBody, Findings: r.Findings, RequestIDs: r.RequestIDs, Reason: r.Reason,
		Done: r.Done, Reading: r.Reading}, true
}
