package state

import (
	"encoding/json"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Restore appends events to a ledger that is made again from what was kept of it
// elsewhere: byte for byte as they were stored, so that the chain ends as it did
// (Binding.Identity is where it begins). A first event that opens a run begins one
// with the plan; others belong to the latest run, and plan is not looked at.
//
// Errors and promises are those of Begin and of Commit.
func (l *Ledger) Restore(plan []byte, stored [][]byte, vaults []fleet.VaultRecord) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return l.commitError(err)
	}
	events := make([]fleet.Event, len(stored))
	for i, text := range stored {
		if err := json.Unmarshal(text, &events[i]); err != nil {
			return refuse("event %d of the batch cannot be read: %v", i, err)
		}
	}
	opens := false
	if len(events) > 0 {
		_, opens = events[0].Fact.(fleet.RunOpened)
	}
	var run RunInfo
	var err error
	if opens {
		run, err = openRun(l.runs, l.head.seq, plan, events)
	} else {
		run, err = continueRun(l.runs, events)
	}
	if err != nil {
		return err
	}
	b, err := newBatchOf(run, l.head, events, stored, vaults)
	if err != nil {
		return err
	}
	if opens {
		if b.plan, err = pack(plan); err != nil {
			return err
		}
	}
	return l.applyAndTell(b, events)
}
