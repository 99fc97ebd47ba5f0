package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// recorder keeps the changes that are sent to a cloud: all but what is of one request
// alone.
type recorder struct {
	http.Handler
	mu   sync.Mutex
	sent []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodGet {
		body, _ := io.ReadAll(q.Body) // what is cut off the cloud refuses
		q.Body = io.NopCloser(bytes.NewReader(body))
		h := q.Header.Clone()
		h.Del("x-ms-client-request-id")
		r.mu.Lock()
		r.sent = append(r.sent, fmt.Sprintf("%s %s %v\n%s", q.Method, q.URL.RequestURI(), h, body))
		r.mu.Unlock()
	}
	r.Handler.ServeHTTP(w, q)
}

// take is what was recorded since it was asked last.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := slices.Sorted(slices.Values(r.sent))
	r.sent = nil
	return sent
}

// outAndBack runs the fleet of an upgrade on a cloud of its own, and back where something
// undoes it. It returns the changes that were sent each way.
func outAndBack(t *testing.T, upgrade, vaults, faults string) (out, back []string) {
	t.Helper()
	inventoryOf := func(upgrade string) string {
		return "apiVersion: fleetup/v1\ncloud: Emulator\nupgrade:\n  " +
			strings.ReplaceAll(strings.TrimSpace(upgrade), "\n", "\n  ") +
			"\ndefaults: {location: West US, resourceGroup: rg-a, acceptWarnings: true}\nsubscriptions:\n" +
			"  - {id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: " + vaults + "}\n" +
			"waves: [{name: all}]\nlimits: {requestsPerSecond: 500}\ntimings: {poll: 20ms}\n"
	}
	p, err := inventory.Parse("fleet.yaml", []byte(inventoryOf(upgrade)), session.Now(), session.CurrentKinds()...)
	if err != nil {
		t.Fatal(err)
	}
	cfg := emulator.Config{}
	if err := yaml.Unmarshal([]byte("timeScale: 6000\nseed: 3\nchanges: {duration: {constant: 2m}, retryAfter: -1}\n"+
		"faults: "+faults), &cfg.Scenario); err != nil {
		t.Fatal(err)
	}
	session.Fill(&cfg, p)
	cloud, err := emulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Handler: cloud}
	url, stop, err := session.Serve("127.0.0.1:0", r)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer cloud.Close()
	ledger := carriedOut(t, p, url)
	if out = r.take(); p.Upgrade.Permanent {
		return out, nil
	}
	kinds := session.CurrentKinds()
	for i := range kinds {
		if w := kinds[i].Written; w != nil {
			w.Recorded = func(string, string, string) (fleet.KindSpec, error) {
				k, err := session.KindOfPlan(&plan.Plan{Kind: fleet.RollbackOf(p.Kind), Upgrade: p.Upgrade})
				return k.KindSpec, err
			}
		}
	}
	of := fmt.Sprintf("kind: rollback\nof: %s\nledger: fleet.db", p.Kind)
	q, err := inventory.Parse("back.yaml", []byte(inventoryOf(of)), session.Now(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	before, err := session.StatesBefore(&session.ReadOnlyLedger{Reader: remembered{ledger}})
	if err != nil {
		t.Fatal(err)
	}
	k, err := session.KindOfPlan(q)
	if err != nil {
		t.Fatal(err)
	}
	q = q.Restoring(func(v *fleet.Vault) (json.RawMessage, string) {
		return before.PutBack(p.Kind, v, "fleet.db", k.Restore)
	})
	carriedOut(t, q, url)
	return out, r.take()
}

// carriedOut runs a plan on the cloud at a URL.
func carriedOut(t *testing.T, p *plan.Plan, url string) *state.Memory {
	t.Helper()
	k, err := session.KindOfPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	endpoints := p.Cloud
	endpoints.ServiceManagement, endpoints.ResourceManager = url, url
	limiter := runner.NewLimiter(p.Limits.RequestsPerSecond)
	up, _, err := k.Connect(p, session.ConnectOptions{},
		azure.Options{Cloud: endpoints, Version: "test", Pacer: limiter})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	store, err := state.NewMemory(state.Binding{Cloud: string(fleet.Emulator)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Begin(data, []fleet.Event{{At: session.Now(),
		Fact: fleet.RunOpened{RunID: "run", PlanFingerprint: p.Fingerprint}}}, nil); err != nil {
		t.Fatal(err)
	}
	code, err := runner.Run(t.Context(), runner.Options{Plan: p, Store: store, Cloud: up, Limiter: limiter,
		Replay: func(apply func(fleet.Event) error) error {
			return store.Events("run", func(_ uint64, e fleet.Event) error { return apply(e) })
		}})
	if err != nil || code != fleet.ExitOK {
		t.Fatalf("%s ended with %v, %v", p.Kind, code, err)
	}
	return store
}

// TestPatchesSendWhatKindsSend: an inventory that writes a built-in kind itself sends the
// same changes, to the byte, there and back.
func TestPatchesSendWhatKindsSend(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct{ patch, faults string }{
		"rsv-alerts": {`resourceType: Microsoft.RecoveryServices/vaults
apiVersion: 2026-07-01
body:
  properties:
    monitoringSettings:
      azureMonitorAlertSettings: {alertsForAllJobFailures: Enabled, alertsForAllReplicationIssues: Enabled, alertsForAllFailoverIssues: Enabled}
      classicAlertSettings: {alertsForCriticalOperations: Disabled, emailNotificationsForSiteRecovery: Disabled}
undo: before`, "[]"},
		"rsv-public-access": {`resourceType: Microsoft.RecoveryServices/vaults
apiVersion: 2026-07-01
body: {properties: {publicNetworkAccess: Disabled}}
require: ["properties.publicNetworkAccess == 'Enabled'"]
undo: before`, "[]"},
		"rsv-soft-delete": {`resourceType: Microsoft.RecoveryServices/vaults
apiVersion: 2026-07-01
body: {properties: {securitySettings: {softDeleteSettings: {softDeleteState: Enabled, softDeleteRetentionPeriodInDays: "{its own}"}}}}
undo: before`, "[{vault: one, kind: state, properties: &off {securitySettings: {softDeleteSettings: " +
			"{softDeleteState: Disabled, softDeleteRetentionPeriodInDays: 21}}}}, " +
			"{vault: two, kind: state, properties: *off}]"},
		"dp-alerts": {`resourceType: Microsoft.DataProtection/backupVaults
apiVersion: 2026-06-01
body: {properties: {monitoringSettings: {azureMonitorAlertSettings: {alertsForAllJobFailures: Enabled}}}}
undo: before`, "[{vault: one, kind: state, properties: &off {monitoringSettings: {azureMonitorAlertSettings: " +
			"{alertsForAllJobFailures: Disabled}}}}, {vault: two, kind: state, properties: *off}]"},
		"dp-immutability": {`resourceType: Microsoft.DataProtection/backupVaults
apiVersion: 2026-06-01
body: {properties: {securitySettings: {immutabilitySettings: {state: Unlocked}}}}
undo: {body: {properties: {securitySettings: {immutabilitySettings: {state: Disabled}}}}}`, "[]"},
		"kv-purge-protection": {`resourceType: Microsoft.KeyVault/vaults
apiVersion: 2026-02-01
body: {properties: {enablePurgeProtection: true}}
require: [properties.enableSoftDelete != ` + "`false`" + `]
undo: {permanent: true}`, "[]"},
		"kv-public-access": {`resourceType: Microsoft.KeyVault/vaults
apiVersion: 2026-02-01
body: {properties: {publicNetworkAccess: Disabled}}
undo: before`, "[]"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const vaults = "[{name: one}, {name: two}]"
			out, back := outAndBack(t, "kind: "+kind, vaults, c.faults)
			ownOut, ownBack := outAndBack(t, "kind: patch\nname: "+kind+"\n"+c.patch, vaults, c.faults)
			if len(out) != 2 || !slices.Equal(out, ownOut) {
				t.Errorf("the kind sent\n%s\nand the patch\n%s", strings.Join(out, "\n"), strings.Join(ownOut, "\n"))
			}
			changed := 2
			if kind == "kv-purge-protection" { // for ever
				changed = 0
			}
			if len(back) != changed || !slices.Equal(back, ownBack) {
				t.Errorf("the kind's rollback sent\n%s\nand the patch's\n%s", strings.Join(back, "\n"),
					strings.Join(ownBack, "\n"))
			}
		})
	}
}
