package rollout

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// ordinal numbers the statuses as fleet.Statuses lists them; a test compares them. Each
// change of a vault is counted four times, too often for a map.
func ordinal(s fleet.Status) int {
	switch s {
	case fleet.Already:
		return 1
	case fleet.Upgrading:
		return 2
	case fleet.Starting:
		return 3
	case fleet.Unknown:
		return 4
	case fleet.Failed:
		return 5
	case fleet.Blocked:
		return 6
	case fleet.Busy:
		return 7
	case fleet.Ready:
		return 8
	case fleet.Validating:
		return 9
	case fleet.Pending:
		return 10
	case fleet.Deferred:
		return 11
	case fleet.Excluded:
		return 12
	}
	return 0 // upgraded
}

const statusCount = 13 // len(fleet.Statuses()); a test compares them

// Totals counts vaults by status.
type Totals struct {
	n   [statusCount]int
	all int

	already AlreadyBy
	left    LeftDone
}

// AlreadyBy parts the vaults that are as wanted without a start of the run. The rest of
// them were so when the run first read them, and no run of the ledger did that.
type AlreadyBy struct {
	EarlierRuns int // of the ledger
	Others      int // since the run began
}

// LeftDone counts the vaults that earlier runs left as wanted, and that this one has not
// looked at yet: they are done as far as anybody knows, and were not read again.
type LeftDone struct {
	All     int
	Earlier int // of those, upgraded by a run of the ledger; the others one had found as wanted
}

// count takes in a vault, or takes it out; meanwhile: others did it since the run began.
func (t *Totals) count(v *VaultState, meanwhile bool, by int) {
	t.add(v.Status, by)
	switch {
	case v.LeftDone():
		t.left.All += by
		if v.Earlier {
			t.left.Earlier += by
		}
	case v.Status != fleet.Already:
	case v.Earlier:
		t.already.EarlierRuns += by
	case meanwhile:
		t.already.Others += by
	}
}

func (t *Totals) add(s fleet.Status, by int) {
	t.n[ordinal(s)] += by
	t.all += by
}

// Of returns how many vaults have the status.
func (t *Totals) Of(s fleet.Status) int { return t.n[ordinal(s)] }

// AlreadyBy parts those that the run has found as wanted.
func (t *Totals) AlreadyBy() AlreadyBy { return t.already }

// LeftDone counts those that the run has not looked at because it has not come to them.
func (t *Totals) LeftDone() LeftDone { return t.left }

// All returns how many vaults there are.
func (t *Totals) All() int { return t.all }
