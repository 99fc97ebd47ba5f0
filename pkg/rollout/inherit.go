package rollout

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Inheritance is what the runs of a ledger have left of their vaults: the fold of all
// its facts, run after run. The next run begins with it. The zero value is that of a
// ledger without a run.
type Inheritance struct {
	records  map[fleet.Key]fleet.VaultRecord
	upgraded map[fleet.Key]bool      // by these runs, and put back by nobody as far as they saw
	unseen   map[fleet.Key]bool      // of these: busy or blocked when one looked last
	already  map[fleet.Key]bool      // found as wanted by the last that looked
	changed  map[fleet.Key]time.Time // when one of them last did something to it
}

// Add takes in a fact that the state of its run has folded.
func (h *Inheritance) Add(s *State, f fleet.VaultFact) {
	i, ok := s.Lookup(f.VaultKey())
	if !ok {
		return
	}
	if h.records == nil {
		h.records, h.changed = map[fleet.Key]fleet.VaultRecord{}, map[fleet.Key]time.Time{}
		h.upgraded, h.already, h.unseen = map[fleet.Key]bool{}, map[fleet.Key]bool{}, map[fleet.Key]bool{}
	}
	k := f.VaultKey()
	h.records[k] = s.RecordAfter(i, h.records[k], f)
	v := &s.Vaults[i]
	if v.Changed() {
		h.changed[k] = later(h.changed[k], later(v.StartedAt, v.EndedAt))
	}
	switch v.Status {
	case fleet.Pending, fleet.Excluded: // not looked at
	case fleet.Upgraded:
		delete(h.upgraded, oppositeOf(k)) // an upgrade and its rollback each take the other away
		delete(h.already, oppositeOf(k))
		h.upgraded[k] = true
		delete(h.already, k)
		delete(h.unseen, k)
	default:
		h.already[k] = v.Status == fleet.Already
		switch v.Status {
		case fleet.Already:
			delete(h.unseen, k)
		case fleet.Busy, fleet.Blocked: // the check told nothing of whether it is as it was left
			h.unseen[k] = true
		default: // it is not: somebody has put it back
			delete(h.upgraded, k)
			delete(h.unseen, k)
		}
		if v.Changed() || h.already[k] {
			delete(h.already, oppositeOf(k))
		}
	}
}

// Record is what the runs have left of a vault; ok is false where no fact is about it.
func (h *Inheritance) Record(k fleet.Key) (r fleet.VaultRecord, ok bool) {
	r, ok = h.records[k]
	return r, ok
}

// Vaults are those that facts are about, by their keys in order.
func (h *Inheritance) Vaults() []fleet.Key { return slices.Sorted(maps.Keys(h.records)) }

// Carried is what the runs have left of a plan's vaults, in its order.
func (h *Inheritance) Carried(p *plan.Plan) (cs []fleet.Carried) {
	for i := range p.Vaults {
		if r, ok := h.Record(p.Vaults[i].Key); ok {
			if c, ok := Carry(r); ok {
				cs = append(cs, c)
			}
		}
	}
	return cs
}

// Held is by whom and why, of a plan's vaults that a person held in the last run that
// touched them: such a hold ends with its run. Those that need nothing done are left out.
func (h *Inheritance) Held(p *plan.Plan) map[fleet.Key]string {
	held := map[fleet.Key]string{}
	for i := range p.Vaults {
		k := p.Vaults[i].Key
		if r, ok := h.Record(k); ok && (!h.upgraded[k] || h.unseen[k]) {
			if why, ok := HeldByHand(&r); ok {
				held[k] = why
			}
		}
	}
	return held
}

// Open completes the fact that opens a run of a plan: what it inherits.
func (h *Inheritance) Open(p *plan.Plan, opened fleet.RunOpened) fleet.RunOpened {
	opened.PlanFingerprint, opened.Carried = p.Fingerprint, h.Carried(p)
	opened.Changed = ChangedBefore(p, func(k fleet.Key) time.Time { return h.changed[k] })
	for i := range p.Vaults {
		switch k := p.Vaults[i].Key; {
		case h.upgraded[k]:
			opened.Upgraded = append(opened.Upgraded, k)
			if h.unseen[k] {
				opened.Unseen = append(opened.Unseen, k)
			}
		case h.already[k]:
			opened.Already = append(opened.Already, k)
		}
	}
	return opened
}

// ChangedBefore is when a vault of each wave of a plan was last changed, by the wave's
// name; at is when each vault was, zero for never.
func ChangedBefore(p *plan.Plan, at func(fleet.Key) time.Time) (changed map[string]time.Time) {
	for i := range p.Vaults {
		v := &p.Vaults[i]
		t, wave := at(v.Key), p.Waves[v.Wave].Name
		if t.IsZero() || !t.After(changed[wave]) {
			continue
		}
		if changed == nil {
			changed = map[string]time.Time{}
		}
		changed[wave] = t
	}
	return changed
}

// Carry is what a run takes over of what is remembered of a vault: that it has failed,
// that it is unknown, or that another try was permitted; false for nothing.
func Carry(r fleet.VaultRecord) (fleet.Carried, bool) {
	status := r.Status
	switch {
	case status == fleet.Failed, status == fleet.Unknown:
	case len(r.Disregard) > 0 && status != fleet.Upgraded && status != fleet.Already:
		status = fleet.Pending // a permit that no answer has spent yet
	default:
		return fleet.Carried{}, false
	}
	return fleet.Carried{Vault: r.Vault, Status: status, OperationID: r.OperationID, Operation: Settled(r).Operation,
		Disregard: r.Disregard, StartedAt: r.StartedAt, EndedAt: r.EndedAt, EndedLate: r.EndedLate,
		Accepted: r.Accepted, ErrorBody: r.ErrorBody, Version: r.Version, Findings: r.Findings,
		RequestIDs: r.RequestIDs, Reason: r.Reason, Done: r.Done, Reading: r.Reading}, true
}

// Settled is a record without the addresses of an operation that nobody follows any
// more: earlier versions kept them.
func Settled(r fleet.VaultRecord) fleet.VaultRecord {
	if r.Status != fleet.Unknown {
		r.Operation = nil
	}
	return r
}

// Before is what vaults were like before the newest run that started them: of several
// tries in one run before the first, for a later one may have found a vault half
// changed. That is what a rollback puts back.
type Before struct {
	run map[fleet.Key]string // that Was is of
	was map[fleet.Key]json.RawMessage
}

// Add takes in a fact of a run. Runs come in their order.
func (b *Before) Add(run string, fact fleet.Fact) {
	f, ok := fact.(fleet.StartIntended)
	if !ok || len(f.Before) == 0 || b.run[f.Vault] == run {
		return
	}
	if b.run == nil {
		b.run, b.was = map[fleet.Key]string{}, map[fleet.Key]json.RawMessage{}
	}
	b.run[f.Vault], b.was[f.Vault] = run, f.Before
}

// Of is what a vault was like; ok is false where no run has recorded that.
func (b *Before) Of(k fleet.Key) (was json.RawMessage, ok bool) {
	was, ok = b.was[k]
	return was, ok
}

// PutBack is what is put back of a vault by a plan of a kind that undoes another, and
// why nothing is where nothing can be: in the ledger that has the given name. restore
// makes the request of the state before.
func (b *Before) PutBack(of fleet.Kind, v *fleet.Vault, ledger string,
	restore func(was json.RawMessage) (json.RawMessage, error)) (body json.RawMessage, held string) {
	was, ok := b.Of(fleet.KeyOf(of, v.SubscriptionID, v.ResourceType, v.Location, v.QualifiedName()))
	if !ok {
		return nil, "nothing to put back: no run in " + ledger + " has changed it by " + string(of)
	}
	body, err := restore(was)
	if err != nil {
		return nil, "cannot be put back: " + err.Error()
	}
	return body, ""
}
