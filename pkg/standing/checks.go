package standing

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// FirstChecks are the vaults whose first check the starts of ready ones wait for, as
// indexes into the plan's; none where no vault waits for that alone. A wave starts when it
// has been checked once as a whole. Vaults of a subscription that denies access are not
// waited for, and one that is throttled says so itself. It costs O(vaults) while some are
// ready and some are not checked.
func FirstChecks(st *rollout.State, now time.Time) (awaited []int) {
	r := &st.Run
	if r.Closed != nil || r.Halt != nil || r.Stopped != nil || r.Paused != nil || r.Suspended != nil ||
		st.Totals.Of(fleet.Ready) == 0 || st.Totals.Of(fleet.Pending)+st.Totals.Of(fleet.Validating) == 0 {
		return nil
	}
	windows, ready := NewWindows(st.Plan, now), false
	for i := range st.Vaults {
		p := &st.Plan.Vaults[i]
		opened := !st.Waves[p.Wave].OpenedAt.IsZero()
		_, denied := st.Denied[p.SubscriptionID]
		if denied || st.Throttled[p.SubscriptionID].After(now) {
			continue
		}
		switch st.Vaults[i].Status {
		case fleet.Ready:
			ready = ready || opened && windows.Opens(i).IsZero()
		case fleet.Pending, fleet.Validating:
			if opened || r.ValidateAllFirst {
				awaited = append(awaited, i)
			}
		}
	}
	if !ready {
		return nil
	}
	return awaited
}
