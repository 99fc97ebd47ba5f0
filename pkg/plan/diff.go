package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Difference is what a plan has that another has not: what became of an
// inventory since its plan was saved. Each change is a text in the words of the
// inventory.
type Difference struct {
	Added    []string // vaults, as subscription/name, in the plan's order
	Removed  []string
	Moved    []string // to another wave: "prod/sql-07: canary → rest"
	Changed  []string // "prod/sql-07: targetResourceGroup rg-a → rg-b"
	Settings []string // of the plan itself: "limits.upgrades 10 → 40"
}

// Empty reports whether the plans say the same.
func (d *Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Moved)+len(d.Changed)+len(d.Settings) == 0
}

// Lines returns the difference in words, one change a line.
func (d *Difference) Lines() []string {
	var out []string
	for _, part := range []struct {
		word string
		what []string
	}{{"added", d.Added}, {"removed", d.Removed}, {"moved", d.Moved}, {"changed", d.Changed}, {"setting", d.Settings}} {
		for _, w := range part.what {
			out = append(out, fmt.Sprintf("%-8s %s", part.word, w))
		}
	}
	return out
}

// Diff compares a saved plan with the plan that its inventory makes now. A plan
// and what [Decode] makes of it when it was saved say the same.
//
// What a rollback puts back comes from a ledger and not from the inventory: it is
// compared where both plans have it (see [Plan.Restoring]). What the time of
// making added, such as predictions and the warnings that were shown, is not
// compared; nor is the program's own description of a kind.
func Diff(old, now *Plan) *Difference {
	d := &Difference{}
	before := old.Index()
	wasOwn, isOwn := old.ownWindows(), now.ownWindows()
	restores := old.restored() && now.restored()
	for i := range now.Vaults {
		v := &now.Vaults[i]
		j, known := before[v.Key]
		if !known {
			d.Added = append(d.Added, v.Ref())
			continue
		}
		delete(before, v.Key)
		was := &old.Vaults[j]
		if from, to := old.Waves[was.Wave].Name, now.Waves[v.Wave].Name; from != to {
			d.Moved = append(d.Moved, fmt.Sprintf("%s: %s → %s", v.Ref(), from, to))
		}
		c := vaultChanges(&was.Vault, &v.Vault)
		c.calendar("", wasOwn(was), isOwn(v))
		if restores {
			c.json("what is put back", was.Restore, v.Restore)
		}
		if len(c) > 0 {
			d.Changed = append(d.Changed, v.Ref()+": "+strings.Join(c, ", "))
		}
	}
	for _, j := range slices.Sorted(maps.Values(before)) {
		d.Removed = append(d.Removed, old.Vaults[j].Ref())
	}
	d.Settings = settings(old, now)
	return d
}

// restored reports whether somebody has looked up what the vaults of a rollback
// are to be given back.
func (p *Plan) restored() bool {
	return slices.ContainsFunc(p.Vaults, func(v Vault) bool { return len(v.Restore) > 0 || v.Unrestorable != "" })
}

// ownWindows returns a function that gives a vault's own calendar, nil without
// one. Its number says nothing: another plan counts differently.
func (p *Plan) ownWindows() func(v *Vault) *Calendar {
	return func(v *Vault) *Calendar {
		if v.Calendar == 0 {
			return nil
		}
		return &p.Calendars[v.Calendar-1]
	}
}

// vaultChanges names what differs between two descriptions of one vault. Its
// subscription, name, location and type are its identity, and the same.
func vaultChanges(a, b *fleet.Vault) (c changes) {
	c.text("resourceGroup", a.ResourceGroup, b.ResourceGroup)
	c.text("targetResourceGroup", a.TargetResourceGroup, b.TargetResourceGroup)
	c.yes("createResourceGroup", a.CreateResourceGroup, b.CreateResourceGroup)
	c.text("acceptWarnings", acceptance(a), acceptance(b))
	c.number("protectedItems", a.ProtectedItems, b.ProtectedItems, "none")
	c.pairs("labels.", a.Labels, b.Labels)
	c.text("hold", holdWords(a.WrittenHold()), holdWords(b.WrittenHold()))
	return c
}

// settings names what differs beside the vaults.
func settings(a, b *Plan) []string {
	var c changes
	c.text("cloud", cloudWords(a.Cloud), cloudWords(b.Cloud))
	c.text("emulator.scenario", a.Scenario, b.Scenario)
	c.upgrade(a, b)
	for _, x := range []struct {
		side string
		a, b fleet.CredentialKind
	}{{"serviceManagement", a.Credentials.ServiceManagement, b.Credentials.ServiceManagement},
		{"resourceManager", a.Credentials.ResourceManager, b.Credentials.ResourceManager}} {
		c.word("credential."+x.side, string(x.a), string(x.b), string(fleet.CredentialDefault))
	}
	c.tenants(a.Subscriptions, b.Subscriptions)
	c.number("limits.validations", a.Limits.Validations, b.Limits.Validations, "0")
	c.limits("limits.", WaveLimits{a.Limits.Upgrades, a.Limits.PerSubscription, a.Limits.PerLocation},
		WaveLimits{b.Limits.Upgrades, b.Limits.PerSubscription, b.Limits.PerLocation})
	c.text("limits.requestsPerSecond", fmt.Sprint(a.Limits.RequestsPerSecond), fmt.Sprint(b.Limits.RequestsPerSecond))
	now := b.Timings.named()
	for i, t := range a.Timings.named() {
		c.text("timings."+t.Name, durationWords(t.Value), durationWords(now[i].Value))
	}
	c.text("failureBudget.run", a.FailureBudget.words(), b.FailureBudget.words())
	c.budget("failureBudget.perSubscription", a.SubscriptionBudget, b.SubscriptionBudget)
	c.word("failureBudget.ceiling", string(a.Ceiling), string(b.Ceiling), string(CeilingSoft))
	c.number("sameErrorHalt", a.SameErrorHalt, b.SameErrorHalt, "0")
	c.calendar("", a.Calendar, b.Calendar)
	c.waves(a.Waves, b.Waves)
	return c
}

// waves names what differs between waves of one name, and other waves.
func (c *changes) waves(a, b []Wave) {
	names := func(ws []Wave) string {
		var ns []string
		for i := range ws {
			ns = append(ns, ws[i].Name)
		}
		return strings.Join(ns, ", ")
	}
	c.text("waves", names(a), names(b))
	for i := range a {
		x := &a[i]
		if j := slices.IndexFunc(b, func(w Wave) bool { return w.Name == x.Name }); j >= 0 {
			c.wave("waves."+x.Name+".", x, &b[j])
		}
	}
}

func (c *changes) wave(prefix string, a, b *Wave) {
	c.budget(prefix+"maxFailures", a.MaxFailures, b.MaxFailures)
	c.text(prefix+"size", a.Size.words(), b.Size.words())
	c.text(prefix+"soak", durationWords(a.Soak), durationWords(b.Soak))
	c.text(prefix+"approval", a.Approval.words(), b.Approval.words())
	c.limits(prefix, a.Limits, b.Limits)
	c.word(prefix+"order", string(a.Order), string(b.Order), string(OrderLongestFirst))
	c.calendar(prefix, a.Calendar, b.Calendar)
}

// upgrade names what differs in what is done to each vault.
func (c *changes) upgrade(a, b *Plan) {
	c.text("upgrade.kind", string(a.Kind), string(b.Kind))
	x, y := a.Upgrade, b.Upgrade
	if a.Kind != b.Kind || x == nil || y == nil {
		return // another kind has other options, and another request
	}
	c.pairs("upgrade.", x.Options, y.Options)
	c.text("the request's method", x.Request.Method, y.Request.Method)
	c.text("the request's path", x.Request.Path, y.Request.Path)
	c.json("the request's body", x.Request.Body, y.Request.Body)
	c.text("the vaults' type", x.Type, y.Type)
	c.yes("the upgrade is permanent:", x.Permanent, y.Permanent)
	c.yes("the kind must be confirmed by name:", x.Confirm, y.Confirm)
	c.text("permissions needed", strings.Join(x.Actions, " "), strings.Join(y.Actions, " "))
}

// tenants names the subscriptions that are of another tenant now.
func (c *changes) tenants(a, b []fleet.Subscription) {
	was := make(map[string]string, len(a))
	for _, s := range a {
		was[s.ID] = s.Tenant
	}
	for _, s := range b {
		if t, known := was[s.ID]; known {
			c.text("tenant of subscription "+s.Name, t, s.Tenant)
		}
	}
}
