package emulator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	for kind, cases := range faultCases {
		for _, tt := range cases {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := tt.fault
					f.Kind = kind
					c := newCloud(t, Scenario{Duration: Duration{Constant: "20m"}, Faults: []Fault{f}})
					tt.check(t, inMemory(t, c), fleet()[0])
					if s := c.Summary(); s.Mistakes != 0 {
						t.Errorf("mistakes: %v", s.MistakeList)
					}
				})
			})
		}
	}
}

func TestEveryKindIsShown(t *testing.T) {
	t.Parallel()
	for _, k := range FaultKinds() {
		if len(faultCases[k.Kind]) == 0 && k.Only != OnlyToday {
			t.Errorf("no test shows faults of kind %s", k.Kind)
		}
		if len(todaysFaultCases[k.Kind]) == 0 && k.Only != OnlyClassic && k.Aim == AimVault {
			t.Errorf("no test shows faults of kind %s on today's vaults", k.Kind)
		}
	}
}

// Real connections: what the in-memory transport only imitates.
func TestConnectionFaultsOverLoopback(t *testing.T) {
	t.Parallel()
	v := fleet()
	c := newCloud(t, Scenario{Faults: []Fault{
		{Kind: kindResetBefore, Vault: "alpha"},
		{Kind: kindResetAfter, Vault: "beta"},
		{Kind: kindHang, Vault: "delta", Calls: []string{"prereqs"}, Times: -1},
		{Kind: kindGarbage, Vault: "gamma ray"},
	}})
	cl := overLoopback(t, c)
	for i, accepted := range map[int]int{0: 0, 1: 1} {
		a := cl.upgrade(v[i], newID())
		if !errors.Is(a.err, syscall.ECONNRESET) {
			t.Errorf("%s: answer %+v", v[i].Name, a)
		}
		s := c.Summary()
		if got, _ := s.Vault(prod, v[i].Name); got.Accepted != accepted || got.Requests["upgrade"] != 1 {
			t.Errorf("%s: %+v", v[i].Name, got)
		}
	}
	wantStatus(t, cl.upgrade(v[2], newID()), 200, "<html>")

	// A client that gives up lets the handler go; so does Close.
	hung := make(chan answer)
	arrived := func(n int) {
		for s := c.Summary(); s.Requests["prereqs"] < n; s = c.Summary() {
			time.Sleep(time.Millisecond)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		hung <- cl.do(ctx, "POST", cl.path(v[3])+"/checkPrereqsForUpgrade", input(v[3]), postHeader(newID()))
	}()
	arrived(1)
	cancel()
	if a := <-hung; !errors.Is(a.err, context.Canceled) {
		t.Errorf("answer %+v", a)
	}
	go func() { hung <- cl.prereqs(v[3]) }()
	arrived(2)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if a := <-hung; a.err == nil {
		t.Errorf("answer %+v", a)
	}
	wantStatus(t, cl.list(prod), 503, "closed")
}

func manyVaults(n int) []Vault {
	var out []Vault
	for i := range n {
		v := fleet()[0]
		v.Name = fmt.Sprintf("vault-%04d", i)
		out = append(out, v)
	}
	return out
}

// Who is struck follows from the seed and the vault, not from the order of
// requests.
func TestRatesAreDrawnByVault(t *testing.T) {
	t.Parallel()
	vaults := manyVaults(1000)
	struck := func(seed int64, order func(i int) Vault) map[string]bool {
		c := newCloud(t, Scenario{Seed: seed, Faults: []Fault{{Kind: kindStartRefused, Rate: 0.1}}}, vaults...)
		cl := inMemory(t, c)
		out := map[string]bool{}
		for i := range vaults {
			v := order(i)
			if cl.upgrade(v, newID()).status == 400 {
				out[v.Name] = true
			}
		}
		return out
	}
	forward := struck(1, func(i int) Vault { return vaults[i] })
	if n := len(forward); n < 70 || n > 130 {
		t.Errorf("%d of 1000 at a rate of 0.1", n)
	}
	backward := struck(1, func(i int) Vault { return vaults[len(vaults)-1-i] })
	if fmt.Sprint(forward) != fmt.Sprint(backward) {
		t.Error("the order of requests changed who is struck")
	}
	if other := struck(2, func(i int) Vault { return vaults[i] }); fmt.Sprint(forward) == fmt.Sprint(other) {
		t.Error("another seed struck the same vaults")
	}
}

func TestRatesOfSubscriptionsAreDrawnBySubscription(t *testing.T) {
	t.Parallel()
	var vaults []Vault
	for i := range 200 {
		v := fleet()[0]
		v.SubscriptionID = fmt.Sprintf("00000000-0000-0000-0000-%012d", i)
		v.SubscriptionName = ""
		vaults = append(vaults, v)
	}
	c := newCloud(t, Scenario{Faults: []Fault{
		{Kind: kindCSP, Rate: 0.5},
		{Kind: kindThrottled, Rate: 0.5, Calls: []string{"list"}},
	}}, vaults...)
	cl := inMemory(t, c)
	throttled, csp, both := 0, 0, 0
	for _, v := range vaults {
		listed := cl.list(v.SubscriptionID).status
		isCSP := strings.Contains(cl.arm("/subscriptions/"+v.SubscriptionID, "2022-12-01").body, "CSP_")
		if listed == 429 {
			throttled++
		}
		if isCSP {
			csp++
		}
		if isCSP && listed == 429 {
			both++
		}
		wantStatus(t, cl.prereqs(v), 200)
	}
	if throttled < 70 || throttled > 130 || csp < 70 || csp > 130 || both < 25 || both > 75 {
		t.Errorf("of 200: %d throttled, %d CSP, %d both", throttled, csp, both)
	}
}

func TestChanceIsDrawnByCall(t *testing.T) {
	t.Parallel()
	run := func() (pattern string) {
		c := newCloud(t, Scenario{Seed: 5,
			Faults: []Fault{{Kind: kindServerError, Vault: "alpha", Calls: []string{"prereqs"}, Chance: 0.5,
				Times: -1}}})
		cl := inMemory(t, c)
		for range 100 {
			pattern += fmt.Sprint(cl.prereqs(fleet()[0]).status/100, "")
		}
		return pattern
	}
	one := run()
	if n := strings.Count(one, "5"); n < 30 || n > 70 {
		t.Errorf("%d of 100 at a chance of 0.5: %s", n, one)
	}
	if one != run() {
		t.Error("the same calls fared differently")
	}
}

// TestUntil: a trouble that has an end is over then, whatever it still counted.
func TestUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t, Scenario{TimeScale: 2,
			Faults: []Fault{{Kind: kindServerError, Vault: "alpha", Calls: []string{"prereqs"}, Times: -1,
				Until: "1h"}}})
		cl := inMemory(t, c)
		wantStatus(t, cl.prereqs(fleet()[0]), 500)
		time.Sleep(30 * time.Minute)
		wantStatus(t, cl.prereqs(fleet()[0]), 500)
		time.Sleep(time.Second)
		wantStatus(t, cl.prereqs(fleet()[0]), 200)
	})
}

func TestDurations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scenario Scenario
		items    int
		at       float64
		want     time.Duration
	}{
		"default":        {Scenario{}, 40, 0, 19 * time.Minute},
		"default at max": {Scenario{}, 5000, 0, 90 * time.Minute},
		"constant":       {Scenario{Duration: Duration{Constant: "20m"}, TimeScale: 60}, 9, 0.3, 20 * time.Second},
		"range": {Scenario{Duration: Duration{Min: "10m", Max: "20m"}, TimeScale: 2}, 9, 0.5,
			7*time.Minute + 30*time.Second},
		"no max":         {Scenario{Duration: Duration{Base: "1m", PerItem: "1m"}}, 500, 0, 501 * time.Minute},
		"slow motion":    {Scenario{Duration: Duration{Constant: "1m"}, TimeScale: 0.5}, 0, 0, 2 * time.Minute},
		"never nothing":  {Scenario{Duration: Duration{Constant: "1ns"}, TimeScale: 1e9}, 0, 0, 1},
		"never for ever": {Scenario{Duration: Duration{Constant: "1h"}, TimeScale: 1e-300}, 0, 0, 876000 * time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newDurations(tt.scenario.TimeScale, tt.scenario.Duration, usualDuration).of(tt.items,
				tt.at); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// Two vaults of one name whose starts name the same target: the first takes it.
func TestTargetIsTakenOnce(t *testing.T) {
	t.Parallel()
	one, two := fleet()[0], fleet()[0]
	two.Location, two.TargetResourceGroup = "East US", "rg-east"
	c := newCloud(t, Scenario{}, one, two)
	cl := inMemory(t, c)
	two.TargetResourceGroup = "RG-vaults"
	wantStatus(t, cl.upgrade(one, newID()), 200)
	wantStatus(t, cl.upgrade(two, newID()), 400, "TargetVaultExists")
	two.TargetResourceGroup = "rg-elsewhere" // which the service then creates
	wantStatus(t, cl.target(two), 404, "ResourceGroupNotFound")
	wantStatus(t, cl.upgrade(two, newID()), 200)
	wantStatus(t, cl.target(two), 200, "Provisioning", "rg-elsewhere")
}

func TestHashKeepsPartsApart(t *testing.T) {
	t.Parallel()
	if share(1, "ab", "c") == share(1, "a", "bc") || share(1, "2") == share(12, "") || guid(1, "a") == guid(2, "a") {
		t.Error("different things have the same hash")
	}
}
