package inventory

import (
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestConsentsAreCounted(t *testing.T) {
	t.Parallel()
	k := vaultKeys[slices.IndexFunc(vaultKeys, func(k vaultKey) bool { return k.name == "acceptWarnings" })]
	for n, want := range map[int]string{0: "false", 1: "1 consent", 2: "2 consents"} {
		if got := k.shown(&fleet.Vault{Consents: make([]fleet.Consent, n)}); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
