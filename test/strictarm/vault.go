package strictarm

import (
	"strings"
	"time"
)

// Vault describes a vault of the cloud, and what is to be done to it.
type Vault struct {
	Subscription string // GUID
	Group        string // "rg-vaults" where empty
	Name         string
	Location     string // "westus" where empty
	Kind         Kind   // Alerts where empty
	Tags         map[string]string

	// What only the inventory says.
	Labels         map[string]string
	Hold           string // excluded, for this reason
	AcceptWarnings bool
	NotInInventory bool // in the cloud alone

	// AnyCase accepts group and name in a case of the client's own: Resource
	// Graph, where it may have them from, does not keep the case.
	AnyCase bool

	// Days are those that the client was told to keep recovery points for, with
	// Immutability; 0: none.
	Days float64
}

func (v Vault) withDefaults() Vault {
	for _, f := range []struct {
		have *string
		fall string
	}{{&v.Group, "rg-vaults"}, {&v.Location, "westus"}, {(*string)(&v.Kind), string(Alerts)}} {
		if *f.have == "" {
			*f.have = f.fall
		}
	}
	return v
}

// VaultHandle scripts a vault and tells its truth. Its methods return the
// handle, so that a script reads as one sentence; they may be called while
// the server runs.
type VaultHandle struct {
	s     *Server
	sub   *SubscriptionHandle
	spec  Vault
	index int

	// the script
	takes        time.Duration
	urls         URLs
	retryAfter   time.Duration
	retryDate    bool
	published    bool
	outcomes     []Outcome
	patchScript  []PatchFault
	readScript   []ReadFault
	pollScript   []PollFault
	pollAlways   *PollFault // after pollScript; nil: as the operation stands
	guarded      bool
	gone         bool
	foreign      *foreignChange
	locks        []lock
	policies     []AccessPolicy
	assignLag    time.Duration
	roleScript   []ReadFault
	endScript    []ReadFault // of the instances of role assignments
	endsAsked    bool        // whether assignments end was asked for
	assignScript []ReadFault
	rolesPage    int

	// the truth
	doc       object // the vault as it is read, but for what an operation does to it
	before    object // its properties before the first PATCH that was accepted
	graphDoc  object // as Resource Graph has it
	wants     object // the properties that are wanted
	rollback  bool   // which are those from before
	ops       []*operation
	patches   []PatchSeen
	roles     []*assignment
	requests  map[Call]int
	permits   int
	next      nextPatch
	notBefore time.Time // with afterThrottle
	mayKnow   time.Time // with afterLost: from then on a client that knew it was throttled may send
	lost      string    // with afterLost: its operation ID
	absent    []time.Time
	lastRead  time.Time // the last good read of the vault
	lastState string    // provisioningState then
	readSince bool      // since the last PATCH
	seenLock  string    // a ReadOnly lock that the client has read of
	reads     pace      // of the vault
	rolePace  pace
}

// pace is a Retry-After that was given for one kind of request.
type pace struct{ givenAt, until time.Time }

// String is the vault's name in violations.
func (v *VaultHandle) String() string {
	return v.sub.id + "/" + v.spec.Group + "/" + v.spec.Name
}

// Spec returns the description the vault was added with, defaults filled in.
func (v *VaultHandle) Spec() Vault { return v.spec }

// ID is the vault's resource ID.
func (v *VaultHandle) ID() string {
	return "/subscriptions/" + v.sub.id + "/resourceGroups/" + v.spec.Group +
		"/providers/" + v.spec.Kind.Type() + "/" + v.spec.Name
}

func (v *VaultHandle) with(change func()) *VaultHandle {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	change()
	return v
}

// newDoc is the vault as it was recorded, or of key vaults as the example getVault
// has it, before any of the kinds was applied.
func (v *VaultHandle) newDoc() object {
	tags := object{}
	for k, value := range v.spec.Tags {
		tags[k] = value
	}
	doc := object{
		"id": v.ID(), "name": v.spec.Name, "type": v.spec.Kind.Type(),
		"location": v.spec.Location, "tags": tags,
	}
	if v.spec.Kind.provider() == keyVault {
		doc["properties"] = object{
			"provisioningState": "Succeeded", "tenantId": tenant,
			"vaultUri":             "https://" + strings.ToLower(v.spec.Name) + ".vault.azure.net",
			"sku":                  object{"family": "A", "name": "standard"},
			"enabledForDeployment": false, "enableSoftDelete": true, "publicNetworkAccess": "Enabled",
			"accessPolicies": []any{}, "enableRbacAuthorization": false,
		}
		if v.index%5 < 2 { // 32 of 77 recorded answers do not say
			delete(doc["properties"].(object), "enableRbacAuthorization")
		}
		if s, ok := settings[v.spec.Kind]; ok {
			set(doc["properties"].(object), s.path, s.was)
		}
		return doc
	}
	if s, ok := settings[v.spec.Kind]; ok && s.provider == dataProtection {
		doc["properties"] = recordedBackupVault()
		if set(doc["properties"].(object), s.path, s.was); len(tags) == 0 {
			delete(doc, "tags")
		}
		return doc
	}
	doc["etag"] = `W/"datetime'2026-09-09T13%3A49%3A56.8629372Z'"`
	doc["sku"] = object{"name": "Standard"}
	if len(tags) == 0 {
		delete(doc, "tags") // no recorded vault has any, nor the field
	}
	doc["properties"] = recordedVault()
	if s, ok := settings[v.spec.Kind]; ok {
		set(doc["properties"].(object), s.path, s.was)
	}
	if v.spec.Kind == ImmutabilityLock {
		merge(doc["properties"].(object), immutability("Unlocked"))
		config := object{"type": "AsPerPolicy"}
		if v.index%2 == 1 { // no two are the same
			config = object{"type": "TimeBased", "durationInDays": float64(30 + v.index)}
		}
		set(doc["properties"].(object), immutabilityPath+".configuration", config)
	}
	return doc
}

const tenant = "d676e86e-2206-4a7c-999c-ece52c144b5b"

func (v *VaultHandle) properties() object { return v.doc["properties"].(object) }

// wanted reports whether the vault is as it is to be. Locked is more than
// Unlocked, and for ever.
func (v *VaultHandle) wanted() bool {
	if s, ok := settings[v.spec.Kind]; ok && !v.rollback {
		return s.reached(at(v.properties(), s.path))
	}
	if v.rollback || v.spec.Kind != Immutability && v.spec.Kind != ImmutabilityLock {
		return holds(v.properties(), v.wants)
	}
	// For how long it keeps what is the vault's own, but for what was asked for.
	kept, _ := at(v.properties(), immutabilityPath+".configuration.durationInDays").(float64)
	state := at(v.properties(), immutabilityPath+".state")
	return (state == "Locked" || state == "Unlocked" && v.spec.Kind == Immutability) && kept >= v.spec.Days
}

// provisioning is the provisioningState as it is read: while an operation
// runs, it is not a terminal one (the contract for resource providers,
// asynchronous operations).
func (v *VaultHandle) provisioning(now time.Time) string {
	if v.running(now) != nil || v.foreign.runs(now) {
		return "Updating"
	}
	state, _ := v.properties()["provisioningState"].(string)
	return state
}

// Property sets a property of the vault by its dotted path; nil takes it away.
func (v *VaultHandle) Property(path string, value any) *VaultHandle {
	return v.with(func() {
		set(v.properties(), path, value)
		v.graphDoc = clone(v.doc).(object)
	})
}

// Already puts the vault into the state that is wanted.
func (v *VaultHandle) Already() *VaultHandle {
	return v.with(func() { merge(v.properties(), v.wants) })
}

// RollBack wants the state from before from now on: what the kind changed is
// to be undone, and another PATCH of the vault is asked for.
func (v *VaultHandle) RollBack() *VaultHandle {
	return v.with(func() {
		before := v.before
		if before == nil {
			before = clone(v.properties()).(object)
		}
		v.wants, v.next, v.rollback = v.spec.Kind.back(before), afterNothing, true
	})
}

// Takes is how long a PATCH of the vault is carried out, after an answer of
// 202; 0 answers 200 at once, which key vaults always do. 1 s where not given.
func (v *VaultHandle) Takes(d time.Duration) *VaultHandle {
	return v.with(func() { v.takes = d })
}

// URLs says which polling URLs a 202 carries; both, absolute, where not given.
func (v *VaultHandle) URLs(u URLs) *VaultHandle { return v.with(func() { v.urls = u }) }

// RetryAfter is what a 202 and the polls say, in whole seconds, rounded up;
// 0 says nothing, which is so where it is not given.
func (v *VaultHandle) RetryAfter(d time.Duration) *VaultHandle {
	return v.with(func() { v.retryAfter, v.retryDate = d, false })
}

// RetryAfterDate is RetryAfter as a date.
func (v *VaultHandle) RetryAfterDate(d time.Duration) *VaultHandle {
	return v.with(func() { v.retryAfter, v.retryDate = d, true })
}

// Ends appends to how the operations that are accepted end, one after the
// other. One beyond the script succeeds.
func (v *VaultHandle) Ends(o ...Outcome) *VaultHandle {
	return v.with(func() { v.outcomes = append(v.outcomes, o...) })
}

// Patch appends to what the next PATCHes meet, one after the other. A PATCH
// beyond the script is accepted.
func (v *VaultHandle) Patch(faults ...PatchFault) *VaultHandle {
	return v.with(func() { v.patchScript = append(v.patchScript, faults...) })
}

// Reads appends to what the next reads of the vault meet.
func (v *VaultHandle) Reads(faults ...ReadFault) *VaultHandle {
	return v.with(func() { v.readScript = append(v.readScript, faults...) })
}

// Polls appends to what the next polls of the vault's operations meet.
func (v *VaultHandle) Polls(faults ...PollFault) *VaultHandle {
	return v.with(func() { v.pollScript = append(v.pollScript, faults...) })
}

// PollsAlways answers every poll of the vault's operations in one way.
func (v *VaultHandle) PollsAlways(fault PollFault) *VaultHandle {
	return v.with(func() { v.pollAlways = &fault })
}

// Lock puts a lock on the vault, at a level CanNotDelete or ReadOnly. A
// ReadOnly lock refuses every PATCH.
func (v *VaultHandle) Lock(name, level string) *VaultHandle {
	return v.with(func() { v.locks = append(v.locks, lock{name, level, v.ID()}) })
}

// LockGroup puts a lock on the vault's resource group, which it inherits.
func (v *VaultHandle) LockGroup(name, level string) *VaultHandle {
	return v.with(func() { v.locks = append(v.locks, lock{name, level, groupID(v)}) })
}

func groupID(v *VaultHandle) string {
	return "/subscriptions/" + v.sub.id + "/resourceGroups/" + v.spec.Group
}

// Unlock takes all locks away.
func (v *VaultHandle) Unlock() *VaultHandle {
	return v.with(func() { v.locks, v.seenLock = nil, "" })
}

// Guarded puts a resource guard over the vault: a PATCH without a second
// tenant's token is refused.
func (v *VaultHandle) Guarded() *VaultHandle { return v.with(func() { v.guarded = true }) }

// Gone takes the vault away: it is deleted.
func (v *VaultHandle) Gone() *VaultHandle { return v.with(func() { v.gone = true }) }

// foreignChange is somebody else's PATCH, which begins with the first read.
type foreignChange struct {
	takes   time.Duration
	applies bool
	end     time.Time // zero: it has not begun
}

func (f *foreignChange) runs(now time.Time) bool {
	return f != nil && !f.end.IsZero() && now.Before(f.end)
}

// Foreign puts somebody else's change on the vault. It begins when the vault is
// first read, takes d, and ends with what is wanted or with nothing.
func (v *VaultHandle) Foreign(d time.Duration, applies bool) *VaultHandle {
	return v.with(func() { v.foreign = &foreignChange{takes: d, applies: applies} })
}
