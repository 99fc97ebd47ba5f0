package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// backInput is the input of a rollback's plan.
func backInput(vaults int) Input {
	in := input(vaults)
	in.Kind = "rollback-shine"
	in.Upgrade = &fleet.Upgrade{Title: "back", Type: string(fleet.KeyVault),
		Options: fleet.Options{fleet.OptionExpected: "2m0s"},
		Request: fleet.Request{Method: "PATCH", Path: fleet.PlaceholderVault,
			Body: json.RawMessage(fleet.PlaceholderRestore)}, Actions: []string{"x"}}
	for s := range in.Subscriptions {
		for i := range in.Subscriptions[s].Vaults {
			v := &in.Subscriptions[s].Vaults[i]
			v.ResourceType, v.ResourceGroup, v.TargetResourceGroup = fleet.KeyVault, "rg", ""
		}
	}
	return in
}

// TestRestoring: each vault gets its own body; one for which there is none is held
// with the reason, unless a person holds it already; and all of it is in the
// fingerprint.
func TestRestoring(t *testing.T) {
	t.Parallel()
	in := backInput(4)
	in.Subscriptions[0].Vaults[3].Hold = &fleet.Hold{Reason: "legal freeze"}
	p := build(t, in)
	was, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	q := p.Restoring(func(v *fleet.Vault) (json.RawMessage, string) {
		switch v.Key {
		case p.Vaults[0].Key:
			return json.RawMessage(`{"properties":{"text":"<a&b>","n":12345678901234567890}}`), ""
		case p.Vaults[1].Key:
			return nil, "it was unset"
		case p.Vaults[3].Key:
			return nil, "nothing is recorded"
		}
		return json.RawMessage(`{"properties":{}}`), ""
	})
	for i, want := range []string{"", "it was unset", "", "legal freeze"} {
		v := &q.Vaults[i]
		if held := v.Hold != nil; held != (want != "") || held && v.Hold.Reason != want || v.Excluded() != held ||
			held != (len(v.Restore) == 0) {
			t.Errorf("vault %d: held %+v, gets %s", i, v.Hold, v.Restore)
		}
	}
	if q.ToStart() != 2 {
		t.Errorf("%d to start", q.ToStart())
	}
	if now, _ := Encode(p); !bytes.Equal(now, was) || q.Fingerprint == p.Fingerprint || q.Check() != nil {
		t.Errorf("the plan that it was made of changed, or the new one is not sound: %v", q.Check())
	}
	// What a person looks at in the file is what runs.
	saved, err := Encode(q)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(saved)
	if err != nil {
		t.Fatal(err)
	}
	if back.Fingerprint != q.Fingerprint || strings.ContainsAny(string(back.Vaults[0].Restore), "\n ") ||
		!strings.Contains(string(back.Vaults[0].Restore), "12345678901234567890") {
		t.Errorf("read back %s", back.Vaults[0].Restore)
	}
	if _, err := Decode(bytes.Replace(saved, []byte("12345678901234567890"), []byte("12345678901234567891"),
		1)); !errors.Is(err, ErrFingerprint) {
		t.Errorf("another body: %v", err)
	}
	other := p.Restoring(func(*fleet.Vault) (json.RawMessage, string) {
		return json.RawMessage(`{"properties":{}}`),
			""
	})
	if other.Fingerprint == q.Fingerprint {
		t.Error("other bodies, the same fingerprint")
	}
}

// TestRestoreBelongsToRollbacks: a plan of another kind cannot hold what is to be
// put back, nor can a kind do by halves.
func TestRestoreBelongsToRollbacks(t *testing.T) {
	t.Parallel()
	in := backInput(1)
	in.Upgrade.Request.Body = json.RawMessage(`{}`)
	p := build(t, in).Restoring(func(*fleet.Vault) (json.RawMessage, string) { return json.RawMessage(`{}`), "" })
	if err := p.Check(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "puts back nothing") {
		t.Errorf("got %v", err)
	}
	for says, change := range map[string]func(*Plan){
		"does not say what":  func(p *Plan) { p.Upgrade = nil },
		"says by halves":     func(p *Plan) { p.Upgrade.Type = "" },
		"unknown resource":   func(p *Plan) { p.Upgrade.Type = string(fleet.RecoveryServicesVault) },
		"resource group nam": func(p *Plan) { p.Vaults[0].ResourceGroup = "" },
	} {
		p := build(t, backInput(1))
		change(p)
		p.Fingerprint = p.computeFingerprint()
		if err := p.Check(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
