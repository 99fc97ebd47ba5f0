package test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestDiscoverToday: the program writes an inventory of today's vaults as a
// Resource Graph of somebody else's reading knows them, through everything that
// passes by itself; it is brought up to date, and runs.
func TestDiscoverToday(t *testing.T) {
	t.Parallel()
	w := newToday(t, strictarm.Config{})
	for i, name := range []string{"NO", "null", "on", "True", "y", "e1"} {
		w.cloud.AddVault(strictarm.Vault{Subscription: []string{subA, subB}[i%2], Name: name,
			Group: fmt.Sprintf("RG-%d", i%3), Tags: map[string]string{"it's #1": "- " + name}})
	}
	w.cloud.AddVault(strictarm.Vault{Subscription: subB, Name: "keys", Kind: strictarm.KeyVaultRBAC})
	w.cloud.Subscription(subA).Named("a / b", nil)
	w.cloud.Subscription(subB).Named("b", map[string]string{"Unit": "ops"})
	w.cloud.GraphPage(2)
	w.cloud.Graph(strictarm.GraphUnavailable, strictarm.GraphReset)
	endpoints := []string{"--service-management", w.url, "--resource-manager", w.url, "--out", w.inv}
	args := append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--subscription", subA, "--subscription",
		subB}, endpoints...)
	w.start(args...).ends(0).says("6 vaults in 2 subscriptions")
	w.start("inventory", "lint", w.inv).ends(0).says("6 vaults in 2 subscriptions")
	before, err := os.ReadFile(w.inv)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"    # called \"a / b\"\n", "    name: b\n    labels: {Unit: ops}\n    vaults:\n",
		"      - name: \"on\"\n        resourceGroup: RG-2\n        labels: {\"it's #1\": \"- on\"}\n"} {
		if !strings.Contains(string(before), want) {
			t.Errorf("it lacks %q:\n%s", want, before)
		}
	}
	w.start("inventory", "discover", "--update", w.inv).ends(0).says("0 added, 0 vanished, 0 found again, 6 unchanged")
	w.cloud.Graph(strictarm.GraphThrottle(time.Second))
	w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "later", Group: "rg"})
	w.start("inventory", "discover", "--update", w.inv).ends(0).says("1 added, 0 vanished")
	after, err := os.ReadFile(w.inv)
	if added := "      - name: later\n        resourceGroup: rg\n"; err != nil ||
		strings.Replace(string(after), added, "", 1) != string(before) || string(after) == string(before) {
		t.Errorf("it became\n%s\n%v", after, err)
	}
	timings := "limits: {requestsPerSecond: 500}\nwaves: [{name: all}]\ntimings: {poll: 100ms, startTimeout: 600ms, " +
		"reconcileGrace: 200ms, reconcileDeadline: 10s}\n"
	if err := os.WriteFile(w.inv, append(after, timings...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start("run", w.inv, "--yes").ends(0)
	r := w.judge()
	made := 0
	for _, v := range r.Vaults {
		made += len(v.Accepted)
	}
	if made != 7 || r.GraphUnfinished != 0 {
		t.Errorf("%d changes, %d readings that were not finished", made, r.GraphUnfinished)
	}
}

// TestDiscoverTodayNotWhole: whatever keeps an answer from being whole, nothing
// is written, and the inventory that is there stays.
func TestDiscoverTodayNotWhole(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		faults []strictarm.GraphFault
		code   int
		says   string
	}{
		"garbage":   {[]strictarm.GraphFault{strictarm.GraphGarbage}, 1, "cannot be used"},
		"half":      {[]strictarm.GraphFault{strictarm.GraphCutJSON}, 1, "cannot be used"},
		"forbidden": {[]strictarm.GraphFault{strictarm.GraphForbidden}, 8, "AccessDenied"},
		"cut":       {[]strictarm.GraphFault{strictarm.GraphCut}, 1, "left rows out"},
		"many":      {[]strictarm.GraphFault{strictarm.GraphTooManySubscriptions}, 1, "more subscriptions than"},
		"down": {[]strictarm.GraphFault{strictarm.GraphUnavailable, strictarm.GraphUnavailable,
			strictarm.GraphUnavailable}, 1, "503"},
		"later, cut": {[]strictarm.GraphFault{strictarm.GraphThrottle(0), strictarm.GraphCut}, 1, "left rows out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newToday(t, strictarm.Config{})
			w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "one", Group: "rg"})
			w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "two", Group: "rg"})
			args := []string{"inventory", "discover", "--kind", "rsv-alerts", "--service-management", w.url,
				"--resource-manager", w.url, "--subscription", subA, "--skip-unreadable"}
			w.cloud.Graph(x.faults...)
			w.start(append(args, "--out", w.inv)...).ends(x.code).says(x.says)
			if _, err := os.Stat(w.inv); !os.IsNotExist(err) {
				t.Errorf("an inventory was written: %v", err)
			}
			w.start(append(args, "--out", w.inv)...).ends(0)
			before, err := os.ReadFile(w.inv)
			if err != nil {
				t.Fatal(err)
			}
			w.cloud.Graph(x.faults...)
			w.start("inventory", "discover", "--update", w.inv, "--skip-unreadable").ends(x.code).says(x.says)
			if after, err := os.ReadFile(w.inv); err != nil || string(after) != string(before) {
				t.Errorf("it became\n%s\n%v", after, err)
			}
			w.judge()
		})
	}
}

// TestDiscoverTodayUnseen: a subscription that is left out without a word is
// neither empty nor gone.
func TestDiscoverTodayUnseen(t *testing.T) {
	t.Parallel()
	w := newToday(t, strictarm.Config{})
	w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "one", Group: "rg"})
	w.cloud.AddVault(strictarm.Vault{Subscription: subB, Name: "two", Group: "rg"})
	w.cloud.Subscription(subA).In("m")
	w.cloud.Subscription(subB).In("m")
	w.start("inventory", "discover", "--kind", "rsv-alerts", "--service-management", w.url, "--resource-manager", w.url,
		"--management-group", "M", "--out", w.inv).ends(0).says("2 vaults in 2 subscriptions")
	before, err := os.ReadFile(w.inv)
	if err != nil {
		t.Fatal(err)
	}
	w.cloud.Subscription(subB).Unseen(true)
	w.start("inventory", "discover", "--update", w.inv).ends(8).says("1 of 2 subscriptions cannot be read")
	w.start("inventory", "discover", "--update", w.inv, "--skip-unreadable").ends(3).says("0 added, 0 vanished")
	w.start("inventory", "discover", "--update", w.inv, "--management-group", "m").ends(0).says("0 added, 0 vanished")
	if after, err := os.ReadFile(w.inv); err != nil || string(after) != string(before) {
		t.Errorf("it became\n%s\n%v", after, err)
	}
	w.judge()
}
