package session

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/dataprotection"
	"github.com/fleetup-dev/fleetup/pkg/azure/kv"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// writtenTypes are the vaults for which inventories may write kinds themselves.
var writtenTypes = []*arm.VaultType{rsv.Vaults(), dataprotection.Vaults(), kv.Vaults()}

// written is what the kinds that inventories write have in common.
func written() fleet.KindSpec {
	w := arm.Written(writtenTypes...)
	w.Recorded = recordedPatch
	return fleet.KindSpec{Kind: fleet.KindPatch, Title: "a change that the inventory writes itself", Written: w,
		Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
			Says: "whatever is published of the properties that it sets: nobody looks that up"}}
}

// patchOf is a kind that a plan has in itself.
func patchOf(kind fleet.Kind, p *fleet.Patch, options fleet.Options) (*Kind, error) {
	i := slices.IndexFunc(writtenTypes, func(t *arm.VaultType) bool { return t.Name == p.Type })
	if i < 0 {
		return nil, failure.Usage("", "this version makes no patch of vaults of type %s", p.Type)
	}
	make := arm.Patched
	if _, undoes := kind.Undoes(); undoes {
		make = func(t *arm.VaultType, p fleet.Patch) (arm.Change, error) { return arm.PatchedBack(t, p, options) }
	}
	change, err := make(writtenTypes[i], *p)
	if err == nil && change.Spec.Kind != kind {
		err = fmt.Errorf("the plan's kind is %s, and its patch is %s", kind, change.Spec.Kind)
	}
	if err != nil {
		return nil, failure.Usage("", "the patch of the plan cannot be made: %w", err)
	}
	return &ofChanges(change)[0], nil
}

// KindOfPlan finds the upgrade kind of a plan: one that is built in, or the one that the
// plan itself has.
func KindOfPlan(p *plan.Plan) (*Kind, error) {
	if p.Upgrade != nil && p.Upgrade.Patch != nil {
		return patchOf(p.Kind, p.Upgrade.Patch, p.Upgrade.Options)
	}
	return KindOf(p.Kind)
}

// recordedPatch is the kind that undoes the patch of a name, as the newest run of a
// ledger has it.
func recordedPatch(inventory, ledger, name string) (spec fleet.KindSpec, err error) {
	if !filepath.IsAbs(ledger) {
		ledger = filepath.Join(filepath.Dir(inventory), ledger)
	}
	if !textfile.Exists(ledger) {
		return spec, fmt.Errorf("no ledger at %s, so nothing is known of the patch %s", ledger, name)
	}
	of, found := fleet.PatchOf(name), false
	err = ReadLedger(ledger, func(r *ReadOnlyLedger) error {
		runs, err := r.Runs()
		for _, run := range slices.Backward(runs) {
			kind, unread := r.KindOf(run)
			if err != nil || unread != nil {
				return errors.Join(err, unread)
			}
			if kind != of {
				continue
			}
			p, err := journal.PlanOf(r, run.PlanFingerprint)
			if err != nil {
				return err
			}
			k, err := patchOf(fleet.RollbackOf(of), p.Upgrade.Patch, p.Upgrade.Options)
			if err == nil {
				spec, found = k.KindSpec, true
			}
			return err
		}
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("no run in %s is of a patch %s", ledger, name)
	}
	return spec, err
}
