package notify

import (
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/unsaid"
)

// Nobody who is told of a rollback, in whatever form, reads of upgrades.
func TestRollbackIsNoUpgrade(t *testing.T) {
	t.Parallel()
	for _, e := range wholeNight(t, fleet.RollbackOf("rsv-alerts")).told {
		if e.Data.Direction != fleet.DirectionRollback {
			t.Errorf("%s goes in the direction %q", e.ID, e.Data.Direction)
		}
		for _, f := range Formats() {
			body, _, err := Body(f, e)
			if err != nil {
				t.Fatal(err)
			}
			if said := unsaid.Upgrades(string(body)); len(said) > 0 {
				t.Errorf("%s, %s: %q", f, e.Kind, said)
			}
		}
	}
}
