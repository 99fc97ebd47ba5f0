package standing

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// AccessWaits are the subscriptions that deny access, in the order in which the plan
// has vaults of them, each until it is tried again and lets the run in. meanwhile says
// that the rest of the run goes on. It costs O(vaults) where there is one.
func AccessWaits(st *rollout.State, meanwhile bool) []Wait {
	if len(st.Denied) == 0 {
		return nil
	}
	var waits []Wait
	index := map[string]int{}
	for i := range st.Vaults {
		id := st.Plan.Vaults[i].SubscriptionID
		d, denied := st.Denied[id]
		if !denied {
			continue
		}
		at, known := index[id]
		if !known {
			at = len(waits)
			index[id], waits = at, append(waits, accessWait(st, id, d, meanwhile))
		}
		if w := &waits[at]; !st.Waves[st.Plan.Vaults[i].Wave].OpenedAt.IsZero() && keptByAccess(st, i) {
			w.Vaults, w.Which = w.Vaults+1, append(w.Which, i)
		}
	}
	return waits
}

// accessWait is the wait for a subscription of which no vault is counted yet.
func accessWait(st *rollout.State, id string, d rollout.Denial, meanwhile bool) Wait {
	w := Wait{For: WaitAccess, Subscription: id, Since: d.Since, Denied: d.Detail, Meanwhile: meanwhile}
	switch {
	case st.Run.Suspended != nil:
		w.Retry, w.Meanwhile = RetryResume, false
	case d.GivenUp:
		w.Retry = RetryGivenUp
	default:
		w.Retry, w.Every = RetryReading, max(st.Plan.Timings.Poll, time.Second)
	}
	return w
}

// keptByAccess reports whether a vault has not started because its subscription
// denies access.
func keptByAccess(st *rollout.State, i int) bool {
	switch st.Vaults[i].Status {
	case fleet.Pending, fleet.Ready, fleet.Busy:
		_, denied := st.Denied[st.Plan.Vaults[i].SubscriptionID]
		return denied
	}
	return false
}

// HoldUp reports whether one of the waits holds the whole run up.
func HoldUp(waits []Wait) bool {
	return slices.ContainsFunc(waits, func(w Wait) bool { return !w.Meanwhile })
}
