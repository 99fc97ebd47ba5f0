package rollout

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// What must be said before a plan starts, the first thing of several.
func TestConsent(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1, 1)
	p.Kind, p.Upgrade, p.Cloud = "rsv-x", &fleet.Upgrade{Confirm: true}, fleet.Cloud{Name: "AzurePublic"}
	all := Consent{Yes: true, Terminal: true, Saved: true, Named: true, Kind: "rsv-x", Expired: true, Holds: 1}
	for want, without := range map[Missing][]func(*Consent){
		MissingNothing: {func(*Consent) {}, func(c *Consent) { *c = Consent{Terminal: true} },
			func(c *Consent) { c.Yes, c.Saved, c.Expired = false, false, false },
			func(c *Consent) { c.Expired, c.Holds = false, 0 }},
		MissingSameKind: {func(c *Consent) { c.Kind = "rsv-y" },
			func(c *Consent) { *c = Consent{Terminal: true, Named: true} }},
		MissingSaved:    {func(c *Consent) { c.Saved = false }},
		MissingKind:     {func(c *Consent) { c.Named, c.Kind = false, "" }},
		MissingTerminal: {func(c *Consent) { c.Yes, c.Terminal = false, false }},
		MissingExpired: {func(c *Consent) { c.Expired = false },
			func(c *Consent) { c.Expired, c.Terminal = false, false }},
	} {
		for n, take := range without {
			c := all
			if take(&c); c.Missing(p) != want {
				t.Errorf("%+v (%d) lacks %q, not %q", c, n, c.Missing(p), want)
			}
		}
	}
	p.Cloud.Name, p.Upgrade = fleet.Emulator, nil
	if c := (Consent{Yes: true}); c.Missing(p) != MissingNothing {
		t.Errorf("on an emulator %+v lacks %q", c, c.Missing(p))
	}
}

// A run goes on unless it is over, or halted with nothing in flight and nobody who
// accepts that; it begins with what was accepted of a halt alone.
func TestResumes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		halted, closed bool
		flying, accept bool
		may, open      error
		facts          int
	}{
		{name: "interrupted", open: ErrUnfinished, facts: 1},
		{name: "interrupted, accepted for nothing", accept: true, open: ErrUnfinished, facts: 1},
		{name: "halted", halted: true, may: ErrHalted, open: ErrUnfinished, facts: 1},
		{name: "halted, in flight", halted: true, flying: true, open: ErrUnfinished, facts: 1},
		{name: "halted, accepted", halted: true, accept: true, open: ErrUnfinished, facts: 2},
		{name: "closed", closed: true, accept: true, may: ErrOver, facts: 1},
	} {
		s := NewState(testPlan(2, 1, 1, 2))
		if c.halted {
			s.Run.Halt = &fleet.RunHalted{Scope: "run"}
		}
		if c.closed {
			s.Run.Closed = &fleet.RunClosed{}
		}
		if c.flying {
			s.Vaults[0].Status = fleet.Upgrading
		}
		facts := s.Resume(fleet.Resumed{By: fleet.Actor{User: "sam"}, Version: "v1"}, c.accept, "known")
		if may, open := s.MayResume(c.accept), s.MayOpen(); !errors.Is(may, c.may) || (may == nil) != (c.may == nil) ||
			!errors.Is(open, c.open) || (open == nil) != (c.open == nil) || len(facts) != c.facts {
			t.Errorf("%s: may resume: %v; may open another: %v; begins with %v", c.name, may, open, facts)
		}
	}
}

// A run that an engine carries out is elsewhere until it has said that it left, or a
// process beside the ledger has gone on with it.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	s := NewState(testPlan(1, 1, 1, 1))
	for _, c := range []struct {
		fact fleet.Fact
		want bool
	}{
		{fleet.RunOpened{RunID: "r", Engine: fleet.EngineTemporal}, true},
		{fleet.RunSuspended{Why: fleet.SuspendedSignal}, false},
		{fleet.Resumed{Engine: fleet.EngineTemporal}, true},
		{fleet.Resumed{}, false},
		{fleet.Resumed{Engine: fleet.EngineTemporal}, true},
		{fleet.RunClosed{}, false},
	} {
		if err := s.Apply(fleet.Event{Fact: c.fact}); err != nil || s.Elsewhere() != c.want {
			t.Errorf("after %+v it is elsewhere: %t, %v", c.fact, s.Elsewhere(), err)
		}
	}
}

// Room is for what is still to be told, and for the operations of kinds without listings.
func TestRoom(t *testing.T) {
	t.Parallel()
	p := testPlan(6, 1, 1, 6)
	p.Limits.Upgrades = 4
	s := NewState(p)
	if v, o := s.Room(); v != 6 || o != 0 {
		t.Errorf("room for %d vaults, %d operations", v, o)
	}
	p.Upgrade = &fleet.Upgrade{}
	for i, status := range []fleet.Status{fleet.Upgraded, fleet.Failed, fleet.Unknown, fleet.Busy, fleet.Blocked} {
		s.count(i, -1)
		s.Vaults[i].Status = status
		s.count(i, +1)
	}
	if v, o := s.Room(); v != 3 || o != 4 {
		t.Errorf("room for %d vaults, %d operations", v, o)
	}
	p.Limits.Upgrades = 9
	if _, o := s.Room(); o != 6 {
		t.Errorf("room for %d operations of 6 vaults", o)
	}
}

// A failed vault, an unknown one and a permit come into the next run, each in the plan's
// order; what is upgraded is told; a rollback takes an upgrade away, and comes away with
// the next one.
func TestInheritance(t *testing.T) {
	t.Parallel()
	var h Inheritance
	p := testPlan(5, 1, 1, 5)
	s := NewState(p)
	add := func(i int, status fleet.Status, change func(*VaultState)) {
		s.Vaults[i].Status, s.Vaults[i].OperationID = status, "op"
		s.Vaults[i].Operation = &fleet.Operation{StatusURL: "/operations/op"}
		if change != nil {
			change(&s.Vaults[i])
		}
		h.Add(s, fleet.Validated{Vault: p.Vaults[i].Key})
	}
	ended := scriptStart.Add(-time.Hour)
	add(3, fleet.Failed, func(v *VaultState) { v.EndedAt = ended })
	add(1, fleet.Unknown, nil)
	add(2, fleet.Ready, func(v *VaultState) { v.Disregard = []string{"old"} })
	add(0, fleet.Upgraded, func(v *VaultState) { v.Disregard = []string{"old"} })
	add(4, fleet.Blocked, nil)
	o := h.Open(p, fleet.RunOpened{RunID: "next"})
	var got string
	for _, c := range o.Carried {
		i, _ := s.Lookup(c.Vault)
		got += p.Vaults[i].Name + "=" + string(c.Status)
		if c.Operation != nil {
			got += " followed"
		}
		got += ";"
	}
	if got != "v001=unknown followed;v002=pending;v003=failed;" || len(o.Upgraded) != 1 ||
		o.Upgraded[0] != p.Vaults[0].Key || o.PlanFingerprint != p.Fingerprint {
		t.Errorf("opened with %s and %v upgraded", got, o.Upgraded)
	}
	if wave := p.Waves[p.Vaults[3].Wave].Name; len(o.Changed) != 1 || !o.Changed[wave].Equal(ended) {
		t.Errorf("the waves were changed at %v", o.Changed)
	}
	back := *p
	back.Vaults = append([]plan.Vault(nil), p.Vaults...)
	for i := range back.Vaults {
		v := &back.Vaults[i].Vault
		v.Key = fleet.KeyOf(fleet.RollbackOf(fleet.KindClassic), v.SubscriptionID, v.ResourceType, v.Location,
			v.QualifiedName())
	}
	sb := NewState(&back)
	sb.Vaults[0].Status = fleet.Upgraded
	h.Add(sb, fleet.Validated{Vault: back.Vaults[0].Key})
	if o := h.Open(p, fleet.RunOpened{}); len(o.Upgraded) != 0 {
		t.Errorf("after it was put back %v are upgraded", o.Upgraded)
	}
	h.Add(s, fleet.Validated{Vault: p.Vaults[0].Key})
	if o := h.Open(&back, fleet.RunOpened{}); len(o.Upgraded) != 0 {
		t.Errorf("after it was upgraded again %v are put back", o.Upgraded)
	}
}

// What earlier runs upgraded is done as long as nobody who looked saw it otherwise: a check
// that finds it to be started takes it away, and one that cannot tell leaves it unseen. The
// next run is closed without a look at any of them, and says so.
func TestInheritanceOfWhatIsSeenOtherwise(t *testing.T) {
	t.Parallel()
	p := testPlan(6, 1, 1, 6)
	var h Inheritance
	night := func(events ...fleet.VaultFact) (*State, fleet.RunOpened) {
		s := NewState(p)
		opened := h.Open(p, fleet.RunOpened{RunID: "r"})
		all := []fleet.Event{{At: scriptStart, Fact: opened},
			{At: scriptStart, Fact: fleet.WaveOpened{Wave: p.Waves[0].Name}}}
		for _, f := range events {
			all = append(all, fleet.Event{At: scriptStart.Add(time.Minute), Fact: f})
		}
		for _, e := range all {
			if err := s.Apply(e); err != nil {
				t.Fatal(err)
			}
			if f, ok := e.Fact.(fleet.VaultFact); ok {
				h.Add(s, f)
			}
		}
		return s, opened
	}
	found := func(i int, verdict fleet.Verdict) fleet.VaultFact {
		return fleet.Validated{Vault: p.Vaults[i].Key, Verdict: verdict}
	}
	done := NewState(p)
	for i := range p.Vaults {
		done.Vaults[i].Status = fleet.Upgraded
		h.Add(done, found(i, fleet.VerdictAlready))
	}
	night(found(0, fleet.VerdictReady), found(1, fleet.VerdictBusy), found(2, fleet.VerdictBlocked),
		found(3, fleet.VerdictAlready), found(4, fleet.VerdictReady),
		fleet.Held{Vault: p.Vaults[4].Key, Reason: "wait", By: fleet.Actor{User: "sam"}})
	s, opened := night()
	stop := fleet.Stopped{Close: true, By: fleet.Actor{User: "sam"}}
	if err := s.Apply(fleet.Event{At: scriptStart, Fact: stop}); err != nil {
		t.Fatal(err)
	}
	name := func(keys []fleet.Key) (all []string) {
		for _, k := range keys {
			i, _ := s.Lookup(k)
			all = append(all, p.Vaults[i].Name)
		}
		return all
	}
	if up, un := name(opened.Upgraded), name(opened.Unseen); !slices.Equal(up,
		[]string{"v001", "v002", "v003", "v005"}) || !slices.Equal(un, []string{"v001", "v002"}) {
		t.Errorf("%v are upgraded, of these %v not seen so", up, un)
	}
	if n, earlier, code := s.NeverStarted(), s.Earlier(), s.Verdict(); n != 4 || earlier != 2 ||
		code != fleet.ExitNotUpgraded {
		t.Errorf("closed now: %d never started, %d done earlier, exit %d", n, earlier, code)
	}
	if held := h.Held(p); len(held) != 1 || held[p.Vaults[4].Key] == "" {
		t.Errorf("held: %v", held)
	}
	// Whoever sees them as they were left has it right again.
	night(found(1, fleet.VerdictAlready), found(2, fleet.VerdictAlready))
	if s, opened = night(); len(opened.Upgraded) != 4 || len(opened.Unseen) != 0 || s.Earlier() != 4 {
		t.Errorf("then %v are upgraded, and %v unseen", name(opened.Upgraded), name(opened.Unseen))
	}
}

// Of several tries in one run the first tells what is put back, and of several runs the
// newest that has a record of it.
func TestBefore(t *testing.T) {
	t.Parallel()
	p := testPlan(2, 1, 1, 2)
	var b Before
	for _, f := range []struct {
		run    string
		vault  int
		before string
	}{{"r1", 0, "1"}, {"r1", 0, "2"}, {"r2", 0, "3"}, {"r2", 0, "4"}, {"r3", 0, ""}} {
		b.Add(f.run, fleet.StartIntended{Vault: p.Vaults[f.vault].Key, Before: json.RawMessage(f.before)})
	}
	restore := func(was json.RawMessage) (json.RawMessage, error) {
		if string(was) == "3" {
			return json.RawMessage(`"restored"`), nil
		}
		return nil, errors.New("no way back")
	}
	if body, held := b.PutBack(fleet.KindClassic, &p.Vaults[0].Vault, "fleet.db",
		restore); string(body) != `"restored"` || held != "" {
		t.Errorf("%s is put back; %s", body, held)
	}
	if _, held := b.PutBack(fleet.KindClassic, &p.Vaults[1].Vault, "fleet.db",
		restore); held != "nothing to put back: no run in fleet.db has changed it by classic" {
		t.Error(held)
	}
	b.Add("r4", fleet.StartIntended{Vault: p.Vaults[0].Key, Before: json.RawMessage("5")})
	if _, held := b.PutBack(fleet.KindClassic, &p.Vaults[0].Vault, "fleet.db",
		restore); held != "cannot be put back: no way back" {
		t.Error(held)
	}
}

// A permission is of a failed vault, or of one that no reading will tell of any more, and
// of all that are named or none.
func TestReopen(t *testing.T) {
	t.Parallel()
	s := NewState(testPlan(4, 1, 1, 4))
	left := map[fleet.Key]fleet.VaultRecord{}
	for i, status := range []fleet.Status{fleet.Failed, fleet.Unknown, fleet.Upgraded, fleet.Failed} {
		s.count(i, -1)
		s.Vaults[i].Status = status
		s.count(i, +1)
		left[s.Plan.Vaults[i].Key] = fleet.VaultRecord{Vault: s.Plan.Vaults[i].Key, Status: status, OperationID: "op"}
	}
	s.Run.LastAt = scriptStart.Add(time.Hour)
	why := Reopening{By: fleet.Actor{User: "alex"}, Reason: "support said so", Case: "4711"}
	refused := func(vaults []int, r Reopening, next string) {
		t.Helper()
		_, _, err := s.Reopen(vaults, left, r, scriptStart)
		if x, ok := errors.AsType[*fleet.Refusal](err); !ok || x.Next[0].Text+" "+first(x.Next[0].Args) != next {
			t.Errorf("%v is refused with %v, %+v", vaults, err, x)
		}
		if s.Vaults[0].Status != fleet.Failed {
			t.Error("and changed something")
		}
	}
	refused([]int{0, 1}, why, " resume")
	refused([]int{0, 2}, why, " report")
	refused([]int{0}, Reopening{Reason: "\u200b"}, " reopen")
	refused([]int{0}, Reopening{Reason: "x", Case: "\x1b"}, "leave out what is not text ")
	s.Vaults[1].Final = true
	events, records, err := s.Reopen([]int{0, 1}, left, why, scriptStart)
	if err != nil || len(events) != 2 || !events[0].At.Equal(s.Run.LastAt) || records[1].Status != fleet.Pending ||
		records[1].Disregard[0] != "op" {
		t.Fatalf("%v %+v %+v", err, events, records)
	}
	if f := events[0].Fact.(fleet.Reopened); f.Case != "4711" || f.Reason != why.Reason || f.By.User != "alex" ||
		f.Disregard[0] != "op" {
		t.Errorf("%+v", f)
	}
	s.Run.Closed = &fleet.RunClosed{}
	if _, records, err = s.Reopen([]int{3}, left, why, scriptStart); err != nil {
		t.Fatal(err)
	}
	left[records[0].Vault] = records[0]
	if err := s.MayReopen(3, left[records[0].Vault]); err == nil {
		t.Error("a permit is given twice")
	}
	if vs, err := s.ToRefresh([]int{2}); err == nil {
		t.Errorf("%v are read again", vs)
	}
	if vs, err := s.ToRefresh(nil); err != nil || len(vs) != 0 {
		t.Errorf("%v are read again, %v: each has a permit or is upgraded", vs, err)
	}
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// That an end was seen late is known to the next run, too.
func TestALateEndIsCarried(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1, 1)
	for _, late := range []bool{false, true} {
		c, ok := Carry(fleet.VaultRecord{Vault: p.Vaults[0].Key, Status: fleet.Failed, OperationID: "op",
			StartedAt: scriptStart, EndedAt: scriptStart.Add(time.Hour), EndedLate: late})
		st := folded(t, p, fleet.RunOpened{RunID: "r", Carried: []fleet.Carried{c}})
		if v := &st.Vaults[0]; !ok || v.EndedLate != late || v.Status != fleet.Failed {
			t.Errorf("late %t: it is %s, late %t", late, v.Status, v.EndedLate)
		}
	}
}
