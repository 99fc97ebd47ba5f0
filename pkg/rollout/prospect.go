package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Prospects are what is known of a plan's vaults before its run. They decide nothing
// that is sent: the run checks every vault.
type Prospects struct {
	Memory    Memory
	Checks    map[fleet.Key]fleet.Validation // what checks found; nil: nothing was checked
	CheckedAt time.Time                      // of checks that a saved plan holds; zero: they were made just now
}

// ProspectsOf are those of a plan by itself: what it was checked for when it was saved.
func ProspectsOf(p *plan.Plan) Prospects {
	if checks := p.Validations(); checks != nil {
		return Prospects{Checks: checks, CheckedAt: p.CheckedAt}
	}
	return Prospects{}
}

// Of is what is to be expected of a vault: ready where it will start as far as is known,
// else the status that it has or will get.
func (k *Prospects) Of(v *plan.Vault) fleet.Status {
	if v.Excluded() {
		return fleet.Excluded
	}
	if c, ok := k.Memory.Carried[v.Key]; ok && c.Status != fleet.Pending {
		return c.Status
	}
	if _, ok := k.AsWanted(v.Key); ok {
		return fleet.Already
	}
	if k.Checks == nil {
		return fleet.Ready
	}
	check, ok := k.Checks[v.Key]
	if !ok {
		return fleet.Pending
	}
	return Checked(check.Verdict)
}

// AsWanted is what the ledger says of a vault that needs nothing, where nothing newer is
// known: a check of today outweighs it, and it outweighs a check that was made before.
func (k *Prospects) AsWanted(key fleet.Key) (AsWanted, bool) {
	was, ok := k.Memory.AsWanted[key]
	if k.Checks == nil {
		return was, ok
	}
	_, checked := k.Checks[key]
	return was, ok && !k.CheckedAt.IsZero() && (!checked || was.At.After(k.CheckedAt))
}

// MayStart reports whether the run may start a vault after all: also one that is blocked,
// for it is checked again. What is as wanted, under way, or failed for good does not start.
func (k *Prospects) MayStart(v *plan.Vault) bool {
	s := k.Of(v)
	return StartsFrom(s) || s == fleet.Blocked
}

// StartsFrom reports whether a vault of that prospect is one that the run may start: a
// busy one is tried again, and one that was not checked may be ready.
func StartsFrom(s fleet.Status) bool {
	return s == fleet.Ready || s == fleet.Busy || s == fleet.Pending
}

// Expired lists the vaults that a run may start although the inventory holds them, because
// the hold is over: whoever starts the run must consent to these (Consent.Holds).
func (k *Prospects) Expired(p *plan.Plan) (vaults []int) {
	for _, i := range p.Expired() {
		if k.MayStart(&p.Vaults[i]) {
			vaults = append(vaults, i)
		}
	}
	return vaults
}

// Checked is the status that a vault shows after a check. A check that learnt nothing
// leaves it pending.
func Checked(v fleet.Verdict) fleet.Status {
	switch v {
	case fleet.VerdictReady, fleet.VerdictBlocked, fleet.VerdictBusy, fleet.VerdictAlready,
		fleet.VerdictUpgrading, fleet.VerdictFailed:
		return fleet.Status(v)
	}
	return fleet.Pending
}
