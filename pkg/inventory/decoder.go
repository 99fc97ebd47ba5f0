package inventory

import (
	"fmt"
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
	defaults vaultDefaults

	list          place // of subscriptions
	subscriptions []subscriptionPlaces
	vaults        []place
	waves         []wavePlaces

	// sound is false after a problem that makes it unknowable which vaults
	// there are, with which labels, or what a wave would take.
	sound bool
}

type subscriptionPlaces struct{ start, id, name place }

type wavePlaces struct{ start, name, match place }

var inventorySchema = &schema{
	what: "the inventory",
	keys: []string{"apiVersion", "cloud", "emulator", "upgrade", "credential", "defaults", "subscriptions",
		"limits", "waves", "failureBudget", "timings"},
	later: map[string]string{
		"windows":   "start the run when its window opens, and stop it at the end",
		"blackouts": "do not start a run on those days",
		"include":   "put everything into one file",
		"rules":     "write the vaults out",
	},
}

func (d *decoder) inventory(root *yaml.Node) {
	f, _ := d.mapping(root, at(root), inventorySchema)
	d.in.Kind = fleet.KindClassic
	d.in.Limits, d.in.Timings = plan.DefaultLimits(), plan.DefaultTimings()
	d.in.FailureBudget = plan.Budget{Unit: plan.UnitDefault}

	d.version(&f)
	d.cloud(&f)
	d.emulator(f.get("emulator"))
	if e := f.get("upgrade"); e != nil {
		d.upgrade(e)
	}
	if e := f.get("credential"); e != nil {
		d.credential(e)
	}
	if e := f.get("limits"); e != nil {
		d.limits(e)
	}
	if e := f.get("timings"); e != nil {
		d.timings(e)
	}
	if e := f.get("failureBudget"); e != nil {
		d.failureBudget(e)
	}
	d.defaults.fields.unclear = f.doubtful("defaults")
	if e := f.get("defaults"); e != nil {
		d.readDefaults(e)
	}
	d.readSubscriptions(&f)
	if e := f.get("waves"); e != nil {
		d.readWaves(e)
	}
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

var upgradeSchema = &schema{what: "upgrade", keys: []string{"kind"}}

func (d *decoder) upgrade(e *entry) {
	f, ok := d.mapping(e.value, e.at, upgradeSchema)
	if !ok {
		return
	}
	kind := f.get("kind")
	if kind == nil {
		if f.lacks("kind") {
			d.problem(e.at, "write upgrade: {kind: classic}, or leave it out", "upgrade has no kind")
		}
		return
	}
	if s, ok := d.text(kind.value, kind.at, "upgrade.kind"); ok && s != string(fleet.KindClassic) {
		d.problem(kind.at, "", "upgrade kind %s is not supported yet; only %s is", quote(s), fleet.KindClassic)
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
		case plan.IssueNoVaults, plan.IssueNoWave, plan.IssueEmptyWave, plan.IssueUnreachableWave:
			if !d.sound {
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
		return d.vaults[s.Index]
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
		p := d.waves[s.Index]
		switch field {
		case "name":
			return p.name
		case "match":
			return p.match
		}
		return p.start
	}
	return d.list
}

// labels reads labels, or a match of them: names with values. A problem makes
// the waves unknowable.
func (d *decoder) labels(e *entry, what string) map[string]string {
	f, ok := d.mapping(e.value, e.at, &schema{what: what})
	d.sound = d.sound && ok && len(f.entries) == len(e.value.Content)/2
	var m map[string]string
	for _, l := range f.entries {
		value, ok := d.text(l.value, l.at, fmt.Sprintf("label %s", quote(l.name)))
		ok = ok && d.checkLine(l.name, l.key, "the name of a label")
		if ok && value != "" {
			ok = d.checkLine(value, l.at, fmt.Sprintf("label %s", quote(l.name)))
		}
		if !ok {
			d.sound = false
			continue
		}
		if m == nil {
			m = make(map[string]string, len(f.entries))
		}
		m[l.name] = value
	}
	return m
}

// words turns named strings into plain ones, for oneOf.
func words[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for w := range slices.Values(list) {
		out = append(out, string(w))
	}
	return out
}
