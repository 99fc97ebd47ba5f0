package rollout

import (
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Memory is what a ledger remembers of vaults, as a plan that is only looked at needs
// it: by the records alone, in O(vaults), where Inheritance goes through the journal.
// Nothing is decided by it: the run checks every vault. The zero value is that of no
// ledger.
type Memory struct {
	Carried  map[fleet.Key]fleet.Carried // what a run would take over
	AsWanted map[fleet.Key]AsWanted      // what is left as wanted
	Undone   map[fleet.Key]Undone        // what was left as wanted, and taken back since
	Vaults   []fleet.Key                 // all that it knows of
	// by whom and why, of those that a person held in the last run that touched them
	Held    map[fleet.Key]string
	Newest  fleet.Kind // what its newest run does: reopen is about that run's vaults; empty: not known
	changed map[fleet.Key]time.Time
}

// AsWanted is that the runs of a ledger left a vault as it was to be.
type AsWanted struct {
	Run  string    // ID of the one that upgraded it, found it so, or held it
	Ours bool      // one of them upgraded it; false: it was so before the first
	At   time.Time // when it became so, as far as the ledger knows; zero: it does not
}

// Undone is that a run of the ledger took a vault back from where the kind of a plan wants
// it, after another had left it there.
type Undone struct {
	Run string    // ID of the one that took it back
	At  time.Time // when it did; zero: the ledger does not know
}

// Meets counts the vaults among the keys that a ledger knows, and those of a plan among
// them; whatever was done to a vault, it is one.
func Meets(known []fleet.Key, p *plan.Plan) (all, common int) {
	vaults := map[string]bool{}
	for _, k := range known {
		vaults[vaultOf(k)] = true
	}
	for i := range p.Vaults {
		if vaults[vaultOf(p.Vaults[i].Key)] {
			common++
		}
	}
	return len(vaults), common
}

// vaultOf is a key without the kind of upgrade.
func vaultOf(k fleet.Key) string {
	_, vault := k.Parts()
	return vault
}

// Reopens reports whether the vaults of a plan may be re-opened now: reopen goes by the
// newest run, which knows nothing of their failures where it did something else to them,
// such as to undo what the plan does.
func (m *Memory) Reopens(p *plan.Plan) bool { return m.Newest == "" || m.Newest == p.Kind }

// Changed is when the runs last changed a vault of each wave of a plan, by the wave's
// name, as fleet.RunOpened has it.
func (m *Memory) Changed(p *plan.Plan) map[string]time.Time {
	return ChangedBefore(p, func(k fleet.Key) time.Time { return m.changed[k] })
}

// Remember sums up a ledger's records. runs are the IDs of its runs in their order;
// opened is what a run began with; it is asked of those that did not change a vault.
func Remember(records []fleet.VaultRecord, runs []string, opened func(run string) (fleet.RunOpened, error)) (Memory,
	error) {
	m := Memory{Carried: map[fleet.Key]fleet.Carried{}, AsWanted: map[fleet.Key]AsWanted{},
		Undone: map[fleet.Key]Undone{}, Held: map[fleet.Key]string{}, changed: map[fleet.Key]time.Time{}}
	byKey := make(map[fleet.Key]*fleet.VaultRecord, len(records))
	earlier := map[string]map[fleet.Key]bool{} // by run: what those before it had upgraded; true: and left so
	for i := range records {
		byKey[records[i].Vault] = &records[i]
		m.Vaults = append(m.Vaults, records[i].Vault)
	}
	for i := range records {
		r := &records[i]
		if c, ok := Carry(*r); ok {
			m.Carried[r.Vault] = c
		}
		if why, ok := HeldByHand(r); ok {
			m.Held[r.Vault] = why
		}
		switch r.Status {
		case fleet.Upgraded, fleet.Failed, fleet.Unknown:
			m.changed[r.Vault] = later(r.StartedAt, r.EndedAt)
		}
		wanted, ours := r.Status == fleet.Upgraded || r.Status == fleet.Already, r.Status == fleet.Upgraded
		switch r.Status {
		case fleet.Already, fleet.Pending, fleet.Excluded: // the latter were not looked at
			if earlier[r.RunID] == nil {
				f, err := opened(r.RunID)
				if err != nil {
					return Memory{}, err
				}
				earlier[r.RunID] = map[fleet.Key]bool{}
				for _, k := range f.Upgraded {
					earlier[r.RunID][k] = true
				}
				for _, k := range f.Unseen {
					earlier[r.RunID][k] = false
				}
			}
			var left bool
			left, ours = earlier[r.RunID][r.Vault]
			wanted = wanted || left && len(r.Disregard) == 0
		}
		back := byKey[oppositeOf(r.Vault)]
		since := back != nil && slices.Index(runs, back.RunID) > slices.Index(runs, r.RunID)
		switch {
		case !wanted:
		case since && back.Status == fleet.Upgraded:
			m.Undone[r.Vault] = Undone{back.RunID, later(back.StartedAt, back.EndedAt)}
		case since && movedAway(back):
		default:
			m.AsWanted[r.Vault] = AsWanted{r.RunID, ours, later(r.StartedAt, r.EndedAt)}
		}
	}
	return m, nil
}

// HeldByHand is by whom and why a vault was held in the run that last touched it, and
// not released. A hold of the inventory is no fact, and leaves no such record.
func HeldByHand(r *fleet.VaultRecord) (why string, ok bool) {
	old := r.HeldBy == "" && strings.HasPrefix(r.Reason, heldBy) // an earlier version's record
	if r.Status != fleet.Excluded || r.HeldBy == "" && !old {
		return "", false
	}
	return r.Reason, true
}

// movedAway reports whether a vault may be as the record's kind wants it, and so not as
// the kind wants it that undoes it.
func movedAway(r *fleet.VaultRecord) bool {
	switch r.Status {
	case fleet.Starting, fleet.Upgrading, fleet.Upgraded, fleet.Already, fleet.Failed, fleet.Unknown:
		return true
	}
	return false
}

// oppositeOf is the key of a vault for the kind that takes away what its kind does.
func oppositeOf(k fleet.Key) fleet.Key {
	kind, vault := k.Parts()
	opposite := fleet.RollbackOf(kind)
	if of, back := kind.Undoes(); back {
		opposite = of
	}
	return fleet.Key(string(opposite) + "/" + vault)
}
