package emulator

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Summary is the truth about what the cloud was asked and what it did, since
// it was made, also over a Reopen (but for Concurrent).
type Summary struct {
	// by call: list, prereqs, upgrade, result, subscription, provider, register, feature, group, target, vault,
	// patch, operation, roles, assign, locks, rules, graph, none
	Requests map[string]int `json:"requests"`
	// Mistakes counts requests that broke the protocol; MistakeList has the
	// first few.
	Mistakes    int      `json:"mistakes"`
	MistakeList []string `json:"mistakeList"`

	// starts accepted, of today's vaults the PATCHes that changed or are to change something
	Accepted int `json:"accepted"`
	Refused  int `json:"refused"` // starts not accepted
	// DoubleAccepted counts the starts accepted of vaults that had one accepted
	// before: after a failure the service takes another. A vault of today's may
	// be changed there and back, so for it this counts the starts accepted that
	// said what the one before had said, and which had not failed.
	DoubleAccepted int `json:"doubleAccepted"`
	// SentAgain counts the starts sent of vaults whose earlier accepted one had
	// not failed. The service refuses these; a client should not have sent them.
	SentAgain int `json:"sentAgain"`

	MaxUpgrades   int                   `json:"maxUpgrades"` // of accepted starts, at once
	MaxByLocation map[string]int        `json:"maxUpgradesByLocation"`
	Concurrent    map[string]int        `json:"maxConcurrentRequests"` // by call, in this process
	Subscriptions []SubscriptionSummary `json:"subscriptions"`
	Vaults        []VaultSummary        `json:"vaults"`    // classic ones, in the order they were configured
	Resources     []ResourceSummary     `json:"resources"` // today's, in the order they were configured
}

// SubscriptionSummary is a subscription's part of a Summary.
type SubscriptionSummary struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Requests    int    `json:"requests"` // about it and its vaults
	Listings    int    `json:"listings"`
	MaxUpgrades int    `json:"maxUpgrades"` // at once
}

// VaultSummary is a vault's part of a Summary.
type VaultSummary struct {
	SubscriptionID   string `json:"subscriptionId"`
	SubscriptionName string `json:"subscriptionName"`
	Name             string `json:"name"`
	Location         string `json:"location"`
	ResourceType     string `json:"resourceType"`
	// of its newest upgrade: InProgress, Upgraded, Failed; empty if none
	Status       string         `json:"status"`
	OperationIDs []string       `json:"operationIds"` // of the starts accepted
	Accepted     int            `json:"accepted"`
	Refused      int            `json:"refused"`
	SentAgain    int            `json:"sentAgain"`
	Requests     map[string]int `json:"requests"` // by call: prereqs, upgrade, result, target
}

type stats struct {
	requests       int
	byCall         map[call]int
	mistakes       int
	mistakeList    []string
	running        []running // accepted starts under way when the last was accepted
	maxUpgrades    int
	maxByLocation  map[string]int
	inFlight, peak map[call]int
}

type running struct {
	sub      *subscription
	location string
	endsAt   time.Time
}

type subStats struct{ requests, listings, maxUpgrades int }

// vaultStats is what was asked of a vault, of whichever kind.
type vaultStats struct {
	refused, again int
	byCall         map[call]int
}

func (s *vaultStats) count(l line) {
	inc(&s.byCall, l.Call)
	if l.Refused {
		s.refused++
	}
	if l.Again {
		s.again++
	}
}

const mistakesShown = 20

func inc[K comparable](m *map[K]int, k K) {
	if *m == nil {
		*m = map[K]int{}
	}
	(*m)[k]++
}

// count folds a line into the counters of the summary. c.mu is held, or nobody
// else has the cloud yet.
func (c *Cloud) count(l line, s *subscription, v *vault, r *resource) {
	st := &c.stats
	st.requests++
	inc(&st.byCall, l.Call)
	if l.Mistake != "" {
		st.mistakes++
		if len(st.mistakeList) < mistakesShown {
			st.mistakeList = append(st.mistakeList, string(l.Call)+": "+l.Mistake)
		}
	}
	if s != nil {
		s.stats.requests++
		if l.Call == callList {
			s.stats.listings++
		}
	}
	if r != nil {
		c.countResource(l, s, r)
	}
	if v == nil {
		return
	}
	v.stats.count(l)
	if l.Start != nil {
		c.countRunning(l.At, l.Start.EndsAt, s, v.Location)
	}
}

func (c *Cloud) countRunning(at, endsAt time.Time, s *subscription, location string) {
	st := &c.stats
	location = normalize(location)
	st.running = slices.DeleteFunc(st.running, func(r running) bool { return !at.Before(r.endsAt) })
	st.running = append(st.running, running{s, location, endsAt})
	inSub, here := 0, 0
	for _, r := range st.running {
		if r.sub == s {
			inSub++
		}
		if r.location == location {
			here++
		}
	}
	st.maxUpgrades = max(st.maxUpgrades, len(st.running))
	s.stats.maxUpgrades = max(s.stats.maxUpgrades, inSub)
	if st.maxByLocation == nil {
		st.maxByLocation = map[string]int{}
	}
	st.maxByLocation[location] = max(st.maxByLocation[location], here)
}

// enter and leave follow how many requests are under way. enter is called with
// c.mu held.
func (c *Cloud) enter(q *request) {
	inc(&c.stats.inFlight, q.call)
	if c.stats.peak == nil {
		c.stats.peak = map[call]int{}
	}
	c.stats.peak[q.call] = max(c.stats.peak[q.call], c.stats.inFlight[q.call])
}

func (c *Cloud) leave(q *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.inFlight[q.call]--
}

// Summary returns the truth so far. The caller owns it.
func (c *Cloud) Summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := now()
	st := &c.stats
	out := Summary{
		Requests:      named(st.byCall),
		Mistakes:      st.mistakes,
		MistakeList:   append([]string{}, st.mistakeList...),
		MaxUpgrades:   st.maxUpgrades,
		MaxByLocation: map[string]int{},
		Concurrent:    named(st.peak),
		Subscriptions: []SubscriptionSummary{},
		Vaults:        []VaultSummary{},
		Resources:     []ResourceSummary{},
	}
	for k, n := range st.maxByLocation {
		out.MaxByLocation[k] = n
	}
	for _, s := range c.subs {
		out.Subscriptions = append(out.Subscriptions, SubscriptionSummary{ID: s.id, Name: s.name,
			Requests: s.stats.requests, Listings: s.stats.listings, MaxUpgrades: s.stats.maxUpgrades})
	}
	for _, v := range c.vaults {
		vs := v.summary(at)
		out.add(vs.Accepted, vs.Refused, max(0, vs.Accepted-1), vs.SentAgain)
		out.Vaults = append(out.Vaults, vs)
	}
	for _, r := range c.resources {
		rs := r.summary(at)
		out.add(rs.Accepted, rs.Refused, rs.DoubleAccepted, rs.SentAgain)
		out.Resources = append(out.Resources, rs)
	}
	return out
}

// add counts in what was done to one vault.
func (s *Summary) add(accepted, refused, double, again int) {
	s.Accepted += accepted
	s.Refused += refused
	s.DoubleAccepted += double
	s.SentAgain += again
}

// idsOf are the operations of this handler's starts.
func idsOf[T going](list []T) []string {
	ids := []string{}
	for _, o := range ours(list) {
		ids = append(ids, o.of().ID)
	}
	return ids
}

func (v *vault) summary(at time.Time) VaultSummary {
	vs := VaultSummary{SubscriptionID: v.sub.id, SubscriptionName: v.sub.name, Name: v.Name, Location: v.Location,
		ResourceType: v.ResourceType, OperationIDs: idsOf(v.ops), Refused: v.stats.refused, SentAgain: v.stats.again,
		Requests: named(v.stats.byCall)}
	if op := newest(v.ops, at); op != nil {
		vs.Status = op.status(at)
	}
	vs.Accepted = len(vs.OperationIDs)
	return vs
}

// Vault returns the part of one vault, by its subscription's ID or name and
// its own, without regard to case; the first, if locations or types differ.
func (s *Summary) Vault(subscription, name string) (VaultSummary, bool) {
	for _, v := range s.Vaults {
		if strings.EqualFold(v.Name, name) &&
			(strings.EqualFold(v.SubscriptionID, subscription) || strings.EqualFold(v.SubscriptionName, subscription)) {
			return v, true
		}
	}
	return VaultSummary{}, false
}

func named(m map[call]int) map[string]int {
	out := map[string]int{}
	for k, n := range m {
		out[string(k)] = n
	}
	return out
}

// ResourceSummary is the part of a Summary of a vault of today's.
type ResourceSummary struct {
	ID               string `json:"id"`
	SubscriptionID   string `json:"subscriptionId"`
	SubscriptionName string `json:"subscriptionName"`
	ResourceGroup    string `json:"resourceGroup"`
	Type             string `json:"type"`
	Name             string `json:"name"`
	Location         string `json:"location"`

	Status       string   `json:"status"`       // of its newest change: InProgress, Succeeded, Failed; empty if none
	OperationIDs []string `json:"operationIds"` // of the changes accepted
	Accepted     int      `json:"accepted"`     // PATCHes that changed, or are to change, something
	Unchanged    int      `json:"unchanged"`    // PATCHes that asked for what was so already
	Refused      int      `json:"refused"`
	// accepted, saying what the accepted one before said, which had not failed
	DoubleAccepted int `json:"doubleAccepted"`
	SentAgain      int `json:"sentAgain"` // sent, whatever the answer, saying that

	Requests   map[string]int    `json:"requests"` // by call: vault, patch, operation, roles, assign, locks
	Tags       map[string]string `json:"tags"`     // now, as are the rest
	Properties map[string]any    `json:"properties"`
	Roles      []RoleAssignment  `json:"roles"` // given since the beginning, also those that no list shows yet
}

type resourceStats struct {
	vaultStats
	unchanged, double int
}

// countResource folds a line into a resource's counters.
func (c *Cloud) countResource(l line, s *subscription, r *resource) {
	r.stats.count(l)
	if l.Unchanged {
		r.stats.unchanged++
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
	out := ResourceSummary{ID: r.id(), SubscriptionID: r.sub.id, SubscriptionName: r.sub.name,
		ResourceGroup: r.ResourceGroup,
		Type:          r.kind.name, Name: r.Name, Location: r.Location, OperationIDs: idsOf(r.changes),
		Roles:     []RoleAssignment{},
		Unchanged: r.stats.unchanged, Refused: r.stats.refused, DoubleAccepted: r.stats.double,
		SentAgain: r.stats.again,
		Requests:  named(r.stats.byCall), Tags: maps.Clone(r.tags(at))}
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
	out.Accepted = len(out.OperationIDs)
	return out
}

// Resource returns the part of one vault of today's, by its subscription's ID or
// name and its own, without regard to case; the first, if groups or types differ.
func (s *Summary) Resource(subscription, name string) (ResourceSummary, bool) {
	for _, r := range s.Resources {
		if strings.EqualFold(r.Name, name) &&
			(strings.EqualFold(r.SubscriptionID, subscription) || strings.EqualFold(r.SubscriptionName, subscription)) {
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
