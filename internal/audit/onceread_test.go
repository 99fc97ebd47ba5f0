package audit

import (
	"fmt"
	"io"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// counting counts how often a plan is read.
type counting struct {
	*stored
	plans int
}

func (c *counting) Plan(fingerprint string) ([]byte, error) {
	c.plans++
	return c.stored.Plan(fingerprint)
}

// TestPlansAreReadOnce: a fleet's runs go by one plan again and again. Reading it anew
// for each took half a minute of a ledger with 300 runs of 2,000 vaults, under the lock
// and before each command that writes.
func TestPlansAreReadOnce(t *testing.T) {
	t.Parallel()
	p := planned(t)
	var more []fleet.Fact
	for i := range 5 {
		more = append(more, fleet.RunClosed{}, fleet.RunOpened{RunID: fmt.Sprintf("r%d", i+2),
			PlanFingerprint: p.Fingerprint, Version: mine})
	}
	for what, read := range map[string]func(Source) error{
		"verify": func(s Source) error { _, err := Check(s, "", mine); return err },
		"export": func(s Source) error { _, err := Export(io.Discard, s); return err },
	} {
		c := &counting{stored: wrote(t, p, mine, more...)}
		if err := read(c); err != nil || c.plans != 1 {
			t.Errorf("%s read the plan %d times: %v", what, c.plans, err)
		}
	}
}
