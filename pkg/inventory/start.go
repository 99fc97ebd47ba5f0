package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Care is how much a new inventory wants to have seen of few vaults before the others
// start.
type Care string

// How careful a new inventory may be.
const (
	Careful  Care = "careful"
	Balanced Care = "balanced"
	Fast     Care = "fast"
)

// Cares are the words for it, the most careful first.
func Cares() []Care { return []Care{Careful, Balanced, Fast} }

// Says is what a care means, as a phrase.
func (c Care) Says() string {
	switch c {
	case Careful:
		return "one vault, then one in twenty, each looked at and approved by a person; 5 at once"
	case Balanced:
		return "one vault that a person approves, then one in twenty, then the rest; 20 at once"
	}
	return "three vaults, then the rest, without an approval; 50 at once"
}

// Rollout is how a new inventory goes about its vaults.
type Rollout struct {
	Care   Care
	Window string // as [ParseWindow] returns it; empty: at any hour
}

// pilotFrom is how many vaults there must be for a wave of one in twenty to be more than
// one other vault.
const pilotFrom = 21

// write writes waves, budget and limits for so many vaults. Each wave takes some of them:
// one that took none would be a mistake.
func (r *Rollout) write(w *writer, vaults int) {
	first, approval := 1, true
	budget, atOnce, perSubscription := "1%", 5, 2
	switch r.Care {
	case Balanced:
		budget, atOnce, perSubscription = "2%", 20, 5
	case Fast:
		first, approval = 3, false
		budget, atOnce, perSubscription = "5%", 50, 10
	}
	w.comment(0, "A vault goes into the first wave that takes it.")
	w.line(0, "waves:")
	if vaults > first {
		gate := ""
		if approval {
			gate = ", approval: after"
		}
		w.line(1, "- {name: first, size: %d, maxFailures: 0%s}", first, gate)
	}
	switch {
	case vaults < pilotFrom:
	case r.Care == Careful:
		w.line(1, "- {name: pilot, size: 5%%, maxFailures: 0, soak: 1h, approval: after}")
	case r.Care == Balanced:
		w.line(1, "- {name: pilot, size: 5%%, maxFailures: 1, soak: 30m}")
	}
	w.line(1, "- {name: rest}")
	w.line(0, "failureBudget: %s  # more failed vaults halt the run", budget)
	w.line(0, "limits: {upgrades: %d, perSubscription: %d}  # at once", atOnce, perSubscription)
	if r.Window == "" {
		w.comment(0, "Without windows vaults start at any hour.")
		return
	}
	w.comment(0, "A vault starts only if it is predicted to end inside.")
	w.line(0, "windows:")
	w.line(1, "- %s", r.Window)
}

// ParseWindow reads a maintenance window as people say it, [DAYS] START-END [ZONE], such as
// "Mon-Fri 22:00-06:00 Europe/London", and returns it as an inventory has it. The days on
// which it begins are all where none are given, and the time zone is the given one; "any"
// is no window at all.
func ParseWindow(text, zone string) (string, error) {
	words := strings.Fields(text)
	if len(words) == 1 && strings.EqualFold(words[0], "any") {
		return "", nil
	}
	days := dayNames
	if len(words) > 1 && unicode.IsLetter(rune(words[0][0])) {
		var err error
		if days, err = daysOf(words[0]); err != nil {
			return "", err
		}
		words = words[1:]
	}
	if len(words) == 2 {
		zone = words[1]
	}
	start, end, ok := "", "", false
	if len(words) > 0 {
		start, end, ok = strings.Cut(words[0], "-")
	}
	if !ok || len(words) > 2 {
		return "", fmt.Errorf("%q is no window such as \"Mon-Fri 22:00-06:00 Europe/London\", nor any", text)
	}
	window := fmt.Sprintf("{days: [%s], start: %s, end: %s, timezone: %s}", strings.Join(days, ", "), quote(start),
		quote(end), scalar(zone))
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(window), &n); err != nil || len(n.Content) != 1 {
		return "", fmt.Errorf("%q is no window", text)
	}
	d := &decoder{reader: newReader("")}
	if d.window(n.Content[0]); len(d.problems) > 0 {
		return "", fmt.Errorf("the window %q: %s", text, d.problems[0].Message)
	}
	return window, nil
}

// daysOf reads days as people write them: Sat, Mon-Fri, Mon,Wed.
func daysOf(text string) (days []string, err error) {
	day := func(s string) int {
		return slices.IndexFunc(dayNames, func(name string) bool { return strings.EqualFold(name, s) })
	}
	for _, part := range strings.Split(text, ",") {
		from, to, span := strings.Cut(part, "-")
		if !span {
			to = from
		}
		a, b := day(from), day(to)
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("%q are no days such as Sat, Mon-Fri or Mon,Wed", text)
		}
		for i := a; ; i = (i + 1) % len(dayNames) {
			if slices.Contains(days, dayNames[i]) {
				return nil, fmt.Errorf("%q has %s twice", text, dayNames[i])
			}
			if days = append(days, dayNames[i]); i == b {
				break
			}
		}
	}
	return days, nil
}

// Starter is an inventory to start from, of a kind: it plans as it stands, of vaults that
// are to be replaced. The classic kind has the vaults' targets in it, and a patch its body.
func Starter(kind *fleet.KindSpec) []byte {
	w := &writer{eol: "\n"}
	w.comment(0, "An inventory to start from, for %s.", kind.Kind)
	w.comment(0, "Put your own subscriptions and vaults in it.")
	if kind.Written == nil {
		w.comment(0, "fleetup init --kind %s finds them.", kind.Kind)
	}
	w.comment(0, "Every key: docs/inventory.md, and of waves docs/waves.md.")
	w.line(0, "apiVersion: %s", apiVersion)
	w.line(0, "cloud: %s  # or AzureGovernment, AzureChina", fleet.AzurePublic)
	switch {
	case kind.Written != nil:
		w.WriteString(starterPatch)
	case kind.Kind != fleet.KindClassic:
		w.line(0, "upgrade:")
		w.line(1, "kind: %s", kind.Kind)
		for _, o := range kind.Options {
			w.comment(1, "%s: %s", o.Key, cmp.Or(o.Default, strings.ToUpper(string(o.Type))))
		}
	}
	w.comment(0, "Of most vaults; the others say their own.")
	w.line(0, "defaults:")
	w.line(1, "location: West Europe")
	if kind.Kind == fleet.KindClassic {
		w.line(1, "resourceType: %s", fleet.BackupVault)
		w.line(1, "targetResourceGroup: rg-backup  # it must exist")
	} else {
		w.line(1, "resourceGroup: rg-vaults")
	}
	care := Balanced
	if kind.Permanent {
		care = Careful
	}
	(&Rollout{Care: care}).write(w, 3)
	w.line(0, "subscriptions:")
	w.line(1, "- id: 00000000-0000-4000-8000-000000000001")
	w.line(1, "  name: production")
	w.line(1, "  vaults:")
	for _, which := range []string{"first", "second", "third"} {
		w.line(3, "- {name: vault-%s}", which)
	}
	return w.Bytes()
}

// starterPatch is a kind that the inventory writes itself, with every key that such a kind
// has to have.
const starterPatch = `upgrade:
  kind: patch
  name: cost-centre  # the kind is then patch-cost-centre
  title: the cost centre as a tag
  resourceType: Microsoft.RecoveryServices/vaults
  apiVersion: 2026-07-01
  # A JSON merge patch of properties and tags.
  body: {tags: {costCentre: "4711"}}
  # What must be true of each vault as it was read (JMESPath).
  require:
    - properties.provisioningState == 'Succeeded'
  # What was there is put back; or a body, or permanent: true.
  undo: before
`
