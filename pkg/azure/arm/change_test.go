package arm

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestHolds: a vault has all that a body says, whatever it has besides.
func TestHolds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		have, want string
		holds      bool
	}{
		{`{"a":{"b":"Enabled","c":1},"d":2}`, `{"a":{"b":"Enabled"}}`, true},
		{`{"a":{"b":"enabled"}}`, `{"a":{"b":"Enabled"}}`, true},
		{`{"a":{"b":"Disabled"}}`, `{"a":{"b":"Enabled"}}`, false},
		{`{"a":{}}`, `{"a":{"b":"Enabled"}}`, false},
		{`{"a":"Enabled"}`, `{"a":{"b":"Enabled"}}`, false},
		{`{"a":{"b":{}}}`, `{"a":{"b":"Enabled"}}`, false},
		{`{"a":true}`, `{"a":true}`, true},
		{`{"a":"true"}`, `{"a":true}`, false},
		{`{"a":true}`, `{"a":"true"}`, false},
		{`{"a":7}`, `{"a":7}`, true},
		{`{"a":12345678901234567891}`, `{"a":12345678901234567890}`, false},
		{`{"a":14.0}`, `{"a":14}`, true},
		{`{"a":1.4e1}`, `{"a":14.0}`, true},
		{`{"a":14.5}`, `{"a":14}`, false},
		{`{"a":"14"}`, `{"a":14}`, false},
		{`{}`, `{"a":null}`, true},
		{`{"a":{"b":1}}`, `{"a":"{its own}"}`, true},
		{`{}`, `{"a":"{its own}"}`, true},
		{`{"a":1}`, `{"a":null}`, false},
		{`{"a":["X",{"b":1,"c":2}]}`, `{"a":["x",{"b":1}]}`, true},
		{`{"a":["x"]}`, `{"a":["x","y"]}`, false},
		{`{"a":["x","y"]}`, `{"a":["x"]}`, false},
		{`{"a":["x","y"]}`, `{"a":["y","x"]}`, false},
		{`{"a":"x"}`, `{"a":["x"]}`, false},
		{`null`, `{}`, false},
	} {
		have, err1 := decode([]byte(tt.have))
		want, err2 := decode([]byte(tt.want))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if got := holds(have, want); got != tt.holds {
			t.Errorf("%s holds %s: %v", tt.have, tt.want, got)
		}
	}
}

// TestReachedNeedsABody that says something: an empty one would hold of every
// vault.
func TestReachedNeedsABody(t *testing.T) {
	t.Parallel()
	res := &Resource{document: document{Properties: map[string]any{"settings": map[string]any{}}}}
	for _, restore := range []string{``, `{}`, `[]`, `null`, `{"properties":null}`, `{"tags":{}}`, `{"properties"`} {
		v := &fleet.Vault{Restore: json.RawMessage(restore)}
		if why := (&Change{}).reached(nil, v, res); why != "" {
			t.Errorf("%q: %s", restore, why)
		}
	}
}

// TestStateOfSections: nested ones, and ones that are not there.
func TestStateOfSections(t *testing.T) {
	t.Parallel()
	c := Change{Sections: []string{"security.immutability", "alerts", "security.gone.deeper", "text.deeper"}}
	properties, err := decode([]byte(`{"security":{"immutability":{"state":"Locked"}},"alerts":null,"text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	s, raw, err := c.state(&document{Properties: properties})
	const want = `{"alerts":null,"security.gone.deeper":null,"security.immutability":{"state":"Locked"},"text.deeper":null}`
	if err != nil || string(raw) != want {
		t.Fatalf("got %s, %v", raw, err)
	}
	if !s.Has("security.immutability") || s.Has("alerts") || s.Has("text.deeper") || s.Has("nobody") {
		t.Errorf("has %v", s)
	}
	back, err := parseState(raw)
	if err != nil || string(back["security.immutability"]) != `{"state":"Locked"}` || back.Has("alerts") {
		t.Errorf("read back %v, %v", back, err)
	}
	for _, odd := range []string{``, `null`, `[]`, `"x"`, `{`} {
		if _, err := parseState([]byte(odd)); err == nil {
			t.Errorf("%q is no state", odd)
		}
	}
}

// TestPlain: what a plan says of a kind.
func TestPlain(t *testing.T) {
	t.Parallel()
	c := testChange()
	options, err := c.Spec.Complete(nil)
	if err != nil {
		t.Fatal(err)
	}
	up := c.Spec.Describe(options)
	req := up.Request.Of(testVault())
	if req.Method != "PATCH" || req.Path != vaultURL || string(req.Body) != string(c.Body(options)) {
		t.Errorf("request %+v", req)
	}
	if up.Title != c.Spec.Title || up.Type != "Microsoft.RecoveryServices/vaults" || up.Permanent || up.Confirm ||
		up.Options[fleet.OptionExpected] != "2m0s" {
		t.Errorf("upgrade %+v", up)
	}
	for _, action := range []string{"Microsoft.RecoveryServices/vaults/read", "Microsoft.RecoveryServices/vaults/write",
		"Microsoft.Authorization/locks/read"} {
		if !slices.Contains(up.Actions, action) {
			t.Errorf("%s is missing in %v", action, up.Actions)
		}
	}
	if !slices.IsSorted(up.Actions) {
		t.Errorf("not in order: %v", up.Actions)
	}
}

// TestRollback: its name, its options, what it sends, and what it asks for.
func TestRollback(t *testing.T) {
	t.Parallel()
	of := testChange()
	extra := Call{"GET", "/x", "Microsoft.Other/read", "to look"}
	back := Rollback(of, func(s State) (json.RawMessage, error) {
		if !s.Has("settings") {
			return nil, errors.New("it was unset")
		}
		return json.RawMessage(`{"properties":{"settings":` + string(s["settings"]) + `}}`), nil
	}, nil, extra)
	if back.Spec.Kind != "rollback-test-mode" || of.Spec.Kind != "test-mode" || len(of.Spec.Options) != 2 ||
		back.Body != nil || !slices.Equal(back.Sections, of.Sections) {
		t.Errorf("got %+v", back)
	}
	if _, err := back.Spec.Complete(nil); err == nil || !strings.Contains(err.Error(), "ledger") {
		t.Errorf("without a ledger: %v", err)
	}
	options, err := back.Spec.Complete(fleet.Options{"ledger": "fleet.db"})
	if err != nil {
		t.Fatal(err)
	}
	up := back.Spec.Describe(options)
	v := testVault()
	v.Restore = json.RawMessage(`{"properties":{}}`)
	if got := up.Request.Of(v); string(got.Body) != `{"properties":{}}` ||
		string(up.Request.Body) != fleet.PlaceholderRestore || !slices.Contains(up.Actions, extra.Action) {
		t.Errorf("sends %+v of %+v", got, up)
	}
	if role := back.Spec.Role(); role.Name != "fleetup rollback-test-mode" {
		t.Errorf("role %+v", role)
	}
	if body, err := back.Spec.Restore([]byte(`{"settings":{"mode":"Off"}}`)); err != nil ||
		string(body) != `{"properties":{"settings":{"mode":"Off"}}}` {
		t.Errorf("restores %s, %v", body, err)
	}
	for _, recorded := range []string{`{"settings":null}`, `nonsense`, ``} {
		if _, err := back.Spec.Restore([]byte(recorded)); err == nil {
			t.Errorf("restored %q", recorded)
		}
	}
}

func TestWalks(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{"/a/b": false, "/a/../b": true, "/a/./b": true, "/a//b": true, "/a/": true,
		"": true} {
		if walks(id) != want {
			t.Errorf("%q walks: %v", id, !want)
		}
	}
}
