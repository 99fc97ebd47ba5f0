package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Memory is a ledger without a file, for simulations and tests. It keeps the
// rules of Ledger's journal and passes the same contract suite. It keeps the
// facts as they are handed in, so they must not be changed afterwards; nothing
// is encoded until Head is asked for. Its methods are safe for concurrent use.
type Memory struct {
	genesis Hash

	mu      sync.Mutex
	runs    []RunInfo
	plans   map[string][]byte
	events  []fleet.Event
	vaults  map[fleet.Key]fleet.VaultRecord
	head    position // of the events hashed so far
	failure error
	closed  bool
}

// NewMemory returns an empty ledger in memory.
func NewMemory(b Binding) (*Memory, error) {
	identity, err := newIdentity(b)
	if err != nil {
		return nil, err
	}
	m := &Memory{genesis: Genesis(identity), plans: map[string][]byte{}, vaults: map[fleet.Key]fleet.VaultRecord{}}
	m.head.hash = m.genesis
	return m, nil
}

// Begin is as Ledger.Begin.
func (m *Memory) Begin(plan []byte, events []fleet.Event, vaults []fleet.VaultRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return &CommitError{Path: "in memory", Err: err}
	}
	run, err := openRun(m.runs, uint64(len(m.events)), plan, events)
	if err != nil {
		return err
	}
	if err := checkRecords(vaults); err != nil {
		return err
	}
	m.runs = append(m.runs, run)
	if m.plans[run.PlanFingerprint] == nil {
		m.plans[run.PlanFingerprint] = bytes.Clone(plan)
	}
	m.keep(events, vaults)
	return nil
}

// Commit is as Ledger.Commit.
func (m *Memory) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.usable()
	if err == nil && len(events) == 0 && len(vaults) == 0 {
		return nil
	}
	var run RunInfo
	if err == nil {
		run, err = continueRun(m.runs, events)
	}
	if err == nil {
		err = checkRecords(vaults)
	}
	if err != nil {
		m.failure = &CommitError{Path: "in memory", Err: err}
		return m.failure
	}
	m.runs[len(m.runs)-1] = run
	m.keep(events, vaults)
	return nil
}

func (m *Memory) keep(events []fleet.Event, vaults []fleet.VaultRecord) {
	m.events = append(m.events, events...)
	for _, v := range vaults {
		m.vaults[v.Vault] = v
	}
}

func (m *Memory) usable() error {
	if m.closed {
		return ErrClosed
	}
	return m.failure
}

// Runs is as Reader.Runs.
func (m *Memory) Runs() ([]RunInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.runs), m.usable()
}

// LatestRun is as Reader.LatestRun.
func (m *Memory) LatestRun() (RunInfo, bool, error) { return Newest(m.Runs()) }

// Plan is as Reader.Plan.
func (m *Memory) Plan(fingerprint string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return nil, err
	}
	plan := m.plans[fingerprint]
	if plan == nil {
		return nil, fmt.Errorf("%w: none in memory has fingerprint %q", ErrNoPlan, fingerprint)
	}
	return bytes.Clone(plan), nil
}

// Events is as Reader.Events.
func (m *Memory) Events(runID string, fn func(seq uint64, e fleet.Event) error) error {
	m.mu.Lock()
	err := m.usable()
	run, last, ferr := findRun(m.runs, uint64(len(m.events)), runID)
	events := m.events
	m.mu.Unlock()
	if err != nil {
		return err
	}
	if ferr != nil {
		return ferr
	}
	for seq := run.FirstSeq; seq <= last; seq++ {
		if err := fn(seq, events[seq-1]); err != nil {
			return err
		}
	}
	return nil
}

// VaultRecords is as Reader.VaultRecords.
func (m *Memory) VaultRecords(fn func(fleet.VaultRecord) error) error {
	m.mu.Lock()
	err := m.usable()
	records := make([]fleet.VaultRecord, 0, len(m.vaults))
	for _, v := range m.vaults {
		records = append(records, v)
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	slices.SortFunc(records, func(a, b fleet.VaultRecord) int { return cmp.Compare(a.Vault, b.Vault) })
	for _, v := range records {
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

// Head is as Reader.Head. It encodes the events that came since it was asked
// last.
func (m *Memory) Head() (seq uint64, hash string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return 0, "", err
	}
	for ; m.head.seq < uint64(len(m.events)); m.head.seq++ {
		text, err := json.Marshal(m.events[m.head.seq])
		if err != nil {
			return 0, "", err
		}
		m.head.hash = Link(m.head.hash, m.head.seq+1, text)
	}
	return m.head.seq, m.head.hash.String(), nil
}

// Close makes every method refuse until Reopen.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Reopen makes a closed or failed ledger usable again, with all that was
// committed: what a new process would find.
func (m *Memory) Reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed, m.failure = false, nil
}
