package strictcloud

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// StartSeen is one POST upgrade that came.
type StartSeen struct {
	At            time.Time
	OperationID   string
	Fault         string // what the script gave it; empty: answered without the script
	Accepted      bool
	ListingAge    time.Duration // how old the last complete listing of the subscription was; 0: none came
	ValidationAge time.Duration // how old the last passed check was; 0: none
}

// Accepted is a start that the service took.
type Accepted struct {
	At          time.Time // when the service took it
	EndsAt      time.Time
	Duration    time.Duration
	OperationID string
	Failed      bool // how it ends
}

// Refused is a start that the service did not take.
type Refused struct {
	At          time.Time
	OperationID string
	Status      int // 0: the client got no answer
	Why         string
}

// VaultReport is the truth of one vault.
type VaultReport struct {
	Vault       Vault
	Accepted    []Accepted
	Refused     []Refused
	Starts      []StartSeen // every POST upgrade, in order
	Requests    map[Call]int
	State       string // of the newest record: "", Unknown, InProgress, Upgraded, Failed
	OperationID string // of the newest record
}

// SubscriptionReport is the truth of one subscription.
type SubscriptionReport struct {
	ID       string
	Listings []time.Time // when each listing was asked for
	Requests map[Call]int
}

// Report is the truth of the whole cloud at one moment.
type Report struct {
	Vaults        []VaultReport        // in the order they were added
	Subscriptions []SubscriptionReport // in the order they were named
	Requests      map[Call]int

	// The most upgrades of the client's own that ran at once, from when each
	// was taken until it ended; ends before begins at the same instant.
	MaxInFlight                int
	MaxInFlightPerSubscription map[string]int // by GUID in lower case
	MaxInFlightPerLocation     map[string]int // by location in lower case, without spaces

	Broken     int // requests whose body never came whole: nothing was asked
	Violations []string
}

// NotListings returns the number of requests other than listings.
func (r *Report) NotListings() int {
	n := 0
	for call, k := range r.Requests {
		if call != CallList {
			n += k
		}
	}
	return n
}

// Report returns the truth as it is now.
func (s *Server) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	r := Report{
		Requests:                   maps.Clone(s.requests),
		MaxInFlightPerSubscription: map[string]int{},
		MaxInFlightPerLocation:     map[string]int{},
		Broken:                     s.broken,
		Violations:                 slices.Clone(s.violations),
	}
	var all []Accepted
	perSub, perLocation := map[string][]Accepted{}, map[string][]Accepted{}
	for _, v := range s.vaults {
		vr := v.report(now)
		r.Vaults = append(r.Vaults, vr)
		all = append(all, vr.Accepted...)
		perSub[v.sub.id] = append(perSub[v.sub.id], vr.Accepted...)
		at := normalLocation(v.spec.Region)
		perLocation[at] = append(perLocation[at], vr.Accepted...)
	}
	r.MaxInFlight = mostAtOnce(all)
	for k, as := range perSub {
		r.MaxInFlightPerSubscription[k] = mostAtOnce(as)
	}
	for k, as := range perLocation {
		r.MaxInFlightPerLocation[k] = mostAtOnce(as)
	}
	for _, sub := range s.order {
		r.Subscriptions = append(r.Subscriptions, SubscriptionReport{
			ID: sub.id, Listings: slices.Clone(sub.listings), Requests: maps.Clone(sub.requests),
		})
	}
	return r
}

// Report returns the vault's truth as it is now.
func (v *VaultHandle) Report() VaultReport {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.report(time.Now())
}

func (v *VaultHandle) report(now time.Time) VaultReport {
	r := VaultReport{
		Vault: v.spec, Refused: slices.Clone(v.refused), Starts: slices.Clone(v.starts),
		Requests: maps.Clone(v.requests),
	}
	for i := range v.records {
		if u := &v.records[i]; !u.foreign && !now.Before(u.start) {
			r.Accepted = append(r.Accepted, Accepted{
				At: u.start, EndsAt: u.end, Duration: u.duration, OperationID: u.id, Failed: u.failure != nil,
			})
		}
	}
	if u := v.record(now); u != nil {
		r.State, r.OperationID = u.state(now), u.id
	}
	return r
}

// Find returns the report of the first vault with this name, regardless of
// case, and whether there is one.
func (r *Report) Find(name string) (VaultReport, bool) {
	i := slices.IndexFunc(r.Vaults, func(v VaultReport) bool { return strings.EqualFold(v.Vault.Name, name) })
	if i < 0 {
		return VaultReport{}, false
	}
	return r.Vaults[i], true
}

func mostAtOnce(as []Accepted) int {
	spans := make([]strict.Span, len(as))
	for i, a := range as {
		spans[i] = strict.Span{Begin: a.At, End: a.EndsAt}
	}
	return strict.MostAtOnce(spans)
}
