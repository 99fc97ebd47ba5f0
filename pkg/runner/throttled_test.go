package runner_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// deaf is a pacer that learns nothing from the answers.
type deaf struct{ azure.Pacer }

func (deaf) Told(string, fleet.RateLimitClass, fleet.RateLimitAnswer) {}

// TestNightOfAStrictCloud: a Resource Manager that takes a fifth of the
// requests that are planned costs a night nothing but time, and is soon asked
// for no more than it takes. A night that learns nothing shows what that saves.
func TestNightOfAStrictCloud(t *testing.T) {
	t.Parallel()
	const window, most = 5 * time.Second, 10
	night := func(name string, learns bool) (refused, calls int) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				n := scene(t, 120, 1, func(in *plan.Input) { in.Limits.Upgrades, in.Limits.PerSubscription = 100, 100 })
				if !learns {
					n.sides = func(o *azure.Options) { o.Pacer = deaf{o.Pacer} }
				}
				taken := map[time.Time]int{}
				n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
					if c.kind != "target" && c.kind != "arm" {
						return nil, nil
					}
					w := time.Now().Truncate(window)
					if taken[w]++; taken[w] <= most {
						return nil, nil
					}
					refused++
					left := int((window - time.Since(w)).Seconds()) + 1
					return says(429, "application/json",
						`{"error":{"code":"SubscriptionRequestsThrottled","message":"Please try again later."}}`,
						"Retry-After", strconv.Itoa(left)), nil
				}
				began := time.Now()
				if code := n.finish(); code != fleet.ExitOK {
					t.Errorf("exit %d", code)
				}
				n.check(n.lastCode, nil)
				calls = len(n.trace.calls)
				t.Logf("it took %v, and %d of %d requests were refused", time.Since(began).Round(time.Second), refused,
					calls)
			})
		})
		return refused, calls
	}
	refused, calls := night("learns", true)
	deafly, _ := night("learns nothing", false)
	if refused == 0 || refused > calls/20 || deafly < 10*refused {
		t.Errorf("%d of %d requests were refused, and %d where nothing is learnt", refused, calls, deafly)
	}
}
