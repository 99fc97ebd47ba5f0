package strictarm

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// PatchSeen is one PATCH of a vault that came.
type PatchSeen struct {
	At              time.Time
	ClientRequestID string
	Body            string
	Fault           string        // what the script gave it; empty: answered without the script
	Accepted        bool          // the service took it
	Status          int           // 0: the client got no answer
	ReadAge         time.Duration // how old the last good read of the vault was; 0: none came
}

// Accepted is a PATCH that the service took.
type Accepted struct {
	At, EndsAt      time.Time
	ClientRequestID string
	Body            string
	Ended           string // how it ends: the status
	Applied         bool   // it ends with the change made
	Polls           int    // requests for its URLs
	PolledAt        []time.Time
	FinalReads      int // requests for its Location after its end
}

// Assignment is a role assignment at a key vault.
type Assignment struct {
	Name, Role, Principal string
	Ours                  bool // made by the client
	Puts                  int
}

// VaultReport is the truth of one vault.
type VaultReport struct {
	Vault       Vault
	Accepted    []Accepted
	Patches     []PatchSeen // every PATCH, in order
	Requests    map[Call]int
	Wanted      bool // it is as it is to be
	Properties  map[string]any
	Tags        map[string]any
	Assignments []Assignment
}

// Reads returns the number of requests that change nothing.
func (r *VaultReport) Reads() int {
	n := 0
	for call, k := range r.Requests {
		if methods[call] == "" {
			n += k
		}
	}
	return n
}

// SubscriptionReport is the truth of one subscription.
type SubscriptionReport struct {
	ID        string
	Requests  map[Call]int
	Throttled int // requests that its Buckets refused
	Early     int // requests that came while the client knew that it was to wait
}

// Report is the truth of the whole cloud at one moment.
type Report struct {
	Vaults        []VaultReport        // in the order they were added
	Subscriptions []SubscriptionReport // in the order they were named
	Requests      map[Call]int

	// The most operations that ran at once, from when each was taken until it
	// ended; ends before begins at the same instant.
	MaxInFlight                int
	MaxInFlightPerSubscription map[string]int // by GUID in lower case
	MaxInFlightPerLocation     map[string]int

	GraphFinished   int // answers of Resource Graph that were read to their end
	GraphUnfinished int // pages of Resource Graph that were never asked for

	Broken     int // requests whose body never came whole: nothing was asked
	Violations []string
}

// Report returns the truth as it is now.
func (s *Server) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	r := Report{
		Requests: maps.Clone(s.requests), MaxInFlightPerSubscription: map[string]int{},
		MaxInFlightPerLocation: map[string]int{},
		GraphFinished:          s.graph.finished, Broken: s.broken, Violations: slices.Clone(s.violations),
	}
	for _, c := range s.graph.chains {
		if !c.asked {
			r.GraphUnfinished++
		}
	}
	var all []strict.Span
	perSub, perLocation := map[string][]strict.Span{}, map[string][]strict.Span{}
	for _, v := range s.vaults {
		vr := v.report(now)
		r.Vaults = append(r.Vaults, vr)
		for _, a := range vr.Accepted {
			span := strict.Span{Begin: a.At, End: a.EndsAt}
			all = append(all, span)
			perSub[v.sub.id] = append(perSub[v.sub.id], span)
			perLocation[v.spec.Location] = append(perLocation[v.spec.Location], span)
		}
	}
	for _, sub := range s.order {
		r.Subscriptions = append(r.Subscriptions,
			SubscriptionReport{sub.id, maps.Clone(sub.requests), sub.throttled, sub.early})
	}
	r.MaxInFlight = strict.MostAtOnce(all)
	for k, spans := range perSub {
		r.MaxInFlightPerSubscription[k] = strict.MostAtOnce(spans)
	}
	for k, spans := range perLocation {
		r.MaxInFlightPerLocation[k] = strict.MostAtOnce(spans)
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

// Report returns the vault's truth as it is now.
func (v *VaultHandle) Report() VaultReport {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.report(time.Now())
}

func (v *VaultHandle) report(now time.Time) VaultReport {
	v.settle(now)
	r := VaultReport{
		Vault: v.spec, Patches: slices.Clone(v.patches), Requests: maps.Clone(v.requests), Wanted: v.wanted(),
		Properties: clone(v.properties()).(object), Tags: v.tags(),
	}
	for _, op := range v.ops {
		if now.Before(op.start) {
			continue
		}
		r.Accepted = append(r.Accepted, Accepted{
			At: op.start, EndsAt: op.end, ClientRequestID: op.patch.ClientRequestID, Body: op.patch.Body,
			Ended: op.outcome.status, Applied: op.outcome.applies, Polls: op.count, PolledAt: slices.Clone(op.polledAt),
			FinalReads: op.finalReads,
		})
	}
	for _, a := range v.roles {
		r.Assignments = append(r.Assignments,
			Assignment{a.name, builtInRoles[a.role].name, a.principal, a.ours, a.puts})
	}
	return r
}
