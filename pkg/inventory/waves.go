package inventory

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var waveForm = newForm("a wave", "", slices.Concat(
	[]key[plan.WaveSpec]{reads("name", says(line("the wave's name")), func(w *plan.WaveSpec) *string { return &w.Name },
		func(d *decoder, e *entry) (string, bool) { return d.line(e, "a wave's name") })},
	selectorKeys[plan.WaveSpec](),
	[]key[plan.WaveSpec]{
		reads("size", says(share("how many vaults it takes at most: a count, or a percentage of the fleet", 1)),
			func(w *plan.WaveSpec) **plan.Size { return &w.Size }, (*decoder).size),
		wordKey("order", "in which order they start", func(w *plan.WaveSpec) *plan.Order { return &w.Order },
			plan.OrderLongestFirst, plan.OrderName, plan.OrderInventory),
		waveLimit("upgrades"), waveLimit("perSubscription"), waveLimit("perLocation"),
		byHand[plan.WaveSpec]("limits", func(k kinds) object {
			return about("limits of this wave, in place of the three keys", waveLimitsForm.told(k))
		}),
		{"maxFailures", says(share("halt when more vaults of the wave have failed: a count, or a percentage", 0)),
			func(d *decoder, e *entry, w *plan.WaveSpec) {
				if b, ok := d.budget(e, e.what); ok {
					w.MaxFailures = &b
				}
			}},
		durationKey("soak", "how long it rests when it is done",
			func(w *plan.WaveSpec) *time.Duration { return &w.Soak }),
		{"notBefore", toldOfNotBefore, func(d *decoder, e *entry, w *plan.WaveSpec) {
			w.NotBefore = d.notBefore(e)
		}},
		{"approval", toldOfApproval, func(d *decoder, e *entry, w *plan.WaveSpec) { w.Approval = d.approval(e) }},
		byHand[plan.WaveSpec]("windows", windowsOf("windows in place of the inventory's")),
		byHand[plan.WaveSpec]("blackouts", blackoutsOf("blackouts in place of the inventory's")),
	})...)

func (d *decoder) readWaves(e *entry) {
	list, ok := d.items(e, "waves")
	if !ok {
		d.sound = false
		return
	}
	if len(list) == 0 {
		d.problem(e.at, "remove it for a canary of 5 and then the rest", "waves is an empty list")
	}
	for _, n := range list {
		n, where := d.resolve(n)
		var spec plan.WaveSpec
		f, _ := waveForm.mapping(d, n, where, &spec)
		d.wave(&f, &spec)
		if f.doubtful("match") || f.doubtful("matchExpressions") {
			spec.CatchAll = false // what it would take is not known
		}
		d.in.Waves = append(d.in.Waves, spec)
	}
}

// wave reads what of a wave hangs on more than one key.
func (d *decoder) wave(f *fields, spec *plan.WaveSpec) {
	d.all(f, waveForm.what, []string{"name"}, "add a name")
	selector, given := d.selector(f, "remove it to take every vault that is left")
	spec.Match, spec.Expressions, spec.CatchAll = selector.Match, selector.Expressions, !given
	d.sound = d.sound && !f.doubtful("size") && (f.get("size") == nil || spec.Size != nil)
	spec.Limits = d.waveLimits(f)
	spec.Calendar = d.calendar(f)
	d.checkReplaced(f, d.file, spec.Calendar, d.in.Calendar, "wave "+quote(spec.Name), "the inventory's")
	d.waves = append(d.waves, *f)
}

// size reads how many vaults a wave takes at most: a count, or a share of the
// fleet.
func (d *decoder) size(e *entry) (*plan.Size, bool) {
	b, ok := d.budget(e, e.what)
	if ok && b.Count == 0 && b.Percent == 0 {
		d.problem(e.at, "write a count such as 5, or a share of the fleet such as 10%", "size must be above 0")
		return nil, false
	}
	return &plan.Size{Count: b.Count, Percent: b.Percent}, ok
}

var waveLimitsForm = newForm("limits of a wave", "",
	limitKey("upgrades", "upgrades at once in this wave", true, func(l *plan.WaveLimits) *int { return &l.Upgrades }),
	limitKey("perSubscription", "upgrades at once in a subscription", true,
		func(l *plan.WaveLimits) *int { return &l.PerSubscription }),
	limitKey("perLocation", "upgrades at once in a location", true,
		func(l *plan.WaveLimits) *int { return &l.PerLocation }),
)

// waveLimit is a key of waveLimitsForm that stands in the wave itself.
func waveLimit(name string) key[plan.WaveSpec] {
	return byHand[plan.WaveSpec](name, func(k kinds) object {
		return waveLimitsForm.keys[slices.Index(waveLimitsForm.names, name)].told(k)
	})
}

// waveLimits reads a wave's own limits, which stand in the wave or under
// limits in it.
func (d *decoder) waveLimits(f *fields) plan.WaveLimits {
	var l plan.WaveLimits
	for _, k := range waveLimitsForm.keys {
		if e := f.get(k.name); e != nil {
			k.read(d, e, &l)
		}
	}
	e := f.get("limits")
	if e == nil {
		return l
	}
	inner, _ := waveLimitsForm.mapping(d, e.value, e.at, &l)
	for _, k := range inner.entries {
		if own := f.get(k.name); own != nil {
			d.problem(k.key, "remove one of the two", "%s is given twice in a wave; first at %s", k.name,
				d.ref(own.key))
		}
	}
	return l
}

// localTime is a time as the wall clock of a zone shows it.
type localTime struct{ at, zone string }

var notBeforeForm = newForm("notBefore", "notBefore.",
	reads("at", says(wall("a local date or time")), func(t *localTime) *string { return &t.at }, (*decoder).wall),
	reads("timezone", says(line("an IANA name")), func(t *localTime) *string { return &t.zone }, (*decoder).zone),
)

func toldOfNotBefore(k kinds) object {
	return about("it opens no sooner", notBeforeForm.told(k, notBeforeForm.names...))
}

// notBefore reads when a wave opens at the earliest.
func (d *decoder) notBefore(e *entry) time.Time {
	var t localTime
	f, ok := notBeforeForm.mapping(d, e.value, e.at, &t)
	if !ok {
		return time.Time{}
	}
	d.all(&f, notBeforeForm.what, notBeforeForm.names,
		`write {at: "2026-12-24T22:00", timezone: Australia/Sydney}`)
	at, err := plan.WallMoment(t.at, t.zone)
	switch {
	case err != nil:
		return time.Time{} // reported
	case at.Year() > plan.LastYear:
		d.problem(f.of("at"), "correct its year", "%s.at is after the year %d", e.what, plan.LastYear)
		return time.Time{}
	}
	d.effects.dates = append(d.effects.dates, givenDate{d.here(e.at), t, len(d.in.Waves), at})
	return at
}

var approvalForm = newForm("approval", "approval.",
	wordKey("when", "on which side of the wave", func(a *plan.Approval) *plan.ApprovalWhen { return &a.When },
		sides...),
	wordKey("notBy", "who may not approve", func(a *plan.Approval) *string { return &a.NotBy }, plan.NotByStarter),
	durationKey("expiry", "how long an approval holds", func(a *plan.Approval) *time.Duration { return &a.Expiry }),
)

var sides = []plan.ApprovalWhen{plan.ApprovalBefore, plan.ApprovalAfter}

func toldOfApproval(k kinds) object {
	return either2("a person must say go, before or after the wave", object{"enum": sides},
		approvalForm.told(k, "when"))
}

// approval reads on which side of a wave its gate is: a word, or a mapping.
func (d *decoder) approval(e *entry) *plan.Approval {
	a := &plan.Approval{Expiry: plan.DefaultApprovalExpiry}
	if e.value.Kind != yaml.MappingNode {
		s, ok := d.oneOf(e, "approval", asStrings(sides))
		if !ok {
			return nil
		}
		a.When = plan.ApprovalWhen(s)
		return a
	}
	before := len(d.problems)
	f, _ := approvalForm.mapping(d, e.value, e.at, a)
	if f.lacks("when") {
		d.problem(e.at, "add when: before, or when: after", "approval does not say when")
	}
	if len(d.problems) > before {
		return nil
	}
	return a
}

// budgetForm is failureBudget as a mapping.
var budgetForm = newForm("failureBudget", "failureBudget.", slices.Concat(
	[]key[decoder]{{"run", says(share("of the run", 0)), func(d *decoder, e *entry, _ *decoder) { d.runBudget(e) }}},
	partKeys(),
	[]key[decoder]{wordKey("ceiling", "whether what is in flight may exceed it",
		func(d *decoder) *plan.Ceiling { return &d.in.Ceiling }, plan.CeilingSoft, plan.CeilingHard),
		{"sameErrorHalt", says(whole(sameErrorHaltWhat, 0, maxBudget)),
			func(d *decoder, e *entry, _ *decoder) { d.sameErrorHalt(e) }}})...)

// partKeys are the budgets that each part of a run may have.
func partKeys() (keys []key[decoder]) {
	for _, s := range plan.BudgetScopes {
		keys = append(keys, key[decoder]{s.Field, says(share("of each "+s.Name, 0)),
			func(d *decoder, e *entry, _ *decoder) {
				d.whole[e.what] = e.at
				if b, ok := d.budget(e, e.what); ok {
					*s.Of(&d.in.PartBudgets) = &b
				}
			}})
	}
	return keys
}

const sameErrorHaltWhat = "halt after so many failures in a row with one code; 0: never"

func toldOfBudget(k kinds) object {
	return either2("halt when more vaults have failed: a count, a percentage, or a mapping",
		share("of the run", 0), budgetForm.told(k))
}

// sameErrorHalt reads after how many failures in a row with one code the run
// halts. It may stand beside failureBudget or in it.
func (d *decoder) sameErrorHalt(e *entry) {
	if first, twice := d.whole["sameErrorHalt"]; twice {
		d.problem(e.key, "remove one of the two", "sameErrorHalt is given twice; first at %s", d.ref(first))
	}
	d.whole["sameErrorHalt"] = e.key
	if n, ok := d.integer(e, "sameErrorHalt", 0, maxBudget); ok {
		d.in.SameErrorHalt = n
	}
}

// failureBudget reads the run's budget: a scalar, or run in a mapping.
func (d *decoder) failureBudget(e *entry) {
	if e.value.Kind != yaml.MappingNode {
		d.runBudget(e)
		return
	}
	d.whole["failureBudget"] = e.at
	budgetForm.mapping(d, e.value, e.at, d)
}

func (d *decoder) runBudget(e *entry) {
	d.whole["failureBudget"] = e.at
	if b, ok := d.budget(e, e.what); ok {
		d.in.FailureBudget = b
	}
}

// maxBudget is the largest count of failures, far above any fleet.
const maxBudget = 1_000_000

var percentage = lazyregexp.New(`^([0-9]+(?:\.[0-9]+)?) ?%$`)

// budget reads a count of failures, or a share of the vaults in percent.
func (d *decoder) budget(e *entry, what string) (plan.Budget, bool) {
	const form = "write a count such as 3, or a share such as 2%"
	n := e.value
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && strings.HasSuffix(n.Value, "%") {
		m := percentage().FindStringSubmatch(n.Value)
		if m == nil {
			d.problem(e.at, form, "%s must be a percentage between 0%% and 100%%, not %s", what, quote(n.Value))
			return plan.Budget{}, false
		}
		share, err := strconv.ParseFloat(m[1], 64)
		if err != nil || share > 100 {
			d.problem(e.at, "", "%s must be between 0%% and 100%%, not %s", what, clip(n.Value))
			return plan.Budget{}, false
		}
		return plan.Budget{Percent: share, Unit: plan.UnitPercent}, true
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && !wholeNumber().MatchString(n.Value) {
		d.problem(e.at, form, "%s must be a whole number or a percentage, not %s", what, describe(n))
		return plan.Budget{}, false
	}
	count, ok := d.integer(e, what, 0, maxBudget)
	return plan.Budget{Count: count, Unit: plan.UnitCount}, ok
}
