package emulator

import (
	"cmp"
	"encoding/json"
	"math"
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

// change is an accepted PATCH of a resource. Its end is decided when it is
// accepted; its state, and with it the resource's, follows from the clock.
type change struct {
	ID         string          `json:"id"` // of its operation
	Body       json.RawMessage `json:"body"`
	AcceptedAt time.Time       `json:"acceptedAt"`
	EndsAt     time.Time       `json:"endsAt"` // AcceptedAt, if it was done at once
	Fails      bool            `json:"fails,omitempty"`
	Code       string          `json:"code,omitempty"`
	Message    string          `json:"message,omitempty"`
	Void       bool            `json:"void,omitempty"` // it ends well and changes nothing

	patch   patchBody // Body, read
	foreign bool      // not made through this handler
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
	for _, ch := range r.changes {
		if now.Before(ch.EndsAt) {
			return ch
		}
	}
	return nil
}

// current is the newest change that the cloud knows of, nil if none.
func (r *resource) current(now time.Time) *change {
	for i := len(r.changes) - 1; i >= 0; i-- {
		if !r.changes[i].AcceptedAt.After(now) {
			return r.changes[i]
		}
	}
	return nil
}

// accepted lists the changes that came through this handler.
func (r *resource) accepted() []*change {
	for i, ch := range r.changes {
		if !ch.foreign {
			return r.changes[i:]
		}
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
	ch := &change{ID: c.operationID(r.key, n), Body: body, AcceptedAt: at, EndsAt: at, patch: patch}
	f := r.fault(c, kindFails)
	if f != nil && f.times >= 0 && len(r.accepted()) >= f.times {
		f = nil
	}
	if f != nil {
		ch.fail(f)
	}
	ch.Void = r.fault(c, kindIneffective) != nil
	if r.kind.long && (f != nil || r.fault(c, kindSynchronous) == nil) {
		ch.EndsAt = at.Add(c.changeLength(r, f, n))
	}
	return ch
}

// fail lets a change end as a fault says.
func (ch *change) fail(f *fault) {
	ch.Fails, ch.Code, ch.Message = true, cmp.Or(f.Code, "EmulatedUpdateFailure"), cmp.Or(f.Message, "The vault could not be updated; it is as it was.")
}

// changeLength is how long a change takes, scaled: what the fault at hand says,
// or one of kind takes, or the scenario.
func (c *Cloud) changeLength(r *resource, f *fault, n string) time.Duration {
	if f != nil && f.lasts > 0 {
		return f.lasts
	}
	if t := r.fault(c, kindTakes); t != nil {
		return t.lasts
	}
	return c.changing.of(r.ProtectedItems, share(c.seed, "change", r.key, n))
}

// foreignChange is the operation that somebody else began at the beginning, nil
// if there is none.
func (c *Cloud) foreignChange(r *resource) *change {
	f := r.fault(c, kindForeign)
	if f == nil {
		return nil
	}
	ch := &change{ID: c.operationID(r.key, "foreign"), Body: []byte("{}"), AcceptedAt: c.createdAt, foreign: true}
	ch.EndsAt = ch.AcceptedAt.Add(c.changeLength(r, f, "foreign"))
	if f.Ends == statusFailed {
		ch.fail(f)
	}
	return ch
}

// seconds is a time to wait as Retry-After says it: whole seconds, one at least.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }
