package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// changed is a ledger of which something is not what was written.
type changed struct {
	*stored
	index   func([]state.RunInfo) ([]state.RunInfo, error)
	plan    func([]byte) ([]byte, error)
	events  func([]state.Entry) []state.Entry
	records func([]state.StoredRecord) ([]state.StoredRecord, error)
	address error
}

func (c changed) Runs() ([]state.RunInfo, error) {
	all, err := c.stored.Runs()
	if c.index != nil {
		return c.index(all)
	}
	return all, err
}

func (c changed) Plan(fingerprint string) ([]byte, error) {
	data, err := c.stored.Plan(fingerprint)
	if c.plan != nil {
		return c.plan(data)
	}
	return data, err
}

func (c changed) Scan(fn func(state.Entry) error) error {
	all := c.entries()
	for _, e := range all {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func (c changed) entries() (all []state.Entry) {
	prev := state.Genesis(c.Identity())
	if err := c.stored.Scan(func(e state.Entry) error {
		e.Prev = prev
		e.Hash = state.Link(prev, e.Seq, e.Data)
		prev = e.Hash
		all = append(all, e)
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	if c.events != nil {
		all = c.events(all)
	}
	return all
}

func (c changed) ScanRecords(fn func(state.StoredRecord) error) error {
	var all []state.StoredRecord
	err := c.stored.ScanRecords(func(r state.StoredRecord) error { all = append(all, r); return nil })
	if c.records != nil {
		all, err = c.records(all)
	}
	for _, r := range all {
		if err := fn(r); err != nil {
			return err
		}
	}
	return err
}

func (c changed) ScanAddresses(fn func(string, []byte) error) error {
	return errors.Join(c.address, c.stored.ScanAddresses(fn))
}

// A run of one vault that failed, and was closed.
func failedNight(t *testing.T, more ...fleet.Fact) *stored {
	p := planned(t)
	k := p.Vaults[0].Key
	return wrote(t, p, mine, append([]fleet.Fact{
		fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: k, OperationID: "o1", Attempt: 1},
		fleet.StartAnswered{Vault: k, OperationID: "o1", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}},
	}, more...)...)
}

// TestEveryFault: each change is told by exactly the faults that it makes, at their places.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	const vault = "prod/shop"
	closed := func(r []state.RunInfo) ([]state.RunInfo, error) { r[0].Closed = true; return r, nil }
	another := fleet.VaultRecord{Vault: "upgrade/other", Status: fleet.Failed, RunID: "r0"}
	for name, c := range map[string]struct {
		ledger changed
		want   []string // nil: it is what was written
	}{
		"nothing": {changed{}, nil},

		"an event that is none": {changed{events: func(e []state.Entry) []state.Entry {
			return append(e, state.Entry{})
		}}, []string{"EVENT something is stored among the events that is no event"}},
		"two events taken out": {changed{events: func(e []state.Entry) []state.Entry {
			e[3].Missing = 2
			return append(e[:1], e[3])
		}}, []string{"EVENTS 2 to 3 of run r1: missing: taken out of the journal",
			"EVENT 4 of run r1: cannot have followed the events before it"}},
		"three events changed, two of them neighbours": {changed{events: func(e []state.Entry) []state.Entry {
			e[0].Fits, e[2].Fits, e[3].Fits = false, false, false
			return e
		}}, []string{"EVENT 1 of run r1: changed", "EVENTS 3 to 4 of run r1: changed"}},
		"an event that cannot be read": {changed{events: func(e []state.Entry) []state.Entry {
			e[3].Data = []byte("{")
			return e
		}}, []string{"EVENT 4 of run r1: cannot be read: "}},
		"an event before the first run": {changed{events: func(e []state.Entry) []state.Entry { return e[1:] },
			index: func([]state.RunInfo) ([]state.RunInfo, error) { return nil, nil },
			records: func([]state.StoredRecord) ([]state.StoredRecord, error) {
				return nil, nil
			}}, []string{"EVENTS 2 to 4: belongs to no run"}},

		"an event that cannot be read before the first run": {changed{events: func(e []state.Entry) []state.Entry {
			e[0].Data = []byte("{")
			return e[:1]
		}, index: func([]state.RunInfo) ([]state.RunInfo, error) { return nil, nil }},
			[]string{"EVENT 1: cannot be read: "}},

		"an index that cannot be read": {changed{index: func([]state.RunInfo) ([]state.RunInfo, error) {
			return nil, errors.New("torn")
		}}, []string{"RUN the index of the runs cannot be read: torn"}},
		"a run that the index does not have": {changed{index: func([]state.RunInfo) ([]state.RunInfo, error) {
			return nil, nil
		}}, []string{"RUN run r1 is in the journal and not in the index of the runs"}},
		"a run that the index has otherwise": {changed{index: closed},
			[]string{"RUN the index of the runs and the journal differ on run r1: closed"}},
		"a run that the index alone has": {changed{index: func(r []state.RunInfo) ([]state.RunInfo, error) {
			return append(r, state.RunInfo{Ordinal: 2, ID: "r2", FirstSeq: 9}), nil
		}}, []string{"RUN the index has run r2, and event 9, which opened it, is gone"}},

		"a plan that is not to be had": {changed{plan: func([]byte) ([]byte, error) {
			return nil, errors.New("no such plan")
		}}, []string{"PLAN plan "}},

		"records that cannot be read": {changed{records: func([]state.StoredRecord) ([]state.StoredRecord, error) {
			return nil, errors.New("torn")
		}}, []string{"VAULT torn"}},
		"a record that cannot be read": {changed{records: func(r []state.StoredRecord) ([]state.StoredRecord, error) {
			r[0].Err = errors.New("torn")
			return r, nil
		}}, []string{"VAULT " + vault + ": its record cannot be read: torn"}},
		"a record twice": {changed{records: func(r []state.StoredRecord) ([]state.StoredRecord, error) {
			return append(r, r[0]), nil
		}}, []string{"VAULT " + vault + " of run r1: it has two records"}},
		"a record under another's key": {changed{records: func(r []state.StoredRecord) ([]state.StoredRecord, error) {
			r[0].Key = "upgrade/other"
			return r, nil
		}}, []string{"VAULT " + vault + " of run r1: its record is stored as that of upgrade/other"}},
		"a record of nothing": {changed{records: func(r []state.StoredRecord) ([]state.StoredRecord, error) {
			return append(r, state.StoredRecord{Key: string(another.Vault), Record: another}), nil
		}}, []string{"VAULT upgrade/other of run r0: its record says failed, and no event is about it"}},
		"a record with another status": {changed{records: func(r []state.StoredRecord) ([]state.StoredRecord, error) {
			r[0].Record.Status = fleet.Upgraded
			return r, nil
		}}, []string{"VAULT " + vault + " of run r1: its record says upgraded, and the journal says upgrading"}},
		"a record that is gone": {changed{records: func([]state.StoredRecord) ([]state.StoredRecord, error) {
			return nil, nil
		}}, []string{"VAULT " + vault + " of run r1: its record is gone, and the journal says upgrading"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.ledger.stored = failedNight(t)
			found, err := Check(c.ledger, "", mine)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found.Faults {
				got = append(got, f.String())
			}
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("it tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
	// What keeps the addresses may be unreadable though the journal is not.
	broken := changed{stored: failedNight(t), address: errors.New("torn")}
	if _, err := Check(broken, "", mine); err == nil || err.Error() != "torn" {
		t.Errorf("addresses that cannot be read: %v", err)
	}
}

// TestTwentyFaultsAreTold, the rest is counted, and no changed ledger makes one too long.
func TestTwentyFaultsAreTold(t *testing.T) {
	t.Parallel()
	for _, n := range []int{19, 20, 21, 45} {
		c := changed{stored: failedNight(t), records: func(r []state.StoredRecord) ([]state.StoredRecord, error) {
			for i := range n {
				k := fleet.Key(fmt.Sprintf("upgrade/%s%d", strings.Repeat("é", 400), i))
				r = append(r, state.StoredRecord{Key: string(k), Record: fleet.VaultRecord{Vault: k}})
			}
			return r, nil
		}}
		wanted := fmt.Sprintf(": %d faults found; the first: VAULT upgrade/", n)
		if _, err := Verify(pathed{c}, mine); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("of %d it says %.200v", n, err)
		}
		found, err := Check(c, "", mine)
		if err != nil || len(found.Faults) != min(n, 20) || found.More != max(0, n-20) || found.Vaults != n+1 {
			t.Errorf("of %d it tells %d and %d more, of %d vaults: %v", n, len(found.Faults), found.More, found.Vaults,
				err)
		}
		// 600 bytes end in the middle of an é, after the 8 bytes before the first.
		if got := found.Faults[0].Vault; len(got) > 600+len(" …") || !strings.HasSuffix(got, "é …") {
			t.Errorf("a name of %d bytes: …%q", len(got), got[len(got)-20:])
		}
	}
	for _, s := range []string{"", "short", strings.Repeat("x", 600)} {
		if short(s) != s {
			t.Errorf("%d bytes were cut", len(s))
		}
	}
	if s := strings.Repeat("x", 601); short(s) != s[:600]+" …" {
		t.Error("601 bytes were not cut")
	}
}

// TestSentences: what a fact does not say is not told, and what it says is.
func TestSentences(t *testing.T) {
	t.Parallel()
	accepted := fleet.StartAnswered{OperationID: "o1", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}
	withStatus := accepted
	withStatus.Answer.HTTPStatus, withStatus.Answer.Message = 202, "taken"
	for _, c := range []struct {
		fact fleet.Fact
		want string
	}{
		{fleet.RunOpened{RunID: "r1", PlanFingerprint: "f00d", Carried: make([]fleet.Carried, 2)},
			"opened run r1 on plan f00d; it took over 2 vaults from earlier runs"},
		{fleet.Resumed{}, "went on with the run in a new process"},
		{fleet.Resumed{Reason: "its host is gone"}, "took the run over from the engine that carried it out"},
		{fleet.RunClosed{Code: fleet.ExitOK}, "closed the run with exit code 0 (ok)"},
		{fleet.RunClosed{Code: fleet.ExitOK, NeverStarted: 3},
			"closed the run with exit code 0 (ok); 3 never started"},
		{accepted, "the start of operation o1 was answered: accepted"},
		{withStatus, "the start of operation o1 was answered: accepted (HTTP 202): taken"},
		{fleet.Reopened{}, "permitted another try"},
		{fleet.Reopened{Case: "4711"}, "permitted another try, support case 4711"},
		{fleet.RunSuspended{Why: fleet.SuspendedSignal}, "suspended the run in order (signal)"},
	} {
		if got := Sentence(c.fact, fleet.DirectionUpgrade); got != c.want {
			t.Errorf("it is %q, want %q", got, c.want)
		}
	}
}

// TestHeadIsFound: by its beginning, at its event, or as the genesis; and the counts.
func TestHeadIsFound(t *testing.T) {
	t.Parallel()
	c := changed{stored: failedNight(t)}
	all := c.entries()
	for i, e := range all {
		found, err := Check(c, e.Hash.String()[:16], mine)
		if err != nil || !found.Found || found.At != uint64(i+1) {
			t.Errorf("the hash of event %d: %v, at %d: %v", i+1, found.Found, found.At, err)
		}
	}
	found, err := Check(c, state.Genesis(c.Identity()).String()[:12], mine)
	if err != nil || !found.Found || found.At != 0 {
		t.Errorf("the genesis: %v, at %d: %v", found.Found, found.At, err)
	}
	last := all[len(all)-1]
	for _, head := range []string{"", "00000000"} {
		found, err = Check(c, head, mine)
		if err != nil || found.Found || found.At != 0 {
			t.Errorf("head %q: %v at %d: %v", head, found.Found, found.At, err)
		}
	}
	seq, hash := found.End()
	if found.Events != 4 || found.Runs != 1 || found.Vaults != 1 || found.Planned != 1 || found.Known != 1 ||
		!found.Since.Equal(night) || seq != 4 || hash != last.Hash {
		t.Errorf("it counts %+v, end %d", found, seq)
	}
	empty := changed{stored: failedNight(t), events: func([]state.Entry) []state.Entry { return nil },
		index:   func([]state.RunInfo) ([]state.RunInfo, error) { return nil, nil },
		records: func([]state.StoredRecord) ([]state.StoredRecord, error) { return nil, nil }}
	found, err = Check(empty, "", mine)
	if err != nil {
		t.Fatal(err)
	}
	if seq, hash := found.End(); seq != 0 || hash != state.Genesis(c.Identity()) || len(found.Faults) > 0 {
		t.Errorf("an empty journal ends at %d with %s: %v", seq, hash, found.Faults)
	}
}

// TestVerifyNewer: one event that is what was written, and that this version does not
// know, is of a newer one; with anything else the ledger is not what was written.
func TestVerifyNewer(t *testing.T) {
	t.Parallel()
	later := func(e []state.Entry) []state.Entry {
		return append(e, state.Entry{Seq: 5, Fits: true,
			Data: []byte(`{"at":"2026-03-16T22:00:09Z","fact":"teleported","data":{}}`)})
	}
	const newer, damaged = "event 5 cannot be read", "is not what fleetup wrote: "
	for name, c := range map[string]struct {
		ledger changed
		want   string
	}{
		"a newer one": {changed{events: later}, newer},
		"changed": {changed{events: func(e []state.Entry) []state.Entry {
			e = later(e)
			e[4].Fits = false
			return e
		}}, damaged + "2 faults found"},
		"and an index that cannot be read": {changed{events: later,
			index: func([]state.RunInfo) ([]state.RunInfo, error) { return nil, errors.New("torn") }},
			damaged + "2 faults found"},
	} {
		c.ledger.stored = failedNight(t)
		if h, err := Verify(pathed{c.ledger}, mine); h != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	h, err := Verify(pathed{changed{stored: failedNight(t)}}, mine)
	if err != nil {
		t.Fatal(err)
	}
	run, ok := h.Newest()
	if !ok || run.Info.ID != "r1" || run.Seq != 4 || run.Evidence.Events != 4 || run.Told == nil {
		t.Errorf("the newest run is %+v", run)
	}
	if k := planned(t).Vaults[0].Key; len(h.Left().Vaults()) != 1 || h.Left().Vaults()[0] != k {
		t.Errorf("it leaves %v", h.Left().Vaults())
	}
	if none := (*History)(nil).Left(); len(none.Vaults()) != 0 {
		t.Errorf("no history leaves %v", none.Vaults())
	}
}

type pathed struct{ changed }

func (pathed) Path() string { return "fleet.db" }

// TestExportLines: who speaks, in which run, about which vault; what cannot be read keeps
// the run and the speaker of its place; every event that does not carry its hash counts.
func TestExportLines(t *testing.T) {
	t.Parallel()
	alex, sam := fleet.Actor{User: "alex", Host: "a\x1b[2J"}, fleet.Actor{User: "sam", Host: "b"}
	p := planned(t)
	k := p.Vaults[0].Key
	c := changed{stored: wrote(t, p, mine, fleet.Resumed{By: alex, Version: mine},
		fleet.Held{Vault: k, By: sam, Reason: "a\x07freeze"}, fleet.Noted{Text: "n"}, fleet.WaveOpened{Wave: "all"}),
		events: func(e []state.Entry) []state.Entry {
			e[3].Data, e[3].Fits = []byte("{"), false
			e[4].Missing, e[4].Fits = 1, true
			return e
		}}
	var b bytes.Buffer
	if broken, err := Export(&b, c); err != nil || broken != 2 {
		t.Errorf("%d broken: %v", broken, err)
	}
	var got []string
	for i, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		var l exportLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		text := func(s *string) string {
			if s == nil {
				return "-"
			}
			return *s
		}
		who := "-"
		if l.Who != nil {
			who = l.Who.User + "@" + l.Who.Host
		}
		got = append(got, strings.Join([]string{fmt.Sprint(l.Seq), text(l.Run), text(l.Fact), who, text(l.Vault),
			text(l.Why)}, " "))
	}
	want := []string{
		`1 r1 RunOpened @ - -`,
		`2 r1 Resumed alex@a\x1b[2J - -`,
		`3 r1 Held sam@b prod/shop a\x07freeze`,
		`4 r1 - alex@a\x1b[2J - -`,
		`5 r1 WaveOpened alex@a\x1b[2J - -`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("it tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Without its plan a vault has its key alone.
	c = changed{stored: wrote(t, p, mine, fleet.Held{Vault: k, By: sam, Reason: "r"}),
		plan: func([]byte) ([]byte, error) { return nil, errors.New("gone") }}
	b.Reset()
	if _, err := Export(&b, c); err != nil || !strings.Contains(b.String(), `"vault":null,"vaultKey":"`+string(k)) {
		t.Errorf("%v\n%s", err, b.String())
	}
	if _, err := Export(full{}, c); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a disk that is full: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestCarriedIsHeldAgainstWhatWasLeft: a later run that took a vault over otherwise than
// the earlier left it is told, one that took over what nobody left, and one that did not
// know of it.
func TestCarriedIsHeldAgainstWhatWasLeft(t *testing.T) {
	t.Parallel()
	p := planned(t)
	k := p.Vaults[0].Key
	failed := []fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: k, OperationID: "o1", Attempt: 1},
		fleet.StartAnswered{Vault: k, OperationID: "o1", Answer: fleet.StartAnswer{Verdict: fleet.StartFailed,
			Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: "No", Message: "no"}}}},
		fleet.RunClosed{Code: fleet.ExitFailures}}
	first := wrote(t, p, mine, failed...)
	folded, left := rollout.NewState(p), rollout.Inheritance{}
	for _, e := range first.events() {
		if err := folded.Apply(e); err != nil {
			t.Fatal(err)
		}
		if f, ok := e.Fact.(fleet.VaultFact); ok {
			left.Add(folded, f)
		}
	}
	took := left.Carried(p)
	if len(took) != 1 || took[0].Status != fleet.Failed {
		t.Fatalf("the first run leaves %+v", took)
	}
	other := slices.Clone(took)
	other[0].OperationID = "o2"
	stranger := append(slices.Clone(took), fleet.Carried{Vault: "upgrade/other", Status: fleet.Failed})
	for name, c := range map[string]struct {
		carried []fleet.Carried
		want    string
	}{
		"as it was left": {took, ""},
		"otherwise":      {other, "VAULT prod/shop of run r2: run r2 took it over as failed, which is not what"},
		"not at all":     {nil, "VAULT prod/shop of run r2: the runs before had left it failed, and run r2 did not"},
		"a stranger":     {stranger, "VAULT upgrade/other of run r2: run r2 took it over as failed, which is not what"},
	} {
		l := changed{stored: wrote(t, p, mine, append(slices.Clone(failed), fleet.RunOpened{RunID: "r2",
			PlanFingerprint: p.Fingerprint, Version: mine, Carried: c.carried})...),
			index: func(r []state.RunInfo) ([]state.RunInfo, error) {
				at := night.Add(5 * time.Second)
				r[0].Closed, r[0].ClosedAt, r[0].ExitCode = true, at.Add(-time.Second), fleet.ExitFailures
				return append(r, state.RunInfo{Ordinal: 2, ID: "r2", PlanFingerprint: p.Fingerprint, OpenedAt: at,
					FirstSeq: 6}), nil
			},
			records: func([]state.StoredRecord) ([]state.StoredRecord, error) {
				return []state.StoredRecord{{Key: string(k), Record: folded.Record(0)}}, nil
			}}
		found, err := Check(l, "", mine)
		if err != nil {
			t.Fatal(err)
		}
		told := func(f Fault) bool { return c.want != "" && strings.HasPrefix(f.String(), c.want) }
		if c.want == "" && len(found.Faults) > 0 || c.want != "" && !slices.ContainsFunc(found.Faults, told) {
			t.Errorf("%s: %v, want %q", name, found.Faults, c.want)
		}
	}
}
