package rsv

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The kind that CONTRIBUTING.md adds, word for word (TestWalkThrough there).

// PrivateOnly shuts the public network out of a vault.
func PrivateOnly() arm.Change {
	body := arm.Same(json.RawMessage(`{"properties":{"publicNetworkAccess":"Disabled"}}`))
	return arm.Change{
		Spec: vaults.Spec(fleet.KindSpec{Kind: "rsv-private-only",
			Title: "no access from the public network"}, body),
		Sections: []string{"publicNetworkAccess"}, Body: body,
	}
}

// PrivateOnlyBack puts back what PrivateOnly has changed.
func PrivateOnlyBack() arm.Change {
	return arm.Rollback(PrivateOnly(), func(was arm.State) (json.RawMessage, error) {
		if !was.Has("publicNetworkAccess") {
			return nil, errors.New("its public network access was unset, and cannot be unset again")
		}
		return json.Marshal(map[string]any{"properties": was})
	}, nil)
}

// TestWalkThroughWorks: that is all there is to a kind.
func TestWalkThroughWorks(t *testing.T) {
	t.Parallel()
	const open = `{"provisioningState":"Succeeded","publicNetworkAccess":"Enabled"}`
	f := newFake(t, open)
	out, back := PrivateOnly(), PrivateOnlyBack()
	before := changed(t, f.upgrader(out), testVault(out))
	if val, _ := checked(t, f.upgrader(out), testVault(out)); val.Verdict != fleet.VerdictAlready {
		t.Errorf("once changed: %+v", val)
	}
	v := testVault(back)
	var err error
	if v.Restore, err = back.Spec.Restore(before); err != nil {
		t.Fatal(err)
	}
	changed(t, f.upgrader(back), v)
	if got := f.bodies(); len(got) != 2 || got[0] != string(out.Body(nil)) ||
		got[1] != `{"properties":{"publicNetworkAccess":"Enabled"}}` || f.properties != open {
		t.Errorf("sent %q; now it has %s", got, f.properties)
	}
	if _, err := back.Spec.Restore(json.RawMessage(`{"publicNetworkAccess":null}`)); err == nil {
		t.Error("what was unset is put back")
	}
}
