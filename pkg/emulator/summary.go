package emulator

import (
	"slices"
	"strings"
	"time"
)

// Summary is the truth about what the cloud was asked and what it did, since
// it was made, also over a Reopen (but for Concurrent).
type Summary struct {
	Requests map[string]int `json:"requests"` // by call: list, prereqs, upgrade, result, subscription, provider, register, feature, group, target, vault, patch, operation, roles, assign, locks, rules, graph, none
	// Mistakes counts requests that broke the protocol; MistakeList has the
	// first few.
	Mistakes    int      `json:"mistakes"`
	MistakeList []string `json:"mistakeList"`

	Accepted int `json:"accepted"` // starts accepted, of today's vaults the PATCHes that changed or are to change something
	Refused  int `json:"refused"`  // starts not accepted
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
	SubscriptionID   string         `json:"subscriptionId"`
	SubscriptionName string         `json:"subscriptionName"`
	Name             string         `json:"name"`
	Location         string         `json:"location"`
	ResourceType     string         `json:"resourceType"`
	Status           string         `json:"status"`       // of its newest upgrade: InProgress, Upgraded, Failed; empty if none
	OperationIDs     []string       `json:"operationIds"` // of the starts accepted
	Accepted         int            `json:"accepted"`
	Refused          int            `json:"refused"`
	SentAgain        int            `json:"sentAgain"`
	Requests         map[string]int `json:"requests"` // by call: prereqs, upgrade, result, target
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

type vaultStats struct {
	refused, again int
	byCall         map[call]int
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
	inc(&v.stats.byCall, l.Call)
	if l.Refused {
		v.stats.refused++
	}
	if l.Again {
		v.stats.again++
	}
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
		out.Accepted += vs.Accepted
		out.Refused += vs.Refused
		out.DoubleAccepted += max(0, vs.Accepted-1)
		out.SentAgain += vs.SentAgain
		out.Vaults = append(out.Vaults, vs)
	}
	for _, r := range c.resources {
		rs := r.summary(at)
		out.Accepted += rs.Accepted
		out.Refused += rs.Refused
		out.DoubleAccepted += rs.DoubleAccepted
		out.SentAgain += rs.SentAgain
		out.Resources = append(out.Resources, rs)
	}
	return out
}

func (v *vault) summary(at time.Time) VaultSummary {
	vs := VaultSummary{SubscriptionID: v.sub.id, SubscriptionName: v.sub.name, Name: v.Name, Location: v.Location,
		ResourceType: v.ResourceType, OperationIDs: []string{}, Refused: v.stats.refused, SentAgain: v.stats.again,
		Requests: named(v.stats.byCall)}
	if op := newest(v.ops, at); op != nil {
		vs.Status = op.status(at)
	}
	for _, op := range ours(v.ops) {
		vs.Accepted++
		vs.OperationIDs = append(vs.OperationIDs, op.ID)
	}
	return vs
}

// Vault returns the part of one vault, by its subscription's ID or name and
// its own, without regard to case; the first, if locations or types differ.
func (s *Summary) Vault(subscription, name string) (VaultSummary, bool) {
	for _, v := range s.Vaults {
		if strings.EqualFold(v.Name, name) && (strings.EqualFold(v.SubscriptionID, subscription) || strings.EqualFold(v.SubscriptionName, subscription)) {
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
