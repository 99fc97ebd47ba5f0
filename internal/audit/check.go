// Package audit answers whether a ledger is what was written. One pass over the
// journal judges each link of the chain, which state.Reader.Scan computes anew, folds each
// run again, and holds the index, the plans and the vaults' records against that; what a
// run or a resume begins with comes out of the same pass (Verify), so that a changed record
// decides nothing. It reads, and writes nothing but an export for an auditor who has nothing
// of this program.
package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Source is a ledger as an audit reads it: as stored, unchecked.
type Source interface {
	Identity() []byte
	Runs() ([]state.RunInfo, error)
	Plan(fingerprint string) ([]byte, error)
	Scan(fn func(state.Entry) error) error
	ScanRecords(fn func(state.StoredRecord) error) error
	ScanAddresses(fn func(vault string, key []byte) error) error
}

// shownFaults is how many faults are told one by one: behind the first ones
// stands most often one cause.
const shownFaults = 20

// Fault is something in a ledger that is not what was written.
type Fault struct {
	What     string // event, run, plan, vault or head
	From, To uint64 // the events it is about; 0: none
	Run      string
	Vault    string
	Message  string
}

// Findings is what an audit found.
type Findings struct {
	Events  uint64
	Runs    int
	Vaults  int // records: one for each vault and kind of upgrade that an event is about
	Planned int // vaults in the plans of its runs
	Known   int // of those, vaults that have a record
	Since   time.Time
	head    state.Entry // the newest event; zero for an empty journal
	genesis state.Hash
	At      uint64 // the event that has the head asked for
	Found   bool   // there is one, or it is the genesis
	Faults  []Fault
	More    int // faults beyond those
}

// End is the journal's end: its newest event, or the genesis.
func (f *Findings) End() (seq uint64, hash state.Hash) {
	if f.head.Seq == 0 {
		return 0, f.genesis
	}
	return f.head.Seq, f.head.Hash
}

// String says a fault on one line.
func (f Fault) String() string {
	var about string
	switch {
	case f.What == "vault" && f.Vault != "":
		about = "VAULT " + f.Vault
	case f.What != "event" || f.From == 0:
		return strings.ToUpper(f.What) + " " + f.Message
	case f.From == f.To:
		about = fmt.Sprintf("EVENT %d", f.From)
	default:
		about = fmt.Sprintf("EVENTS %d to %d", f.From, f.To)
	}
	if f.Run != "" {
		about += " of run " + f.Run
	}
	return about + ": " + f.Message
}

// auditor goes through a journal once, from its identity to its end: links are
// computed anew, and each run is folded again, so that what stands beside the
// journal can be held against it.
type auditor struct {
	Findings
	from    Source
	version string // of this program
	wanted  string // a head in hex, or its beginning; empty: none
	index   []state.RunInfo
	blind   bool       // the index cannot be read
	run     *folded    // nil before the first
	plan    *plan.Plan // of the run before, most often that of the next too
	names   map[fleet.Key]string
	left    rollout.Inheritance  // as the journal has it
	by      map[fleet.Key]string // the version of the program that wrote a vault's record
	lost    bool                 // a run could not be folded: records prove nothing
	sealed  map[fleet.Key]string // what the address of a vault's newest operation is sealed with
	process string               // the version of the program that writes at this place of the journal
	newest  journal.Run
	newer   error // an event that is what was written, and that this version does not know
}

// folded is a run on its way through the fold.
type folded struct {
	indexed state.RunInfo
	known   bool                    // the index has it
	state   *rollout.State          // nil: its plan is not to be had, or an event did not fit
	told    *report.TimelineBuilder // nil but for the newest run
	journal state.RunInfo           // as the journal has it
}

// Check checks a whole ledger. head is one in hex, or its beginning, that an event
// must have; empty for none. version is that of this program: only what it wrote
// itself must say the same in the same words. The error says why the ledger cannot
// be read.
func Check(from Source, head, version string) (*Findings, error) {
	a := newAuditor(from, head, version)
	return &a.Findings, a.examine()
}

func newAuditor(from Source, head, version string) *auditor {
	return &auditor{from: from, wanted: head, version: version, names: map[fleet.Key]string{},
		by: map[fleet.Key]string{}, sealed: map[fleet.Key]string{}}
}

// examine goes through the whole ledger.
func (a *auditor) examine() error {
	from, head := a.from, a.wanted
	a.genesis = state.Genesis(from.Identity())
	a.Found = head != "" && strings.HasPrefix(a.genesis.String(), head)
	var err error
	if a.index, err = from.Runs(); err != nil {
		a.blind = true
		a.fault(Fault{What: "run", Message: "the index of the runs cannot be read: " + err.Error()})
	}
	if err := from.Scan(func(e state.Entry) error { a.entry(e); return nil }); err != nil {
		return err
	}
	a.closeRun()
	for _, r := range a.index[min(a.Runs, len(a.index)):] {
		a.fault(Fault{What: "run", From: r.FirstSeq, To: r.FirstSeq, Run: r.ID,
			Message: fmt.Sprintf("the index has run %s, and event %d, which opened it, is gone: the journal's end "+
				"was cut off", r.ID, r.FirstSeq)})
	}
	if a.lost {
		return nil // said already: nothing can be held against a journal that does not add up
	}
	return a.checkRecords()
}

// fault notes a fault. One that only carries the last one further is added to
// it: a journal that was cut in two is one fault, not a million.
func (a *auditor) fault(f Fault) {
	if n := len(a.Faults); n > 0 && f.What == "event" {
		if last := &a.Faults[n-1]; last.What == f.What && last.Message == f.Message && last.Run == f.Run &&
			last.To+1 == f.From {
			last.To = f.To
			return
		}
	}
	if len(a.Faults) == shownFaults {
		a.More++
		return
	}
	f.Vault, f.Message = short(f.Vault), short(f.Message)
	a.Faults = append(a.Faults, f)
}

// short is a text of bearable length: what a changed ledger holds may have any.
func short(s string) string {
	const most = 600
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}

// eventFault is a fault of events, in the present run where there is one.
func (a *auditor) eventFault(from, to uint64, message string) {
	run := ""
	if a.run != nil {
		run = a.run.journal.ID
	}
	a.fault(Fault{What: "event", From: from, To: to, Run: run, Message: message})
}

// runFault is a fault of how the present run began, about a vault where one is named.
func (a *auditor) runFault(what string, about fleet.Key, message string) {
	r := &a.run.journal
	a.fault(Fault{What: what, From: r.FirstSeq, To: r.FirstSeq, Run: r.ID, Vault: a.name(about), Message: message})
}

// entry looks at one event.
func (a *auditor) entry(e state.Entry) {
	if e.Seq == 0 {
		a.eventFault(0, 0, "something is stored among the events that is no event")
		return
	}
	if e.Missing > 0 {
		a.eventFault(e.Seq-e.Missing, e.Seq-1, "missing: taken out of the journal")
	}
	a.Events++
	a.head = e
	if a.wanted != "" && strings.HasPrefix(e.Hash.String(), a.wanted) {
		a.Found, a.At = true, e.Seq
	}
	ev, err := fleet.ReadEvent(e.Data)
	opened, opens := ev.Fact.(fleet.RunOpened)
	if opens && err == nil {
		a.openRun(e.Seq, ev.At, opened)
	}
	if !e.Fits {
		a.eventFault(e.Seq, e.Seq,
			"changed, moved, or put in place of another: it does not carry the hash it must have after the event "+
				"before it")
	}
	if err != nil {
		if e.Fits && a.newer == nil {
			a.newer = fmt.Errorf("event %d cannot be read: %w", e.Seq, err)
		}
		a.eventFault(e.Seq, e.Seq, "cannot be read: "+err.Error())
		a.lose()
		return
	}
	if a.Since.IsZero() {
		a.Since = ev.At
	}
	a.fold(e.Seq, ev)
}

// openRun ends the run before, and begins the fold of the next.
func (a *auditor) openRun(seq uint64, at time.Time, f fleet.RunOpened) {
	a.closeRun()
	a.Runs++
	r := &folded{journal: state.RunInfo{Ordinal: uint64(a.Runs), ID: f.RunID, PlanFingerprint: f.PlanFingerprint,
		OpenedAt: at, FirstSeq: seq}}
	if a.Runs <= len(a.index) {
		r.indexed, r.known = a.index[a.Runs-1], true
	}
	if a.Runs == len(a.index) {
		r.told = report.NewTimelineBuilder()
	}
	a.run, a.process = r, f.Version
	p, err := a.planOf(f.PlanFingerprint)
	if err != nil {
		a.fault(Fault{What: "plan", Run: f.RunID,
			Message: fmt.Sprintf("plan %s, by which run %s went, is not what was stored: %v", f.PlanFingerprint,
				f.RunID, err)})
		a.lost = true
		return
	}
	r.state = rollout.NewState(p)
	a.checkCarried(p, f)
}

// planOf reads and checks a plan, and learns the names of its vaults. Nights go by one
// plan again and again, and reading it takes longer than all that happened in one.
func (a *auditor) planOf(fingerprint string) (*plan.Plan, error) {
	if a.plan != nil && a.plan.Fingerprint == fingerprint {
		return a.plan, nil
	}
	p, err := journal.PlanOf(a.from, fingerprint)
	if err != nil {
		return nil, err
	}
	for i, name := range p.Names() {
		a.names[p.Vaults[i].Key] = name
	}
	a.plan = p
	return p, nil
}

// checkCarried holds what a run took over from earlier ones against what the
// journal says they left: a record that was changed between two runs shows
// here, even when the later run has written over it.
func (a *auditor) checkCarried(p *plan.Plan, f fleet.RunOpened) {
	if a.lost {
		return
	}
	want := map[fleet.Key]fleet.Carried{}
	for _, c := range a.left.Carried(p) {
		want[c.Vault] = c
	}
	for _, c := range f.Carried {
		if was, ok := want[c.Vault]; !ok || !a.sameCarried(f.Version, was, c) {
			a.runFault("vault", c.Vault,
				fmt.Sprintf("run %s took it over as %s, which is not what the runs before had left",
					f.RunID, c.Status))
		}
		delete(want, c.Vault)
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		a.runFault("vault", k,
			fmt.Sprintf("the runs before had left it %s, and run %s did not know: its record was changed between them",
				want[k].Status, f.RunID))
	}
}

// sameRecord compares a record with what the journal says it is. What is said in
// words only counts where this version wrote it: another may have put the same
// facts in other words, and nothing is decided by them.
func (a *auditor) sameRecord(was, is fleet.VaultRecord) bool {
	if _, tells := rollout.HeldByHand(&is); tells && is.HeldBy == "" {
		was.HeldBy = "" // earlier versions had it in the reason alone
	}
	if a.by[was.Vault] != a.version {
		for _, r := range []*fleet.VaultRecord{&was, &is} {
			r.Findings, r.RequestIDs, r.Reason = nil, nil, ""
		}
	}
	return sameJSON(rollout.Settled(was), rollout.Settled(is))
}

// sameCarried compares what a run of a version took over with what was left.
func (a *auditor) sameCarried(by string, was, is fleet.Carried) bool {
	if by != a.version || a.by[was.Vault] != a.version {
		for _, c := range []*fleet.Carried{&was, &is} {
			c.Findings, c.RequestIDs, c.Reason = nil, nil, ""
		}
	}
	if !is.EndedLate {
		was.EndedLate = false // earlier versions left it out; nothing is decided by it
	}
	if is.Status != fleet.Unknown {
		is.Operation = nil // earlier versions kept the addresses of operations that are over
	}
	return sameJSON(was, is)
}

// fold carries an event into its run.
func (a *auditor) fold(seq uint64, e fleet.Event) {
	r := a.run
	if r == nil {
		a.eventFault(seq, seq, "belongs to no run")
		return
	}
	if f, ok := e.Fact.(fleet.RunClosed); ok {
		r.journal.Closed, r.journal.ClosedAt, r.journal.ExitCode, r.journal.NeverStarted = true, e.At, f.Code,
			f.NeverStarted
	}
	if f, ok := e.Fact.(fleet.Resumed); ok {
		a.process = f.Version
	}
	if r.state == nil {
		return
	}
	if err := r.state.Apply(e); err != nil {
		a.eventFault(seq, seq, "cannot have followed the events before it: "+err.Error())
		a.lose()
		return
	}
	if r.told != nil {
		r.told.Add(r.state, e)
		a.newest = journal.Run{Info: r.indexed, State: r.state, Told: r.told, Seq: seq}
	}
	if f, ok := e.Fact.(fleet.StartAnswered); ok && f.Answer.Operation != nil {
		a.sealed[f.Vault] = f.Answer.Operation.Sealed
	}
	if f, ok := e.Fact.(fleet.VaultFact); ok {
		a.left.Add(r.state, f)
		a.by[f.VaultKey()] = a.process
	}
}

// lose gives up the fold of the present run.
func (a *auditor) lose() {
	a.lost = true
	if a.run != nil {
		a.run.state = nil
	}
}

// closeRun holds the run that ends here against the index.
func (a *auditor) closeRun() {
	r := a.run
	if r == nil || a.blind {
		return
	}
	if !r.known {
		a.runFault("run", "", fmt.Sprintf("run %s is in the journal and not in the index of the runs", r.journal.ID))
	} else if different := differences(r.journal, r.indexed); different != "" {
		a.runFault("run", "", fmt.Sprintf("the index of the runs and the journal differ on run %s: %s", r.journal.ID,
			different))
	}
}

// checkRecords holds the vaults' records against the journal. They are what
// keeps a failed vault failed (design.md#rule-5).
func (a *auditor) checkRecords() error {
	seen := map[fleet.Key]bool{}
	complain := func(k fleet.Key, run, message string) {
		a.fault(Fault{What: "vault", Run: run, Vault: a.name(k), Message: message})
	}
	err := a.from.ScanRecords(func(stored state.StoredRecord) error {
		a.Vaults++
		key := fleet.Key(stored.Key)
		if stored.Err != nil {
			seen[key] = true
			complain(key, "", "its record cannot be read: "+stored.Err.Error())
			return nil
		}
		r := stored.Record
		want, ok := a.left.Record(r.Vault)
		switch {
		case seen[r.Vault]:
			complain(r.Vault, r.RunID, "it has two records")
		case key != r.Vault:
			complain(r.Vault, r.RunID,
				fmt.Sprintf("its record is stored as that of %s, so it is not found when it is looked for",
					a.name(key)))
		case !ok:
			complain(r.Vault, r.RunID, fmt.Sprintf("its record says %s, and no event is about it", r.Status))
		case r.Status != want.Status:
			complain(r.Vault, want.RunID,
				fmt.Sprintf("its record says %s, and the journal says %s", r.Status, want.Status))
		case !a.sameRecord(want, r):
			complain(r.Vault, want.RunID,
				"its record and the journal differ: "+differences(rollout.Settled(want), rollout.Settled(r)))
		}
		seen[r.Vault] = true
		return nil
	})
	if err != nil {
		a.fault(Fault{What: "vault", Message: err.Error()})
		return nil
	}
	err = a.from.ScanAddresses(func(vault string, key []byte) error {
		if o := (fleet.Operation{Sealed: a.sealed[fleet.Key(vault)]}); !o.Open(key) {
			complain(fleet.Key(vault), "",
				"the address of its operation that is kept is not the one that the start was answered with")
		}
		return nil
	})
	if err != nil {
		return err
	}
	planned := map[string]bool{} // by the vault alone, whatever was done to it: false without a record
	for k := range a.names {
		_, vault := k.Parts()
		planned[vault] = planned[vault] || seen[k]
	}
	for _, known := range planned {
		a.Planned++
		if known {
			a.Known++
		}
	}
	for _, k := range a.left.Vaults() {
		if !seen[k] {
			want, _ := a.left.Record(k)
			complain(k, want.RunID, fmt.Sprintf("its record is gone, and the journal says %s", want.Status))
		}
	}
	return nil
}

// name is what people call a vault; its key where no plan has it.
func (a *auditor) name(k fleet.Key) string {
	if n := a.names[k]; n != "" {
		return n
	}
	return string(k)
}

func sameJSON(a, b any) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

// differences names the fields in which two values differ as JSON.
func differences(a, b any) string {
	fields := func(v any) map[string]json.RawMessage {
		m := map[string]json.RawMessage{}
		if data, err := json.Marshal(v); err == nil {
			_ = json.Unmarshal(data, &m) // it was written by the line before
		}
		return m
	}
	x, y := fields(a), fields(b)
	all := maps.Clone(y)
	maps.Copy(all, x)
	maps.DeleteFunc(all, func(k string, _ json.RawMessage) bool {
		return bytes.Equal(x[k], y[k]) // no JSON value is as empty as one that is not there
	})
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}
