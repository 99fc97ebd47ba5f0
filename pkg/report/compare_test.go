package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestDifference: every pair of statuses has one difference or none, and what is worse
// than before is never called anything better.
func TestDifference(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		before, now fleet.Status
		want        Difference
	}{
		{fleet.Upgraded, fleet.Already, ""}, {fleet.Already, fleet.Upgraded, ""}, {fleet.Excluded, fleet.Excluded, ""},
		{fleet.Failed, fleet.Upgraded, DoneSince}, {fleet.Pending, fleet.Already, DoneSince},
		{fleet.Upgraded, fleet.Failed, FailedSince}, {fleet.Blocked, fleet.Failed, FailedSince},
		{fleet.Ready, fleet.Unknown, FailedSince}, {fleet.Unknown, fleet.Failed, StillOpen},
		{fleet.Failed, fleet.Blocked, StillOpen}, {fleet.Blocked, fleet.Blocked, StillOpen},
		{fleet.Upgraded, fleet.Blocked, UndoneSince}, {fleet.Already, fleet.Pending, UndoneSince},
		{fleet.Excluded, fleet.Blocked, OtherSince}, {fleet.Failed, fleet.Excluded, OtherSince},
	} {
		if got := difference(d.before, d.now); got != d.want {
			t.Errorf("%s, then %s: %q, want %q", d.before, d.now, got, d.want)
		}
	}
	for _, before := range fleet.Statuses() {
		for _, now := range fleet.Statuses() {
			got := difference(before, now)
			if bad := now == fleet.Failed || now == fleet.Unknown; bad && got != FailedSince && got != StillOpen {
				t.Errorf("%s, then %s, is called %q", before, now, got)
			}
		}
	}
}

// TestCompare: a vault that one night alone has is named, and of a part of the fleet
// nothing is said to be gone.
func TestCompare(t *testing.T) {
	t.Parallel()
	before, err := ReadEarlier(strings.NewReader(`{"schemaVersion":1,"later":"fields","run":{"id":"r1","kind":"classic",
		"startedAt":null},"vaults":[{"vault":"a/1","status":"failed"},{"vault":"a/2","status":"upgraded"},
		{"vault":"a/gone","status":"blocked"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	v := &View{Run: Run{ID: "r2", Kind: fleet.KindClassic}, Vaults: []Vault{{Vault: "a/new", Status: fleet.Pending},
		{Vault: "a/2", Status: fleet.Already}, {Vault: "a/1", Status: fleet.Upgraded}}}
	said := func(c *Comparison) string {
		var all []string
		for _, x := range c.Vaults {
			all = append(all, x.Vault+" "+string(x.Difference))
		}
		for _, x := range c.Totals {
			all = append(all, x.Status+" "+string(rune('0'+x.Before))+string(rune('0'+x.Now)))
		}
		return strings.Join(all, ", ")
	}
	c := v.Compare(before)
	if got, want := said(c), "a/1 done-since, a/new new-since, a/gone gone-since, done 12, failed 10, blocked 10, "+
		"pending 01"; got != want || c.Same != 1 {
		t.Errorf("got %s, %d the same; want %s", got, c.Same, want)
	}
	part := "env=x"
	v.Selector, v.Vaults = &part, v.Vaults[1:]
	if got, want := said(v.Compare(before)), "a/1 done-since, done 12, failed 10"; got != want {
		t.Errorf("of a part: got %s, want %s", got, want)
	}
	for _, text := range []string{"", "[]", "{}", `{"run":{"id":"r","kind":"classic"}}`, `{"run":{"id":"r","kind":"classic"},` +
		`"vaults":[]} x`, `{"run":{"id":"r","kind":"classic"},"vaults":[{"vault":"","status":"failed"}]}`} {
		if _, err := ReadEarlier(strings.NewReader(text)); !errors.Is(err, ErrNoReport) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
