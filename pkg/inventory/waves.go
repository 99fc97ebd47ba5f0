package inventory

import (
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var waveSchema = &schema{
	what: "a wave",
	keys: []string{"name", "match", "maxFailures"},
	later: map[string]string{
		"matchExpressions": "use match, and labels made for it",
		"size":             "label the vaults and match the label",
		"soak":             "put the next wave into an inventory of its own and wait",
		"approval":         "put the next wave into an inventory of its own and run it by hand",
		"order":            "a wave starts the longest upgrades first",
		"windows":          "start the run when its window opens, and stop it at the end",
		"upgrades":         "limits count for all waves",
		"perSubscription":  "limits count for all waves",
		"perLocation":      "limits count for all waves",
	},
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
		if f.doubtful("match") || f.doubtful("matchExpressions") || f.doubtful("size") {
			// What this wave would take is not known.
			d.sound, spec.CatchAll = false, false
		}
		d.in.Waves = append(d.in.Waves, spec)
	}
}

func (d *decoder) wave(f *fields) plan.WaveSpec {
	places := wavePlaces{start: f.at, name: f.at, match: f.at}
	spec := plan.WaveSpec{CatchAll: true}
	if f.lacks("name") {
		d.problem(f.at, "add a name", "a wave has no name")
	}
	if e := f.get("name"); e != nil {
		places.name = e.at
		spec.Name, _ = d.line(e, "a wave's name")
	}
	if e := f.get("match"); e != nil {
		places.match, spec.CatchAll = e.at, false
		before := len(d.problems)
		spec.Match = d.labels(e, "match")
		if len(spec.Match) == 0 && len(d.problems) == before {
			d.sound = false
			d.problem(e.at, "remove it to take every vault that is left", "match is empty")
		}
	}
	if e := f.get("maxFailures"); e != nil {
		if b, ok := d.budget(e, "maxFailures"); ok {
			spec.MaxFailures = &b
		}
	}
	d.waves = append(d.waves, places)
	return spec
}

var budgetSchema = &schema{
	what: "failureBudget",
	keys: []string{"run", "ceiling"},
	later: map[string]string{
		"perSubscription": "use run, or maxFailures of a wave",
		"sameErrorHalt":   "use run, or maxFailures of a wave",
	},
}

// failureBudget reads the run's budget: a scalar, or run in a mapping.
func (d *decoder) failureBudget(e *entry) {
	if e.value.Kind != yaml.MappingNode {
		if b, ok := d.budget(e, "failureBudget"); ok {
			d.in.FailureBudget = b
		}
		return
	}
	f, _ := d.mapping(e.value, e.at, budgetSchema)
	if run := f.get("run"); run != nil {
		if b, ok := d.budget(run, "failureBudget.run"); ok {
			d.in.FailureBudget = b
		}
	}
	if ceiling := f.get("ceiling"); ceiling != nil {
		if s, ok := d.oneOf(ceiling, "failureBudget.ceiling", []string{"soft", "hard"}); ok && s == "hard" {
			d.problem(ceiling.at, "soft is the default", "failureBudget.ceiling: hard is not supported yet")
		}
	}
}

// maxBudget is the largest count of failures, far above any fleet.
const maxBudget = 1_000_000

var percentage = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?%$`)

// budget reads a count of failures, or a share of the vaults in percent.
func (d *decoder) budget(e *entry, what string) (plan.Budget, bool) {
	const form = "write a count such as 3, or a share such as 2%"
	n := e.value
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && strings.HasSuffix(n.Value, "%") {
		m := percentage.FindStringSubmatch(n.Value)
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
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && !wholeNumber.MatchString(n.Value) {
		d.problem(e.at, form, "%s must be a whole number or a percentage, not %s", what, describe(n))
		return plan.Budget{}, false
	}
	count, ok := d.integer(e, what, 0, maxBudget)
	return plan.Budget{Count: count, Unit: plan.UnitCount}, ok
}
