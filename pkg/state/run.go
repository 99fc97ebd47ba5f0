package state

import (
	"fmt"
	"reflect"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// RunInfo is what the ledger knows of a run without reading its journal.
type RunInfo struct {
	Ordinal         uint64         `json:"ordinal"` // 1 for the ledger's first run
	ID              string         `json:"id"`
	PlanFingerprint string         `json:"planFingerprint"`
	OpenedAt        time.Time      `json:"openedAt"`
	FirstSeq        uint64         `json:"firstSeq"` // the sequence number of its RunOpened
	Closed          bool           `json:"closed"`   // a RunClosed is in its journal
	ClosedAt        time.Time      `json:"closedAt,omitzero"`
	ExitCode        fleet.ExitCode `json:"exitCode"` // of its RunClosed
	NeverStarted    int            `json:"neverStarted,omitempty"`
}

// Newest is the last of some runs; false when there is none, or they could not be read.
func Newest(runs []RunInfo, err error) (RunInfo, bool, error) {
	if err != nil || len(runs) == 0 {
		return RunInfo{}, false, err
	}
	return runs[len(runs)-1], true, nil
}

// openRun checks the first batch of a run against the runs before it and
// returns the run it opens.
func openRun(runs []RunInfo, seq uint64, plan []byte, events []fleet.Event) (RunInfo, error) {
	if n := len(runs); n > 0 && !runs[n-1].Closed {
		return RunInfo{}, fmt.Errorf("%w, %s, opened %s: go on with it (fleetup resume) before another begins",
			ErrUnfinished, runs[n-1].ID, runs[n-1].OpenedAt.UTC().Format(time.RFC3339))
	}
	if err := checkFacts(events); err != nil {
		return RunInfo{}, err
	}
	if len(plan) == 0 {
		return RunInfo{}, refuse("a run begins with a plan")
	}
	if len(events) == 0 {
		return RunInfo{}, refuse("a run begins with RunOpened")
	}
	opened, ok := events[0].Fact.(fleet.RunOpened)
	if !ok {
		return RunInfo{}, refuse("a run begins with RunOpened, not with %s", events[0].Fact.Name())
	}
	if opened.RunID == "" || opened.PlanFingerprint == "" {
		return RunInfo{}, refuse("RunOpened names no run or no plan")
	}
	if n := len(opened.PlanFingerprint); n > maxKey {
		return RunInfo{}, refuse("RunOpened names its plan with %d bytes", n)
	}
	for _, r := range runs {
		if r.ID == opened.RunID {
			return RunInfo{}, refuse("there is a run %s already", r.ID)
		}
	}
	return follow(RunInfo{
		Ordinal:         uint64(len(runs)) + 1,
		ID:              opened.RunID,
		PlanFingerprint: opened.PlanFingerprint,
		OpenedAt:        events[0].At.UTC(),
		FirstSeq:        seq + 1,
	}, events[1:])
}

// continueRun checks a later batch of a run and returns the run after it.
func continueRun(runs []RunInfo, events []fleet.Event) (RunInfo, error) {
	if len(runs) == 0 {
		return RunInfo{}, fmt.Errorf("%w: nothing can be committed before a run begins", ErrNoRun)
	}
	if err := checkFacts(events); err != nil {
		return RunInfo{}, err
	}
	return follow(runs[len(runs)-1], events)
}

// follow carries a run's boundaries through further events.
func follow(run RunInfo, events []fleet.Event) (RunInfo, error) {
	for _, e := range events {
		switch f := e.Fact.(type) {
		case fleet.RunOpened:
			return RunInfo{}, refuse("RunOpened %s comes after the beginning of run %s", f.RunID, run.ID)
		case fleet.RunClosed:
			if run.Closed {
				return RunInfo{}, refuse("run %s is closed already", run.ID)
			}
			run.Closed, run.ClosedAt, run.ExitCode, run.NeverStarted = true, e.At.UTC(), f.Code, f.NeverStarted
		}
	}
	return run, nil
}

// checkFacts keeps out what the journal could not give back as it came.
func checkFacts(events []fleet.Event) error {
	for i, e := range events {
		if e.Fact == nil {
			return refuse("event %d of the batch has no fact", i)
		}
		if reflect.TypeOf(e.Fact).Kind() == reflect.Pointer {
			return refuse("event %d of the batch holds a pointer to a fact", i)
		}
	}
	return nil
}

// maxKey is the length of the longest key that bbolt stores.
const maxKey = 32768

func checkRecords(vaults []fleet.VaultRecord) error {
	for i, v := range vaults {
		if v.Vault == "" || len(v.Vault) > maxKey {
			return refuse("record %d of the batch has a vault key of %d bytes", i, len(v.Vault))
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}
