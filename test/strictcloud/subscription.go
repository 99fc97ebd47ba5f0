package strictcloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The two resource providers a vault depends on (classic-service.md#the-resource-manager-side), in
// lower case.
const (
	recoveryServices = "microsoft.recoveryservices"
	siteRecovery     = "microsoft.siterecovery"
)

// SubscriptionHandle scripts a subscription. Its methods return the handle
// and may be called while the server runs.
type SubscriptionHandle struct {
	s        *Server
	id       string // in lower case
	vaults   []*VaultHandle
	services []*cloudService

	// how the inventory speaks of it
	name   string
	labels map[string]string

	// the script
	listScript    []ListingFault
	armFaults     int
	forbidden     bool
	missing       bool
	state         string
	quota         string
	providers     map[string]string
	feature       string
	mayRegister   bool
	missingGroups map[string]bool

	// the truth
	requests     map[Call]int
	listings     []time.Time
	firstListing string
	listed       bool      // a complete listing was answered
	listedAt     time.Time // when the last complete one was asked for
	listNotUntil time.Time // Retry-After of a throttled listing
	checked      map[string]bool
	deniedAt     time.Time
	lastGoodRead time.Time
}

// cloudService is a group of resources of one region (classic-service.md#the-listing).
type cloudService struct {
	name, namespace, region string
}

func newSubscription(s *Server, id string) *SubscriptionHandle {
	return &SubscriptionHandle{
		s: s, id: id, state: "Enabled", quota: "EnterpriseAgreement_2014-09-01", feature: "Registered",
		providers:     map[string]string{recoveryServices: "Registered", siteRecovery: "Registered"},
		missingGroups: map[string]bool{}, requests: map[Call]int{}, checked: map[string]bool{},
	}
}

// Names of cloud services and provider namespaces: nothing that could be
// guessed, and full of what a path must encode. A per cent sign before two
// hexadecimal digits shows whether somebody decodes twice.
var (
	oddServices = []string{"RecoveryServices-%[1]s%%2FQ ü-%[2]s", "Recovery+Services %[1]s?#&=%[2]s",
		`R"%[1]s<%[2]s>%%25|^`, "Réc;%[1]s@:[%[2]s]{~}"}
	oddNamespaces = []string{"WA Hybrid+Backup%%41.%[1]s", "Ex#ample?Name=space.%[1]s", "Namespace[é].%[1]s",
		"N%%20S\\`.%[1]s"}
)

// serviceFor finds or makes the cloud service of a new vault. Every region has
// two, and its vaults take turns.
func (h *SubscriptionHandle) serviceFor(region string) *cloudService {
	var here []*cloudService
	for _, c := range h.services {
		if c.region == region {
			here = append(here, c)
		}
	}
	for len(here) < 2 {
		tag := fmt.Sprintf("%06X", hash(h.id, region, fmt.Sprint(len(here)))&0xffffff)
		n := len(h.services)
		c := &cloudService{
			name:      fmt.Sprintf(oddServices[n%len(oddServices)], tag, strings.ReplaceAll(region, " ", "-")),
			namespace: fmt.Sprintf(oddNamespaces[n%len(oddNamespaces)], tag),
			region:    region,
		}
		here, h.services = append(here, c), append(h.services, c)
	}
	return here[len(h.vaults)%2]
}

func (h *SubscriptionHandle) namesGroup(group string) bool {
	return slices.ContainsFunc(h.vaults, func(v *VaultHandle) bool { return v.groupKey() == group })
}

func (h *SubscriptionHandle) with(change func()) *SubscriptionHandle {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	change()
	return h
}

// Named gives the name and the labels the inventory uses.
func (h *SubscriptionHandle) Named(name string, labels map[string]string) *SubscriptionHandle {
	return h.with(func() { h.name, h.labels = name, labels })
}

// Listing appends to what the next listings meet, one after the other. A
// listing beyond the script is complete.
func (h *SubscriptionHandle) Listing(faults ...ListingFault) *SubscriptionHandle {
	return h.with(func() { h.listScript = append(h.listScript, faults...) })
}

// ARMUnavailable answers 503 to the next n Resource Manager reads about the
// subscription.
func (h *SubscriptionHandle) ARMUnavailable(n int) *SubscriptionHandle {
	return h.with(func() { h.armFaults += n })
}

// Forbidden answers 403 to every call about the subscription, or ends that.
func (h *SubscriptionHandle) Forbidden(on bool) *SubscriptionHandle {
	return h.with(func() { h.forbidden = on })
}

// Missing makes the Resource Manager side not know the subscription.
func (h *SubscriptionHandle) Missing() *SubscriptionHandle {
	return h.with(func() { h.missing = true })
}

// State sets the subscription's state: Enabled, Disabled, Warned, …
func (h *SubscriptionHandle) State(state string) *SubscriptionHandle {
	return h.with(func() { h.state = state })
}

// CSP makes it a subscription of a cloud solution provider.
func (h *SubscriptionHandle) CSP() *SubscriptionHandle {
	return h.with(func() { h.quota = "CSP_2015-05-01" })
}

// Provider sets the registration state of a resource provider, such as
// Microsoft.RecoveryServices: Registered, Registering, Pending, NotRegistered.
func (h *SubscriptionHandle) Provider(namespace, state string) *SubscriptionHandle {
	return h.with(func() { h.providers[strings.ToLower(namespace)] = state })
}

// Feature sets the state of the feature VaultUpgrade.
func (h *SubscriptionHandle) Feature(state string) *SubscriptionHandle {
	return h.with(func() { h.feature = state })
}

// AllowRegister is the consent to register resource providers.
func (h *SubscriptionHandle) AllowRegister() *SubscriptionHandle {
	return h.with(func() { h.mayRegister = true })
}
