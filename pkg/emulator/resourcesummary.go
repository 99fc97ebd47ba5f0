package emulator

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"
)

// ResourceSummary is the part of a Summary of a vault of today's.
type ResourceSummary struct {
	ID               string `json:"id"`
	SubscriptionID   string `json:"subscriptionId"`
	SubscriptionName string `json:"subscriptionName"`
	ResourceGroup    string `json:"resourceGroup"`
	Type             string `json:"type"`
	Name             string `json:"name"`
	Location         string `json:"location"`

	Status         string   `json:"status"`       // of its newest change: InProgress, Succeeded, Failed; empty if none
	OperationIDs   []string `json:"operationIds"` // of the changes accepted
	Accepted       int      `json:"accepted"`     // PATCHes that changed, or are to change, something
	Unchanged      int      `json:"unchanged"`    // PATCHes that asked for what was so already
	Refused        int      `json:"refused"`
	DoubleAccepted int      `json:"doubleAccepted"` // accepted, saying what the accepted one before said, which had not failed
	SentAgain      int      `json:"sentAgain"`      // sent, whatever the answer, saying that

	Requests   map[string]int    `json:"requests"` // by call: vault, patch, operation, roles, assign, locks
	Tags       map[string]string `json:"tags"`     // now, as are the rest
	Properties map[string]any    `json:"properties"`
	Roles      []RoleAssignment  `json:"roles"` // given since the beginning, also those that no list shows yet
}

type resourceStats struct {
	unchanged, refused, double, again int
	byCall                            map[call]int
}

// countResource folds a line into a resource's counters.
func (c *Cloud) countResource(l line, s *subscription, r *resource) {
	inc(&r.stats.byCall, l.Call)
	if l.Unchanged {
		r.stats.unchanged++
	}
	if l.Refused {
		r.stats.refused++
	}
	if l.Again {
		r.stats.again++
	}
	if l.Change != nil {
		if l.Again {
			r.stats.double++
		}
		c.countRunning(l.At, l.Change.EndsAt, s, r.Location)
	}
}

// repeats reports whether a PATCH says what the last accepted one said, and that
// one has not failed.
func (r *resource) repeats(p patchBody, now time.Time) bool {
	own := ours(r.changes)
	if len(own) == 0 {
		return false
	}
	last := own[len(own)-1]
	return last.status(now) != changeFailed && reflect.DeepEqual(last.patch, p)
}

func (r *resource) summary(at time.Time) ResourceSummary {
	out := ResourceSummary{ID: r.id(), SubscriptionID: r.sub.id, SubscriptionName: r.sub.name, ResourceGroup: r.ResourceGroup,
		Type: r.kind.name, Name: r.Name, Location: r.Location, OperationIDs: []string{}, Roles: []RoleAssignment{},
		Unchanged: r.stats.unchanged, Refused: r.stats.refused, DoubleAccepted: r.stats.double, SentAgain: r.stats.again,
		Requests: named(r.stats.byCall), Tags: maps.Clone(r.tags(at))}
	out.Properties, _ = plain(r.properties(at)) // it came as JSON
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	if ch := newest(r.changes, at); ch != nil {
		out.Status = ch.status(at)
	}
	for _, a := range r.roles {
		out.Roles = append(out.Roles, a.RoleAssignment)
	}
	for _, ch := range ours(r.changes) {
		out.Accepted++
		out.OperationIDs = append(out.OperationIDs, ch.ID)
	}
	return out
}

// Resource returns the part of one vault of today's, by its subscription's ID or
// name and its own, without regard to case; the first, if groups or types differ.
func (s *Summary) Resource(subscription, name string) (ResourceSummary, bool) {
	for _, r := range s.Resources {
		if strings.EqualFold(r.Name, name) && (strings.EqualFold(r.SubscriptionID, subscription) || strings.EqualFold(r.SubscriptionName, subscription)) {
			return r, true
		}
	}
	return ResourceSummary{}, false
}

// Estate is what today's vaults are now, without what was done to them and who
// has which role: a line a vault, in the order they were configured, and the same
// text for the same state.
func (s *Summary) Estate() string {
	var out strings.Builder
	for _, r := range s.Resources {
		fmt.Fprintf(&out, "%s tags=%s properties=%s\n", r.ID, asJSON(r.Tags), asJSON(r.Properties))
	}
	return out.String()
}
