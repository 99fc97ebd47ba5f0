package strictcloud_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

const wantInventory = `apiVersion: fleetup/v1
cloud: {serviceManagement: "http://127.0.0.1:1", resourceManager: "http://127.0.0.1:1"}
upgrade: {kind: classic}
subscriptions:
  - id: 53a3c692-5283-4f0a-baf6-49412f5ebefe
    name: "prod"
    labels: {"env": "prod"}
    vaults:
      - name: "v: \"1\" #"
        location: "westus"
        resourceType: BackupVault
        targetResourceGroup: "rg-target"
        createResourceGroup: true
        acceptWarnings: true
        protectedItems: 40
        labels: {"a": "1", "b": "2"}
        hold: "legal freeze"
limits:
  upgrades: 3
  requestsPerSecond: 100
waves:
  - name: "canary"
    match: {"env": "dev"}
    maxFailures: 0
  - name: "rest"
failureBudget: 3%
timings:
  poll: 200ms
  validationMaxAge: 10m0s
  busyRetry: 300ms
  busyDeadline: 5s
  startTimeout: 1.5s
  reconcileGrace: 400ms
  reconcileDeadline: 20s
  overdue: 30s
`

// The inventory has the format of inventory.md#keys, without the vaults that are in
// the cloud alone.
func TestInventory(t *testing.T) {
	t.Parallel()
	cloud := strictcloud.New(strictcloud.Config{})
	cloud.AddVault(strictcloud.Vault{
		Subscription: subA, Name: `v: "1" #`, Location: "westus", Labels: map[string]string{"b": "2", "a": "1"},
		ProtectedItems: 40, AcceptWarnings: true, CreateGroup: true, Hold: "legal freeze",
	})
	cloud.AddVault(strictcloud.Vault{Subscription: subB, Name: "elsewhere", NotInInventory: true})
	cloud.Subscription(subA).Named("prod", map[string]string{"env": "prod"})
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	err := cloud.WriteInventory(path, strictcloud.Inventory{
		URL: "http://127.0.0.1:1", Limits: strict.Limits{Upgrades: 3, RequestsPerSecond: 100}, FailureBudget: "3%",
		Waves: []strict.Wave{{Name: "canary", Match: map[string]string{"env": "dev"}, MaxFailures: "0"},
			{Name: "rest"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != wantInventory {
		t.Errorf("got:\n%s", got)
	}
}

// A test that adds an impossible vault is told at once.
func TestImpossibleVault(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]strictcloud.Vault{
		"no name":         {Subscription: subA},
		"no subscription": {Name: "v1"},
		"twice":           {Subscription: subA, Name: "V1", Region: "westus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			cloud := strictcloud.New(strictcloud.Config{})
			cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"})
			cloud.AddVault(second)
		})
	}
}
