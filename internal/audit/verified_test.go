package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// mine is the version of the program that audits, older that of another.
const mine, older = "v2.0.0", "v1.0.0"

var night = time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)

func planned(t *testing.T) *plan.Plan {
	t.Helper()
	p, err := inventory.Parse("fleet.yaml", []byte(`
apiVersion: fleetup/v1
cloud: AzurePublic
subscriptions:
- {id: 00000001-0000-4000-8000-000000000000, name: prod, vaults: [
    {name: shop, location: West US, resourceType: BackupVault, targetResourceGroup: rg}]}
`), night)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stored is a ledger in memory, with one run of one vault: what its facts are, what
// its record says, and the address that is kept.
type stored struct {
	t       *testing.T
	plan    *plan.Plan
	facts   []fleet.Fact
	record  fleet.VaultRecord
	address []byte
}

// wrote is what a version writes of a run with these facts.
func wrote(t *testing.T, p *plan.Plan, version string, facts ...fleet.Fact) *stored {
	t.Helper()
	s := &stored{t: t, plan: p, facts: append([]fleet.Fact{
		fleet.RunOpened{RunID: "r1", PlanFingerprint: p.Fingerprint, Version: version}}, facts...)}
	folded := rollout.NewState(p)
	for _, e := range s.events() {
		if folded.Apply(e) != nil {
			break // what does not fit is for the audit to find
		}
	}
	s.record = folded.Record(0)
	return s
}

func (s *stored) events() (events []fleet.Event) {
	for i, f := range s.facts {
		text, err := json.Marshal(fleet.Event{At: night.Add(time.Duration(i) * time.Second), Fact: f})
		var e fleet.Event
		if err := errors.Join(err, json.Unmarshal(text, &e)); err != nil {
			s.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func (s *stored) Identity() []byte            { return []byte(`{}`) }
func (s *stored) Plan(string) ([]byte, error) { return plan.Encode(s.plan) }
func (s *stored) Runs() ([]state.RunInfo, error) {
	return []state.RunInfo{{Ordinal: 1, ID: "r1", PlanFingerprint: s.plan.Fingerprint, OpenedAt: night, FirstSeq: 1}},
		nil
}

func (s *stored) Scan(fn func(state.Entry) error) error {
	for i, e := range s.events() {
		text, err := json.Marshal(e)
		if err := errors.Join(err, fn(state.Entry{Seq: uint64(i + 1), Data: text, Fits: true})); err != nil {
			return err
		}
	}
	return nil
}

func (s *stored) ScanRecords(fn func(state.StoredRecord) error) error {
	if s.record.Status == fleet.Pending {
		return nil // no fact is about it
	}
	return fn(state.StoredRecord{Key: string(s.record.Vault), Record: s.record})
}

func (s *stored) ScanAddresses(fn func(string, []byte) error) error {
	if s.address == nil {
		return nil
	}
	return fn(string(s.plan.Vaults[0].Key), s.address)
}

// TestWhatIsNoFault: each ledger has exactly the fault that is named, or none.
func TestWhatIsNoFault(t *testing.T) {
	t.Parallel()
	p := planned(t)
	k := p.Vaults[0].Key
	started := func(version string, o *fleet.Operation, after ...fleet.Fact) *stored {
		return wrote(t, p, version, append([]fleet.Fact{
			fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: k, OperationID: "o1", Attempt: 1},
			fleet.StartAnswered{Vault: k, OperationID: "o1",
				Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, Operation: o}},
		}, after...)...)
	}
	blocked := fleet.Validated{Vault: k, Verdict: fleet.VerdictBlocked, Findings: []fleet.Finding{
		{Severity: fleet.SeverityError, Code: "OldAgent", Message: "an agent is too old"}}}
	reworded := func(s *stored) *stored {
		s.record.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Code: "OldAgent",
			Message: "in other words"}}
		return s
	}
	held := fleet.Held{Vault: k, By: fleet.Actor{User: "alex"}, Reason: "freeze"}
	unnamed := func(s *stored) *stored { s.record.HeldBy = ""; return s }
	unheld := func(s *stored) *stored { s.record.HeldBy, s.record.Reason = "", ""; return s }
	kept := func(s *stored, key []byte) *stored { s.address = key; return s }
	operation := &fleet.Operation{StatusURL: "https://management.azure.com/operations/o1?t=1&s=secret"}
	_, key := operation.Seal()
	_, other := (&fleet.Operation{StatusURL: "https://management.azure.com/operations/o2?t=1&s=secret"}).Seal()
	const address = "the address of its operation that is kept is not the one"

	for name, c := range map[string]struct {
		ledger *stored
		fault  string // empty: none
	}{
		"an address that the start was answered with": {kept(started(mine, operation), key), ""},
		"the address of another operation":            {kept(started(mine, operation), other), address},
		"an address where the start brought none":     {kept(started(mine, nil), key), address},
		"no address": {started(mine, operation), ""},

		"the record as it was written": {wrote(t, p, mine, blocked), ""},
		"other words than this version writes": {reworded(wrote(t, p, mine, blocked)),
			"its record and the journal differ: findings"},
		"other words of another version": {reworded(wrote(t, p, older, blocked)), ""},
		"other words of another, which resumed": {reworded(wrote(t, p, mine, fleet.Resumed{Version: older},
			blocked)), ""},
		"other words of this one, which resumed": {reworded(wrote(t, p, older, fleet.Resumed{Version: mine},
			blocked)), "differ: findings"},
		"a hold of a version that had who holds in its reason alone": {unnamed(wrote(t, p, older, held)), ""},
		"a hold that its record does not tell of": {unheld(wrote(t, p, older, held)),
			"the journal differ: heldBy"},
		"an event that does not follow from others": {wrote(t, p, mine, blocked,
			fleet.Verified{Vault: k, OperationID: "o1"}), "cannot have followed the events before it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := Check(c.ledger, "", mine)
			if err != nil {
				t.Fatal(err)
			}
			if c.fault == "" && len(found.Faults) == 0 || c.fault != "" && len(found.Faults) == 1 &&
				strings.Contains(found.Faults[0].Message, c.fault) {
				return
			}
			t.Errorf("want %q, got %v", c.fault, found.Faults)
		})
	}
}

// TestSameCarried: what a run took over is what was left where both say the same that
// decides something, and the same words too where this version wrote both.
func TestSameCarried(t *testing.T) {
	t.Parallel()
	left := fleet.Carried{Vault: "v", Status: fleet.Failed, OperationID: "o1", Reason: "as this version says it"}
	words := func(c fleet.Carried) fleet.Carried { c.Reason = "in other words"; return c }
	address := func(c fleet.Carried) fleet.Carried {
		c.Operation = &fleet.Operation{StatusURL: "https://management.azure.com/operations/o1"}
		return c
	}
	unknown, late := left, left
	unknown.Status, late.EndedLate = fleet.Unknown, true
	for name, c := range map[string]struct {
		left, took        fleet.Carried
		leftBy, carriedBy string
		same              bool
	}{
		"the same":                           {left, left, mine, mine, true},
		"other words of this version":        {left, words(left), mine, mine, false},
		"other words, left by another":       {left, words(left), older, mine, true},
		"other words, taken over by another": {left, words(left), mine, older, true},
		"another vault's operation": {left, fleet.Carried{Vault: "v", Status: fleet.Failed, OperationID: "o2"},
			older, older, false},
		"the address of one that is over": {left, address(left), mine, mine, true},
		"an address that was not left":    {unknown, address(unknown), mine, mine, false},
		// of a version that did not carry it
		"a late end that was left out": {late, left, older, older, true},
		"a late end that was not left": {left, late, older, older, false},
	} {
		a := auditor{version: mine, by: map[fleet.Key]string{"v": c.leftBy}}
		if same := a.sameCarried(c.carriedBy, c.left, c.took); same != c.same {
			t.Errorf("%s: the same is %v", name, same)
		}
	}
}

// TestWhichVaultsAreNotToBeUpgraded: a ledger that is not what was written names the
// vaults that its faults are about. A fault of no vault may be of any, and so may those
// that are not told.
func TestWhichVaultsAreNotToBeUpgraded(t *testing.T) {
	t.Parallel()
	vault := func(n int) Fault { return Fault{What: "vault", Vault: fmt.Sprintf("prod/v%d", n), Message: "m"} }
	var seven []Fault
	for n := range 7 {
		seven = append(seven, vault(n+1))
	}
	for name, c := range map[string]struct {
		found Findings
		which string
	}{
		"one":            {Findings{Faults: seven[:1]}, "prod/v1,"},
		"one, twice":     {Findings{Faults: []Fault{vault(1), vault(2), vault(1)}}, "prod/v1, prod/v2,"},
		"five":           {Findings{Faults: seven[:5]}, "prod/v1, prod/v2, prod/v3, prod/v4, prod/v5,"},
		"more than five": {Findings{Faults: seven}, "prod/v1, prod/v2, prod/v3, prod/v4, prod/v5, 2 more,"},
		"an event too": {Findings{Faults: []Fault{vault(1), {What: "event", From: 3, To: 3, Message: "m"}}},
			"any vault of it,"},
		"an event's vault": {Findings{Faults: []Fault{{What: "plan", Vault: "prod/v1", Message: "m"}}},
			"any vault of it,"},
		"records, all":      {Findings{Faults: []Fault{{What: "vault", Message: "m"}}}, "any vault of it,"},
		"more than is told": {Findings{Faults: seven[:1], More: 1}, "any vault of it,"},
	} {
		var e *failure.Error
		if err := unverified("fleet.db", &c.found); !errors.As(err, &e) ||
			!strings.Contains(fmt.Sprintf("%+v", *e), "do not upgrade "+c.which) {
			t.Errorf("%s: want %q, got %+v", name, c.which, e)
		}
	}
}

// TestFaultString: a fault says what it is about where that is known.
func TestFaultString(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		"VAULT prod/v1 of run r: m": {What: "vault", Vault: "prod/v1", Run: "r", Message: "m"},
		"VAULT prod/v1: m":          {What: "vault", Vault: "prod/v1", Message: "m"},
		"VAULT m":                   {What: "vault", Message: "m"},
		"EVENT m":                   {What: "event", Message: "m"},
		"EVENT 3: m":                {What: "event", From: 3, To: 3, Message: "m"},
		"EVENTS 3 to 5 of run r: m": {What: "event", From: 3, To: 5, Run: "r", Message: "m"},
		"RUN m":                     {What: "run", From: 3, To: 3, Run: "r", Message: "m"},
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestStill: what was read of a ledger holds for as long as its end is the same event;
// with as many events and another end it is another ledger, and read anew.
func TestStill(t *testing.T) {
	t.Parallel()
	p := planned(t)
	open := func(run string) *state.Ledger {
		path := filepath.Join(t.TempDir(), "fleet.db")
		lock, err := state.Acquire(path, state.Holder{Host: "h", PID: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lock.Close() })
		l, err := state.Open(lock, state.Binding{Cloud: "AzurePublic", Version: mine})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		text, err := plan.Encode(p)
		opened := fleet.RunOpened{RunID: run, PlanFingerprint: p.Fingerprint, Version: mine}
		if err := errors.Join(err, l.Begin(text, []fleet.Event{{At: night, Fact: opened}}, nil)); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open("r1")
	h, err := Verify(l, mine)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Still(l, mine); err != nil || again != h {
		t.Errorf("of the same ledger it was read anew, %v", err)
	}
	anew := func(what, run string, l *state.Ledger) {
		t.Helper()
		again, err := h.Still(l, mine)
		if err != nil {
			t.Fatal(err)
		}
		if newest, _ := again.Newest(); again == h || newest.Info.ID != run {
			t.Errorf("%s: run %s is taken for the newest", what, newest.Info.ID)
		}
	}
	anew("another end", "r2", open("r2"))
	if err := l.Commit([]fleet.Event{{At: night, Fact: fleet.Noted{Text: "n"}}}, nil); err != nil {
		t.Fatal(err)
	}
	anew("one event more", "r1", l)
}
