package rolloutflow

import (
	"maps"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

var (
	phaseAttribute   = temporal.NewSearchAttributeKeyKeyword(protocol.AttributePhase)
	waveAttribute    = temporal.NewSearchAttributeKeyKeyword(protocol.AttributeWave)
	runAttribute     = temporal.NewSearchAttributeKeyKeyword(protocol.AttributeRun)
	failedAttribute  = temporal.NewSearchAttributeKeyInt64(protocol.AttributeFailed)
	tenantsAttribute = temporal.NewSearchAttributeKeyKeywordList(protocol.AttributeTenants)
)

// attributes are what the server's list shows of a run. The zero value is what it shows of
// one that has said nothing.
type attributes struct {
	phase, wave string
	failed      int64
}

// tell has the server's list show how the run stands, where that has changed: each time
// costs the history an event.
func (f *flow) tell() error {
	if !f.in.Options.SearchAttributes {
		return nil
	}
	t := &f.machine.Totals
	now := attributes{failed: int64(t.Of(fleet.Failed) + t.Of(fleet.Unknown)),
		phase: string(standing.PhaseKnowing(f.machine.State, true, t.Of(fleet.Starting)+t.Of(fleet.Upgrading) > 0,
			func() bool { return false }))}
	for i := range f.machine.Waves {
		if w := &f.machine.Waves[i]; !w.OpenedAt.IsZero() {
			now.wave = f.plan.Waves[i].Name
		}
	}
	if now == f.shown {
		return nil
	}
	changes := []temporal.SearchAttributeUpdate{phaseAttribute.ValueSet(now.phase),
		failedAttribute.ValueSet(now.failed)}
	if now.wave != "" {
		changes = append(changes, waveAttribute.ValueSet(now.wave))
	}
	if f.shown.phase == "" {
		changes = append(changes, runAttribute.ValueSet(f.in.Opened.RunID))
		tenants := map[string]bool{}
		for i := range f.plan.Subscriptions {
			if s := f.plan.Subscriptions[i].Tenant; s != "" {
				tenants[s] = true
			}
		}
		if len(tenants) > 0 {
			changes = append(changes, tenantsAttribute.ValueSet(slices.Sorted(maps.Keys(tenants))))
		}
	}
	f.shown = now
	return workflow.UpsertTypedSearchAttributes(f.ctx, changes...)
}
