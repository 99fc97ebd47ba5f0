package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// quickest is how long after its start an operation is first asked for, and how
// far apart two looks are at least.
const quickest = 5 * time.Second

// lookShare is which part of a subscription's requests the looks at its operations
// may take, as long as they come quicker than once a poll: the rest is for checks and
// starts.
const lookShare = 0.5

// LookPace is how far apart the next look at an operation is from one that began at
// a time, where the service does not say: as long again as the operation has taken
// by then, at least quickest, at most a poll. So an end is seen before the operation
// has taken twice as long, or a poll after it. Of 24 recorded changes of Recovery
// Services vaults 19 had ended after 63 seconds (Azure/azure-cli, recordings of the
// tests of its module backup); whether they were answered with Retry-After the
// recordings do not keep.
//
// It follows from the journal's time of the start, so a later process goes on at the
// pace that has been reached. With many watched vaults in the subscription it is as
// slow as their share of the requests asks for. What has no operation (since is zero)
// is read once a poll.
func LookPace(p *plan.Plan, since, began time.Time, vaults int) time.Duration {
	poll := p.Timings.Poll
	if since.IsZero() {
		return poll
	}
	crowd := time.Duration(float64(vaults) / (lookShare * p.Limits.RequestsPerSecond) * float64(time.Second))
	return min(max(began.Sub(since), quickest, crowd), poll)
}

// FirstLook is when an operation is first looked at after its start was decided, where the
// service does not say.
func FirstLook(p *plan.Plan, since time.Time) time.Time {
	return since.Add(min(quickest, p.Timings.Poll))
}

// NextLook is when it is looked at again after a look that began at a time, and how far
// apart those two then are. asked is for how long, from now on, the service asked not to
// come back; one that could not be read is asked for once a poll.
func NextLook(p *plan.Plan, since, began, now time.Time, vaults int, failed bool, asked time.Duration) (at time.Time,
	apart time.Duration) {
	if apart = LookPace(p, since, began, vaults); failed {
		apart = p.Timings.Poll
	}
	return later(began.Add(apart), now.Add(asked)), apart
}
