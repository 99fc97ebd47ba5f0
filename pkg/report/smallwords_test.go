package report

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// One vault is it, several are them.
func TestOneVaultIsNotThem(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "does not list it", 2: "does not list them"} {
		c := cause{Code: fleet.CodeNotFound, Vaults: []*Vault{{Vault: "a"}, {Vault: "b"}}[:n]}
		if got := c.title(lexicon.WordingOf(fleet.KindClassic)); !strings.HasSuffix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A process that has left is suspended for a reason that reads behind the word.
func TestSuspendedReads(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]fleet.RunSuspended{
		"waiting for an approval before wave rest": {Why: fleet.SuspendedWait, Gate: fleet.GateBefore, Wave: "rest"},
		"sign-in, subscription s: expired": {Why: fleet.SuspendedSignIn, Subscription: "s",
			Detail: "expired"},
		"paused by sam: lunch": {Why: fleet.SuspendedPause, By: "sam", Reason: "lunch"},
		"signal":               {Why: fleet.SuspendedSignal}, "waiting": {Why: fleet.SuspendedWait}, "stopped": {},
	} {
		if got := suspendedFor(&f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is said of several vaults alike is said once, with all of them; what a check
// names of a vault stays beside that vault.
func TestSaidOfManyOnce(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	about := func(name, group, message string, items ...string) *Vault {
		return &Vault{Vault: name, SubscriptionID: "s", SubscriptionName: "prod", TargetResourceGroup: text(group),
			Findings: []Finding{{Severity: fleet.SeverityError, Code: text(fleet.CodeGroupMissing),
				Message: text(message), Items: items}}}
	}
	all := []*Vault{about("a", "rg-1", "rg-1 is missing"), about("b", "RG-1", "rg-1 is missing"),
		about("c", "rg-1", "three machines", "m1", "m2"), about("d", "rg-1", "three machines", "m3"),
		about("e", "rg-1", "rg-1 is missing")}
	p := &layout.Page{}
	(&Action{Code: text(fleet.CodeGroupMissing), about: all}).blocked(p)
	var b strings.Builder
	if err := p.WriteTerminal(&b, 80); err != nil {
		t.Fatal(err)
	}
	want := "  a, b, e: rg-1 is missing\n  c: three machines\n    m1\n    m2\n  d: three machines\n    m3\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for n, want := range map[int]string{2: "Create or correct target group rg-1: a, b",
		3: "Create or correct 2 target groups: a, b, f"} {
		c := cause{Code: fleet.CodeGroupMissing, Vaults: append(all[:2:2], about("f", "rg-2", "rg-2 is missing"))[:n]}
		if got := c.title(lexicon.WordingOf(fleet.KindClassic)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
