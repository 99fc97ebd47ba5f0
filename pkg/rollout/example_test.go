package rollout_test

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// The caller's loop: what was seen goes into Step, facts and actions come out. Here an
// answer to each action is made up, and time is a number: a whole night takes no time.
func ExampleMachine_Step() {
	now := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	p, err := inventory.Parse("fleet.yaml", []byte(`
apiVersion: fleetup/v1
cloud: AzurePublic
subscriptions:
- {id: 00000001-0000-4000-8000-000000000000, name: prod, vaults: [
    {name: shop, location: West US, resourceType: BackupVault, targetResourceGroup: rg}]}
`), now)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := rollout.New(p)
	if err := m.Apply(fleet.Event{At: now,
		Fact: fleet.RunOpened{RunID: "night", PlanFingerprint: p.Fingerprint}}); err != nil {
		fmt.Println(err)
	}
	var seen []rollout.Observation
	for {
		out := m.Step(now, seen)
		seen = nil
		for _, e := range append(out.Facts, out.Intents...) { // to be committed before the actions are carried out
			fmt.Println("fact  ", e.Fact.Name())
		}
		for _, a := range out.Actions {
			fmt.Printf("action %T\n", a)
			switch a := a.(type) {
			case rollout.Validate:
				seen = append(seen, rollout.ValidateDone{Vault: p.Vaults[a.Vault].Key,
					Result: fleet.Validation{Verdict: fleet.VerdictBlocked,
						Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: "OldAgent",
							Message: "an agent is too old"}}}})
			case rollout.Exit:
				fmt.Println("exit", a.Code, a.Code.Name())
				return
			}
		}
	}
	// Output:
	// fact   WaveOpened
	// action rollout.Validate
	// fact   Validated
	// fact   WaveDone
	// fact   RunClosed
	// action rollout.Exit
	// exit 7 not-upgraded
}
