package runner_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// A rollout of one vault on the emulator. Store is where the facts become durable, here
// memory in place of a file; Cloud is a kind's adapter.
func ExampleRun() {
	p, err := inventory.Parse("fleet.yaml", []byte(`
apiVersion: fleetup/v1
cloud: Emulator
timings: {poll: 200ms}
subscriptions:
- {id: 00000001-0000-4000-8000-000000000000, name: prod, vaults: [
    {name: shop, location: West US, resourceType: BackupVault, targetResourceGroup: rg}]}
`), time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	v := &p.Vaults[0]
	cloud, err := emulator.New(emulator.Config{
		Vaults: []emulator.Vault{{SubscriptionID: v.SubscriptionID, Name: v.Name, Location: v.Location,
			ResourceType: string(v.ResourceType), TargetResourceGroup: v.TargetResourceGroup}},
		Scenario: emulator.Scenario{TimeScale: 1000, Duration: emulator.Duration{Constant: "1m"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cloud.Close()
	server := httptest.NewServer(cloud)
	defer server.Close()
	serviceManagement, resourceManager, err := azure.NewAPIClients(azure.Options{Version: "v1.2.3",
		Cloud: fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: server.URL, ResourceManager: server.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	upgrader, err := classic.New(classic.Options{ServiceManagement: serviceManagement,
		ResourceManager: resourceManager})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer upgrader.Close()

	store, err := state.NewMemory(state.Binding{Cloud: "Emulator"})
	if err != nil {
		fmt.Println(err)
		return
	}
	opened := fleet.Event{At: time.Now().UTC(), Fact: fleet.RunOpened{RunID: "night", PlanFingerprint: p.Fingerprint}}
	if err := store.Begin([]byte("{}"), []fleet.Event{opened}, nil); err != nil {
		fmt.Println(err)
		return
	}
	var last fleet.Status
	code, err := runner.Run(context.Background(), runner.Options{Plan: p, Store: store, Cloud: upgrader,
		Replay: func(apply func(fleet.Event) error) error {
			return store.Events("night", func(_ uint64, e fleet.Event) error { return apply(e) })
		},
		Progress: func(st *rollout.State, _ []fleet.Event) { // after each commit
			if now := st.Vaults[0].Status; now != last {
				fmt.Println("the vault is", now)
				last = now
			}
		}})
	fmt.Println("exit", code, code.Name(), err)
	// Output:
	// the vault is validating
	// the vault is ready
	// the vault is starting
	// the vault is upgrading
	// the vault is upgraded
	// exit 0 ok <nil>
}
