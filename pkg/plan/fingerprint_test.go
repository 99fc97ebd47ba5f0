package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestFingerprintPinsTheForm: a change of the plan's JSON form or of what
// Build makes of an input breaks saved plans, so it must be deliberate.
func TestFingerprintPinsTheForm(t *testing.T) {
	t.Parallel()
	const want = "0f7873800882a2f5c73a18c57145efdc090a3b95693b62a692b1e7b4655d4265"
	if got := build(t, input(7)).Fingerprint; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
}

func TestSameInputSamePlan(t *testing.T) {
	t.Parallel()
	a, b := build(t, input(20)), build(t, input(20))
	x, _ := Encode(a)
	y, _ := Encode(b)
	if a.Fingerprint != b.Fingerprint || !bytes.Equal(x, y) {
		t.Error("two plans of one input differ")
	}
	if a.ShortFingerprint() != a.Fingerprint[:8] || (&Plan{}).ShortFingerprint() != "" {
		t.Error("short fingerprint")
	}
}

func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	in := input(9)
	in.Inventory = "caf\xe9.yaml" // a file name need not be text
	in.Subscriptions[0].Labels = map[string]string{"a": "<&>"}
	in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x", Until: now.AddDate(1, 0, 0)}
	p := build(t, in)
	data, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Encode(back)
	if !bytes.Equal(data, again) {
		t.Error("a decoded plan encodes to something else")
	}
}

// TestCheckFindsEveryChange changes each field of a plan's JSON in turn.
func TestCheckFindsEveryChange(t *testing.T) {
	t.Parallel()
	in := input(3)
	in.Subscriptions[0].Labels = map[string]string{"env": "dev"}
	in.Subscriptions[0].Vaults[1].Hold = &fleet.Hold{Reason: "x", By: "y", Until: now.AddDate(1, 0, 0)}
	in.Subscriptions[0].Vaults[1].Consents = []fleet.Consent{{Code: "a", Category: "b", Contains: "c", Reason: "d"}}
	in.SubscriptionBudget, in.Ceiling, in.SameErrorHalt = &Budget{Unit: UnitPercent, Percent: 50}, CeilingHard, 3
	in.Calendar = &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 120, "UTC"}},
		Blackouts: []Blackout{{"2026-12-24T00:00", "2026-12-27T00:00", "UTC"}}}
	in.Subscriptions[0].Calendars = map[int]*Calendar{
		0: {Windows: []Window{{[]time.Weekday{2}, 60, 240, "UTC"}},
			Blackouts: []Blackout{{"2026-12-25T00:00", "2026-12-26T00:00", "UTC"}}}, 2: {}}
	in.Waves = []WaveSpec{{Name: "one", CatchAll: true, Size: &Size{Count: 1}, Soak: time.Minute, Order: OrderName,
		Calendar: &Calendar{},
		Approval: &Approval{When: ApprovalAfter, NotBy: NotByStarter, Expiry: time.Hour},
		Limits:   WaveLimits{Upgrades: 1, PerSubscription: 2, PerLocation: 3}},
		{Name: "dev", Match: map[string]string{"env": "dev"}, MaxFailures: &Budget{Unit: UnitCount, Count: 2}}}
	data, err := Encode(build(t, in))
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	changes := 0
	walk(tree, func() {
		changes++
		changed, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(changed); err == nil {
			t.Errorf("a changed plan passed: %s", changed)
		}
	})
	if changes < 80 {
		t.Errorf("only %d changes tried", changes)
	}
}

// walk changes one leaf of a JSON tree at a time, calls try, and restores it.
func walk(v any, try func()) {
	change := func(leaf any, set func(any)) {
		switch x := leaf.(type) {
		case string:
			if strings.HasSuffix(x, "Z") {
				set("2030-01-02T03:04:05Z")
			} else {
				set(x + "x")
			}
		case float64:
			set(x + 1)
		case bool:
			set(!x)
		default:
			walk(leaf, try)
			return
		}
		try()
		set(leaf)
	}
	switch x := v.(type) {
	case map[string]any:
		for k, leaf := range x {
			change(leaf, func(n any) { x[k] = n })
		}
	case []any:
		for i, leaf := range x {
			change(leaf, func(n any) { x[i] = n })
		}
	}
}

// own gives the first vault the calendar of that number.
func own(p *Plan, number int, calendars ...Calendar) {
	p.Calendars, p.Vaults[0].Calendar = calendars, number
}

// TestCheckFindsContradictions: a plan whose fingerprint was made to fit is
// still not believed where it contradicts itself.
func TestCheckFindsContradictions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Plan){
		"wave out of range":    func(p *Plan) { p.Waves[0].Vaults[0] = 99 },
		"negative vault":       func(p *Plan) { p.Waves[0].Vaults[0] = -1 },
		"vault in two waves":   func(p *Plan) { p.Waves[1].Vaults[0] = 0 },
		"vault in no wave":     func(p *Plan) { p.Waves[1].Vaults = p.Waves[1].Vaults[:1] },
		"waves not in order":   func(p *Plan) { v := p.Waves[0].Vaults; v[0], v[1] = v[1], v[0] },
		"empty wave":           func(p *Plan) { p.Waves = append(p.Waves, Wave{Name: "x"}) },
		"wave without a name":  func(p *Plan) { p.Waves[0].Name = "" },
		"bad wave budget":      func(p *Plan) { p.Waves[0].MaxFailures = &Budget{Unit: "x"} },
		"no vaults":            func(p *Plan) { p.Vaults, p.Waves = nil, nil },
		"another key":          func(p *Plan) { p.Vaults[0].Key = p.Vaults[1].Key },
		"a key that is forged": func(p *Plan) { p.Vaults[0].Key += "x" },
		"one target for two": func(p *Plan) {
			v, w := &p.Vaults[0].Vault, &p.Vaults[1].Vault
			w.Name, w.TargetResourceGroup, w.ResourceType = strings.ToUpper(v.Name), v.TargetResourceGroup,
				fleet.SiteRecoveryVault
			if v.ResourceType == w.ResourceType {
				w.ResourceType = fleet.BackupVault
			}
			w.Key = fleet.KeyOf(w.Kind, w.SubscriptionID, w.ResourceType, w.Location, w.QualifiedName())
		},
		"another kind":          func(p *Plan) { p.Vaults[0].Kind = "x" },
		"unlisted subscription": func(p *Plan) { p.Vaults[0].SubscriptionID = subB },
		"bad subscription":      func(p *Plan) { p.Subscriptions[0].ID = "x" },
		"nameless subscription": func(p *Plan) { p.Subscriptions[0].Name = "" },
		"bad resource type":     func(p *Plan) { p.Vaults[0].ResourceType = "x" },
		"bad group":             func(p *Plan) { p.Vaults[0].TargetResourceGroup = "x." },
		"slash in a name":       func(p *Plan) { p.Vaults[0].Name = "a/b" },
		"negative size":         func(p *Plan) { p.Vaults[0].ProtectedItems = -1 },
		"no prediction":         func(p *Plan) { p.Vaults[0].Predicted = Prediction{} },
		"p90 below the median":  func(p *Plan) { p.Vaults[0].Predicted.P90 = p.Vaults[0].Predicted.P50 - 1 },
		"more than a month":     func(p *Plan) { p.Vaults[0].Predicted.P90 = longestPredicted + 1 },
		"consent to nothing":    func(p *Plan) { p.Vaults[0].Consents = []fleet.Consent{{Reason: "x"}} },
		"consent for no reason": func(p *Plan) { p.Vaults[0].Consents = []fleet.Consent{{Code: "x"}} },
		"hold without reason":   func(p *Plan) { p.Vaults[0].Hold = &fleet.Hold{} },
		"zero validations":      func(p *Plan) { p.Limits.Validations = 0 },
		"no subscription's":     func(p *Plan) { p.Limits.PerSubscription = -1 },
		"subscription twice":    func(p *Plan) { p.Subscriptions = append(p.Subscriptions, p.Subscriptions[0]) },
		"subscription, no GUID": func(p *Plan) {
			p.Subscriptions = append(p.Subscriptions,
				fleet.Subscription{ID: "x", Name: "x"})
		},
		"subscription in capitals": func(p *Plan) {
			p.Subscriptions = append(p.Subscriptions,
				fleet.Subscription{ID: "0B1F6471-1BF0-4DDA-AEC3-CB9272F09590", Name: "x"})
		},
		"subscription, no name": func(p *Plan) {
			p.Subscriptions = append(p.Subscriptions, fleet.Subscription{ID: "0b1f6471-1bf0-4dda-aec3-cb9272f09590"})
		},
		"budget of more than all": func(p *Plan) { p.FailureBudget = Budget{Unit: UnitPercent, Percent: 100.5} },
		"budget below none":       func(p *Plan) { p.FailureBudget = Budget{Unit: UnitPercent, Percent: -1} },
		"budget of no unit":       func(p *Plan) { p.FailureBudget = Budget{Unit: "x"} },
		"budget of a wave":        func(p *Plan) { p.Waves[0].MaxFailures = &Budget{Unit: UnitPercent, Percent: -1} },
		"no other side": func(p *Plan) {
			p.Cloud = fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "https://x"}
		},
		"unknown credential of the classic side": func(p *Plan) { p.Credentials.ServiceManagement = "x" },
		"kind that is told by halves":            func(p *Plan) { p.Upgrade = &fleet.Upgrade{} },
		"hold until a year before the first": func(p *Plan) {
			p.Vaults[0].Hold = &fleet.Hold{Reason: "x", Until: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}
		},
		"zero limit":            func(p *Plan) { p.Limits.Upgrades = 0 },
		"negative limit":        func(p *Plan) { p.Limits.PerLocation = -1 },
		"no requests":           func(p *Plan) { p.Limits.RequestsPerSecond = 0 },
		"zero timing":           func(p *Plan) { p.Timings.Overdue = 0 },
		"deadline before grace": func(p *Plan) { p.Timings.ReconcileDeadline = p.Timings.ReconcileGrace },
		"bad budget":            func(p *Plan) { p.FailureBudget = Budget{Unit: UnitCount, Count: -1} },
		"no classic side": func(p *Plan) {
			p.Cloud = fleet.Cloud{Name: fleet.CustomCloud,
				ResourceManager: "https://x"}
		},
		"another endpoint": func(p *Plan) {
			p.Cloud = fleet.Cloud{Name: fleet.AzurePublic,
				ServiceManagement: "https://x"}
		},
		"unknown cloud": func(p *Plan) { p.Cloud.Name = "x" },
		"plain http": func(p *Plan) {
			p.Cloud = fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "http://x", ResourceManager: "https://x"}
		},
		"scenario on a real cloud": func(p *Plan) {
			p.Cloud,
				_ = fleet.KnownCloud(fleet.AzurePublic)
			p.Scenario = "x"
		},
		"unknown credential":      func(p *Plan) { p.Credentials.ResourceManager = "x" },
		"unknown upgrade kind":    func(p *Plan) { p.Kind = "x" },
		"bad subscription budget": func(p *Plan) { p.SubscriptionBudget = &Budget{Unit: UnitCount, Count: -1} },
		"unknown ceiling":         func(p *Plan) { p.Ceiling = "x" },
		"negative error halt":     func(p *Plan) { p.SameErrorHalt = -1 },
		"bad calendar":            func(p *Plan) { p.Calendar = &Calendar{Blackouts: []Blackout{{Zone: "UTC"}}} },
		"bad calendar of a wave":  func(p *Plan) { p.Waves[0].Calendar = &Calendar{Windows: []Window{{Zone: "UTC"}}} },
		"bad calendar of a vault": func(p *Plan) { own(p, 1, Calendar{Windows: []Window{{Zone: "UTC"}}}) },
		"calendar out of range":   func(p *Plan) { own(p, 2, Calendar{}) },
		"negative calendar":       func(p *Plan) { p.Vaults[0].Calendar = -1 },
		"calendar of no vault": func(p *Plan) {
			own(p, 1, Calendar{},
				Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 0, "UTC"}}})
		},
		"calendar there twice":  func(p *Plan) { own(p, 1, Calendar{}, Calendar{}); p.Vaults[1].Calendar = 2 },
		"size of nothing":       func(p *Plan) { p.Waves[0].Size = &Size{} },
		"size of two kinds":     func(p *Plan) { p.Waves[0].Size = &Size{Count: 7, Percent: 100} },
		"size above all":        func(p *Plan) { p.Waves[0].Size = &Size{Percent: 101} },
		"more vaults than size": func(p *Plan) { p.Waves[0].Size = &Size{Count: 4} },
		"more than its share": func(p *Plan) { // of what is not held, not of all
			for i := range p.Vaults {
				if p.Vaults[i].Wave != 0 {
					p.Vaults[i].Hold = &fleet.Hold{Reason: "x"}
				}
			}
			p.Waves[0].Size = &Size{Percent: 100 * float64(len(p.Waves[0].Vaults)) / float64(len(p.Vaults))}
		},
		"negative soak":  func(p *Plan) { p.Waves[0].Soak = -1 },
		"approval never": func(p *Plan) { p.Waves[0].Approval = &Approval{Expiry: 1} },
		"approval not by whom": func(p *Plan) {
			p.Waves[0].Approval = &Approval{When: ApprovalAfter, NotBy: "x",
				Expiry: 1}
		},
		"approval over at once":   func(p *Plan) { p.Waves[0].Approval = &Approval{When: ApprovalAfter} },
		"approval after the last": func(p *Plan) { p.Waves[1].Approval = &Approval{When: ApprovalAfter, Expiry: 1} },
		"negative wave limit":     func(p *Plan) { p.Waves[0].Limits.PerSubscription = -1 },
		"unknown order":           func(p *Plan) { p.Waves[0].Order = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := build(t, input(7))
			change(p)
			if err := p.Check(); !errors.Is(err, ErrFingerprint) {
				t.Errorf("with the old fingerprint: %v", err)
			}
			p.Fingerprint = p.computeFingerprint()
			if err := p.Check(); !errors.Is(err, ErrInvalid) {
				t.Errorf("with a new fingerprint: %v", err)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	good, err := Encode(build(t, input(1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"nothing":         {"", ErrInvalid},
		"not JSON":        {"apiVersion: fleetup/v1", ErrInvalid},
		"cut off":         {string(good[:len(good)/2]), ErrInvalid},
		"more after it":   {string(good) + "{}", ErrInvalid},
		"an unknown key":  {strings.Replace(string(good), "{", `{"x": 1,`, 1), ErrInvalid},
		"a later version": {`{"schemaVersion": 2, "new": true}`, ErrSchemaVersion},
		"empty":           {"{}", ErrSchemaVersion},
		"null":            {"null", ErrSchemaVersion},
	} {
		if _, err := Decode([]byte(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
