package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

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
		c.text("timings."+t.Name, t.words(), now[i].words())
	}
	c.text("failureBudget.run", a.FailureBudget.words(), b.FailureBudget.words())
	for _, s := range BudgetScopes {
		c.budget("failureBudget."+s.Field, *s.Of(&a.PartBudgets), *s.Of(&b.PartBudgets))
	}
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
	c.text(prefix+"notBefore", timeWords(a.NotBefore), timeWords(b.NotBefore))
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
	c.patch(x.Patch, y.Patch)
	c.text("permissions needed", strings.Join(x.Actions, " "), strings.Join(y.Actions, " "))
}

// patch names what differs in a kind that inventories have written, besides its request.
func (c *changes) patch(x, y *fleet.Patch) {
	if x == nil || y == nil {
		return
	}
	c.text("upgrade.title", x.Title, y.Title)
	c.text("upgrade.require", strings.Join(x.Require, " and "), strings.Join(y.Require, " and "))
	c.yes("undone by what was there before:", x.Undo.Before, y.Undo.Before)
	c.json("the body that undoes it", x.Undo.Body, y.Undo.Body)
	c.text("upgrade.afterwards", x.Afterwards, y.Afterwards)
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

// changes collects differences, each as "name before → after". Values are
// written as an inventory writes them, and never as Go does.
type changes []string

// text adds a difference between two texts; "" is shown as none.
func (c *changes) text(name, a, b string) { c.word(name, a, b, "none") }

// word is text with another word for "".
func (c *changes) word(name, a, b, none string) {
	or := func(s string) string {
		if s == "" {
			return none
		}
		return s
	}
	if or(a) != or(b) {
		*c = append(*c, fmt.Sprintf("%s %s → %s", name, or(a), or(b)))
	}
}

func (c *changes) yes(name string, a, b bool) {
	c.text(name, strconv.FormatBool(a), strconv.FormatBool(b))
}

// number adds a difference between two numbers; zero is the word for 0.
func (c *changes) number(name string, a, b int, zero string) {
	show := func(n int) string {
		if n == 0 {
			return zero
		}
		return strconv.Itoa(n)
	}
	c.text(name, show(a), show(b))
}

func (c *changes) limits(prefix string, a, b WaveLimits) {
	c.number(prefix+"upgrades", a.Upgrades, b.Upgrades, "no limit")
	c.number(prefix+"perSubscription", a.PerSubscription, b.PerSubscription, "no limit")
	c.number(prefix+"perLocation", a.PerLocation, b.PerLocation, "no limit")
}

func (c *changes) budget(name string, a, b *Budget) {
	show := func(b *Budget) string {
		if b == nil {
			return ""
		}
		return b.words()
	}
	c.text(name, show(a), show(b))
}

// pairs adds a difference for each key that one of the maps has otherwise.
func (c *changes) pairs(prefix string, a, b map[string]string) {
	keys := maps.Clone(a)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, b)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		x, inA := a[k]
		y, inB := b[k]
		if inA && inB && x == y {
			continue
		}
		show := func(s string, given bool) string {
			switch {
			case !given:
				return "none"
			case s == "":
				return `""`
			}
			return s
		}
		*c = append(*c, fmt.Sprintf("%s%s %s → %s", prefix, k, show(x, inA), show(y, inB)))
	}
}

// calendar adds the differences between windows and between blackouts. No
// calendar at all is another thing than one without windows: that one replaces
// what stands below it.
func (c *changes) calendar(prefix string, a, b *Calendar) {
	show := func(c *Calendar) (windows, blackouts string) {
		if c == nil {
			return "none", "none"
		}
		none := func(words []string) string {
			if len(words) == 0 {
				return "[]"
			}
			return strings.Join(words, "; ")
		}
		return none(c.WindowWords()), none(c.BlackoutWords())
	}
	w1, b1 := show(a)
	w2, b2 := show(b)
	c.text(prefix+"windows", w1, w2)
	c.text(prefix+"blackouts", b1, b2)
}

// json adds a difference for each value of two JSON documents that differs.
// How they are written (spaces, escapes) does not count.
func (c *changes) json(name string, a, b json.RawMessage) {
	x, xok := tree(a)
	y, yok := tree(b)
	if !xok || !yok { // no plan that passed its check has such a thing
		if !bytes.Equal(a, b) {
			*c = append(*c, name+" changed")
		}
		return
	}
	c.trees(name, x, y)
}

func tree(raw json.RawMessage) (v any, ok bool) {
	if len(raw) == 0 {
		return nil, true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

func (c *changes) trees(name string, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	x, isX := a.(map[string]any)
	y, isY := b.(map[string]any)
	if !isX || !isY {
		c.text(name, treeWords(a), treeWords(b))
		return
	}
	keys := maps.Clone(x)
	maps.Copy(keys, y)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		v, inX := x[k]
		w, inY := y[k]
		if inX != inY && (v == nil && w == nil) { // null is not the same as nothing
			c.text(name+"."+k, map[bool]string{true: "null", false: "none"}[inX],
				map[bool]string{true: "null", false: "none"}[inY])
			continue
		}
		c.trees(name+"."+k, v, w)
	}
}

// treeWords is a JSON value for people: a text as it is, anything else as JSON.
func treeWords(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		if v == "" {
			return `""`
		}
		return v
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil { // it came from JSON
		return "another value"
	}
	const most = 200
	if s := []rune(strings.TrimSpace(b.String())); len(s) > most {
		return string(s[:most]) + "…"
	}
	return strings.TrimSpace(b.String())
}

// words are a budget as an inventory writes it.
func (b *Budget) words() string {
	switch b.Unit {
	case UnitPercent:
		return strconv.FormatFloat(b.Percent, 'f', -1, 64) + "%"
	case UnitDefault:
		return "the default (2 %, at least 1, at most 10)"
	}
	return strconv.Itoa(b.Count)
}

func (s *Size) words() string {
	switch {
	case s == nil:
		return ""
	case s.Percent > 0:
		return strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
	}
	return strconv.Itoa(s.Count)
}

func (a *Approval) words() string {
	if a == nil {
		return ""
	}
	s := string(a.When)
	if a.NotBy != "" {
		s += ", not by the " + a.NotBy
	}
	if a.Expiry != DefaultApprovalExpiry {
		s += ", expires after " + durationWords(a.Expiry)
	}
	return s
}

// timeWords is a time as people write it; "" for none.
func timeWords(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// durationWords is a duration as people write it: 5m and not 5m0s; "" for none.
func durationWords(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

func cloudWords(c fleet.Cloud) string {
	if c.Name != fleet.CustomCloud {
		return string(c.Name)
	}
	if c.ServiceManagement == "" {
		return c.ResourceManager
	}
	return c.ServiceManagement + " and " + c.ResourceManager
}

// acceptance says to which warnings of a vault somebody consents.
func acceptance(v *fleet.Vault) string {
	if v.AcceptWarnings {
		return "true"
	}
	var list []string
	for _, c := range v.Consents {
		var parts []string
		for _, x := range [][2]string{{"code", c.Code}, {"category", c.Category}, {"contains", c.Contains}} {
			if x[1] != "" {
				parts = append(parts, x[0]+" "+x[1])
			}
		}
		list = append(list, strings.Join(parts, ", ")+" ("+c.Reason+")")
	}
	if len(list) == 0 {
		return "false"
	}
	return strings.Join(list, "; ")
}

func holdWords(h *fleet.Hold) string {
	if h == nil {
		return ""
	}
	return h.Words()
}
