package rollout

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var cutAll = flag.Bool("cut", false, "cut every world at every step, and follow each cut to its process's end")

// shadow is a machine that was restored from a snapshot of the world's. It is told the
// same, in the words of the codecs, and must say the same.
type shadow struct {
	m     *Machine
	since int  // the step before which it was restored
	chain bool // it is restored again before each step
}

// cut restores a machine from the world's own, now and then; always with -cut.
func (w *world) cut() {
	if w.Cuts == 0 && !*cutAll {
		return
	}
	restored := func(of *Machine) *Machine {
		m, err := Restore(w.plan, of.Snapshot())
		if err != nil {
			w.broken("a snapshot cannot be restored: %v", err)
		}
		return m
	}
	for _, s := range w.shadows {
		if s.chain {
			s.m = restored(s.m)
		}
	}
	if len(w.shadows) == 0 {
		w.shadows = append(w.shadows, &shadow{restored(w.m), w.steps, true})
		w.seen["cut"]++
	}
	if *cutAll || len(w.shadows) < 4 && w.chance(w.Cuts, "cut", w.steps) {
		w.shadows = append(w.shadows, &shadow{restored(w.m), w.steps, false})
		w.seen["cut"]++
	}
}

// shadowed has the shadows take the same step.
func (w *world) shadowed(obs []Observation, out Output) {
	if len(w.shadows) == 0 {
		return
	}
	want := w.asWritten(out)
	for _, s := range w.shadows {
		told := make([]Observation, len(obs))
		for n, o := range obs {
			data, err := EncodeObservation(o)
			if err == nil {
				told[n], err = DecodeObservation(data)
			}
			if err != nil {
				w.broken("%#v: %v", o, err)
			}
		}
		if got := w.asWritten(s.m.Step(w.now, told)); got != want {
			w.broken("restored before step %d (again and again: %v) it says\n%s\nand not\n%s", s.since, s.chain, got,
				want)
		}
		if !bytes.Equal(s.m.Snapshot(), w.m.Snapshot()) {
			w.broken("restored before step %d (again and again: %v) it knows\n%s\nand not\n%s", s.since, s.chain,
				s.m.Snapshot(), w.m.Snapshot())
		}
	}
}

// asWritten is everything that a step said, as another process gets it.
func (w *world) asWritten(out Output) string {
	var b bytes.Buffer
	for _, a := range out.Actions {
		data, err := EncodeAction(a)
		if err != nil {
			w.broken("%#v: %v", a, err)
		}
		fmt.Fprintf(&b, "%s\n", data)
	}
	for _, v := range []any{out.Facts, out.FactRecords, out.Intents, out.IntentRecords} {
		data, err := json.Marshal(v)
		if err != nil {
			w.broken("%v", err)
		}
		fmt.Fprintf(&b, "%s\n", data)
	}
	fmt.Fprintln(&b, out.Err)
	return b.String()
}

var cutWorlds = flag.Int("cut-worlds", 40,
	"how many worlds TestWorldCut cuts at most; -rapid.checks says how many there are")

// TestWorldCut: a machine that is restored from a snapshot, before any step, says and
// knows for ever after what the one says that it was made of. One that has folded the
// journal, after any step, knows the same of all that facts hold.
func TestWorldCut(t *testing.T) {
	t.Parallel()
	cuts, replays, worlds := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		if worlds++; worlds > *cutWorlds {
			return
		}
		c := configs.Draw(t, "config")
		c.Cuts = 5
		w, broke := runWorld(c, 1)
		if broke != "" {
			t.Fatalf("%s\nlast words:\n%s", broke, tail(w.log))
		}
		cuts, replays = cuts+w.seen["cut"], replays+w.seen["replay"]
	})
	if cuts == 0 || replays == 0 {
		t.Errorf("%d cuts and %d replays", cuts, replays)
	}
}

// beginsAnew is what no fact holds of a vault or a subscription, and why nothing is
// decided otherwise for want of it.
var beginsAnew = map[string]string{
	"doing": "the call under way went with its process", "back": "of that call",
	"slot":  "a start being made ready has one",
	"stale": "a check at the door, made again by the start's fresh reading", "changed": "so is this one",
	"queuedCheck": "where it waits", "queuedStart": "where it waits",
	"notBefore": "a wait of a poll or so", "retryAt": "a wait of a poll",
	"seenAt": "read again", "settledSince": "read again, for another grace", "claims": "read again",
	"failedReads": "read again", "reading": "read again", "blindSince": "read again, for another deadline",
	"unread": "until the next reading", "suspendedAt": "a reading that is under way may be older",
	"liftedAt":    "since when a subscription may be read that refuses starts all the same",
	"confirmed":   "three refused readings say so again",
	"deniedReads": "three refused readings", "detail": "of the last refusal",
	"throttledUntil": "a throttle shorter than a poll", "away": "of that", "parked": "where they wait",
}

// replayed compares a machine that has folded the journal with the world's own: but for
// beginsAnew it knows the same.
func (w *world) replayed() {
	if w.Cuts == 0 && !*cutAll || !w.m.settled || w.m.exited || !*cutAll && !w.chance(w.Cuts, "replay", w.steps) {
		return
	}
	w.seen["replay"]++
	events, err := reread(w.journal)
	m := New(w.plan)
	if err == nil {
		err = m.Replay(events)
	}
	if err != nil {
		w.broken("a replay: %v", err)
	}
	m.now, m.offset, m.placed = w.m.now, w.m.offset, w.m.placed
	m.ahead = w.m.ahead // the first turn of the waves begins the checks at a gate anew
	m.settleAll()
	is, was := knows(m), knows(w.m)
	for what := range was {
		if got, want := is[what], was[what]; got != want {
			w.broken("a replay knows %s as\n%s\nand not as\n%s", what, got, want)
		}
	}
}

// knows is what a machine knows that facts hold, written by what it is of.
func knows(m *Machine) map[string]string {
	all := map[string]string{}
	put := func(of string, v any) {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		all[of] = string(data)
	}
	rest := func(of string, v any) {
		data, err := json.Marshal(v)
		fields := map[string]any{}
		if err == nil {
			err = json.Unmarshal(data, &fields)
		}
		if err != nil {
			panic(err)
		}
		for name := range beginsAnew {
			delete(fields, name)
		}
		put(of, fields)
	}
	put("the run", m.Run)
	put("the waves", m.Waves)
	put("the row of failures", m.SameError)
	put("the limits", m.limits)
	put("what is throttled", m.Throttled)
	put("what is denied", m.Denied)
	for i := range m.Vaults {
		v := m.Vaults[i]
		if v.Status == fleet.Validating {
			v.Status = m.jobs[i].Back
		}
		put(m.Plan.Vaults[i].Name, v)
		rest(m.Plan.Vaults[i].Name+"'s place", m.jobs[i])
	}
	for i := range m.subs {
		s := m.subs[i]
		if m.access(i).ChecksFrom.IsZero() {
			s.ThrottledFrom = time.Time{} // the next check that is throttled begins the row
		}
		put("the access to "+s.ID, m.access(i))
		rest(s.ID, s)
		put("whether nothing starts in "+s.ID, s.Denied)
	}
	return all
}

// TestWorldsAreRepeated: the same world says the same to the byte, however often it is
// run: no order of a map decides anything.
func TestWorldsAreRepeated(t *testing.T) {
	t.Parallel()
	for seed := range 12 {
		c := configs.Example(seed)
		first, broke := runWorld(c, 1)
		for n := range 4 {
			again, _ := runWorld(c, 1)
			if !slices.Equal(first.log, again.log) || !slices.EqualFunc(first.journal, again.journal, sameEvent) {
				t.Fatalf("world %d is another one when it is run for time %d (%s)", seed, n+2, broke)
			}
		}
	}
}

func sameEvent(a, b fleet.Event) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	p := testPlan(2, 1, 1)
	good := New(p).Snapshot()
	if _, err := Restore(p, good); err != nil {
		t.Fatal(err)
	}
	edit := func(change func(map[string]any)) []byte {
		var s map[string]any
		if err := json.Unmarshal(good, &s); err != nil {
			t.Fatal(err)
		}
		change(s)
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"another document":       []byte(`[]`),
		"half of it":             good[:len(good)/2],
		"more than it":           append(slices.Clone(good), good...),
		"a field of a later one": edit(func(s map[string]any) { s["later"] = 1 }),
		"a later version":        edit(func(s map[string]any) { s["version"] = snapshotVersion + 1 }),
		"another plan":           edit(func(s map[string]any) { s["planFingerprint"] = "another" }),
		"fewer vaults":           edit(func(s map[string]any) { s["vaults"] = s["vaults"].([]any)[:1] }),
		"a wave that is none":    edit(func(s map[string]any) { s["currentWave"] = 7 }),
		"a check of no vault":    edit(func(s map[string]any) { s["checks"] = []int{2} }),
		"a timer of nothing": edit(func(s map[string]any) {
			s["timers"] = []any{map[string]any{"owner": -1,
				"due": time.Now()}}
		}),
		"a lane without vaults": edit(func(s map[string]any) {
			s["starts"] = map[string]any{"eligible": []any{map[string]any{"vaults": []int{}}}}
		}),
		"an activity that is none": edit(func(s map[string]any) { s["jobs"].([]any)[0] = map[string]any{"doing": 99} }),
	} {
		if _, err := Restore(p, data); err == nil {
			t.Errorf("%s was restored", name)
		}
	}
	other := *p
	other.Fingerprint = "other"
	if _, err := Restore(&other, good); err == nil {
		t.Error("it was restored under another plan")
	}
}

// A start whose process died is in doubt once it can be on its way no more, though
// nobody says that another process goes on; and a reading that showed somebody else's
// operation is not told again by it.
func TestAStartThatNobodySends(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	at := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	k := p.Vaults[0].Key
	m := New(p)
	for _, f := range []fleet.Fact{fleet.RunOpened{RunID: "run", PlanFingerprint: p.Fingerprint},
		fleet.WaveOpened{Wave: p.Waves[0].Name},
		fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1}} {
		if err := m.Apply(fleet.Event{At: at, Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	wake := func(out Output) (at time.Time) {
		for _, a := range out.Actions {
			if w, ok := a.(Wake); ok {
				at = w.At
			}
			if s, ok := a.(Send); ok {
				t.Errorf("it is sent: %+v", s)
			}
		}
		return at
	}
	due := at.Add(p.Timings.StartTimeout)
	if got := wake(m.Step(at.Add(time.Second), nil)); !got.Equal(due) {
		t.Fatalf("it asks to be woken at %v, want %v", got, due)
	}
	out := m.Step(due, nil)
	if len(out.Facts) != 1 || m.Vaults[0].Status != fleet.Unknown {
		t.Fatalf("it says %+v, and the vault is %s", out.Facts, m.Vaults[0].Status)
	}
	if f, ok := out.Facts[0].Fact.(fleet.StartAnswered); !ok || f.OperationID != "op" ||
		f.Answer.Verdict != fleet.StartUnknown {
		t.Errorf("it says %+v", out.Facts[0].Fact)
	}
	if got := wake(out); !got.Equal(due.Add(p.Timings.ReconcileGrace)) {
		t.Errorf("it asks to be woken at %v", got)
	}
	foreign := func(m *Machine, at time.Time) int {
		m.Step(at, nil)
		return len(m.Step(at.Add(time.Second),
			[]Observation{ReconcileDone{k, "op",
				fleet.Reconciliation{Reading: fleet.ReadForeign, Detail: "theirs"}}}).Facts)
	}
	next := due.Add(p.Timings.ReconcileGrace)
	if n := foreign(m, next); n != 1 {
		t.Fatalf("%d facts of the first foreign reading", n)
	}
	again := New(p)
	again.State = m.State // as a replay leaves it
	if n := foreign(again, next.Add(p.Timings.Poll)); n != 0 {
		t.Errorf("the next process tells the same again in %d facts", n)
	}
}
