package emulator

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"
)

// The states of a change, which are those of its operation (resource-manager.md#operations and the
// published example GetOperationStatus).
const (
	changeInProgress = "InProgress"
	changeSucceeded  = "Succeeded"
	changeFailed     = "Failed"
)

// The states of immutability.
const (
	immutabilityDisabled = "Disabled"
	immutabilityUnlocked = "Unlocked"
	immutabilityLocked   = "Locked"
)

// change is an accepted PATCH of a resource, whose state follows from it.
type change struct {
	course
	Body json.RawMessage `json:"body"`
	Void bool            `json:"void,omitempty"` // it ends well and changes nothing

	patch patchBody // Body, read
}

func (ch *change) status(now time.Time) string {
	switch {
	case now.Before(ch.EndsAt):
		return changeInProgress
	case ch.Fails:
		return changeFailed
	}
	return changeSucceeded
}

// running is the change that keeps others from being accepted, nil if none: one
// that is under way, or has left its sender and will be accepted in a moment.
func (r *resource) running(now time.Time) *change {
	if i := slices.IndexFunc(r.changes, func(ch *change) bool { return now.Before(ch.EndsAt) }); i >= 0 {
		return r.changes[i]
	}
	return nil
}

// changing is Scenario.Changes, made ready.
type changing struct {
	durations
	retryAfter int // seconds; 0: no such header
	state      string

	configurationCode string // empty: the usual one
}

func newChanging(s Scenario) changing {
	in := s.Changes
	recorded := s.Shape != shapeSpecification
	out := changing{durations: newDurations(s.TimeScale, in.Duration, Duration{Min: "5s", Max: "2m"}), retryAfter: in.RetryAfter, state: in.State,
		configurationCode: in.ConfigurationCode}
	out.recorded = recorded && in.Duration == (Duration{})
	switch {
	case out.retryAfter == 0 && !recorded:
		out.retryAfter = 10 // of the published examples; 24 of 24 recorded changes have none
	case out.retryAfter < 0:
		out.retryAfter = 0
	}
	if out.state == "" {
		// The word of the published example PUTVault_ResourceGuardEnabled and of
		// every recorded creation; which one a PATCH shows is not documented.
		out.state = "Provisioning"
	}
	return out
}

// change is what a PATCH accepted at a time begins.
func (c *Cloud) change(r *resource, body []byte, patch patchBody, at time.Time) *change {
	n := strconv.Itoa(len(r.changes))
	ch := &change{course: course{ID: c.operationID(r.key, n), AcceptedAt: at, EndsAt: at}, Body: body, patch: patch}
	f := failing(c, &r.sufferer, r.changes)
	if f != nil {
		ch.fail(f)
	}
	ch.Void = r.fault(c, kindIneffective) != nil
	if r.kind.long && (f != nil || r.fault(c, kindSynchronous) == nil) {
		ch.EndsAt = at.Add(r.length(c, f, c.usualChange(r, n)))
	}
	return ch
}

// fail lets a change end as a fault says.
func (ch *change) fail(f *fault) {
	ch.Fails, ch.Code = true, cmp.Or(f.Code, "EmulatedUpdateFailure")
	ch.Message = cmp.Or(f.Message, "The vault could not be updated; it is as it was.")
}

// usualChange is how long a change takes by the scenario.
func (c *Cloud) usualChange(r *resource, n string) time.Duration {
	return c.changing.of(r.ProtectedItems, share(c.seed, "change", r.key, n))
}

// foreignChange is the operation that somebody else began at the beginning, nil
// if there is none.
func (c *Cloud) foreignChange(r *resource) *change {
	f := r.fault(c, kindForeign)
	if f == nil {
		return nil
	}
	ch := &change{course: course{ID: c.operationID(r.key, "foreign"), AcceptedAt: c.createdAt, foreign: true}, Body: []byte("{}")}
	ch.EndsAt = ch.AcceptedAt.Add(r.length(c, f, c.usualChange(r, "foreign")))
	if f.Ends == statusFailed {
		ch.fail(f)
	}
	return ch
}

// seconds is a time to wait as Retry-After says it: whole seconds, one at least.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }
