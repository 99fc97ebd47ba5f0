package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// faults lists the promises of the plan's types that it breaks. A plan that
// came from an inventory has none; one that came from a file may.
func (p *Plan) faults() []string {
	var f faultList
	f.numbers(p)
	f.cloud(p)
	f.subscriptions(p)
	f.vaults(p)
	f.waves(p)
	f.policy(p)
	return f
}

type faultList []string

func (f *faultList) addf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (f *faultList) numbers(p *Plan) {
	l := p.Limits
	if l.Validations < 1 || l.Upgrades < 1 || l.PerSubscription < 0 || l.PerLocation < 0 {
		f.addf("limits must be at least 1")
	}
	if !(l.RequestsPerSecond > 0) || math.IsInf(l.RequestsPerSecond, 0) {
		f.addf("limits.requestsPerSecond must be a number above 0")
	}
	for _, t := range p.Timings.named() {
		if t.Value <= 0 {
			f.addf("timings.%s must be longer than 0", t.Name)
		}
	}
	if p.Timings.ReconcileDeadline <= p.Timings.ReconcileGrace {
		f.addf("timings.reconcileDeadline must be longer than timings.reconcileGrace")
	}
	if !p.FailureBudget.valid() {
		f.addf("the failure budget must be a count of at least 0 or 0 to 100 percent")
	}
}

type namedTiming struct {
	Name  string
	Value time.Duration
	// somebody has chosen it, where the value does not tell
	chosen bool
}

func (t namedTiming) words() string {
	if t.chosen {
		return durationWords(t.Value) + ", as written"
	}
	return durationWords(t.Value)
}

func (t Timings) named() []namedTiming {
	return []namedTiming{
		{Name: "poll", Value: t.Poll}, {Name: "validationMaxAge", Value: t.ValidationMaxAge},
		{Name: "busyRetry", Value: t.BusyRetry}, {Name: "busyDeadline", Value: t.BusyDeadline},
		{Name: "startTimeout", Value: t.StartTimeout}, {Name: "reconcileGrace", Value: t.ReconcileGrace},
		{Name: "reconcileDeadline", Value: t.ReconcileDeadline}, {"overdue", t.Overdue, t.OverdueChosen},
	}
}

func (b Budget) valid() bool {
	switch b.Unit {
	case UnitCount:
		return b.Count >= 0
	case UnitPercent:
		return b.Percent >= 0 && b.Percent <= 100
	}
	return b.Unit == UnitDefault
}

func (f *faultList) cloud(p *Plan) {
	c := p.Cloud
	switch known, ok := fleet.KnownCloud(c.Name); {
	case ok && c != known:
		f.addf("cloud %s has other endpoints than it should", c.Name)
	case !ok && c.Name != fleet.CustomCloud:
		f.addf("cloud %q is not known", c.Name)
	case !ok && (CheckEndpoint(c.ResourceManager) != nil || CheckEndpoint(c.ServiceManagement) != nil &&
		!(c.ServiceManagement == "" && p.Upgrade != nil)):
		f.addf("an endpoint of the cloud is not valid")
	}
	if p.Scenario != "" && c.Name != fleet.Emulator {
		f.addf("a scenario needs cloud %s", fleet.Emulator)
	}
	switch {
	case (p.Kind == fleet.KindClassic) != (p.Upgrade == nil):
		f.addf("the plan does not say what the upgrade kind %q does", p.Kind)
	case p.Upgrade != nil && (p.Upgrade.Type == "" || p.Upgrade.Request.Method == "" ||
		p.Upgrade.Options.Duration(fleet.OptionExpected) <= 0):
		f.addf("the plan says by halves what the upgrade kind %q does", p.Kind)
	default:
		name, patched := p.Kind.Patched()
		var has *fleet.Patch
		if p.Upgrade != nil {
			has = p.Upgrade.Patch
		}
		if patched != (has != nil) || has != nil && (has.Name != name || string(has.Type) != p.Upgrade.Type) {
			f.addf("the plan does not say what the patch of kind %q is", p.Kind)
		}
	}
	for _, k := range []fleet.CredentialKind{p.Credentials.ServiceManagement, p.Credentials.ResourceManager} {
		if k != "" && !slices.Contains(fleet.CredentialKinds(), k) {
			f.addf("credential %q is not known", k)
		}
	}
}

func (f *faultList) subscriptions(p *Plan) {
	seen := make(map[string]bool)
	for _, s := range p.Subscriptions {
		if id, err := fleet.NormalizeGUID(s.ID); err != nil || id != s.ID || seen[s.ID] {
			f.addf("subscription ID %q is not a GUID in lower case, or is there twice", s.ID)
		}
		if s.Name == "" {
			f.addf("subscription %s has no name", s.ID)
		}
		seen[s.ID] = true
	}
}

func (f *faultList) vaults(p *Plan) {
	names := make(map[string]string, len(p.Subscriptions))
	for _, s := range p.Subscriptions {
		names[s.ID] = s.Name
	}
	keys := make(map[fleet.Key]bool, len(p.Vaults))
	targets := make(map[target]bool, len(p.Vaults))
	if len(p.Vaults) == 0 {
		f.addf("there are no vaults")
	}
	for i := range p.Vaults {
		v := &p.Vaults[i]
		if name, ok := names[v.SubscriptionID]; !ok || name != v.SubscriptionName {
			f.addf("vault %q is in subscription %q, which the plan does not list", v.Ref(), v.SubscriptionID)
		}
		if v.Name == "" || strings.Contains(v.Name, "/") || v.Location == "" {
			f.addf("vault %q has no usable name or location", v.Ref())
		}
		group := v.TargetResourceGroup
		if p.Upgrade != nil {
			group = v.ResourceGroup
		}
		if !p.takes(v.ResourceType) {
			f.addf("vault %q has the unknown resource type %q", v.Ref(), v.ResourceType)
		}
		if err := fleet.CheckResourceGroupName(group); err != nil {
			f.addf("vault %q: %v", v.Ref(), err)
		}
		if len(v.Restore) > 0 && !p.restores() {
			f.addf("vault %q has something to be put back, and the upgrade kind %q puts back nothing", v.Ref(), p.Kind)
		}
		// Not only what Predict says: a prediction may come from what was measured.
		if v.ProtectedItems < 0 || v.Predicted.P50 <= 0 || v.Predicted.P90 < v.Predicted.P50 ||
			v.Predicted.P90 > longestPredicted {
			f.addf("vault %q has a size or prediction that cannot be", v.Ref())
		}
		for _, c := range v.Consents {
			if c.Reason == "" || c.Code == "" && c.Category == "" && c.Contains == "" {
				f.addf("vault %q has a consent to nothing, or without a reason", v.Ref())
			}
		}
		if v.Hold != nil && v.Hold.Reason == "" {
			f.addf("vault %q is held without a reason", v.Ref())
		}
		if v.Hold != nil && (v.Hold.Until.UTC().Year() < 1 || v.Hold.Until.UTC().Year() > 9999) {
			f.addf("vault %q is held until a year that JSON cannot hold", v.Ref())
		}
		want := fleet.KeyOf(p.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.QualifiedName())
		if v.Kind != p.Kind || v.Key != want || keys[v.Key] {
			f.addf("vault %q is there twice or has another vault's key", v.Ref())
		}
		keys[v.Key] = true
		where := targetOf(&v.Vault)
		if targets[where] {
			f.addf("vault %q has the same target as another", v.Ref())
		}
		targets[where] = true
	}
}

// takes reports whether the plan's kind takes vaults of a type.
func (p *Plan) takes(t fleet.ResourceType) bool {
	if p.Upgrade == nil {
		return slices.Contains(fleet.ResourceTypes(), t)
	}
	return string(t) == p.Upgrade.Type
}

// restores reports whether each vault is given back what was recorded of it.
func (p *Plan) restores() bool {
	return p.Upgrade != nil && string(p.Upgrade.Request.Body) == fleet.PlaceholderRestore
}

// waves checks that waves and vaults agree: each vault in exactly one wave, in
// inventory order.
func (f *faultList) waves(p *Plan) {
	names := make(map[string]bool)
	placed := 0
	for w := range p.Waves {
		wave := &p.Waves[w]
		if wave.Name == "" || names[wave.Name] {
			f.addf("wave name %q is empty or there twice", wave.Name)
		}
		names[wave.Name] = true
		if len(wave.Vaults) == 0 {
			f.addf("wave %q has no vaults", wave.Name)
		}
		if wave.MaxFailures != nil && !wave.MaxFailures.valid() {
			f.addf("wave %q has a maxFailures that cannot be", wave.Name)
		}
		last := -1
		for _, i := range wave.Vaults {
			if i <= last || i >= len(p.Vaults) || p.Vaults[i].Wave != w {
				f.addf("wave %q and its vaults do not agree", wave.Name)
				return
			}
			last = i
			placed++
		}
	}
	if placed != len(p.Vaults) {
		f.addf("%d of %d vaults are in no wave", len(p.Vaults)-placed, len(p.Vaults))
	}
}
