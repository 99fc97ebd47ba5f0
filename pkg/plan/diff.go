package plan

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Difference is what a plan has that another has not: what became of an
// inventory since its plan was saved.
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

// Diff compares a saved plan with the plan that its inventory makes now.
func Diff(old, now *Plan) *Difference {
	d := &Difference{}
	before := old.Index()
	wasOwn, isOwn := old.ownWindows(), now.ownWindows()
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
		changes := fields(&was.Vault, &v.Vault)
		if wasOwn(was) != isOwn(v) {
			changes = append(changes, "windows changed")
		}
		if len(changes) > 0 {
			d.Changed = append(d.Changed, v.Ref()+": "+strings.Join(changes, ", "))
		}
	}
	for _, j := range slices.Sorted(maps.Values(before)) {
		d.Removed = append(d.Removed, old.Vaults[j].Ref())
	}
	d.Settings = settings(old, now)
	return d
}

// ownWindows returns a function that tells what a vault's own calendar says, ""
// without one. Its number says nothing: another plan counts differently.
func (p *Plan) ownWindows() func(v *Vault) string {
	texts := make([]string, len(p.Calendars)+1)
	for i := range p.Calendars {
		texts[i+1] = p.Calendars[i].sameness()
	}
	return func(v *Vault) string { return texts[v.Calendar] }
}

// fields names what differs between two descriptions of one vault.
func fields(a, b *fleet.Vault) []string {
	x, y := *a, *b
	x.SubscriptionName, y.SubscriptionName = "", ""         // a name people call it by
	x.Checked, x.ShownWarnings = y.Checked, y.ShownWarnings // of the plan's making, not of the inventory
	return changes("", reflect.ValueOf(x), reflect.ValueOf(y))
}

// settings names what differs beside the vaults.
func settings(a, b *Plan) []string {
	strip := func(p *Plan) Plan {
		q := *p
		q.Fingerprint, q.Inventory, q.Vaults, q.Waves, q.Subscriptions, q.Calendars = "", "", nil, nil, nil, nil
		return q
	}
	out := changes("", reflect.ValueOf(strip(a)), reflect.ValueOf(strip(b)))
	names := func(p *Plan) string {
		var ns []string
		for _, w := range p.Waves {
			ns = append(ns, w.Name)
		}
		return strings.Join(ns, ", ")
	}
	if x, y := names(a), names(b); x != y {
		return append(out, fmt.Sprintf("waves %s → %s", x, y))
	}
	for i := range a.Waves {
		x, y := a.Waves[i], b.Waves[i]
		x.Vaults, y.Vaults = nil, nil
		out = append(out, changes("waves."+x.Name+".", reflect.ValueOf(x), reflect.ValueOf(y))...)
	}
	return out
}

// changes names the fields of two values of one struct type that differ, as
// the JSON form calls them.
func changes(prefix string, a, b reflect.Value) (out []string) {
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		name = prefix + strings.TrimSuffix(cmp.Or(name, a.Type().Field(i).Name), "Ns")
		if x.Kind() == reflect.Struct && x.Type().PkgPath() != "time" {
			out = append(out, changes(name+".", x, y)...)
			continue
		}
		out = append(out, fmt.Sprintf("%s %s → %s", name, show(x), show(y)))
	}
	return out
}

func show(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "none"
		}
		v = v.Elem()
	}
	if v.IsZero() && v.Kind() != reflect.Int && v.Kind() != reflect.Bool {
		return "none"
	}
	return fmt.Sprintf("%v", v.Interface())
}
