package inventory

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// apiVersion is the only format this version reads.
const apiVersion = "fleetup/v1"

// decoder turns the nodes of an inventory into a plan's input and remembers
// where everything stood, so that what plan.Build finds gets a place too.
type decoder struct {
	*reader
	in       plan.Input
	kinds    []fleet.KindSpec // that may be named besides classic
	today    *fleet.KindSpec  // the one that is named; nil: the classic one
	anyKind  bool             // another was named that is not known: nobody knows what its vaults need
	defaults layer
	rules    []rule

	list          place // of subscriptions
	explain       bool  // keep the origins of every value
	parts         *parts
	byName        map[string]int // subscriptions by ID and by name in lower case
	named         int            // how many of them byName knows
	subscriptions []subscriptionPlaces
	vaults        []vaultNote // in the order of reading
	layers        []*layer    // of the vault that is read
	waves         []fields
	whole         map[string]place // of what an issue with the whole is about

	// sound is false after a problem that makes it unknowable which vaults
	// there are, with which labels, or what a wave would take.
	sound bool
	// calendarsUnclear is set after a problem with a calendar: what fits it is
	// not known.
	calendarsUnclear bool
	zones            map[string]error // what is known of each time zone
	replacing        []replacing
	unfinished       bool // a Placeholder is no problem

	effects       effects
	warnings      []Problem
	missing       map[string]*missing // by key
	unfilled      map[templateMistake]*unfilled
	unfilledOrder []templateMistake
}

// vaultNote is what is remembered of a vault beside its values.
type vaultNote struct {
	spot
	subscription int32 // its index
	// Where its name, its location and its hold are given.
	name, location, hold spot
	origins              []Origin
}

type subscriptionPlaces struct{ start, id, name, labels place }

// inventoryForm is the inventory itself. Its keys are read by hand, in an order of
// their own: which values there may be hangs on the kind and the cloud.
var inventoryForm = newForm("the inventory", "",
	versionKey,
	byHand[decoder]("cloud", toldOfCloud),
	byHand[decoder]("emulator",
		func(k kinds) object { return about("what only cloud: Emulator takes", emulatorForm.told(k)) }),
	byHand[decoder]("upgrade", toldOfUpgrade),
	byHand[decoder]("credential", toldOfCredential),
	byHand[decoder]("defaults", func(k kinds) object {
		return about("values of every vault that says nothing else", defaultsForm.told(k))
	}),
	byHand[decoder]("subscriptions", toldOfSubscriptions),
	byHand[decoder]("limits", func(k kinds) object { return about("how much at once", limitsForm.told(k)) }),
	byHand[decoder]("waves", func(k kinds) object {
		return some("in which order; absent: a canary of 5, then the rest", waveForm.told(k, "name"))
	}),
	byHand[decoder]("failureBudget", toldOfBudget),
	byHand[decoder]("sameErrorHalt", says(whole(sameErrorHaltWhat, 0, maxBudget))),
	byHand[decoder]("timings", func(k kinds) object {
		return about("how long, and how often; all have defaults", timingsForm.told(k))
	}),
	byHand[decoder]("windows", func(k kinds) object {
		return some("when upgrades may run; absent: always", toldOfWindow(k))
	}),
	byHand[decoder]("blackouts", blackoutsOf("when nothing may start")),
	byHand[decoder]("rules", func(k kinds) object {
		return list("values of the vaults that a selector picks, in order", ruleForm.told(k, "set"))
	}),
	byHand[decoder]("include", says(some(
		"patterns of files with more subscriptions (YAML) or vaults (CSV), relative to the inventory",
		line("a pattern")))),
)

var versionKey = byHand[decoder]("apiVersion", says(oneWord("the format's version", apiVersion)))

func (d *decoder) inventory(root *yaml.Node) {
	f, _ := inventoryForm.mapping(d, root, at(root), d)
	d.in.Kind = fleet.KindClassic
	d.in.Limits, d.in.Timings = plan.DefaultLimits(), plan.DefaultTimings()
	d.in.FailureBudget, d.in.Ceiling = plan.Budget{Unit: plan.UnitDefault}, plan.CeilingSoft
	d.in.SameErrorHalt = plan.DefaultSameErrorHalt
	d.whole = make(map[string]place)

	d.version(&f)
	if e := f.get("upgrade"); e != nil {
		d.upgrade(e)
	}
	d.cloud(&f)
	d.emulator(f.get("emulator"))
	if e := f.get("credential"); e != nil {
		d.credential(e)
	}
	if e := f.get("limits"); e != nil {
		limitsForm.mapping(d, e.value, e.at, &d.in.Limits)
	}
	if e := f.get("timings"); e != nil {
		d.timings(e)
	}
	if e := f.get("failureBudget"); e != nil {
		d.failureBudget(e)
	}
	if e := f.get("sameErrorHalt"); e != nil {
		d.sameErrorHalt(e)
	}
	d.in.Calendar = d.calendar(&f)
	if e := f.get("windows"); e != nil && len(e.value.Content) == 0 && e.value.Kind == yaml.SequenceNode {
		d.problem(e.at, "remove it: without windows upgrades may always run", "windows is an empty list")
	}
	d.defaults.fields.unclear = f.doubtful("defaults")
	if e := f.get("defaults"); e != nil {
		d.readDefaults(e)
	}
	d.sound = d.sound && !f.doubtful("rules")
	if e := f.get("rules"); e != nil {
		d.readRules(e)
	}
	d.defaults.file, d.defaults.from = d.file, "defaults"
	include := f.get("include")
	d.sound = d.sound && !f.doubtful("include")
	d.readSubscriptions(&f, include != nil)
	if include != nil {
		d.include(include)
	}
	// Rows of a table may add to any subscription; the plan goes by those.
	slices.SortStableFunc(d.vaults, func(a, b vaultNote) int { return int(a.subscription - b.subscription) })
	d.reportMissing()
	d.reportUnfilled()
	d.unusedRules()
	if e := f.get("waves"); e != nil {
		d.readWaves(e)
	}
	d.checkOverWaves()
}

func (d *decoder) version(f *fields) {
	e := f.get("apiVersion")
	if e == nil {
		if f.lacks("apiVersion") {
			d.problem(f.at, `add "apiVersion: fleetup/v1" at the top`, "the inventory has no apiVersion")
		}
		return
	}
	if v, ok := d.text(e.value, e.at, "apiVersion"); ok && v != apiVersion {
		d.problem(e.at, "", "apiVersion must be %s, not %s", apiVersion, quote(v))
	}
}

// report gives the issues of plan.Build their places. Issues that only follow
// from problems already found are left out.
func (d *decoder) report(issues []plan.Issue) {
	failed := len(d.problems) > 0
	for _, issue := range issues {
		switch issue.Code {
		case plan.IssueIncomplete, plan.IssueInvalid:
			if failed {
				continue
			}
		case plan.IssueNoVaults, plan.IssueNoWave, plan.IssueEmptyWave, plan.IssueUnreachableWave,
			plan.IssueLastApproval,
			plan.IssueNoStart:
			if !d.sound {
				continue
			}
		case plan.IssueNoWindow:
			if !d.sound || d.calendarsUnclear {
				continue
			}
		}
		message := issue.Message
		if issue.Other != nil {
			message += "; first at " + d.ref(d.placeOf(*issue.Other, issue.Field))
		}
		d.problem(d.placeOf(issue.Subject, issue.Field), issue.Hint, "%s", message)
	}
}

func (d *decoder) placeOf(s plan.Subject, field string) place {
	switch s.Kind {
	case plan.SubjectVault:
		return d.placeAt(d.vaults[s.Index].spot)
	case plan.SubjectSubscription:
		p := d.subscriptions[s.Index]
		switch field {
		case "id":
			return p.id
		case "name":
			return p.name
		}
		return p.start
	case plan.SubjectWave:
		return d.waves[s.Index].of(field)
	}
	if where, ok := d.whole[field]; ok {
		return where
	}
	if d.list.line == 0 {
		return place{line: 1, column: 1, file: d.main}
	}
	return d.list
}

// asStrings turns named strings into plain ones, for oneOf.
func asStrings[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}
