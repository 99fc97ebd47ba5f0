package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestWordsOfKinds: what is said of a classic vault, of its vendor, its listing
// and the new vault, is not said of one that is changed where it is.
func TestWordsOfKinds(t *testing.T) {
	t.Parallel()
	for _, classic := range []bool{true, false} {
		p := testPlan(8, 1, 8)
		if !classic {
			p.Upgrade = &fleet.Upgrade{}
		}
		k := func(i int) fleet.Key { return p.Vaults[i].Key }
		record := func(op string, s fleet.UpgradeState) *fleet.Record {
			return &fleet.Record{OperationID: op,
				State: s}
		}
		var facts []fleet.Fact
		for i := range p.Vaults[:6] {
			verdict := fleet.StartAccepted
			if i == 3 {
				verdict = fleet.StartUnknown
			}
			facts = append(facts, fleet.Validated{Vault: k(i), Verdict: fleet.VerdictReady},
				fleet.StartIntended{Vault: k(i), OperationID: "op", Attempt: 1},
				fleet.StartAnswered{Vault: k(i), OperationID: "op", Answer: fleet.StartAnswer{Verdict: verdict}})
		}
		facts = append(facts,
			fleet.Observed{Vault: k(0), OperationID: "op", Record: record("op", fleet.RecordFailed)},
			fleet.Observed{Vault: k(1), OperationID: "op", Vanished: true},
			fleet.Observed{Vault: k(2), OperationID: "op", Record: record("op", fleet.RecordUpgraded)},
			fleet.DeadlinePassed{Vault: k(2), Deadline: fleet.DeadlineReconcile},
			fleet.DeadlinePassed{Vault: k(3), Deadline: fleet.DeadlineReconcile},
			fleet.Observed{Vault: k(4), OperationID: "op", Record: record("op", fleet.RecordFailed)},
			fleet.Refreshed{Vault: k(4), OperationID: "op", Reading: fleet.ReadOurs,
				Record: record("op", fleet.RecordUpgraded)},
			fleet.Observed{Vault: k(5), OperationID: "op", Record: record("op", fleet.RecordFailed)},
			fleet.Refreshed{Vault: k(5), OperationID: "op", Reading: fleet.ReadOurs,
				Record: record("op", fleet.RecordUpgraded), Verified: true})
		for _, i := range []int{6, 7} {
			facts = append(facts, fleet.Validated{Vault: k(i), Verdict: fleet.VerdictUpgrading,
				Record: record("theirs", fleet.RecordInProgress)})
		}
		facts = append(facts, fleet.Observed{Vault: k(6), OperationID: "theirs", Foreign: true, Vanished: true},
			fleet.Observed{Vault: k(7), OperationID: "theirs", Foreign: true,
				Record: record("theirs", fleet.RecordFailed)})
		s := NewState(p)
		for n, f := range facts {
			if err := s.Apply(fleet.Event{At: time.Unix(int64(n), 0), Fact: f}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range s.Vaults {
			said := s.Vaults[i].Reason
			for _, f := range s.Vaults[i].Findings {
				said += "; " + f.Message + "; " + f.Action
			}
			ofClassic := strings.Contains(said, "new vault") || strings.Contains(said, "support") ||
				strings.Contains(said, "listing")
			if said == "" || ofClassic != classic {
				t.Errorf("classic: %v, vault %d: %q", classic, i, said)
			}
		}
	}
}
