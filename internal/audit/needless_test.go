package audit

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A gate that needed nobody is not told as if somebody had gone round it; an export has the
// sentence that it always had.
func TestGateThatNeedsNoApproval(t *testing.T) {
	t.Parallel()
	f := fleet.GateOpened{Wave: "canary", When: fleet.GateAfter, Needless: true}
	if s := Sentence(f, fleet.DirectionUpgrade); !strings.Contains(s, "no approval was needed") {
		t.Errorf("it says %q", s)
	}
	if s := exported(f); s != "passed the gate after wave canary without an approval: nothing of the wave was started" {
		t.Errorf("an export says %q", s)
	}
}
