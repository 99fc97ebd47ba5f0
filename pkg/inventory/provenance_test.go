package inventory

import (
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestConsentsAreCounted(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "false", 1: "1 consent", 2: "2 consents"} {
		if got := shown(&fleet.Vault{Consents: make([]fleet.Consent, n)}, "acceptWarnings"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
