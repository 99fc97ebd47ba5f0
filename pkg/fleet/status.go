package fleet

import "fmt"

// Status says where a vault stands in its life (design.md#a-vaults-life). Statuses persist
// as these strings.
type Status string

// The statuses of a vault.
const (
	Pending    Status = "pending"    // nothing known yet
	Validating Status = "validating" // its prerequisites are being checked
	Excluded   Status = "excluded"   // held by the inventory
	Ready      Status = "ready"      // validated, waits for a slot
	Blocked    Status = "blocked"    // cannot be upgraded now; the next run tries again
	Busy       Status = "busy"       // something else is under way on it; tried again in this run
	Already    Status = "already"    // upgraded before this run, or by somebody else
	Starting   Status = "starting"   // the intent is on disk; the POST may be out
	Upgrading  Status = "upgrading"  // the cloud works on it
	Upgraded   Status = "upgraded"   // done and verified
	Failed     Status = "failed"     // failed; stays so until a person re-opens it
	Unknown    Status = "unknown"    // started perhaps; only reading can tell

	// Deferred is shown, never stored: what a halt, a stop or a suspension
	// kept from starting.
	Deferred Status = "deferred"
)

// Statuses lists every status in the order reports show them.
func Statuses() []Status {
	return []Status{Upgraded, Already, Upgrading, Starting, Unknown, Failed, Blocked, Busy,
		Ready, Validating, Pending, Deferred, Excluded}
}

// moves is the transition table of design.md#a-vaults-life, as data.
var moves = map[Status][]Status{
	Pending:    {Validating, Excluded, Failed},
	Validating: {Ready, Blocked, Busy, Already, Unknown, Upgrading, Pending, Failed, Excluded},
	Busy:       {Validating, Blocked, Excluded},
	Ready:      {Validating, Starting, Blocked, Already, Excluded},
	Starting:   {Upgrading, Upgraded, Failed, Blocked, Busy, Ready, Unknown},
	Upgrading:  {Upgraded, Failed, Unknown, Already, Blocked},
	Unknown:    {Upgrading, Upgraded, Failed, Ready, Pending, Already},
	Failed:     {Pending, Upgraded, Already}, // the last two: support put it right, and a refresh saw it
	Blocked:    {Pending},
	Excluded:   {Pending},
}

// CanMove reports whether a vault may go from one status to another. Staying
// is always allowed.
func CanMove(from, to Status) bool {
	if from == to {
		return true
	}
	for _, s := range moves[from] {
		if s == to {
			return true
		}
	}
	return false
}

// TransitionError is an illegal move: a programming error or a damaged
// journal, never an outcome.
type TransitionError struct {
	Vault    Key
	From, To Status
	Fact     string
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("vault %s: %s may not take it from %s to %s", e.Vault, e.Fact, e.From, e.To)
}
