package plan

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestWriteJSON: what is hashed vault by vault is what an Encoder writes, with any number of
// vaults, and where something else looks like one.
func TestWriteJSON(t *testing.T) {
	t.Parallel()
	mark, err := json.Marshal(Vault{})
	if err != nil {
		t.Fatal(err)
	}
	held := Vault{Vault: fleet.Vault{Name: "a<b>&c", Labels: map[string]string{"b": "1", "a": "2"},
		Hold: &fleet.Hold{Reason: "x", Until: time.Unix(1, 0).UTC()}}}
	like := &fleet.Upgrade{Request: fleet.Request{Body: mark}}
	for name, p := range map[string]*Plan{
		"none":           {},
		"empty":          {Vaults: []Vault{}},
		"one":            {Vaults: []Vault{held}},
		"bare":           {Vaults: []Vault{{}, {}}},
		"some":           {Vaults: []Vault{{}, held, {Wave: 1}}, Waves: []Wave{{Vaults: []int{0, 1}}, {}}},
		"one in request": {Vaults: []Vault{held, {}}, Upgrade: like},
	} {
		var want, got bytes.Buffer
		if err := json.NewEncoder(&want).Encode(p); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&got, p); err != nil || got.String() != want.String() {
			t.Errorf("%s: %v\n%s, not\n%s", name, err, &got, &want)
		}
	}
	far := &Plan{Vaults: []Vault{{Vault: fleet.Vault{Hold: &fleet.Hold{Until: time.Unix(1<<40, 0)}}}}}
	if err := writeJSON(&bytes.Buffer{}, far); err == nil {
		t.Error("a year past 9999 was written")
	}
}
