package inventory

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var waveSchema = &schema{
	what: "a wave",
	keys: []string{"name", "match", "matchExpressions", "size", "order", "upgrades", "perSubscription", "perLocation",
		"limits", "maxFailures", "soak", "approval", "windows", "blackouts"},
}

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
		f, _ := d.mapping(n, where, waveSchema)
		spec := d.wave(&f)
		if f.doubtful("match") || f.doubtful("matchExpressions") {
			spec.CatchAll = false // what it would take is not known
		}
		d.in.Waves = append(d.in.Waves, spec)
	}
}

func (d *decoder) wave(f *fields) plan.WaveSpec {
	places := wavePlaces{start: f.at, keys: make(map[string]place)}
	var spec plan.WaveSpec
	if f.lacks("name") {
		d.problem(f.at, "add a name", "a wave has no name")
	}
	if e := f.get("name"); e != nil {
		places.keys["name"] = e.at
		spec.Name, _ = d.line(e, "a wave's name")
	}
	selector, given := d.selector(f, places.keys, "remove it to take every vault that is left")
	spec.Match, spec.Expressions, spec.CatchAll = selector.Match, selector.Expressions, !given
	d.sound = d.sound && !f.doubtful("size")
	if e := f.get("size"); e != nil {
		places.keys["size"] = e.at
		spec.Size = d.size(e)
		d.sound = d.sound && spec.Size != nil
	}
	if e := f.get("order"); e != nil {
		s, _ := d.oneOf(e, "order", asStrings([]plan.Order{plan.OrderLongestFirst, plan.OrderName, plan.OrderInventory}))
		spec.Order = plan.Order(s)
	}
	spec.Limits = d.waveLimits(f)
	if e := f.get("maxFailures"); e != nil {
		places.keys["maxFailures"] = e.at
		if b, ok := d.budget(e, "maxFailures"); ok {
			spec.MaxFailures = &b
		}
	}
	if e := f.get("soak"); e != nil {
		spec.Soak, _ = d.duration(e, "soak")
	}
	if e := f.get("approval"); e != nil {
		places.keys["approval"] = e.at
		spec.Approval = d.approval(e)
	}
	spec.Calendar = d.calendar(f)
	d.checkReplaced(f, d.file, spec.Calendar, d.in.Calendar, "wave "+quote(spec.Name), "the inventory's")
	d.waves = append(d.waves, places)
	return spec
}

// size reads how many vaults a wave takes at most: a count, or a share of the
// fleet.
func (d *decoder) size(e *entry) *plan.Size {
	b, ok := d.budget(e, "size")
	switch {
	case !ok:
		return nil
	case b.Count == 0 && b.Percent == 0:
		d.problem(e.at, "write a count such as 5, or a share of the fleet such as 10%", "size must be above 0")
		return nil
	}
	return &plan.Size{Count: b.Count, Percent: b.Percent}
}

var waveLimitsSchema = &schema{what: "limits of a wave", keys: []string{"upgrades", "perSubscription", "perLocation"}}

// waveLimits reads a wave's own limits, which stand in the wave or under
// limits in it.
func (d *decoder) waveLimits(f *fields) plan.WaveLimits {
	var l plan.WaveLimits
	var inner fields
	if e := f.get("limits"); e != nil {
		inner, _ = d.mapping(e.value, e.at, waveLimitsSchema)
	}
	for _, x := range []struct {
		key   string
		field *int
	}{
		{"upgrades", &l.Upgrades},
		{"perSubscription", &l.PerSubscription},
		{"perLocation", &l.PerLocation},
	} {
		own, under := f.get(x.key), inner.get(x.key)
		if own != nil && under != nil {
			d.problem(under.key, "remove one of the two", "%s is given twice in a wave; first at %s", x.key, d.ref(own.key))
		}
		for _, e := range []*entry{own, under} {
			if e == nil {
				continue
			}
			if n, ok := d.integer(e, x.key, 1, maxLimit); ok {
				*x.field = n
				d.effects.limits = append(d.effects.limits, givenLimit{d.here(e.at), "a wave's " + x.key, x.key, n, true})
			}
		}
	}
	return l
}

var approvalSchema = &schema{what: "approval", keys: []string{"when", "notBy", "expiry"}}

// approval reads on which side of a wave its gate is: a word, or a mapping.
func (d *decoder) approval(e *entry) *plan.Approval {
	sides := asStrings([]plan.ApprovalWhen{plan.ApprovalBefore, plan.ApprovalAfter})
	a := &plan.Approval{Expiry: plan.DefaultApprovalExpiry}
	if e.value.Kind != yaml.MappingNode {
		s, ok := d.oneOf(e, "approval", sides)
		if !ok {
			return nil
		}
		a.When = plan.ApprovalWhen(s)
		return a
	}
	before := len(d.problems)
	f, _ := d.mapping(e.value, e.at, approvalSchema)
	if f.lacks("when") {
		d.problem(e.at, "add when: before, or when: after", "approval does not say when")
	}
	if x := f.get("when"); x != nil {
		s, _ := d.oneOf(x, "approval.when", sides)
		a.When = plan.ApprovalWhen(s)
	}
	if x := f.get("notBy"); x != nil {
		a.NotBy, _ = d.oneOf(x, "approval.notBy", []string{plan.NotByStarter})
	}
	if x := f.get("expiry"); x != nil {
		a.Expiry, _ = d.duration(x, "approval.expiry")
	}
	if len(d.problems) > before {
		return nil
	}
	return a
}

var budgetSchema = &schema{
	what: "failureBudget",
	keys: []string{"run", "perSubscription", "ceiling", "sameErrorHalt"},
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
	d.whole["failureBudget"] = e.at
	if e.value.Kind != yaml.MappingNode {
		if b, ok := d.budget(e, "failureBudget"); ok {
			d.in.FailureBudget = b
		}
		return
	}
	f, _ := d.mapping(e.value, e.at, budgetSchema)
	if run := f.get("run"); run != nil {
		d.whole["failureBudget"] = run.at
		if b, ok := d.budget(run, "failureBudget.run"); ok {
			d.in.FailureBudget = b
		}
	}
	if own := f.get("perSubscription"); own != nil {
		d.whole["failureBudget.perSubscription"] = own.at
		if b, ok := d.budget(own, "failureBudget.perSubscription"); ok {
			d.in.SubscriptionBudget = &b
		}
	}
	if ceiling := f.get("ceiling"); ceiling != nil {
		s, _ := d.oneOf(ceiling, "failureBudget.ceiling", asStrings([]plan.Ceiling{plan.CeilingSoft, plan.CeilingHard}))
		d.in.Ceiling = plan.Ceiling(s)
	}
	if same := f.get("sameErrorHalt"); same != nil {
		d.sameErrorHalt(same)
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
