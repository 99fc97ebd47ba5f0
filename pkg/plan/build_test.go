package plan

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const (
	subA = "11111111-1111-4111-8111-111111111111"
	subB = "22222222-2222-4222-8222-222222222222"
)

// input is a sound input with n vaults in one subscription.
func input(n int) Input {
	emulator, _ := fleet.KnownCloud(fleet.Emulator)
	in := Input{
		Inventory:     "fleet.yaml",
		Cloud:         emulator,
		Kind:          fleet.KindClassic,
		Subscriptions: []SubscriptionSpec{{Subscription: fleet.Subscription{ID: subA, Name: "prod"}}},
		Limits:        DefaultLimits(),
		Timings:       DefaultTimings(),
		FailureBudget: Budget{Unit: UnitDefault},
		Now:           now,
	}
	for i := range n {
		in.Subscriptions[0].Vaults = append(in.Subscriptions[0].Vaults, vault(fmt.Sprintf("v%d", i)))
	}
	return in
}

func vault(name string) fleet.Vault {
	return fleet.Vault{Name: name, Location: "West US", ResourceType: fleet.BackupVault, TargetResourceGroup: "rg"}
}

func build(t *testing.T, in Input) *Plan {
	t.Helper()
	p, issues := Build(in)
	if len(issues) > 0 {
		t.Fatalf("issues: %v", issues)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

// members returns the plan's waves as "name: indices".
func members(p *Plan) []string {
	var out []string
	for _, w := range p.Waves {
		out = append(out, fmt.Sprint(w.Name, w.Vaults))
	}
	return out
}

func TestWaves(t *testing.T) {
	t.Parallel()
	label := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	labelled := func(in Input, labels ...map[string]string) Input {
		for i, l := range labels {
			in.Subscriptions[0].Vaults[i].Labels = l
		}
		return in
	}
	for name, c := range map[string]struct {
		in    Input
		waves []WaveSpec
		want  []string
	}{
		"first wave in order wins": {
			labelled(input(3), label("env", "dev", "team", "a"), label("env", "dev"), nil),
			[]WaveSpec{{Name: "a", Match: label("team", "a")}, {Name: "dev", Match: label("env", "dev")},
				{Name: "rest", CatchAll: true}},
			[]string{"a[0]", "dev[1]", "rest[2]"},
		},
		"every pair must fit": {
			labelled(input(3), label("env", "dev", "team", "a"), label("env", "dev", "team", "b"), label("env", "dev")),
			[]WaveSpec{{Name: "x", Match: label("env", "dev", "team", "b")}, {Name: "rest", CatchAll: true}},
			[]string{"x[1]", "rest[0 2]"},
		},
		"a vault's labels lie over its subscription's": {
			func() Input {
				in := labelled(input(3), label("env", "dev"), label("team", "a"))
				in.Subscriptions[0].Labels = label("env", "prod")
				return in
			}(),
			[]WaveSpec{{Name: "prod", Match: label("env", "prod")}, {Name: "rest", CatchAll: true}},
			[]string{"prod[1 2]", "rest[0]"},
		},
		"an empty value is not an absent label": {
			labelled(input(2), label("env", "")),
			[]WaveSpec{{Name: "x", Match: label("env", "")}, {Name: "rest", CatchAll: true}},
			[]string{"x[0]", "rest[1]"},
		},
		"an empty catch-all is left out": {
			labelled(input(1), label("env", "dev")),
			[]WaveSpec{{Name: "dev", Match: label("env", "dev")}, {Name: "rest", CatchAll: true}},
			[]string{"dev[0]"},
		},
		"a size takes the first": {input(5),
			[]WaveSpec{{Name: "two", CatchAll: true, Size: &Size{Count: 2}}, {Name: "rest", CatchAll: true}},
			[]string{"two[0 1]", "rest[2 3 4]"}},
		"a share is of the whole fleet, rounded up": {input(11),
			[]WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Percent: 20}},
				{Name: "b", CatchAll: true, Size: &Size{Percent: 20}}, {Name: "rest", CatchAll: true}},
			[]string{"a[0 1 2]", "b[3 4 5]", "rest[6 7 8 9 10]"}},
		"a size above what there is": {input(2), []WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Count: 5}}},
			[]string{"a[0 1]"}},
		"what a size leaves goes on to the next that matches": {
			labelled(input(3), label("env", "dev"), label("env", "dev"), label("env", "dev")),
			[]WaveSpec{{Name: "one", Match: label("env", "dev"), Size: &Size{Count: 1}},
				{Name: "dev", Match: label("env", "dev")}},
			[]string{"one[0]", "dev[1 2]"},
		},
		"held vaults use up no size": {
			func() Input {
				in := input(4)
				in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x"}
				return in
			}(),
			[]WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Percent: 34}}, {Name: "rest", CatchAll: true}}, // of 3
			[]string{"a[1 2]", "rest[0 3]"},
		},
		"a share is of those that are not held": {
			func() Input {
				in := input(10)
				for i := range 5 {
					in.Subscriptions[0].Vaults[i].Hold = &fleet.Hold{Reason: "x"}
				}
				return in
			}(),
			[]WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Percent: 20}}, {Name: "rest", CatchAll: true}}, // of 5
			[]string{"a[5]", "rest[0 1 2 3 4 6 7 8 9]"},
		},
		"held vaults that only a size matches": {
			func() Input {
				in := input(3)
				in.Subscriptions[0].Vaults[1].Hold = &fleet.Hold{Reason: "x"}
				return in
			}(),
			[]WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Count: 1}},
				{Name: "b", CatchAll: true, Size: &Size{Count: 1}}},
			[]string{"a[0 1]", "b[2]"},
		},
		"nothing but held vaults and a size": {
			func() Input {
				in := input(1)
				in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x"}
				return in
			}(), []WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Percent: 10}}}, []string{"a[0]"},
		},
		"expressions and match must hold together": {
			labelled(input(4), label("env", "dev", "team", "a"), label("env", "dev", "team", "b"), label("env", "dev"),
				label("team", "b")),
			[]WaveSpec{{Name: "x", Match: label("env", "dev"),
				Expressions: []Requirement{{"team", OpNotIn, []string{"a"}},
					{KeyLocation, OpIn, []string{"x", "westus"}}}},
				{Name: "rest", CatchAll: true}},
			[]string{"x[1 2]", "rest[0 3]"},
		},
		"implicit canary and rest": {input(7), nil, []string{"canary[0 1 2 3 4]", "rest[5 6]"}},
		"implicit canary alone":    {input(5), nil, []string{"canary[0 1 2 3 4]"}},
		"held vaults are no canaries": {
			func() Input {
				in := input(7)
				in.Subscriptions[0].Vaults[1].Hold = &fleet.Hold{Reason: "x"}
				return in
			}(), nil, []string{"canary[0 2 3 4 5]", "rest[1 6]"},
		},
		"nothing but held vaults": {
			func() Input {
				in := input(1)
				in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x"}
				return in
			}(), nil, []string{"rest[0]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.in.Waves = c.waves
			if got := members(build(t, c.in)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestIssues(t *testing.T) {
	t.Parallel()
	other := func(k SubjectKind, i int) *Subject { return &Subject{k, i} }
	for name, c := range map[string]struct {
		change func(*Input)
		want   Issue // without hint; the message is a part
	}{
		"no vaults": {func(in *Input) { in.Subscriptions[0].Vaults = nil },
			Issue{Code: IssueNoVaults, Message: "no vaults"}},
		"same vault": {func(in *Input) {
			v := &in.Subscriptions[0].Vaults[2]
			v.Name, v.Location, v.TargetResourceGroup = "V0", "westus", "other"
		}, Issue{Code: IssueDuplicate, Subject: Subject{SubjectVault, 2}, Other: other(SubjectVault, 0),
			Message: `"prod/V0" is listed twice`}},
		"same target": {func(in *Input) {
			v := &in.Subscriptions[0].Vaults[2]
			v.Name, v.ResourceType, v.TargetResourceGroup = "V1", fleet.SiteRecoveryVault, "RG"
		}, Issue{Code: IssueSameTarget, Subject: Subject{SubjectVault, 2}, Other: other(SubjectVault, 1),
			Message: `resource group "RG", name "V1"`}},
		"incomplete": {func(in *Input) { in.Subscriptions[0].Vaults[1].Location = "" },
			Issue{Code: IssueIncomplete, Subject: Subject{SubjectVault, 1}, Message: "lacks: location"}},
		"same subscription": {func(in *Input) {
			in.Subscriptions = append(in.Subscriptions,
				SubscriptionSpec{Subscription: fleet.Subscription{ID: subA, Name: "x"}})
		},
			Issue{Code: IssueDuplicate, Subject: Subject{SubjectSubscription, 1}, Field: "id",
				Other: other(SubjectSubscription, 0), Message: "listed twice"}},
		"same subscription name": {func(in *Input) {
			in.Subscriptions = append(in.Subscriptions,
				SubscriptionSpec{Subscription: fleet.Subscription{ID: subB, Name: "PROD"}})
		},
			Issue{Code: IssueDuplicate, Subject: Subject{SubjectSubscription, 1}, Field: "name",
				Other: other(SubjectSubscription, 0), Message: "used twice"}},
		"a name that is another's ID": {func(in *Input) {
			in.Subscriptions = append(in.Subscriptions,
				SubscriptionSpec{Subscription: fleet.Subscription{ID: subB, Name: subA}})
		},
			Issue{Code: IssueDuplicate, Subject: Subject{SubjectSubscription, 1}, Field: "name",
				Other: other(SubjectSubscription, 0), Message: "the ID of another"}},
		"vaults without a wave": {func(in *Input) {
			in.Waves = []WaveSpec{{Name: "a", Match: map[string]string{"x": "1"}}}
			in.Subscriptions[0].Vaults[0].Labels = map[string]string{"x": "1"}
		}, Issue{Code: IssueNoWave, Subject: Subject{SubjectVault, 1},
			Message: "2 vaults match no wave: prod/v1, prod/v2"}},
		"a wave without vaults": {func(in *Input) {
			in.Waves = []WaveSpec{{Name: "a", Match: map[string]string{"x": "1"}}, {Name: "b", CatchAll: true}}
		}, Issue{Code: IssueEmptyWave, Subject: Subject{SubjectWave, 0}, Field: "match",
			Message: `"a" matches no vault`}},
		"a wave that comes too late": {func(in *Input) {
			m := map[string]string{"x": "1"}
			in.Subscriptions[0].Labels = m
			in.Waves = []WaveSpec{{Name: "a", Match: m}, {Name: "b", Match: m}}
		}, Issue{Code: IssueEmptyWave, Subject: Subject{SubjectWave, 1}, Field: "match",
			Message: "earlier waves take all 3"}},
		"after the catch-all": {func(in *Input) {
			in.Waves = []WaveSpec{{Name: "a", CatchAll: true},
				{Name: "b", CatchAll: true}}
		},
			Issue{Code: IssueUnreachableWave, Subject: Subject{SubjectWave, 1}, Other: other(SubjectWave, 0),
				Message: `wave "a" before it`}},
		"a match of nothing takes nothing": {func(in *Input) {
			in.Waves = []WaveSpec{{Name: "a"},
				{Name: "b", CatchAll: true}}
		},
			Issue{Code: IssueEmptyWave, Subject: Subject{SubjectWave, 0}, Field: "match",
				Message: `"a" matches no vault`}},
		"a gate after the last wave": {func(in *Input) {
			in.Waves = []WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Count: 1}},
				{Name: "b", CatchAll: true, Approval: &Approval{When: ApprovalAfter, Expiry: 1}}}
		}, Issue{Code: IssueLastApproval, Subject: Subject{SubjectWave, 1}, Field: "approval",
			Message: "it is the last"}},
		"a gate before waves that are left out": {func(in *Input) {
			in.Waves = []WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Count: 3},
				Approval: &Approval{When: ApprovalAfter, Expiry: 1}}, {Name: "b", CatchAll: true}}
		}, Issue{Code: IssueLastApproval, Subject: Subject{SubjectWave, 0}, Field: "approval",
			Message: "take no vault"}},
		"a hard budget of nothing": {func(in *Input) {
			in.Ceiling, in.FailureBudget = CeilingHard,
				Budget{Unit: UnitCount}
		},
			Issue{Code: IssueNoStart, Field: "failureBudget", Message: "run's budget"}},
		"a hard wave budget of nothing": {func(in *Input) {
			in.Ceiling = CeilingHard
			in.Waves = []WaveSpec{{Name: "a", CatchAll: true, MaxFailures: &Budget{Unit: UnitPercent, Percent: 33}}}
		}, Issue{Code: IssueNoStart, Subject: Subject{SubjectWave, 0}, Field: "maxFailures", Message: `"a"`}},
		"vaults beyond every size": {func(in *Input) {
			in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x"}
			in.Waves = []WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Count: 1}}}
		}, Issue{Code: IssueNoWave, Subject: Subject{SubjectVault, 2},
			Message: "1 vault finds no place in a wave: prod/v2"}},
		"a hard subscription budget of nothing": {func(in *Input) {
			in.Ceiling, in.SubscriptionBudget = CeilingHard, &Budget{Unit: UnitPercent, Percent: 33}
		}, Issue{Code: IssueNoStart, Field: "failureBudget.perSubscription", Message: `"prod"`}},
		"an upgrade that fits no window": {func(in *Input) {
			in.Subscriptions[0].Vaults[1].ProtectedItems = 1000
			in.Subscriptions[0].Vaults[2].ProtectedItems = 1000
			in.Subscriptions[0].Vaults[2].Hold = &fleet.Hold{Reason: "x"}
			in.Calendar = &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 60, "UTC"}}}
		}, Issue{Code: IssueNoWindow, Subject: Subject{SubjectVault, 1},
			Message: `vault "prod/v1" may need 90 minutes`}},
		"a wave's own windows count": {func(in *Input) {
			in.Calendar = &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 0, "UTC"}}}
			in.Waves = []WaveSpec{{Name: "a", CatchAll: true, Size: &Size{Count: 1},
				Calendar: &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 20, "UTC"}}}},
				{Name: "b", CatchAll: true}}
		}, Issue{Code: IssueNoWindow, Subject: Subject{SubjectVault, 0}, Message: `wave "a"`}},
		"a vault's own windows count": {func(in *Input) {
			in.Calendar = &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 20, "UTC"}}}
			long := &Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 0, "UTC"}}}
			in.Subscriptions[0].Calendars = map[int]*Calendar{0: long,
				1: {Windows: []Window{{[]time.Weekday{1}, 0, 20, "UTC"}}}, 2: long}
		}, Issue{Code: IssueNoWindow, Subject: Subject{SubjectVault, 1}, Message: "fits no window of its own"}},
		"a calendar of a vault that cannot be": {func(in *Input) {
			in.Subscriptions[0].Calendars = map[int]*Calendar{1: {Windows: []Window{{Zone: "UTC"}}}}
		}, Issue{Code: IssueInvalid, Message: "calendar 1 of the vaults: window 1"}},
		"a calendar that cannot be": {func(in *Input) { in.Calendar = &Calendar{Windows: []Window{{Zone: "UTC"}}} },
			Issue{Code: IssueInvalid, Message: "the calendar: window 1"}},
		"a number JSON cannot hold": {func(in *Input) { in.Limits.RequestsPerSecond = math.Inf(1) },
			Issue{Code: IssueInvalid, Message: "requestsPerSecond"}},
		"an endless budget": {func(in *Input) { in.FailureBudget = Budget{Unit: UnitPercent, Percent: math.NaN()} },
			Issue{Code: IssueInvalid, Message: "failure budget"}},
		"a timing of nothing": {func(in *Input) { in.Timings.Poll = 0 },
			Issue{Code: IssueInvalid, Message: "timings.poll"}},
		"an unknown kind": {func(in *Input) { in.Kind = "x" }, Issue{Code: IssueInvalid, Message: `kind "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(3)
			c.change(&in)
			p, issues := Build(in)
			if p != nil || len(issues) != 1 {
				t.Fatalf("plan %v, issues %v", p != nil, issues)
			}
			got := issues[0]
			if !strings.Contains(got.Message, c.want.Message) {
				t.Errorf("message %q lacks %q", got.Message, c.want.Message)
			}
			got.Message, got.Hint = c.want.Message, ""
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestWaveNamesTwice: the second of two waves with one name.
func TestWaveNamesTwice(t *testing.T) {
	t.Parallel()
	in := input(2)
	in.Subscriptions[0].Vaults[0].Labels = map[string]string{"x": "1"}
	in.Waves = []WaveSpec{{Name: "a", Match: map[string]string{"x": "1"}}, {Name: "a", CatchAll: true}}
	_, issues := Build(in)
	if len(issues) != 1 || issues[0].Code != IssueDuplicate || issues[0].Subject != (Subject{SubjectWave, 1}) {
		t.Errorf("issues %v", issues)
	}
}

func TestHoldsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until time.Time
		held  bool
	}{
		"no end":    {time.Time{}, true},
		"in future": {now.Add(time.Second), true},
		"now":       {now, false},
		"past":      {now.Add(-time.Hour), false},
	} {
		in := input(1)
		in.Subscriptions[0].Vaults[0].Hold = &fleet.Hold{Reason: "x", Until: c.until}
		if p := build(t, in); p.Vaults[0].Excluded() != c.held {
			t.Errorf("%s: held %v", name, !c.held)
		}
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	for items, want := range map[int]Prediction{
		-1:            {17*minute + 30*time.Second, 21*minute + 52*time.Second + 500*time.Millisecond},
		0:             {17*minute + 30*time.Second, 21*minute + 52*time.Second + 500*time.Millisecond},
		25:            {20 * minute, 25 * minute},
		545:           {72 * minute, 90 * minute},
		546:           {72 * minute, 90 * minute},
		math.MaxInt64: {72 * minute, 90 * minute},
	} {
		if got := Predict(items); got != want {
			t.Errorf("Predict(%d) = %v, want %v", items, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	in := input(100)
	in.Limits.Upgrades = 20
	in.FailureBudget = Budget{Unit: UnitPercent, Percent: 10}
	in.Subscriptions[0].Vaults[7].Hold = &fleet.Hold{Reason: "x"}
	p := build(t, in)
	if p.ToStart() != 99 || p.WaveToStart(0) != 5 || p.WaveToStart(1) != 94 {
		t.Errorf("to start: %d, %d, %d", p.ToStart(), p.WaveToStart(0), p.WaveToStart(1))
	}
	if got, want := p.WorstCase(), (WorstCase{Budget: 9, InFlight: 20, Total: 29}); got != want {
		t.Errorf("worst case %+v, want %+v", got, want)
	}
	p.Ceiling = CeilingHard
	if got, want := p.WorstCase(), (WorstCase{Budget: 9, Total: 9}); got != want {
		t.Errorf("worst case under a hard ceiling %+v, want %+v", got, want)
	}
	small := build(t, input(3))
	if got, want := small.WorstCase(), (WorstCase{Budget: 1, InFlight: 3, Total: 3}); got != want {
		t.Errorf("worst case %+v, want %+v", got, want)
	}
	index := p.Index()
	for i := range p.Vaults {
		if index[p.Vaults[i].Key] != i {
			t.Fatalf("vault %d is at %d of the index", i, index[p.Vaults[i].Key])
		}
	}
}

func TestCheckEndpoint(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"https://arm.example", "https://arm.example:8443/base", "http://127.0.0.1:1",
		"http://127.9.9.9", "http://localhost:80", "http://[::1]:80", "http://[::ffff:127.0.0.1]"} {
		if err := CheckEndpoint(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "arm.example", "ftp://x", "https://", "https:///x", "https:x",
		"http://arm.example",
		"http://localhost.example", "http://127.0.0.1.example", "http://0.0.0.0", "http://10.0.0.1", "https://u@x",
		"https://x?q", "https://x?", "https://x#", "https://x#f", "https://x:0", "https://x:70000", "https://x:",
		"https://a b"} {
		if CheckEndpoint(bad) == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
