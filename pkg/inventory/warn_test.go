package inventory_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// warnings checks an inventory that can be run and returns its warnings.
func warnings(t *testing.T, text string) string {
	t.Helper()
	path := write(t, "f.yaml", text)
	p, list, err := inventory.Check(path, now, kindsOfTests()...)
	if err != nil || p == nil {
		t.Fatal(err)
	}
	var lines []string
	for _, w := range list {
		w.File = "f.yaml"
		lines = append(lines, w.String())
	}
	return strings.Join(lines, "\n")
}

const warnHead = `apiVersion: fleetup/v1
cloud: Emulator
`

// TestWarnings: what has no effect and what looks unusual is told with its place.
func TestWarnings(t *testing.T) {
	t.Parallel()
	got := warnings(t, warnHead+`defaults:
  location: Westeuropa
  resourceType: BackupVault
  targetResourceGroup: rg
  createResourceGroup: true
rules:
  - match: {ring: old}
    set: {hold: {reason: old, until: 2020-01-01}}
  - match: {team: core}
    set: {createResourceGroup: true}
  - match: {team: core}
    set: {createResourceGroup: false, labels: {x: w}}
  - matchExpressions: [{key: teem, operator: NotIn, values: [core]}, {key: team, operator: In, values: [core, cor]}]
    set: {labels: {z: w}}
subscriptions:
  - id: 11111111-1111-4111-8111-111111111111
    name: prod
    vaults:
      - {name: good, createResourceGroup: true}
      - {name: 1st_vault, createResourceGroup: true, labels: {team: core}}
      - {name: sql, location: West US, createResourceGroup: true, labels: {ring: old}}
      - {name: web, location: westus, createResourceGroup: true, labels: {ring: old}}
      - {name: own, location: eastus, createResourceGroup: true, hold: {reason: legal, until: 2026-11-01, by: records}}
      - {name: held, location: eastus, createResourceGroup: true, hold: {reason: legal, until: 2027-11-01, by: records}}
  - {id: 22222222-2222-4222-8222-222222222222, name: none, vaults: []}
waves:
  - {name: one, matchExpressions: [{key: rng, operator: DoesNotExist}], size: 1, upgrades: 11, perSubscription: 2}
  - {name: rest}
limits: {perSubscription: 20, perLocation: 3}
blackouts:
  - {from: "2025-12-24", to: "2025-12-27", timezone: UTC}
  - {from: "2026-12-24", to: "2026-12-27", timezone: UTC}
`)
	want := `f.yaml:4:13: location "Westeuropa" is not known; did you mean "westeurope"?
f.yaml:7:3: defaults.createResourceGroup has no effect: every vault has its own; remove it
f.yaml:10:17: vault "prod/sql" and 1 more may start: the hold is over (old, until 2020-01-01 00:00 UTC); write a later until to keep it out, or remove the hold; a run that would start it wants --accept-expired-holds
f.yaml:11:5: rule 2 has no effect: later rules, or the vaults' own values, replace all that it sets; remove it, or put it behind them
f.yaml:15:5: rule 4: no vault has a label "teem", so teem NotIn holds for all; did you mean "team"?
f.yaml:15:5: rule 4: no vault has the label "team" with the value "cor"; compare it with the labels of the subscriptions and vaults; capitals count
f.yaml:22:16: a vault's name "1st_vault" holds '_', and not only letters from a to z, digits and hyphens: today's rules do not allow that; compare it with the portal
f.yaml:25:72: vault "prod/own" may start: the hold is over (legal, until 2026-11-01 00:00 UTC, by records); write a later until to keep it out, or remove the hold; a run that would start it wants --accept-expired-holds
f.yaml:27:5: subscription "none" has no vaults; list its vaults, or remove it
f.yaml:29:35: wave "one": no vault has a label "rng", so rng DoesNotExist holds for all; did you mean "ring"?
f.yaml:29:92: a wave's upgrades 11 has no effect: limits.upgrades allows 10; lower it, or raise limits.upgrades
f.yaml:31:27: limits.perSubscription 20 has no effect: limits.upgrades allows 10; lower it, or raise limits.upgrades
f.yaml:33:5: a blackout is over, and has no effect: from 2025-12-24T00:00 to 2025-12-27T00:00 UTC; remove it, or correct its year`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNoWarnings: inventories in which all has its effect, the examples among them,
// are told nothing.
func TestNoWarnings(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../../examples/contoso/fleet.yaml"} {
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
		if _, list, err := inventory.Check(path, now, kindsOfTests()...); err != nil || len(list) > 0 {
			t.Errorf("%s: %v, %v", path, list, err)
		}
	}
}

// TestOneMistakeInATemplate: it is told once, where the template stands, however
// many vaults it is for.
func TestOneMistakeInATemplate(t *testing.T) {
	t.Parallel()
	path := write(t, "f.yaml", warnHead+
		`defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: "rg-{labels.app}"}
subscriptions:
  - id: 11111111-1111-4111-8111-111111111111
    name: prod
    vaults: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}, {name: g}, {name: h, labels: {app: a b}}, {name: ok, labels: {app: x}}]
`)
	_, err := inventory.Load(path, now)
	got := ""
	if err != nil {
		got = strings.ReplaceAll(err.Error(), path, "f.yaml")
	}
	want :=
		`f.yaml:3:79: targetResourceGroup "rg-{labels.app}" cannot be filled in for 7 vaults (vault "prod/a", vault "prod/b", vault "prod/c", vault "prod/d", vault "prod/e" and 2 more): it has no label "app"; add the label
f.yaml:7:91: vault "prod/h": targetResourceGroup "rg-{labels.app}" (f.yaml:3:79) cannot be filled in: resource group name "rg-a b" may hold only letters, digits and . _ - ( ), not ' '; give it a targetResourceGroup of its own, or change the template`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAdviceAboutBooleans: for a word that YAML may take for a boolean the advice is
// one that works.
func TestAdviceAboutBooleans(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"waves: [{name: a, approval: yes}, {name: b}]": "approval must be before or after, not yes; " +
			"write one of before, after",
		"waves: [{name: a, approval: {when: on}}, {name: b}]": "approval.when must be before or after, not on; " +
			"write one of before, after",
		"waves: [{name: a, order: no}]": "order must be longest-first, name or " +
			"inventory, not no; write one of longest-first, name, inventory",
		"rules: [{match: {a: b}, set: {createResourceGroup: yes}}]": `createResourceGroup must be true or false, not the text "yes"; write true or false: YAML readers do not agree about yes`,
		"rules: [{match: {a: b}, set: {hold: yes}}]":                `hold must say why, not the text "yes"; write hold: the reason, or remove the key`,
		"rules: [{match: {a: b}, set: {hold: true}}]": "hold must say why, not the boolean true; write " +
			"hold: the reason, or remove the key",
		"rules: [{match: {a: no}, set: {hold: x}}]": `label "a" must be text, but YAML reads no as a boolean; quote it: "no"`,
		"windows: [{days: [yes], start: a, end: b, timezone: UTC}]": "a day must be Mon, Tue, Wed, Thu, Fri, Sat or " +
			"Sun, not yes; write one of Mon, Tue, Wed, Thu, Fri, Sat, Sun",
	} {
		_, err := inventory.Parse("f.yaml", []byte(warnHead+line+`
defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: rg}
subscriptions: [{id: 11111111-1111-4111-8111-111111111111, vaults: [{name: a, labels: {a: b}}]}]
`), now)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestWarningsBesideMistakes: what is told without a plan is told beside mistakes, too,
// whether they show while the text is read or when a plan is made of it.
func TestWarningsBesideMistakes(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"read":    "limits: {upgrades: 5, perSubscription: 8, perRegion: 3}\n",
		"planned": "limits: {upgrades: 5, perSubscription: 8}\nwaves: [{name: one, match: {ring: none}}]\n",
	} {
		path := write(t, "f.yaml", warnHead+text+"defaults: {resourceType: BackupVault, targetResourceGroup: rg}\n"+
			"blackouts: [{from: 2020-01-01T00:00, to: 2020-01-02T00:00, timezone: UTC}]\n"+
			"subscriptions:\n  - id: 11111111-1111-4111-8111-111111111111\n    name: prod\n"+
			"    vaults: [{name: 1st_vault, location: Westeuropa}]\n")
		_, list, err := inventory.Check(path, now, kindsOfTests()...)
		problems, ok := errors.AsType[*inventory.Problems](err)
		if !ok || list != nil {
			t.Fatalf("%s: %v, %v", what, list, err)
		}
		var said strings.Builder
		for _, w := range problems.Warnings {
			said.WriteString(w.String() + "\n")
		}
		for _, part := range []string{"perSubscription 8 has no effect", "a blackout is over", `"1st_vault"`,
			`location "Westeuropa"`} {
			if strings.Count(said.String(), part) != 1 {
				t.Errorf("%s: not once %q in:\n%s\nbeside: %v", what, part, &said, err)
			}
		}
	}
}
