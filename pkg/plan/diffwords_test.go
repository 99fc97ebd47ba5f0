package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// full is an input with everything that an inventory may say, of the classic
// kind or of one of today's.
func full(today bool) Input {
	in := input(4)
	if today {
		in = backInput(4)
	}
	s := &in.Subscriptions[0]
	s.Tenant, s.Labels = subA, map[string]string{"env": "dev"}
	s.Vaults[0].Labels = map[string]string{"team": "payments"}
	s.Vaults[0].Consents = []fleet.Consent{{Code: "a", Category: "b", Contains: "c", Reason: "d"}}
	s.Vaults[0].ProtectedItems = 7
	s.Vaults[1].Hold = &fleet.Hold{Reason: "freeze", By: "records", Until: now.AddDate(1, 0, 0)}
	s.Vaults[2].Hold = &fleet.Hold{Reason: "over", Until: now.AddDate(-1, 0, 0)}
	s.Vaults[2].CreateResourceGroup = !today
	open := Window{[]time.Weekday{1, 2, 3}, 60, 300, "UTC"}
	closed := Blackout{"2026-12-24T00:00", "2026-12-27T00:00", "UTC"}
	in.Calendar = &Calendar{Windows: []Window{open}, Blackouts: []Blackout{closed}}
	s.Calendars = map[int]*Calendar{0: {}, 1: {Windows: []Window{open}}}
	in.SubscriptionBudget, in.Ceiling, in.SameErrorHalt = &Budget{Unit: UnitPercent, Percent: 50}, CeilingSoft, 3
	in.Limits.PerLocation = 9
	in.Waves = []WaveSpec{
		{Name: "one", Match: map[string]string{"team": "payments"}, Size: &Size{Percent: 25}, Soak: time.Minute,
			Order: OrderName, Calendar: &Calendar{Windows: []Window{open}},
			Approval:    &Approval{When: ApprovalAfter, NotBy: NotByStarter, Expiry: time.Hour},
			MaxFailures: &Budget{Unit: UnitCount, Count: 2}, Limits: WaveLimits{1, 2, 3}},
		{Name: "rest", CatchAll: true}}
	return in
}

// asGo finds what only Go writes: structs, pointers, lists without commas.
var asGo = regexp.MustCompile(`[&]|\{[0-9a-z ]* [0-9a-z ]*\}|0x|map\[|%!|\[[0-9]+ |<nil>`)

// uncompared are the fields that say nothing of an inventory, by their JSON path.
var uncompared = regexp.MustCompile(`^(schemaVersion|fingerprint|inventory)$|` + // of the saved form
	`^subscriptions.*(id|name|labels.*)$|` + // a name people call it by; labels lie under those of the vaults
	`\.(key|kind|subscriptionId|subscriptionName|name|location|resourceType)$|` + // a vault's identity
	`predicted|^checkedAt$|\.checked$|\.shownWarnings|\.wave$|\.vaults\[|` + // of the plan's making
	`^upgrade\.(title|before|after)|` + // the program's own words
	`\.calendar$|` + // a number; what it stands for is compared
	`^cloud\.(service|resource)|unrestorable$|` + // follows from the cloud's name, and from what is put back
	// no part of a budget of that unit
	`maxFailures\.(percent|unit)|size\.count|^failureBudget\.(count|percent)|^subscriptionBudget\.count`)

// TestDiffTellsEveryField changes each value of a plan that came from an
// inventory in turn: the difference names it, in words that an inventory has.
func TestDiffTellsEveryField(t *testing.T) {
	t.Parallel()
	for _, today := range []bool{false, true} {
		p := build(t, full(today))
		if today {
			p = p.Restoring(func(*fleet.Vault) (json.RawMessage, string) {
				return json.RawMessage(`{"properties":{"a":"b","n":[1,2]}}`), ""
			})
		}
		data, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		tried := 0
		for _, path := range leaves(reflect.ValueOf(p).Elem(), "") {
			if uncompared.MatchString(path) {
				continue
			}
			tried++
			var q Plan
			if err := json.Unmarshal(data, &q); err != nil {
				t.Fatal(err)
			}
			change(t, reflect.ValueOf(&q).Elem(), path)
			lines := Diff(p, &q).Lines()
			if len(lines) == 0 {
				t.Errorf("a change of %s is not told", path)
			}
			for _, l := range append(lines, Diff(&q, p).Lines()...) {
				if asGo.MatchString(l) {
					t.Errorf("%s: written as Go writes it: %s", path, l)
				}
			}
		}
		if tried < 50 {
			t.Errorf("only %d fields tried", tried)
		}
	}
}

// leaves lists the paths of all single values in v.
func leaves(v reflect.Value, path string) (out []string) {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return leaves(v.Elem(), path)
	case v.Type() == reflect.TypeFor[json.RawMessage]() && v.Len() == 0:
		return nil
	case v.Type() == reflect.TypeFor[time.Time](), v.Type() == reflect.TypeFor[json.RawMessage]():
		return []string{path}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous {
				out = append(out, leaves(v.Field(i), path)...)
				continue
			}
			out = append(out, leaves(v.Field(i), strings.TrimPrefix(path+"."+name, "."))...)
		}
		return out
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			out = append(out, leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return out
	case v.Kind() == reflect.Map:
		for _, k := range v.MapKeys() {
			out = append(out, path+"{"+k.String()+"}")
		}
		return out
	}
	return []string{path}
}

// change gives the value at a path another one.
func change(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if path == "" {
		switch x := v.Addr().Interface().(type) {
		case *time.Time:
			*x = x.AddDate(0, 0, 1)
		case *json.RawMessage:
			*x = json.RawMessage(`{"properties":{"a":"c","m":null}}`)
		default:
			switch v.Kind() {
			case reflect.String:
				v.SetString(v.String() + "-y")
			case reflect.Bool:
				v.SetBool(!v.Bool())
			case reflect.Float64:
				v.SetFloat(v.Float() + 1)
			default:
				v.SetInt((v.Int() + 1) % 5)
				if v.Type() == reflect.TypeFor[time.Duration]() {
					v.SetInt(int64(91 * time.Second))
				}
			}
		}
		return
	}
	switch path = strings.TrimPrefix(path, "."); path[0] {
	case '[':
		var i int
		rest := path[strings.Index(path, "]")+1:]
		if _, err := fmt.Sscanf(path, "[%d]", &i); err != nil {
			t.Fatal(err)
		}
		change(t, v.Index(i), rest)
	case '{':
		k := path[1:strings.Index(path, "}")]
		v.SetMapIndex(reflect.ValueOf(k), reflect.ValueOf("other"))
	default:
		end := strings.IndexAny(path, ".[{")
		if end < 0 {
			end = len(path)
		}
		f, ok := fieldOf(v, path[:end])
		if !ok {
			t.Fatalf("no field %q", path)
		}
		change(t, f, path[end:])
	}
}

func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if x, ok := fieldOf(v.Field(i), name); ok {
				return x, true
			}
			continue
		}
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// TestDiffOfASavedPlanIsEmpty: whatever the plan, of every kind and of a
// rollback too, saving and loading it changes nothing; nor does making it again.
func TestDiffOfASavedPlanIsEmpty(t *testing.T) {
	t.Parallel()
	texts := rapid.SampledFrom([]string{"", "a", "<&>", "é", "e\u0301", "a b", "\u2028", `"`, `\`, "{restore}"})
	name := rapid.SampledFrom([]string{"a", "<&>", "é", "a b", `"x"`})
	rapid.Check(t, func(t *rapid.T) {
		today := rapid.Bool().Draw(t, "today")
		in := full(today)
		for i := range in.Subscriptions[0].Vaults {
			v := &in.Subscriptions[0].Vaults[i]
			if rapid.Bool().Draw(t, "labels") {
				v.Labels = rapid.MapOfN(name, texts, 0, 2).Draw(t, "map")
			}
			if rapid.Bool().Draw(t, "hold") {
				v.Hold = &fleet.Hold{Reason: name.Draw(t, "reason"), By: texts.Draw(t, "by"),
					Until: now.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "until")) * time.Hour)}
			}
			if rapid.Bool().Draw(t, "consents") {
				v.Consents = []fleet.Consent{}
			}
		}
		in.Waves = []WaveSpec{{Name: name.Draw(t, "wave"), CatchAll: true}}
		bodies := map[fleet.Key]json.RawMessage{}
		again := func() *Plan {
			p, issues := Build(in)
			if len(issues) > 0 {
				t.Fatal(issues)
			}
			if !today {
				return p
			}
			return p.Restoring(func(v *fleet.Vault) (json.RawMessage, string) {
				body, known := bodies[v.Key]
				if !known {
					if rapid.Bool().Draw(t, "restorable") {
						text, _ := json.Marshal(texts.Draw(t, "value"))
						body = json.RawMessage(`{"properties": {"a": ` + strings.NewReplacer(`\u003c`, "<", `\u003e`,
							">", `\u0026`, "&").Replace(string(text)) + `}}`)
					}
					bodies[v.Key] = body
				}
				if body == nil {
					return nil, "nothing to put back"
				}
				return body, ""
			})
		}
		p := again()
		data, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		unrestored, issues := Build(in)
		if len(issues) > 0 {
			t.Fatal(issues)
		}
		for what, q := range map[string]*Plan{"decoded": back, "made again": again(),
			"of the inventory alone": unrestored} {
			if lines := slices.Concat(Diff(p, q).Lines(), Diff(q, p).Lines(), Diff(back, q).Lines()); len(lines) > 0 {
				t.Fatalf("%s: %q", what, lines)
			}
		}
	})
}

// TestDiffOfTime: the end of a hold is no change of the inventory, and the plan
// names the vault.
func TestDiffOfTime(t *testing.T) {
	t.Parallel()
	in := full(false)
	before := build(t, in)
	in.Now = now.AddDate(2, 0, 0)
	after := build(t, in)
	if lines := Diff(before, after).Lines(); len(lines) > 0 {
		t.Error(lines)
	}
	if a, b := before.Expired(), after.Expired(); !slices.Equal(a, []int{2}) || !slices.Equal(b, []int{1, 2}) {
		t.Error(a, b)
	}
}

// TestDiffIsInWords: values as an inventory writes them.
func TestDiffIsInWords(t *testing.T) {
	t.Parallel()
	old := build(t, full(true)).Restoring(func(*fleet.Vault) (json.RawMessage,
		string) {
		return json.RawMessage(`{"properties":{"a":"b"}}`), ""
	})
	in := full(true)
	s := &in.Subscriptions[0]
	s.Vaults[0].Labels, s.Vaults[0].Consents,
		s.Vaults[0].AcceptWarnings = map[string]string{"team": "payments", "x": ""}, nil, true
	s.Vaults[1].Hold.By = ""
	in.Waves[0].Approval, in.Waves[0].Size, in.Waves[0].Soak = nil, &Size{Count: 3}, 0
	in.SubscriptionBudget, in.FailureBudget = nil, Budget{Unit: UnitPercent, Percent: 2.5}
	in.Calendar, in.Limits.PerLocation = nil, 0
	up := *in.Upgrade
	up.Options, up.Request.Path = fleet.Options{fleet.OptionExpected: "3m0s"}, fleet.PlaceholderVault+"/x"
	in.Upgrade = &up
	now := build(t, in).Restoring(func(*fleet.Vault) (json.RawMessage, string) {
		return json.RawMessage(`{"properties":{"a":"c","d":1}}`), ""
	})
	put := "what is put back.properties.a b → c, what is put back.properties.d none → 1"
	want := []string{
		"changed  prod/v0: acceptWarnings code a, category b, contains c (d) → true, labels.x none → \"\", " + put,
		"changed  prod/v1: hold freeze, until 2027-11-23 09:00 UTC, by records → freeze, until 2027-11-23 09:00 UTC, " +
			put,
		"changed  prod/v2: " + put,
		"changed  prod/v3: " + put,
		"setting  upgrade.expected 2m0s → 3m0s",
		"setting  the request's path {vault} → {vault}/x",
		"setting  limits.perLocation 9 → no limit",
		"setting  failureBudget.run the default (2 %, at least 1, at most 10) → 2.5%",
		"setting  failureBudget.perSubscription 50% → none",
		"setting  windows Mon–Wed 01:00–05:00 UTC → none",
		"setting  blackouts 2026-12-24T00:00 to 2026-12-27T00:00 UTC → none",
		"setting  waves.one.size 25% → 3",
		"setting  waves.one.soak 1m → none",
		"setting  waves.one.approval after, not by the starter, expires after 1h → none",
	}
	if got := Diff(old, now).Lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
