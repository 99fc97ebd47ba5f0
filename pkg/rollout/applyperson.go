package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// applyPerson folds a person's word to the run as a whole.
func (s *State) applyPerson(at time.Time, fact fleet.Fact) {
	switch f := fact.(type) {
	case fleet.Paused:
		s.Run.Paused, s.Run.PausedAt = &f, at
		if f.Off {
			s.Run.Paused, s.Run.PausedAt = nil, time.Time{}
		}
	case fleet.Stopped:
		if s.Closing() && !f.Close {
			return // closing goes on in the next process
		}
		s.Run.Stopped = &f
	case fleet.LimitsChanged:
		set := func(limit *int, to int) {
			if to != 0 {
				*limit = max(to, 0)
			}
		}
		set(&s.Run.Limits.Upgrades, f.Upgrades)
		set(&s.Run.Limits.PerSubscription, f.PerSubscription)
		set(&s.Run.Limits.PerLocation, f.PerLocation)
	case fleet.Noted:
		s.Run.Note, s.Run.NotedAt = &f, at
	}
}

// Closing reports whether a person wants the run closed once nothing is in
// flight any more.
func (s *State) Closing() bool { return s.Run.Stopped != nil && s.Run.Stopped.Close }

// NeverStarted counts the vaults that a run leaves to the next one because a person
// closes or has closed it; 0 for every other. It costs O(vaults) in a run that a person
// closes.
func (s *State) NeverStarted() (n int) {
	if !s.Closing() {
		return 0
	}
	for i := range s.Vaults {
		if s.Vaults[i].NeverStarted() {
			n++
		}
	}
	return n
}

// NeverStarted reports whether nothing of the vault was started in this run, and still
// could be: one that failed in it and was re-opened has been started.
func (v *VaultState) NeverStarted() bool {
	switch v.Status {
	case fleet.Pending, fleet.Validating, fleet.Ready:
		return !v.Tried
	}
	return false
}

// held folds a hold that a person put on a vault, or its release.
func (s *State) held(i int, f fleet.Held) error {
	v := &s.Vaults[i]
	if err := s.checkHold(i, f.Off); err != nil {
		return err
	}
	if f.Off {
		v.Held, v.Reason = nil, "released by "+f.By.User+": "+f.Reason
		s.Waves[s.Plan.Vaults[i].Wave].DoneAt = time.Time{}
		return s.move(i, fleet.Pending, f.Name())
	}
	v.Held, v.Reason = &f, "held by "+f.By.User+": "+f.Reason
	v.Busy = Busy{}
	return s.move(i, fleet.Excluded, f.Name())
}

// under returns the lower of some limits and those a person set.
func under(l, person plan.WaveLimits) plan.WaveLimits {
	return plan.WaveLimits{Upgrades: lower(l.Upgrades, person.Upgrades),
		PerSubscription: lower(l.PerSubscription, person.PerSubscription),
		PerLocation:     lower(l.PerLocation, person.PerLocation)}
}
