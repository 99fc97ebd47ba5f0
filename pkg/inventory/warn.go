package inventory

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Check is Load that also tells what is no mistake for certain: what has no effect,
// and what only looks unusual. Each has its place, like a problem; the order is that
// of the files. Beside mistakes those that hold whatever the mistakes hide are in
// Problems.Warnings.
func Check(path string, now time.Time, kinds ...fleet.KindSpec) (*plan.Plan, []Problem, error) {
	var warnings []Problem
	p, _, err := load(path, now, kinds, false, &warnings)
	return p, warnings, err
}

// effects is what is remembered while the vaults are read, to tell afterwards what
// had no effect.
type effects struct {
	defaults  map[string]bool // keys of the defaults that count for some vault
	blackouts []givenBlackout
	limits    []givenLimit
	dates     []givenDate
}

// givenDate is a date of a wave as it was written.
type givenDate struct {
	place
	localTime
	wave int // its index
	time.Time
}

type givenBlackout struct {
	place
	plan.Blackout
}

// givenLimit is a limit as it was written. A wave's own stands under the run's of
// the same key.
type givenLimit struct {
	place
	name, key string
	value     int
	wave      bool
}

// note remembers which of the layers gives a vault each value.
func (d *decoder) note(layers []*layer) {
	note := &d.vaults[len(d.vaults)-1]
	for n, l := range layers {
		for i := range l.fields.entries {
			key := l.fields.entries[i].name
			if key != "labels" && slices.ContainsFunc(layers[n+1:],
				func(over *layer) bool { return gives(over, key) }) {
				continue
			}
			l.counts = true
			switch key {
			case "name":
				note.name = d.spot(l.of(key))
			case "location":
				note.location = d.spot(l.of(key))
			case "hold":
				note.hold = d.spot(l.of(key))
			}
			if n == 0 {
				if d.effects.defaults == nil {
					d.effects.defaults = map[string]bool{}
				}
				d.effects.defaults[key] = true
			}
		}
	}
}

// gives reports whether a layer has a value in place of what lies below it for a key.
// A calendar is replaced as a whole.
func gives(l *layer, key string) bool {
	if key == "windows" || key == "blackouts" {
		return l.hasCalendar()
	}
	return l.fields.get(key) != nil
}

func (d *decoder) warn(at place, hint, format string, args ...any) {
	d.warnings = append(d.warnings, d.problemAt(at, hint, format, args))
}

// certain collects the warnings that hold whatever the mistakes beside them hide. That a
// thing has no effect, and how holds and labels meet, is known of a plan alone.
func (d *decoder) certain() []Problem {
	d.warnCalendars()
	d.warnDates()
	d.warnLimits()
	return d.sorted(d.warnings)
}

// warned collects the warnings about a plan that can be run, but for those of warnNames.
func (d *decoder) warned(p *plan.Plan) []Problem {
	d.warnHolds(p)
	d.warnCalendars()
	d.warnDates()
	d.warnLimits()
	d.warnUnused()
	d.warnSelectors(p)
	return d.sorted(d.warnings)
}

// warnHolds names the vaults that start although they are held: one warning for a
// hold, however many it is for.
func (d *decoder) warnHolds(p *plan.Plan) {
	held := map[spot][]int{}
	var order []spot
	for _, i := range p.Expired() {
		at := d.vaults[i].hold
		if held[at] == nil {
			order = append(order, at)
		}
		held[at] = append(held[at], i)
	}
	for _, at := range order {
		v := &p.Vaults[held[at][0]]
		who := "vault " + quote(v.Ref())
		if n := len(held[at]) - 1; n > 0 {
			who = fmt.Sprintf("vault %s and %d more", quote(v.Ref()), n)
		}
		d.warn(d.placeAt(at),
			"write a later until to keep it out, or remove the hold; a run that would start it wants "+
				"--accept-expired-holds",
			"%s may start: the hold is over (%s)", who, v.LapsedHold.Words())
		keys := make([]fleet.Key, 0, len(held[at]))
		for _, i := range held[at] {
			keys = append(keys, p.Vaults[i].Key)
		}
		d.warnings[len(d.warnings)-1].overHolds = &keys
	}
}

// warnNames tells names that today's rules do not allow, and locations that no
// cloud is known to have: an older vault, and a new region, may have them. It goes by
// what was read, before a plan takes it over, and so beside mistakes too.
func (d *decoder) warnNames() {
	var vaults []*fleet.Vault
	for i := range d.in.Subscriptions {
		for j := range d.in.Subscriptions[i].Vaults {
			vaults = append(vaults, &d.in.Subscriptions[i].Vaults[j])
		}
	}
	if len(vaults) != len(d.vaults) {
		return // one could not be read: the places are not those of the vaults
	}
	seen := map[spot]bool{}
	for i, v := range vaults {
		note := &d.vaults[i]
		if _, unusual := fleet.CheckVaultName(v.ResourceType, v.Name); v.Name != "" && unusual != "" {
			d.warn(d.placeAt(note.name), "compare it with the portal",
				"a vault's name %s %s: today's rules do not allow that", quote(v.Name), unusual)
		}
		if v.Location == "" || fleet.KnownLocation(v.Location) || seen[note.location] {
			continue
		}
		seen[note.location] = true
		hint := didYouMean(fleet.NormalizeLocation(v.Location), fleet.Locations(),
			"a new region may be missing here; az account list-locations names yours")
		d.warn(d.placeAt(note.location), hint, "location %s is not known", quote(v.Location))
	}
}

// warnCalendars tells blackouts that are over.
func (d *decoder) warnCalendars() {
	for _, b := range d.effects.blackouts {
		zone, err := plan.LoadZone(b.Zone)
		if err != nil {
			continue // reported
		}
		if end, err := time.ParseInLocation("2006-01-02T15:04", b.To, zone); err == nil && end.Before(d.in.Now) {
			d.warn(b.place, "remove it, or correct its year", "a blackout is over, and has no effect: from %s to %s %s",
				b.From, b.To, b.Zone)
		}
	}
}

// warnDates tells dates of waves that are over, and those that a wave before makes idle: it
// opens no sooner.
func (d *decoder) warnDates() {
	var latest *givenDate
	for i := range d.effects.dates {
		g := &d.effects.dates[i]
		name := func(g *givenDate) string { return "wave " + quote(d.in.Waves[g.wave].Name) }
		switch {
		case !g.After(d.in.Now):
			d.warn(g.place, "remove it, or correct its date",
				"notBefore of %s is over, and has no effect: %s %s", name(g), g.at, g.zone)
		case latest != nil && !g.After(latest.Time):
			d.warn(g.place, "remove it, or give a later one",
				"notBefore of %s has no effect: %s, before it, opens not before %s %s", name(g), name(latest),
				latest.at, latest.zone)
		default:
			latest = g
		}
	}
}

// warnLimits tells limits above what another one allows.
func (d *decoder) warnLimits() {
	l := &d.in.Limits
	for _, g := range d.effects.limits {
		over := func(name string, most int) bool {
			if most > 0 && g.value > most {
				d.warn(g.place, "lower it, or raise "+name, "%s %d has no effect: %s allows %d", g.name, g.value, name,
					most)
				return true
			}
			return false
		}
		switch {
		case g.wave && over("limits."+g.key,
			map[string]int{"upgrades": l.Upgrades, "perSubscription": l.PerSubscription,
				"perLocation": l.PerLocation}[g.key]):
		case g.key == "perSubscription" || g.key == "perLocation":
			over("limits.upgrades", l.Upgrades)
		}
	}
}

// warnUnused tells defaults, rules and subscriptions that no vault has anything of.
func (d *decoder) warnUnused() {
	for i := range d.defaults.fields.entries {
		if e := &d.defaults.fields.entries[i]; !d.effects.defaults[e.name] {
			d.warn(place{e.key.line, e.key.column, d.defaults.file}, "remove it",
				"defaults.%s has no effect: every vault has its own", e.name)
		}
	}
	for i := range d.rules {
		if r := &d.rules[i]; r.used && !r.counts {
			d.warn(r.place, "remove it, or put it behind them",
				"%s has no effect: later rules, or the vaults' own values, replace all that it sets", r.from)
		}
	}
	vaults := make([]int, len(d.in.Subscriptions))
	for i := range d.vaults {
		vaults[d.vaults[i].subscription]++
	}
	for i := range d.in.Subscriptions {
		if s := &d.in.Subscriptions[i]; vaults[i] == 0 {
			d.warn(d.subscriptions[i].start, "list its vaults, or remove it", "subscription %s has no vaults",
				quote(s.Name))
		}
	}
}

// warnSelectors tells expressions that hold for every vault because no vault has
// their label, and values that no vault has: a slip in either goes unnoticed.
func (d *decoder) warnSelectors(p *plan.Plan) {
	values := map[string]map[string]bool{}
	for i := range p.Vaults {
		for k, v := range p.Vaults[i].Labels {
			if values[k] == nil {
				values[k] = map[string]bool{}
			}
			values[k][v] = true
		}
	}
	hint := "compare it with the labels of the subscriptions and vaults; capitals count"
	keys := slices.Sorted(maps.Keys(values))
	check := func(at place, what string, list []plan.Requirement) {
		for _, r := range list {
			if slices.Contains(plan.BuiltInKeys(), r.Key) {
				continue
			}
			if values[r.Key] == nil {
				if r.Operator == plan.OpNotIn || r.Operator == plan.OpDoesNotExist {
					d.warn(at, didYouMean(r.Key, keys, hint),
						"%s: no vault has a label %s, so %s %s holds for all", what, quote(r.Key), r.Key, r.Operator)
				}
				continue
			}
			if r.Operator != plan.OpIn && r.Operator != plan.OpNotIn {
				continue
			}
			for _, v := range r.Values {
				if !values[r.Key][v] {
					d.warn(at, hint, "%s: no vault has the label %s with the value %s", what, quote(r.Key), quote(v))
				}
			}
		}
	}
	for i := range d.rules {
		check(d.rules[i].place, d.rules[i].from, d.rules[i].selector.Expressions)
	}
	for i := range d.in.Waves {
		check(d.waves[i].of("matchExpressions"), "wave "+quote(d.in.Waves[i].Name), d.in.Waves[i].Expressions)
	}
}

// plainBoolean reports a word that other YAML readers take for a boolean.
func plainBoolean(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!bool" || n.ShortTag() == "!!str" && isPlain(n) &&
		len(n.Value) <= 3 && yamlOneBooleans().MatchString(n.Value))
}
