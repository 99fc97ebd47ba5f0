package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
	retryAfter int  // seconds; 0: no such header
	chosen     bool // by the scenario
	state      string

	configurationCode string // empty: the usual one
}

func newChanging(s Scenario) changing {
	in := s.Changes
	recorded := s.Shape != shapeSpecification
	out := changing{durations: newDurations(s.TimeScale, in.Duration, Duration{Min: "5s", Max: "2m"}),
		retryAfter: in.RetryAfter, chosen: in.RetryAfter != 0, state: in.State,
		configurationCode: in.ConfigurationCode}
	out.recorded = recorded && in.Duration == (Duration{})
	switch {
	case out.retryAfter == 0 && !recorded:
		out.retryAfter = 10 // of the published examples
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
	ch := &change{course: course{ID: c.operationID(r.key, "foreign"), AcceptedAt: c.createdAt, foreign: true},
		Body: []byte("{}")}
	ch.EndsAt = ch.AcceptedAt.Add(r.length(c, f, c.usualChange(r, "foreign")))
	if f.Ends == statusFailed {
		ch.fail(f)
	}
	return ch
}

// seconds is a time to wait as Retry-After says it: whole seconds, one at least.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// patch answers the PATCH that begins a change (resource-manager.md#the-request).
func (c *Cloud) patch(q *request, l *line) reply {
	r := q.resource
	if rep := c.patchRefused(q, l); rep != nil {
		return *rep
	}
	after := c.strike(q, l, func(f *fault) bool { return f.Accepted || f.Kind == kindResetAfter })
	at := l.At
	if after != nil {
		at = at.Add(after.delay)
	}
	ch := c.change(r, q.body, q.patch, at)
	properties, tags := merged(r.properties(l.At), q.patch.properties), r.tags(l.At)
	if q.patch.tags != nil {
		tags = q.patch.tags
	}
	var rep reply
	switch {
	case reflect.DeepEqual(properties, r.properties(l.At)) && maps.Equal(tags, r.tags(l.At)):
		l.Unchanged = true
		rep = ok(q.visible(c.show(r, l.At)))
	case ch.Fails && ch.EndsAt.Equal(at): // of a type without operations the answer is the end
		return armError(http.StatusBadRequest, ch.Code, ch.Message)
	case ch.EndsAt.Equal(at):
		l.Change = ch
		if ch.Void {
			properties, tags = r.properties(l.At), r.tags(l.At)
		}
		rep = ok(q.visible(c.describe(r, properties, tags, len(r.written(l.At))+1, l.At)))
	case r.fault(c, kindCreated) != nil:
		l.Change = ch
		shown := merged(r.properties(l.At), object{"provisioningState": "Provisioning"})
		rep = ok(q.visible(c.describe(r, shown, r.tags(l.At), len(r.written(l.At)), l.At)))
		rep.status, rep.header = http.StatusCreated, c.monitors(q, ch, l.At)
		rep.header.Del("Location")
	default:
		l.Change = ch
		rep = reply{status: http.StatusAccepted, header: c.monitors(q, ch, l.At)}
	}
	if after != nil {
		rep = c.trouble(q, after)
	}
	rep.accepted = true
	return rep
}

// monitors are the headers that tell where a change can be followed.
func (c *Cloud) monitors(q *request, ch *change, at time.Time) http.Header {
	h := http.Header{}
	h.Set("Azure-AsyncOperation", c.address(q, ch.ID, "operationStatus", at))
	h.Set("Location", c.address(q, ch.ID, "operationResults", at))
	after := c.changing.retryAfter
	if q.resource.kind.times && !c.changing.chosen {
		after = 10 // 2 of 2 recorded ones that keep the header (resource-manager.md#backup-vaults)
	}
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(after))
	}
	return h
}

// patchRefused answers a PATCH that the cloud does not accept, nil if it does.
func (c *Cloud) patchRefused(q *request, l *line) *reply {
	r, s := q.resource, q.sub
	no := func(status int, code, format string, args ...any) *reply {
		return new(armError(status, code, fmt.Sprintf(format, args...)))
	}
	switch {
	case s.disabled:
		return no(http.StatusConflict, "ReadOnlyDisabledSubscription",
			"The subscription '%s' is disabled and therefore marked as read only. No write action is possible until "+
				"it is enabled again.", s.id)
	case s.unregistered[strings.ToLower(r.kind.namespace())]:
		return no(http.StatusConflict, "MissingSubscriptionRegistration",
			"The subscription is not registered to use namespace '%s'.", r.kind.namespace())
	}
	if rep := c.barred(q, l); rep != nil {
		return rep
	}
	engaged, words := r.engaged()
	if r.running(l.At) != nil || c.being(r, l.At) {
		return no(http.StatusConflict, engaged, "%s", words)
	}
	if f := r.fault(c, kindBusy); f != nil && l.At.Before(c.first(f, l).Add(f.lasts)) {
		return no(http.StatusConflict, engaged, "%s", words)
	}
	if f := c.strikeOf(q, l, kindStartBusy, kindStartRefused); f != nil {
		code, message, status := "EmulatedRefusal", "The vault is not to be updated.", http.StatusBadRequest
		if f.Kind == kindStartBusy {
			code, message, status = engaged, words, http.StatusConflict
		}
		status = f.saying(status, &code, &message)
		return new(errorAs(f.Answer, status, code, message))
	}
	from := r.properties(l.At)
	for _, m := range r.kind.moves {
		was, becomes := wordAt(from, m.path), wordAt(q.patch.properties, m.path)
		if becomes != "" && !m.may(was, becomes) {
			return no(http.StatusBadRequest, m.code, m.message, was, becomes)
		}
	}
	if immutability(from) == immutabilityLocked && reconfigures(from, q.patch.properties) {
		return no(http.StatusBadRequest, "UserErrorUnsupportedVaultImmutabilityStateChange",
			"The immutability of this vault is %s and cannot become %s.", immutability(from),
			immutability(q.patch.properties))
	}
	return nil
}

// immutability reads the state of immutability; "" where there is none.
func immutability(properties object) string {
	security, _ := properties["securitySettings"].(object)
	settings, _ := security["immutabilitySettings"].(object)
	state, _ := settings["state"].(string)
	return state
}

// mayBecome tells which changes of immutability the service makes
// (resource-manager.md#immutability): none from Locked, and only Unlocked becomes Locked.
func mayBecome(from, to string) bool {
	switch from {
	case immutabilityLocked:
		return to == immutabilityLocked
	case immutabilityUnlocked:
		return true
	}
	return to != immutabilityLocked
}

// operation answers what a client asks at one of the two addresses that a 202
// gave it.
func (c *Cloud) operation(q *request, l *line) reply {
	r := q.resource
	var ch *change
	for _, known := range r.changes {
		if known.ID == q.operation && !known.AcceptedAt.After(l.At) {
			ch = known
		}
	}
	if ch == nil {
		return armError(http.StatusNotFound, "ResourceNotFound",
			"No operation "+q.operation+" of the vault "+r.Name+" was found.")
	}
	if rep := c.misled(q, ch, l); rep != nil {
		return *rep
	}
	status := ch.status(l.At)
	if q.outcome {
		switch status {
		case changeInProgress:
			return reply{status: http.StatusAccepted, header: c.monitors(q, ch, l.At)}
		case changeFailed:
			return armError(http.StatusBadRequest, ch.Code, ch.Message)
		}
		return ok(q.visible(c.show(r, l.At)))
	}
	rep := reply{status: http.StatusOK, body: c.stands(q, ch, l.At)}
	if status == changeInProgress {
		if c.recorded() { // signed afresh; the first ones stay good
			rep.header = c.monitors(q, ch, l.At)
		} else if c.changing.retryAfter > 0 {
			rep.set("Retry-After", strconv.Itoa(c.changing.retryAfter))
		}
	}
	return rep
}
