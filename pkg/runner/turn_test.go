package runner_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
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

func (u queued) Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error) {
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

// moving is a cloud whose readings give a vault another address each, so many times.
type moving struct {
	runner.Upgrader
	moves int
	*places
}

// places are those that a moving cloud has shown, and made starts ready for.
type places struct {
	mu   sync.Mutex
	said []string // the address in each reading
	made []string // the one that each start was made ready for
}

// read is where one more reading has the vault: elsewhere than the one before, up to
// the last place.
func (p *places) read(last int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := fmt.Sprintf("#%d", min(len(p.said), last))
	p.said = append(p.said, at)
	return at
}

// now is where the newest reading has the vault.
func (p *places) now() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said[len(p.said)-1]
}

func (u moving) Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	at := u.read(u.moves)
	return tilted{u.Upgrader, func(seen map[fleet.Key]fleet.Sighting) {
		for k, s := range seen {
			s.Address += at
			seen[k] = s
		}
	}}.Read(ctx, subscription, vaults)
}

// home is a vault as the cloud itself shows it, and the address that moving gave it.
func home(seen fleet.Sighting) (fleet.Sighting, string) {
	was, at, _ := strings.Cut(seen.Address, "#")
	seen.Address = was
	return seen, "#" + at
}

func (u moving) Validate(ctx context.Context, v *fleet.Vault, seen fleet.Sighting, present bool,
	disregard []string) fleet.Validation {
	seen, _ = home(seen)
	return u.Upgrader.Validate(ctx, v, seen, present, disregard)
}

func (u moving) Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error) {
	time.Sleep(90 * time.Second) // longer than a poll: its reading is made anew
	seen, at := home(seen)
	u.mu.Lock()
	u.made = append(u.made, at)
	u.mu.Unlock()
	return u.Upgrader.Prepare(ctx, v, seen)
}

// A start goes to where the vault was in the reading that it goes out on, however
// often it was made ready in vain: the last of the tries does not go out to where
// the vault is no more.
func TestAStartGoesToWhereTheVaultIs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		shown := &places{}
		n := scene(t, 1, 1, nil)
		n.upgrader = func(u runner.Upgrader) runner.Upgrader { return moving{u, 5, shown} }
		sentTo := ""
		n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
			if c.kind == "upgrade" {
				sentTo = shown.now()
			}
			return nil, nil
		}
		n.ends(fleet.ExitOK, fleet.Upgraded)
		if made := shown.made; len(made) <= 3 || made[len(made)-1] != sentTo {
			t.Errorf("it was made ready for %v, and sent where readings showed it at %s", made, sentTo)
		}
	})
}
