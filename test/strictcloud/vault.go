package strictcloud

import (
	"time"
)

// The two vault types of the classic upgrade (classic-service.md#the-operation).
const (
	BackupVault       = "BackupVault"
	SiteRecoveryVault = "HyperVRecoveryManagerVault"
)

// Vault describes a vault of the cloud and how the inventory speaks of it.
type Vault struct {
	Subscription string // GUID
	Name         string
	Region       string // as the listing gives it; "West US" where empty
	Type         string // BackupVault where empty
	Group        string // the target resource group; "rg-target" where empty

	// What only the inventory says.
	Location       string // how it spells the region; empty: as Region
	ProtectedItems int
	Labels         map[string]string
	Hold           string // excluded, for this reason
	AcceptWarnings bool
	CreateGroup    bool
	NotInInventory bool // in the cloud alone
}

func (v Vault) withDefaults() Vault {
	for _, f := range []struct {
		have *string
		fall string
	}{{&v.Region, "West US"}, {&v.Type, BackupVault}, {&v.Group, "rg-target"}} {
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

	service      *cloudService
	entryElement string

	// the script
	duration     time.Duration
	startScript  []StartFault
	prereqScript []PrereqFault
	standing     *Refusal // what the checks say when the script is used up
	busyFor      time.Duration
	busyUntil    time.Time
	failures     []Failure
	foreign      *foreignUpgrade
	vanish       time.Duration
	absent       bool
	unknownFor   time.Duration
	verifyLag    time.Duration
	targetExists bool
	targetFaults int
	spell        func(string) string
	absurd       bool

	// the truth
	records           []record
	refused           []Refused
	starts            []StartSeen
	requests          map[Call]int
	validated         bool // the last conclusive answer of the checks lets it start
	warned            bool // and it was warnings only
	validatedAt       time.Time
	next              nextStart // what the last start's answer says of another one
	notBefore         time.Time // with afterThrottle
	prereqThrottledAt time.Time
	prereqNotUntil    time.Time // Retry-After of a throttled check
	lost              string    // with afterLost: its operation ID
	mayKnow           time.Time // with afterLost: from then on a client that knew it was throttled may start
	hiddenUntil       time.Time // vanished from the listing
	absentListing     []time.Time
	absentTarget      []time.Time
	targetChecked     bool
	permits           int
	targetCleared     bool
}

// String is the vault's name in violations: subscription/type/region/name.
func (v *VaultHandle) String() string {
	return v.sub.id + "/" + v.spec.Type + "/" + normalLocation(v.spec.Region) + "/" + v.spec.Name
}

// Spec returns the description the vault was added with, defaults filled in.
func (v *VaultHandle) Spec() Vault { return v.spec }

func (v *VaultHandle) with(change func()) *VaultHandle {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	change()
	return v
}

// Duration is how long an upgrade of the vault takes; 1 s where not given.
func (v *VaultHandle) Duration(d time.Duration) *VaultHandle {
	return v.with(func() { v.duration = d })
}

// Start appends to what the next starts meet, one after the other. A start
// beyond the script is accepted.
func (v *VaultHandle) Start(faults ...StartFault) *VaultHandle {
	return v.with(func() { v.startScript = append(v.startScript, faults...) })
}

// Prereqs appends to what the next checks of the prerequisites meet. A check
// beyond the script gets the standing answer: all met, or what Blocked,
// Warnings or Refuses say.
func (v *VaultHandle) Prereqs(faults ...PrereqFault) *VaultHandle {
	return v.with(func() { v.prereqScript = append(v.prereqScript, faults...) })
}

// BusyFor answers 409 to the checks until d after the first of them.
func (v *VaultHandle) BusyFor(d time.Duration) *VaultHandle {
	return v.with(func() { v.busyFor, v.busyUntil = d, time.Time{} })
}

// Blocked makes the checks refuse with these reasons (classic-service.md#errors, body 1),
// status 400.
func (v *VaultHandle) Blocked(reasons ...Reason) *VaultHandle {
	return v.Refuses(Refusal{Shape: 1, Reasons: reasons})
}

// Warnings makes the checks give warnings only: the vault may be upgraded with
// consent.
func (v *VaultHandle) Warnings(reasons ...Reason) *VaultHandle {
	for i := range reasons {
		reasons[i].Type = "Warning"
	}
	return v.Refuses(Refusal{Shape: 1, Reasons: reasons})
}

// Refuses makes the checks refuse in any of the three shapes of classic-service.md#errors.
func (v *VaultHandle) Refuses(r Refusal) *VaultHandle {
	return v.with(func() { v.standing = &r })
}

// Unblock lets the checks pass from now on.
func (v *VaultHandle) Unblock() *VaultHandle {
	return v.with(func() { v.standing, v.busyFor, v.prereqScript = nil, 0, nil })
}

// FailUpgrade makes the next accepted upgrade end as Failed. Called n times,
// the next n do.
func (v *VaultHandle) FailUpgrade(f Failure) *VaultHandle {
	return v.with(func() { v.failures = append(v.failures, f) })
}

// Already gives the vault a record Upgraded from long ago, with a trigger
// UserTriggered or ForcedUpgrade.
func (v *VaultHandle) Already(trigger string) *VaultHandle {
	return v.with(func() { v.records = append(v.records, v.oldRecord(trigger, nil)) })
}

// FailedBefore gives the vault a record Failed from long ago.
func (v *VaultHandle) FailedBefore(f Failure) *VaultHandle {
	return v.with(func() { v.records = append(v.records, v.oldRecord(UserTriggered, &f)) })
}

// Foreign puts somebody else's upgrade in progress on the vault. It ends d
// after it was first listed: as Upgraded, or as Failed with a failure.
func (v *VaultHandle) Foreign(d time.Duration, failure *Failure) *VaultHandle {
	return v.with(func() { v.foreign = &foreignUpgrade{duration: d, failure: failure} })
}

// Vanish keeps the vault out of its listing for d after its first start came,
// accepted or not.
func (v *VaultHandle) Vanish(d time.Duration) *VaultHandle {
	return v.with(func() { v.vanish = d })
}

// Found ends what Vanish and TargetUnreadable began.
func (v *VaultHandle) Found() *VaultHandle {
	return v.with(func() { v.hiddenUntil, v.targetFaults = time.Time{}, 0 })
}

// Repair is what support does: an upgrade of the vault that failed shows Upgraded
// from now on.
func (v *VaultHandle) Repair() *VaultHandle {
	return v.with(func() {
		for i := range v.records {
			v.records[i].failure = nil
		}
	})
}

// Absent keeps the vault out of the listing for good.
func (v *VaultHandle) Absent() *VaultHandle { return v.with(func() { v.absent = true }) }

// UnknownFirst gives the record of an accepted upgrade the status Unknown for
// its first d.
func (v *VaultHandle) UnknownFirst(d time.Duration) *VaultHandle {
	return v.with(func() { v.unknownFor = d })
}

// VerifyLag keeps the new vault in Provisioning for d after its upgrade ended.
func (v *VaultHandle) VerifyLag(d time.Duration) *VaultHandle {
	return v.with(func() { v.verifyLag = d })
}

// MissingGroup makes the target resource group not exist, for every vault with
// the same one.
func (v *VaultHandle) MissingGroup() *VaultHandle {
	return v.with(func() { v.sub.missingGroups[v.groupKey()] = true })
}

// TargetExists puts another vault where the upgraded one is to go.
func (v *VaultHandle) TargetExists() *VaultHandle {
	return v.with(func() { v.targetExists = true })
}

// TargetUnreadable answers 503 to the next n reads of the target.
func (v *VaultHandle) TargetUnreadable(n int) *VaultHandle {
	return v.with(func() { v.targetFaults += n })
}
