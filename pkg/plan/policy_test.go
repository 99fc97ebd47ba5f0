package plan

import (
	"reflect"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestSelector(t *testing.T) {
	t.Parallel()
	v := vault("v")
	v.SubscriptionID, v.SubscriptionName, v.Location = subA, "Prod", "West US"
	v.Labels = map[string]string{"env": "dev", "note": ""}
	for name, c := range map[string]struct {
		selector Selector
		want     bool
	}{
		"nothing asked":            {Selector{}, true},
		"equal":                    {Selector{Match: map[string]string{"env": "dev"}}, true},
		"capitals count in labels": {Selector{Match: map[string]string{"env": "Dev"}}, false},
		"in": {Selector{Expressions: []Requirement{{"env", OpIn, []string{"test", "dev"}}}},
			true},
		"in others":                {Selector{Expressions: []Requirement{{"env", OpIn, []string{"test"}}}}, false},
		"in without the label":     {Selector{Expressions: []Requirement{{"team", OpIn, []string{""}}}}, false},
		"in with an empty value":   {Selector{Expressions: []Requirement{{"note", OpIn, []string{""}}}}, true},
		"not in":                   {Selector{Expressions: []Requirement{{"env", OpNotIn, []string{"dev"}}}}, false},
		"not in others":            {Selector{Expressions: []Requirement{{"env", OpNotIn, []string{"test"}}}}, true},
		"not in without the label": {Selector{Expressions: []Requirement{{"team", OpNotIn, []string{"a"}}}}, true},
		"exists":                   {Selector{Expressions: []Requirement{{"note", OpExists, nil}}}, true},
		"exists without the label": {Selector{Expressions: []Requirement{{"team", OpExists, nil}}}, false},
		"does not exist":           {Selector{Expressions: []Requirement{{"team", OpDoesNotExist, nil}}}, true},
		"does not exist and does":  {Selector{Expressions: []Requirement{{"env", OpDoesNotExist, nil}}}, false},
		"location":                 {Selector{Match: map[string]string{"location": "westus"}}, true},
		"another location": {Selector{Expressions: []Requirement{{"location", OpNotIn, []string{"WEST us"}}}},
			false},
		"subscription by name": {Selector{Match: map[string]string{"subscription": "prod"}}, true},
		"subscription by ID": {Selector{Expressions: []Requirement{{"subscription", OpIn,
			[]string{"{" + subA + "}"}}}}, true},
		"another subscription": {Selector{Match: map[string]string{"subscription": subB}}, false},
		"type": {Selector{Match: map[string]string{"resourceType": string(fleet.BackupVault)}},
			true},
		"another type": {Selector{Match: map[string]string{
			"resourceType": string(fleet.SiteRecoveryVault)}}, false},
		"built-in keys exist": {Selector{Expressions: []Requirement{{"location", OpExists, nil}}}, true},
		"all must hold": {Selector{map[string]string{"env": "dev"}, []Requirement{{"team", OpExists, nil}}},
			false},
		"an unknown operator: none": {Selector{Expressions: []Requirement{{"env", "Is", []string{"dev"}}}}, false},
	} {
		if got := c.selector.Picks(&v); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSizeResolve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size       Size
		base, want int
	}{
		{Size{Count: 5}, 100, 5},
		{Size{Count: 5}, 2, 5},
		{Size{Percent: 10}, 100, 10},
		{Size{Percent: 10}, 101, 11},
		{Size{Percent: 7}, 100, 7}, // 7/100 lies just above in binary
		{Size{Percent: 0.001}, 100, 1},
		{Size{Percent: 10}, 0, 1},
		{Size{Percent: 100}, 3, 3},
	} {
		if got := c.size.Resolve(c.base); got != c.want {
			t.Errorf("%+v of %d is %d, want %d", c.size, c.base, got, c.want)
		}
	}
}

func TestLimitsOf(t *testing.T) {
	t.Parallel()
	p := &Plan{Limits: Limits{Upgrades: 10, PerSubscription: 2}, Calendar: &Calendar{}, Waves: []Wave{{},
		{Limits: WaveLimits{Upgrades: 20, PerSubscription: 1, PerLocation: 3},
			Calendar: &Calendar{Windows: []Window{{}}}},
		{Limits: WaveLimits{Upgrades: 4}}}}
	for w, want := range []WaveLimits{{10, 2, 0}, {10, 1, 3}, {4, 2, 0}} {
		if got := p.LimitsOf(w); got != want {
			t.Errorf("wave %d: %+v, want %+v", w, got, want)
		}
	}
	if p.CalendarOf(0) != p.Calendar || p.CalendarOf(1) != p.Waves[1].Calendar {
		t.Error("a wave's calendar replaces the plan's")
	}
}

// TestOwnCalendars: calendars that say the same are listed once, in the order
// of their first use, through all subscriptions.
func TestOwnCalendars(t *testing.T) {
	t.Parallel()
	nights := func(end int) *Calendar { return &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, end, "UTC"}}} }
	in := input(4)
	in.Calendar = nights(360)
	shared := nights(120)
	in.Subscriptions[0].Calendars = map[int]*Calendar{1: shared, 2: nights(180), 3: shared}
	in.Subscriptions = append(in.Subscriptions,
		SubscriptionSpec{Subscription: fleet.Subscription{ID: subB, Name: "test"},
			Vaults: []fleet.Vault{vault("v8"), vault("v9")}, Calendars: map[int]*Calendar{0: nights(180), 1: {}}})
	p := build(t, in)
	if want := []Calendar{*nights(120), *nights(180), {}}; !reflect.DeepEqual(p.Calendars, want) {
		t.Errorf("calendars %v, want %v", p.Calendars, want)
	}
	for i, want := range []*Calendar{p.Calendar, nights(120), nights(180), nights(120), nights(180), {}} {
		if got := p.CalendarFor(i); !reflect.DeepEqual(got, want) {
			t.Errorf("vault %d has %v, want %v", i, got, want)
		}
	}
}

// A wave in which nothing is to start needs no budget, under a hard ceiling either.
func TestHardBudgetOfHeldVaults(t *testing.T) {
	t.Parallel()
	in := input(3)
	in.Ceiling = CeilingHard
	in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x"}
	in.Subscriptions[0].Vaults[0].Labels = map[string]string{"env": "held"}
	in.Waves = []WaveSpec{{Name: "held", Match: map[string]string{"env": "held"},
		MaxFailures: &Budget{Unit: UnitPercent, Percent: 50}}, {Name: "rest", CatchAll: true}}
	build(t, in)
}

// A subscription without a name of its own is called by its ID.
func TestASubscriptionCalledByItsID(t *testing.T) {
	t.Parallel()
	in := input(1)
	in.Subscriptions[0].Name = in.Subscriptions[0].ID
	build(t, in)
}
