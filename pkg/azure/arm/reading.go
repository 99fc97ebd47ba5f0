package arm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Read reads one vault: where our operation on it is followed, how that stands;
// else the vault itself. Where what the operation's addresses answer says nothing
// about it, and once it is overdue, the vault is read in the same reading: it is
// the truth.
func (u *Upgrader) Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	if len(vaults) != 1 {
		return nil, fmt.Errorf("%d vaults in one reading; it is made of one", len(vaults))
	}
	f := vaults[0]
	snap := &fleet.Snapshot{Subscription: subscription, Only: f.Vault.Key, Vaults: map[fleet.Key]fleet.Sighting{}}
	if f.Operation == nil {
		res, at, err := u.get(ctx, f.Vault)
		return u.shown(f, snap, res, at, err, unasked(f))
	}
	var res *Resource
	var at time.Time
	var err error
	if f.Overdue {
		// First: an address that asks for patience for ever must not keep it from
		// being seen.
		if res, at, err = u.get(ctx, f.Vault); err == nil && res != nil && res.Settled() &&
			u.change.reached(u.Kind, f.Vault, res) != "" {
			return u.shown(f, snap, res, at, nil, &polled{standing: gone})
		}
	}
	p := u.follow(ctx, f)
	snap.ReadAt, snap.Next = p.at, p.next
	switch {
	case p.asks && (!f.Overdue || err != nil || ctx.Err() != nil):
		return nil, p.err
	case p.asks:
		snap.Next = fleet.RetryAfterOf(p.err)
	case p.standing == done || p.standing == failed || p.standing == running && !f.Overdue:
		snap.Vaults[f.Vault.Key] = p.record(f)
		return snap, nil
	}
	if !f.Overdue {
		res, at, err = u.get(ctx, f.Vault)
	}
	return u.shown(f, snap, res, at, err, &p)
}

// shown completes a reading with what the vault itself showed, or with why it
// could not be read. p is what the operation's addresses answered.
func (u *Upgrader) shown(f fleet.Followed, snap *fleet.Snapshot, res *Resource, at time.Time, err error,
	p *polled) (*fleet.Snapshot, error) {
	if err != nil && p.standing == running {
		// The operation itself is heard of; that is enough to go on.
		s := p.record(f)
		s.Reading = &fleet.LastReading{At: p.at,
			What:    "the operation says that it is under way; the vault itself could not be read: " + brief(err),
			Running: true}
		snap.Vaults[f.Vault.Key] = s
		return snap, nil
	}
	if ce, ok := errors.AsType[*fleet.CallError](err); ok && ce.Class == fleet.CallForbidden && p.refused {
		// Neither the operation nor the vault may be read: that is no matter of one
		// vault.
		ce.Class = fleet.CallDenied
		if ce.Action == "" {
			ce.Action = u.permission()
		}
	}
	if err != nil {
		return nil, err
	}
	snap.ReadAt = at
	if res != nil {
		snap.Vaults[f.Vault.Key] = u.sighting(f, res, p)
	}
	return snap, nil
}

// sighting says what a vault's state means for our start of it, if there is one.
// p is what the operation's addresses answered, where they were asked.
func (u *Upgrader) sighting(f fleet.Followed, res *Resource, p *polled) fleet.Sighting {
	s := fleet.Sighting{State: res.raw, Document: res.doc, Version: res.Version}
	if f.OperationID != "" {
		s.Reading = u.lastReading(f.Vault, res, p)
	}
	switch {
	case res.Settled() && u.change.reached(u.Kind, f.Vault, res) != "":
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordUpgraded, UpgradedResourceID: res.ID}
	case f.OperationID != "" && res.broken():
		// It was well when our start went out.
		message := "the vault's provisioning state is " + res.ProvisioningState +
			" since the start, and the operation itself is not to be found"
		if p.answer != "" {
			message = "the vault's provisioning state is " + res.ProvisioningState +
				" since the start; the operation's address answers " + p.answer
		}
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordFailed, Presumed: true,
			Message: message}
		if !p.refused && p.standing == silent && p.why.Code != "" {
			s.Document, s.Failure = nil, &p.why
		}
	case f.OperationID != "" && !res.Settled():
		// The operation is not to be found, or was never named to us; the vault is
		// being changed.
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordInProgress, Presumed: true}
	case f.OperationID != "" && p.standing != gone:
		// Nothing says that it has ended; nor that it has not.
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordInProgress}
	}
	return s
}

// lastReading says in words how a vault stands, for whoever waits for it.
func (u *Upgrader) lastReading(v *fleet.Vault, res *Resource, p *polled) *fleet.LastReading {
	r := &fleet.LastReading{At: res.ReadAt, Poll: p.answer, Running: p.standing == running}
	switch {
	case !res.Settled():
		r.What = "the vault's provisioning state is " + res.ProvisioningState
	case u.change.reached(u.Kind, v, res) != "":
		r.What = "the vault is as wanted"
	default:
		r.What, r.Settled, r.Differs = "no operation is under way on the vault, and it is not as wanted", true,
			u.change.differs(u.Kind, v, res)
	}
	if r.Running {
		r.What = "the operation says that it is under way; " + r.What
	}
	if p.refused && p.standing == silent {
		r.Action = "Grant the identity the permission to read operations: " + u.permission()
	}
	return r
}
