package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// queued waits for its turn before a start is ready, and counts the turns.
type queued struct {
	runner.Upgrader
	wait  time.Duration
	turns *int
}

func (u queued) Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (runner.Start, error) {
	time.Sleep(u.wait)
	*u.turns++
	return u.Upgrader.Prepare(ctx, v, seen)
}

// A start that waited long for its turn keeps it: the reading is made anew, and
// the start only where the vault has changed or its token is old. Taking another
// turn each time would send nothing where turns are scarcer than readings.
func TestALongWaitForATurnIsNotWasted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		wait  time.Duration // a poll is 30 s
		turns int
	}{{"at once", 0, 1}, {"three polls", 90 * time.Second, 1}, {"longer than a token is young", 10 * time.Minute, 3}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n, turns := scene(t, 1, 1, nil), 0
				n.upgrader = func(u runner.Upgrader) runner.Upgrader { return queued{u, c.wait, &turns} }
				n.ends(fleet.ExitOK, fleet.Upgraded) // on a reading no older than a poll, says its audit
				if turns != c.turns {
					t.Errorf("%d turns were taken, want %d", turns, c.turns)
				}
			})
		})
	}
}
