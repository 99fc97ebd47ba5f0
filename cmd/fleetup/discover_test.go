package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// endpoints are the flags for a served emulator, from the line that it prints.
func endpoints(line string) []string {
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line)
	return []string{"--service-management", url, "--resource-manager", url}
}

// TestDiscoverFindsTheFleet: what is discovered on a served emulator passes
// lint, makes the plan of the inventory that the emulator was filled from, and
// is brought up to date without a change; a run of it makes the vaults left
// out the next time.
func TestDiscoverFindsTheFleet(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	line, stop := emulate(t, filepath.Join(dir, "fast.yaml"), "--scenario", filepath.Join(dir, "fast-scenario.yaml"))
	defer stop()
	list := filepath.Join(dir, "subscriptions")
	data, err := os.ReadFile(filepath.Join(dir, "fast.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i, id := range regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).FindAllString(string(data), -1) {
		lines = append(lines, fmt.Sprintf("%s\tsub %d", strings.ToUpper(id), i))
	}
	if err := os.WriteFile(list, []byte("\uFEFF# of the company\r\n\r\n"+strings.Join(lines, "\r\n")),
		0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "found.yaml")
	args := append(endpoints(line), "--subscriptions-from", list, "--out", file)
	discover := func(more ...string) []string {
		return append([]string{"inventory", "discover"}, append(args, more...)...)
	}

	// Without a target group it is complete but for that.
	code, _, errs := try(t, discover()...)
	if code != fleet.ExitOK || !strings.Contains(errs, "targetResourceGroup is still to be written here") {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	if code, _, errs := try(t, "inventory", "lint", file); code != fleet.ExitUsage ||
		!strings.Contains(errs, "1 problem in the inventory") {
		t.Errorf("lint of a placeholder: exit %d\n%s", code, errs)
	}
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if code, _, errs := try(t, discover("--target-resource-group", "rg-vaults")...); code != fleet.ExitUsage ||
		!strings.Contains(errs, "--overwrite would replace it") {
		t.Errorf("over a file: exit %d\n%s", code, errs)
	}
	if code, _, errs := try(t,
		discover("--target-resource-group", "rg-vaults", "--overwrite")...); code != fleet.ExitOK {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	names := func(file string) string {
		code, out, errs := try(t, "plan", file, "-o", "csv")
		if code != fleet.ExitOK {
			t.Fatalf("plan: exit %d\n%s", code, errs)
		}
		return out
	}
	count := func(s string) int { return strings.Count(s, "\n") }
	if got, want := names(file), names(filepath.Join(dir, "fast.yaml")); count(got) != count(want) {
		t.Errorf("discovered\n%s\nof\n%s", got, want)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inode, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	code, _, errs = try(t, "inventory", "discover", "--update", file)
	if is, err := os.Stat(file); err != nil || !os.SameFile(is, inode) {
		t.Errorf("a file that needs no change was written again: %v", err)
	}
	if after, err := os.ReadFile(file); code != fleet.ExitOK || err != nil || string(after) != string(before) ||
		!strings.Contains(errs, ": 0 added, 0 vanished, 0 found again") {
		t.Errorf("update: exit %d, %v\n%s", code, err, errs)
	}
	quick := string(before) +
		"timings: {poll: 50ms, startTimeout: 2s, reconcileGrace: 100ms, reconcileDeadline: 5s}\nlimits: " +
		"{perSubscription: 10, requestsPerSecond: 200}\nwaves: [{name: all}]\n"
	if err := os.WriteFile(file, []byte(quick), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := try(t, "run", file, "--yes"); code != fleet.ExitOK {
		t.Fatalf("run: exit %d\n%s", code, errs)
	}
	code, out, errs := try(t, "inventory", "discover", "--subscription", strings.Fields(lines[0])[0]+"=one",
		"--target-resource-group", "rg-{location}", args[0], args[1], args[2], args[3])
	if code != fleet.ExitOK || !strings.Contains(out, "vaults: []\n") ||
		!strings.Contains(out, "): upgraded already, started ") || strings.Contains(out, "- name:") {
		t.Errorf("after the run: exit %d\n%s\n%s", code, out, errs)
	}
}

// TestDiscoverUnreadable: a subscription that cannot be read is an error that
// names it and writes nothing, unless it is to be skipped.
func TestDiscoverUnreadable(t *testing.T) {
	t.Parallel()
	const good, bad = "53a3c692-5283-4f0a-baf6-49412f5ebefe", "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03"
	cloud, err := emulator.New(emulator.Config{Vaults: []emulator.Vault{{SubscriptionID: good, Name: "a",
		Location: "West US", ResourceType: "BackupVault", TargetResourceGroup: "rg"},
		{SubscriptionID: bad, Name: "b", Location: "West US", ResourceType: "BackupVault", TargetResourceGroup: "rg"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/"+bad) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		cloud.ServeHTTP(w, r)
	}))
	defer server.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "fleet.yaml")
	args := append([]string{"inventory", "discover", "--subscription", good, "--subscription", bad + "=nightly",
		"--target-resource-group", "rg", "--out", file}, endpoints(server.URL)...)
	code, _, errs := try(t, args...)
	if code != fleet.ExitSignIn || !strings.Contains(errs, "1 of 2 subscriptions cannot be read") ||
		!strings.Contains(errs, "nightly ("+bad+")") || !strings.Contains(errs, "nothing was written") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("there is %v, %v", files, err)
	}
	code, _, errs = try(t, append(args, "--skip-unreadable")...)
	if code != fleet.ExitFailures || !strings.Contains(errs, "nightly ("+bad+")") {
		t.Errorf("skipped: exit %d\n%s", code, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil ||
		!strings.Contains(string(text),
			"    name: nightly\n    # its vaults could not be read: list the classic vaults of subscription "+bad) {
		t.Errorf("%v\n%s", err, text)
	}
	if code, _, errs := try(t, "inventory", "lint", file); code != fleet.ExitOK {
		t.Errorf("lint: exit %d\n%s", code, errs)
	}
	// An update takes what it could not read for neither gone nor there.
	edited := strings.Replace(string(text), "    vaults: []\n",
		"    vaults:\n      - name: b\n      - {name: B2, location: East US}\n", 1)
	edited = strings.Replace(edited, "- name: a\n", "- name: z  # by hand\n", 1)
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	code, out, errs := try(t, "inventory", "discover", "--update", file, "--skip-unreadable", "--dry-run")
	if code != fleet.ExitFailures || !strings.HasSuffix(out, "/a\n- "+good+"/z\n") ||
		!strings.Contains(errs, ": 1 added, 1 vanished, 0 found again, 0 unchanged") {
		t.Errorf("dry run: exit %d\n%s\n%s", code, out, errs)
	}
	if same, err := os.ReadFile(file); err != nil || string(same) != edited {
		t.Errorf("a dry run wrote: %v\n%s", err, same)
	}
	code, _, errs = try(t, "inventory", "discover", "--update", file, "--skip-unreadable")
	after, err := os.ReadFile(file)
	want := regexp.MustCompile(`(?m)^(.*by hand)$`).ReplaceAllString(edited,
		"$1  # not found in Azure on "+session.Now().Format(time.DateOnly)+"\n      - name: a")
	if code != fleet.ExitFailures || err != nil || string(after) != want {
		t.Errorf("update: exit %d, %v\n%s\n%s", code, err, after, errs)
	}
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o640 && runtime.GOOS != "windows" {
		t.Errorf("the mode became %v, %v", fi.Mode(), err)
	}
}

// TestDiscoverLargeFleet: many subscriptions are discovered, linted and
// planned, with one request each. -long takes 20,000 vaults in 200.
func TestDiscoverLargeFleet(t *testing.T) {
	t.Parallel()
	subscriptions, each := 20, 20
	if *long {
		subscriptions, each = 200, 100
	}
	var cfg emulator.Config
	var ids []string
	for i := range subscriptions {
		id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i+1)
		ids = append(ids, fmt.Sprintf("%s=sub-%d", id, i+1))
		for j := range each {
			cfg.Vaults = append(cfg.Vaults, emulator.Vault{SubscriptionID: id, Name: fmt.Sprintf("Vault-%d", j+1),
				Location:     []string{"West US", "East US", "Australia East"}[j%3],
				ResourceType: "BackupVault", TargetResourceGroup: "rg"})
		}
	}
	cloud, err := emulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	server := httptest.NewServer(cloud)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte(strings.Join(ids, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	timed := func(what string, args ...string) string {
		begun := time.Now()
		code, out, errs := try(t, args...)
		if code != fleet.ExitOK {
			t.Fatalf("%s: exit %d\n%s", what, code, errs)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%s of %d vaults in %d subscriptions: %v, %d MiB from the system", what, subscriptions*each,
			subscriptions, time.Since(begun).Round(time.Millisecond), m.Sys>>20)
		return out
	}
	flags := append(endpoints(server.URL), "--requests-per-second", "1000")
	timed("discover", append([]string{"inventory", "discover", "--subscriptions-from", list, "--target-resource-group",
		"rg", "--out", file}, flags...)...)
	asked := 0
	for _, n := range cloud.Summary().Requests {
		asked += n
	}
	if asked != subscriptions {
		t.Errorf("%d requests for %d subscriptions", asked, subscriptions)
	}
	if out := timed("lint", "inventory", "lint", file); !strings.Contains(out,
		fmt.Sprintf("is good: %d vaults in %d subscriptions", subscriptions*each, subscriptions)) {
		t.Error(out)
	}
	timed("plan", "plan", file, "-o", "json")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	timed("update", "inventory", "discover", "--update", file, "--requests-per-second", "1000")
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("an update without changes: %v", err)
	}
}
