package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
)

// An emulated cloud is a handler that speaks both sides of the protocol, with the
// troubles that a scenario scripts. Its summary counts what it was really asked.
func Example() {
	const subscription = "00000001-0000-4000-8000-000000000000"
	cloud, err := emulator.New(emulator.Config{
		Vaults: []emulator.Vault{{SubscriptionID: subscription, Name: "shop", Location: "West US",
			ResourceType: "BackupVault", TargetResourceGroup: "rg"}},
		Scenario: emulator.Scenario{Seed: 1, Faults: []emulator.Fault{{Kind: "fails", Vault: subscription + "/shop"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cloud.Close()
	server := httptest.NewServer(cloud)
	defer server.Close()

	// A request without a token is answered as the service would.
	res, err := http.Get(server.URL + "/subscriptions/" + subscription + "?api-version=2022-12-01")
	if err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
	fmt.Println(res.Status)

	res, err = http.Get(server.URL + "/_emulator/summary")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var summary emulator.Summary
	if err := json.NewDecoder(res.Body).Decode(&summary); err != nil {
		fmt.Println(err)
	}
	fmt.Println(summary.Accepted, "starts accepted,", summary.Mistakes, "mistakes")
	// Output:
	// 401 Unauthorized
	// 0 starts accepted, 1 mistakes
}
