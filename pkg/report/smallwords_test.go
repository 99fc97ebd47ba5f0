package report

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
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
