package rollout

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What records say of a plan to come: a vault is as wanted when the newest run that
// learnt something of it left it so, and none after that took it away again.
func TestRemember(t *testing.T) {
	t.Parallel()
	p := testPlan(9, 1, 1, 9)
	at := scriptStart
	key := func(i int) fleet.Key { return p.Vaults[i].Key }
	back := func(i int) fleet.Key { return oppositeOf(key(i)) }
	record := func(k fleet.Key, run string, s fleet.Status) fleet.VaultRecord {
		return fleet.VaultRecord{Vault: k, RunID: run, Status: s}
	}
	upgraded := record(key(0), "r1", fleet.Upgraded)
	upgraded.StartedAt, upgraded.EndedAt = at, at.Add(time.Hour)
	permitted := record(key(7), "r2", fleet.Pending)
	permitted.Disregard = []string{"op"}
	putBack := record(back(5), "r2", fleet.Upgraded)
	putBack.StartedAt, putBack.EndedAt = at.Add(time.Hour), at.Add(2*time.Hour)
	m, err := Remember([]fleet.VaultRecord{
		upgraded,
		record(key(1), "r2", fleet.Already), // upgraded before r2
		record(key(2), "r2", fleet.Already), // by somebody else
		// a person held it in r2, and r1 had upgraded it
		record(key(3), "r2", fleet.Excluded),
		record(key(4), "r2", fleet.Excluded), // nobody has upgraded it
		record(key(5), "r1", fleet.Upgraded), putBack,
		record(key(6), "r3", fleet.Upgraded), record(back(6), "r2", fleet.Upgraded), // and upgraded once more
		permitted,
		record(key(8), "r3", fleet.Blocked),
	}, []string{"r1", "r2", "r3"}, func(run string) (fleet.RunOpened, error) {
		return fleet.RunOpened{RunID: run, Upgraded: []fleet.Key{key(1), key(3), key(7)}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range slices.Sorted(maps.Keys(m.AsWanted)) {
		was, name := m.AsWanted[k], "back"
		if i, ok := NewState(p).Lookup(k); ok {
			name = p.Vaults[i].Name
		}
		got = append(got, name+" "+was.Run+map[bool]string{true: " ours"}[was.Ours])
	}
	slices.Sort(got)
	if s := strings.Join(got,
		", "); s != "back r2 ours, v000 r1 ours, v001 r2 ours, v002 r2, v003 r2 ours, v006 r3 ours" {
		t.Errorf("as wanted: %s", s)
	}
	if u := m.Undone; len(u) != 2 || u[key(5)] != (Undone{"r2", at.Add(2 * time.Hour)}) || u[back(6)].Run != "r3" {
		t.Errorf("undone: %v", u)
	}
	if len(m.Carried) != 1 || m.Carried[key(7)].Status != fleet.Pending {
		t.Errorf("carried: %v", m.Carried)
	}
	if c := m.Changed(p); len(c) != 1 || !c[p.Waves[0].Name].Equal(at.Add(time.Hour)) {
		t.Errorf("changed: %v", c)
	}
	lost := errors.New("lost")
	if _, err := Remember([]fleet.VaultRecord{record(key(0), "r1", fleet.Already)}, []string{"r1"},
		func(string) (fleet.RunOpened, error) { return fleet.RunOpened{}, lost }); !errors.Is(err, lost) {
		t.Errorf("a run whose beginning cannot be read: %v", err)
	}
}

// A hold by hand is known by the record's field, whatever its sentence; by the sentence
// where an earlier version wrote the record.
func TestHeldByHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r    fleet.VaultRecord
		want string
	}{
		"its field": {fleet.VaultRecord{Status: fleet.Excluded, HeldBy: "alex", Reason: "in other words"},
			"in other words"},
		"an earlier version's": {fleet.VaultRecord{Status: fleet.Excluded, Reason: "held by alex: quarter end"},
			"held by alex: quarter end"},
		"by nobody": {fleet.VaultRecord{Status: fleet.Excluded, Reason: "legal freeze"}, ""},
		"released":  {fleet.VaultRecord{Status: fleet.Pending, Reason: "held by alex: quarter end"}, ""},
	} {
		if why, ok := HeldByHand(&c.r); why != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", name, why, ok)
		}
	}
	p := testPlan(1, 1, 1, 1)
	st := NewState(p)
	held := fleet.Held{Vault: p.Vaults[0].Key, By: fleet.Actor{User: "alex"}, Reason: "quarter end"}
	if err := st.Apply(fleet.Event{Fact: held}); err != nil || st.Record(0).HeldBy != "alex" {
		t.Errorf("held: %+v, %v", st.Record(0), err)
	}
	held.Off = true
	if err := st.Apply(fleet.Event{Fact: held}); err != nil || st.Record(0).HeldBy != "" {
		t.Errorf("released: %+v, %v", st.Record(0), err)
	}
}
