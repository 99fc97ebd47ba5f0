package emulator

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestValidateNamesEachMistake(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scenario Scenario
		want     string // path and a part of the message
	}{
		"scale":     {Scenario{TimeScale: -1}, "timeScale: -1"},
		"scale NaN": {Scenario{TimeScale: math.NaN()}, "timeScale: NaN"},
		"constant and more": {Scenario{Duration: Duration{Constant: "1m", Max: "2m"}},
			"duration: constant stands alone"},
		"no duration": {Scenario{Duration: Duration{Constant: "20"}}, `duration.constant: "20" is no duration`},
		"zero": {Scenario{Duration: Duration{Constant: "0s"}},
			"duration.constant: \"0s\" must be above zero"},
		"min alone":     {Scenario{Duration: Duration{Min: "1m"}}, "duration: min and max belong together"},
		"max below min": {Scenario{Duration: Duration{Min: "2m", Max: "1m"}}, "duration.max: 1m is less"},
		"base alone":    {Scenario{Duration: Duration{Base: "2m"}}, "duration: base and perItem"},
		"base and min": {Scenario{Duration: Duration{Base: "2m", PerItem: "1s", Min: "1m"}},
			"duration.min: goes with max"},
		"max below base": {Scenario{Duration: Duration{Base: "2m", PerItem: "1s", Max: "1m"}},
			"duration.max: 1m is less than base"},

		"no kind": {faulty(Fault{Vault: "v", Kind: "explodes"}), `faults[0].kind: "explodes" is no kind`},
		"nobody":  {faulty(Fault{Kind: kindFails}), "faults[0]: strikes nobody"},
		"vault and rate": {faulty(Fault{Kind: kindFails, Vault: "v", Rate: 0.5}),
			"faults[0]: names a vault and a rate"},
		"vault and sub": {faulty(Fault{Kind: kindFails, Vault: "v", Subscription: "s"}),
			"faults[0]: names a vault and a subscription"},
		"rate":     {faulty(Fault{Kind: kindFails, Rate: 1.5}), "faults[0].rate: 1.5"},
		"rate NaN": {faulty(Fault{Kind: kindFails, Rate: math.NaN()}), "faults[0].rate: NaN"},
		"csp of a vault": {faulty(Fault{Kind: kindCSP, Vault: "v"}),
			"faults[0].vault: a fault of kind csp strikes whole"},
		"csp, sub and rate": {faulty(Fault{Kind: kindCSP, Subscription: "s", Rate: 0.1}),
			"faults[0]: names a subscription and a rate"},
		"stray parameter": {faulty(Fault{Kind: kindAlready, Vault: "v", Delay: "1s"}),
			"faults[0].delay: means nothing to a fault of kind already; it takes trigger"},
		"no parameter at all": {faulty(Fault{Kind: kindCSP, Rate: 1, Times: 1}), "it takes no parameter"},
		"missing parameter": {faulty(Fault{Kind: kindBusy, Vault: "v"}),
			"faults[0]: a fault of kind busy needs for"},
		"for":   {faulty(Fault{Kind: kindBusy, Vault: "v", For: "ten"}), `faults[0].for: "ten"`},
		"delay": {faulty(Fault{Kind: kindSlow, Vault: "v", Delay: "-1s"}), `faults[0].delay: "-1s"`},
		"call": {faulty(Fault{Kind: kindDenied, Vault: "v", Calls: []string{"list", "start"}}),
			`faults[0].calls[1]: "start" is no call`},
		"times":  {faulty(Fault{Kind: kindDenied, Vault: "v", Times: -2}), "faults[0].times: -2"},
		"chance": {faulty(Fault{Kind: kindDenied, Vault: "v", Chance: 2}), "faults[0].chance: 2"},
		"until":  {faulty(Fault{Kind: kindDenied, Vault: "v", Until: "noon"}), `faults[0].until: "noon"`},
		"retryAfter": {faulty(Fault{Kind: kindThrottled, Vault: "v", RetryAfter: -1}),
			"faults[0].retryAfter: -1"},
		"status of refused": {faulty(Fault{Kind: kindStartRefused, Vault: "v", Status: 500}),
			"faults[0].status: 500: a fault of kind start-refused answers 400 to 499"},
		"status of server": {faulty(Fault{Kind: kindServerError, Vault: "v", Status: 404}), "answers 500 to 599"},
		"status of denied": {faulty(Fault{Kind: kindDenied, Vault: "v", Status: 402}), "answers 401 or 403"},
		"shape":            {faulty(Fault{Kind: kindStartRefused, Vault: "v", Shape: 4}), "faults[0].shape: 4"},
		"trigger": {faulty(Fault{Kind: kindAlready, Vault: "v", Trigger: "user"}),
			`faults[0].trigger: "user" is not one of User, Forced`},
		"ends": {faulty(Fault{Kind: kindForeign, Vault: "v", Ends: "ok"}), `faults[0].ends: "ok"`},
		"after": {faulty(Fault{Kind: kindVanished, Vault: "v", After: "lunch"}),
			`faults[0].after: "lunch"`},
		"provider": {faulty(Fault{Kind: kindProviderUnregistered, Rate: 1, Provider: "Backup"}),
			`faults[0].provider: "Backup"`},
		"accepted, no start": {faulty(Fault{Kind: kindGarbage, Vault: "v", Calls: []string{"list"}, Accepted: true}),
			"faults[0].accepted: only a start"},
		"hang later": {faulty(Fault{Kind: kindHang, Vault: "v", Delay: "1m"}), "faults[0].delay: says when"},
		"no type": {faulty(Fault{Kind: kindBlocked, Vault: "v",
			Reasons: []Reason{{Code: "c", Message: "m"}}}), "faults[0].reasons[0].type: is missing"},
		"wrong type": {faulty(Fault{Kind: kindBlocked, Vault: "v",
			Reasons: []Reason{{Code: "c", Message: "m", Type: "Info"}}}), `faults[0].reasons[0].type: "Info"`},
		"no code": {faulty(Fault{Kind: kindBlocked, Vault: "v",
			Reasons: []Reason{{Type: "Error", Message: "m"}}}), "faults[0].reasons[0].code: is missing"},
		"no message": {faulty(Fault{Kind: kindBlocked, Vault: "v",
			Reasons: []Reason{{Type: "Error", Code: "c"}}}), "faults[0].reasons[0].message: is missing"},
		"blocked by a warning": {faulty(Fault{Kind: kindBlocked, Vault: "v",
			Reasons: []Reason{{Type: "Warning", Code: "c", Message: "m"}}}),
			"faults[0].reasons: a fault of kind blocked needs"},
		"warned by an error": {faulty(Fault{Kind: kindWarnings, Vault: "v",
			Reasons: []Reason{{Type: "Error", Code: "c", Message: "m"}}}),
			"faults[0].reasons: a fault of kind warnings has"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.scenario.Validate()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if m, ok := errors.AsType[*Mistake](err); !ok || m.Path == "" {
				t.Errorf("no Mistake in %v", err)
			}
		})
	}
}

func faulty(f Fault) Scenario { return Scenario{Faults: []Fault{f}} }

func TestValidateReturnsAllMistakes(t *testing.T) {
	t.Parallel()
	s := Scenario{TimeScale: -1, Faults: []Fault{{Kind: "x"}, {Kind: kindBusy, Rate: 7, Times: 3}}}
	if got := strings.Count(s.Validate().Error(), "\n") + 1; got != 5 {
		t.Errorf("%d mistakes, want 5: %v", got, s.Validate())
	}
}

// The tables of kinds agree with the fields of a Fault, which an outside
// decoder fills by these names.
func TestKindsAndFieldsAgree(t *testing.T) {
	t.Parallel()
	var names []string
	ft := reflect.TypeFor[Fault]()
	for i := range ft.NumField() {
		yaml := ft.Field(i).Tag.Get("yaml")
		json, _, _ := strings.Cut(ft.Field(i).Tag.Get("json"), ",")
		if yaml == "" || yaml != json {
			t.Errorf("field %s is %q in YAML, %q in JSON", ft.Field(i).Name, yaml, json)
		}
		names = append(names, yaml)
	}
	used := map[string]bool{}
	for _, k := range FaultKinds() {
		for _, p := range k.Params {
			used[p] = true
			if !slices.Contains(names, p) {
				t.Errorf("kind %s takes %q, which is no field", k.Kind, p)
			}
		}
		for _, p := range k.Needs {
			if !slices.Contains(k.Params, p) {
				t.Errorf("kind %s needs %q and does not take it", k.Kind, p)
			}
		}
		if k.Summary == "" || slices.Contains(k.Params, "times") && k.Times == 0 {
			t.Errorf("kind %s has no summary or no default for times", k.Kind)
		}
	}
	for _, n := range names[4:] {
		if !used[n] {
			t.Errorf("no kind takes %q", n)
		}
	}
}

func TestNewRefusesBadConfigurations(t *testing.T) {
	t.Parallel()
	change := func(f func(*Vault)) []Vault {
		v := fleet()
		f(&v[0])
		return v
	}
	twin := fleet()[0]
	twin.Location = "East US"
	tests := map[string]struct {
		cfg  Config
		want string
	}{
		"no GUID": {Config{Vaults: change(func(v *Vault) { v.SubscriptionID = "prod" })},
			`vaults[0]: subscription ID "prod"`},
		"no name":     {Config{Vaults: change(func(v *Vault) { v.Name = "" })}, "vaults[0]: has no name"},
		"no location": {Config{Vaults: change(func(v *Vault) { v.Location = " " })}, "has no location"},
		"type": {Config{Vaults: change(func(v *Vault) { v.ResourceType = "Vault" })},
			`resource type "Vault"`},
		"group": {Config{Vaults: change(func(v *Vault) { v.TargetResourceGroup = "rg." })},
			`"rg." is no name of a resource group`},
		"items": {Config{Vaults: change(func(v *Vault) { v.ProtectedItems = -1 })}, "-1 protected items"},
		"twice": {Config{Vaults: append(fleet(), fleet()[0])},
			"vaults[4]: contoso-prod/alpha is there twice"},
		"same target": {Config{Vaults: append(fleet(), twin)}, "upgraded to the same place"},
		"scenario":    {Config{Vaults: fleet(), Scenario: Scenario{TimeScale: -1}}, "timeScale"},
		"no such vault": {Config{Vaults: fleet(), Scenario: faulty(Fault{Kind: kindFails, Vault: "prod/alpha"})},
			`faults[0].vault: no vault is "prod/alpha"`},
		"no such sub": {Config{Vaults: fleet(), Scenario: faulty(Fault{Kind: kindCSP, Subscription: "x"})},
			"faults[0].subscription: 0 subscriptions"},
		"all at once": {Config{Vaults: change(func(v *Vault) { v.Name = "" }), Scenario: Scenario{TimeScale: -1}},
			"timeScale"},
		"all at once, too": {Config{Vaults: change(func(v *Vault) { v.Name = "" }), Scenario: Scenario{TimeScale: -1}},
			"vaults[0]: has no name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestVaultsAreNamedInManyWays(t *testing.T) {
	t.Parallel()
	vaults := fleet()
	twin := vaults[0]
	twin.Location, twin.TargetResourceGroup = "East US", "rg-east"
	vaults = append(vaults, twin)
	tests := map[string]string{ // reference → location of the vault meant, or a part of the error
		"beta":                            "West US",
		"BETA":                            "West US",
		"contoso-PROD/Beta":               "West US",
		prod + "/beta":                    "West US",
		"{" + prod + "}/beta":             "West US",
		"contoso-prod/alpha/eastus":       "East US",
		"contoso-prod/alpha/West US":      "West US",
		"contoso-prod/beta/" + typeBackup: "no vault is",
		"contoso-prod/alpha": "is 2 vaults: contoso-prod/alpha/West US/BackupVault, " +
			"contoso-prod/alpha/East US",
		"alpha":            "is 2 vaults",
		"contoso-lab/beta": "no vault is",
		"":                 "no vault is",
	}
	c := newCloud(t, Scenario{}, vaults...)
	for ref, want := range tests {
		t.Run(ref, func(t *testing.T) {
			t.Parallel()
			v, _, err := c.find(ref)
			if err != nil {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			} else if v.Location != want {
				t.Errorf("found %s in %s, want %q", v.Name, v.Location, want)
			}
		})
	}
}

func TestScenarioSurvivesJSON(t *testing.T) {
	t.Parallel()
	in := Scenario{Seed: 7, TimeScale: 60, Duration: Duration{Constant: "20m"}, Faults: []Fault{
		{Kind: kindThrottled, Rate: 0.1, Calls: []string{"list"}, Times: 3, RetryAfter: 5},
		{Kind: kindBlocked, Vault: "a/b", Reasons: []Reason{{Code: "c", Type: "Error", Message: "m"}}},
	}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Scenario
	if err := json.Unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v: %s", err, b)
	}
}
