package emulator

import "slices"

// Aim says what a kind of fault strikes.
type Aim string

// A fault of AimVault strikes vaults, by name, subscription or rate; a fault of
// AimSubscription whole subscriptions, by subscription or rate.
const (
	AimVault        Aim = "vault"
	AimSubscription Aim = "subscription"
)

// Only says which vaults a kind of fault strikes; empty: all.
type Only string

// The vaults that some kinds of faults are about: classic ones, and those of
// today's Azure.
const (
	OnlyClassic Only = "classic"
	OnlyToday   Only = "today's"
)

// FaultKind is a row of the table of faults.
type FaultKind struct {
	Kind    string
	Summary string
	Aim     Aim
	Only    Only
	Params  []string // the parameters it takes, besides whom it strikes
	Needs   []string // those of them it cannot do without
	Calls   []string // the calls it strikes where `calls` is absent; empty if the kind is no trouble of a call
	Times   int      // what `times: 0` means: so many calls, -1 always
}

// The kinds of faults.
const (
	kindBlocked              = "blocked"
	kindWarnings             = "warnings"
	kindBusy                 = "busy"
	kindStartBusy            = "start-busy"
	kindStartRefused         = "start-refused"
	kindFails                = "fails"
	kindRepaired             = "repaired"
	kindTakes                = "takes"
	kindAlready              = "already"
	kindFailedBefore         = "failed-before"
	kindForeign              = "foreign"
	kindVanished             = "vanished"
	kindTargetExists         = "target-exists"
	kindTargetLate           = "target-late"
	kindGroupMissing         = "group-missing"
	kindThrottled            = "throttled"
	kindServerError          = "server-error"
	kindDenied               = "denied"
	kindSlow                 = "slow"
	kindHang                 = "hang"
	kindGarbage              = "garbage"
	kindResetBefore          = "reset-before"
	kindResetAfter           = "reset-after"
	kindCSP                  = "csp"
	kindDisabledSubscription = "disabled-subscription"
	kindProviderUnregistered = "provider-unregistered"
	kindFeatureMissing       = "feature-missing"
	kindState                = "state"
	kindSynchronous          = "synchronous"
	kindIneffective          = "ineffective"
	kindLocked               = "locked"
	kindGuarded              = "guarded"
	kindPolicy               = "policy"
	kindRolesLate            = "roles-late"
	kindPrincipalMissing     = "principal-missing"
	kindRole                 = "role"
	kindUnlicensed           = "unlicensed"
	kindNoAlertRule          = "no-alert-rule"
	kindIndexLate            = "index-late"
	kindUnseen               = "unseen"
	kindBadStatus            = "bad-status"
	kindCreated              = "created"
	kindDenyAssignment       = "deny-assignment"
	kindBeingMade            = "being-made"
)

// The names that a fault's `calls` may hold. Of today's vaults, patch stands for
// upgrade too, and vault for list and target.
const (
	groupList    = "list"
	groupPrereqs = "prereqs"
	groupUpgrade = "upgrade"
	groupResult  = "result"
	groupTarget  = "target"
	groupARM     = "arm"
)

var callGroups = []string{groupList, groupPrereqs, groupUpgrade, groupResult, groupTarget, groupARM,
	string(callVault), string(callPatch), string(callOperation), string(callRoles), string(callAssign),
	string(callInstances), string(callLocks), string(callPermissions), string(callRules), string(callGuards),
	string(callGraph)}

var everyCall = []string{groupList, groupPrereqs, groupUpgrade, groupResult, groupARM}

var faultKinds = []FaultKind{
	{Kind: kindBlocked, Aim: AimVault, Only: OnlyClassic, Params: []string{"reasons", "status"},
		Summary: "the prerequisite check answers reasons, one an error at least (an old agent where none are given); " +
			"a start is refused with the same"},
	{Kind: kindWarnings, Aim: AimVault, Only: OnlyClassic, Params: []string{"reasons", "status"},
		Summary: "the prerequisite check answers warnings only (the billing conversion where none are given); a " +
			"start is accepted"},
	{Kind: kindBusy, Aim: AimVault, Params: []string{"for"}, Needs: []string{"for"},
		Summary: "409 to the prerequisite check and the start, for so long since the first of them"},
	{Kind: kindStartBusy, Aim: AimVault, Params: []string{"times", "chance", "until", "status", "code", "message"},
		Calls: []string{groupUpgrade}, Times: 1,
		Summary: "409, or 429 where `status` says so, to the start: another operation is running"},
	{Kind: kindStartRefused, Aim: AimVault,
		Params: []string{"times", "chance", "until", "status", "shape", "answer", "code", "message"},
		Calls:  []string{groupUpgrade}, Times: -1,
		Summary: "a 4xx (400 where none is given) to the start, of a classic vault with an error body of shape 1, 2 " +
			"or 3 (3 where none is given), of today's with one that `answer` chooses: error, bare, page, wrapped or " +
			"inner"},
	{Kind: kindFails, Aim: AimVault, Params: []string{"times", "for", "code", "message"}, Times: -1,
		Summary: "the upgrade is accepted and fails, after its duration or `for`; `times: 1` lets the next one " +
			"succeed"},
	{Kind: kindRepaired, Aim: AimVault, Only: OnlyClassic, Params: []string{"for"},
		Summary: "support puts an upgrade of it that failed right: once its result has been read, at once or `for` " +
			"later, it shows Upgraded"},
	{Kind: kindTakes, Aim: AimVault, Params: []string{"for"}, Needs: []string{"for"},
		Summary: "the upgrade takes so long"},
	{Kind: kindAlready, Aim: AimVault, Only: OnlyClassic, Params: []string{"trigger"},
		Summary: "upgraded before the beginning, by a user or (`trigger: Forced`) by Microsoft"},
	{Kind: kindFailedBefore, Aim: AimVault, Only: OnlyClassic, Params: []string{"code", "message"},
		Summary: "an upgrade somebody else started failed before the beginning"},
	{Kind: kindForeign, Aim: AimVault, Params: []string{"for", "ends", "code", "message"},
		Summary: "somebody else's upgrade is under way from the beginning, for its duration or `for`, and ends " +
			"Upgraded, or as `ends` says"},
	{Kind: kindVanished, Aim: AimVault, Params: []string{"after", "for"},
		Summary: "missing from the listing and 404 to its calls, from the beginning or `after` start or end of its " +
			"upgrade, for ever or `for`"},
	{Kind: kindTargetExists, Aim: AimVault, Only: OnlyClassic,
		Summary: "a vault of that name is in the target group already; a start is refused"},
	{Kind: kindTargetLate, Aim: AimVault, Only: OnlyClassic, Params: []string{"for"}, Needs: []string{"for"},
		Summary: "the new vault shows Provisioning for so long after the upgrade succeeded"},
	{Kind: kindGroupMissing, Aim: AimVault, Only: OnlyClassic,
		Summary: "the vault's target group does not exist, for whoever shares it too, until a start creates it"},
	{Kind: kindThrottled, Aim: AimVault, Params: []string{"calls", "times", "chance", "until", "retryAfter", "inText"},
		Calls: everyCall, Times: 1,
		Summary: "429, with Retry-After where `retryAfter` is given, or with `inText` that wait in the message " +
			"alone; nothing is accepted"},
	{Kind: kindServerError, Aim: AimVault,
		Params: []string{"calls", "times", "chance", "until", "status", "errorBody", "answer", "code", "message",
			"accepted", "retryAfter"}, Calls: everyCall, Times: 1,
		Summary: "a 5xx or 408 (500 where none is given), bare or with an error body, which of today's side `answer` " +
			"chooses as for start-refused; a start is not accepted unless `accepted` says so"},
	{Kind: kindDenied, Aim: AimVault, Params: []string{"calls", "times", "chance", "until", "status"}, Calls: everyCall,
		Times:   -1,
		Summary: "403, or 401 with a challenge"},
	{Kind: kindSlow, Aim: AimVault, Params: []string{"calls", "times", "chance", "until", "delay"},
		Needs: []string{"delay"}, Calls: everyCall, Times: -1,
		Summary: "the answer comes so much later; what it says was decided, and a start accepted, before the delay"},
	{Kind: kindHang, Aim: AimVault, Params: []string{"calls", "times", "chance", "until", "accepted", "delay"},
		Calls: []string{groupUpgrade}, Times: 1,
		Summary: "no answer until the client gives up; a start is not accepted unless `accepted` says so, and then " +
			"`delay` after it came"},
	{Kind: kindGarbage, Aim: AimVault, Params: []string{"calls", "times", "chance", "until", "accepted"},
		Calls: []string{groupUpgrade}, Times: 1,
		Summary: "200 with a proxy's HTML page; a start is not accepted unless `accepted` says so"},
	{Kind: kindResetBefore, Aim: AimVault, Params: []string{"calls", "times", "chance", "until"},
		Calls: []string{groupUpgrade}, Times: 1,
		Summary: "the connection is reset; nothing is accepted"},
	{Kind: kindResetAfter, Aim: AimVault, Params: []string{"times", "chance", "until", "delay"},
		Calls: []string{groupUpgrade}, Times: 1,
		Summary: "the start is accepted, at once or `delay` later, and the connection is reset without an answer"},
	{Kind: kindState, Aim: AimVault, Only: OnlyToday, Params: []string{"properties"}, Needs: []string{"properties"},
		Summary: "the vault is so from the beginning: `properties` are merged into its own, null takes one away"},
	{Kind: kindSynchronous, Aim: AimVault, Only: OnlyToday,
		Summary: "a change is done at once: 200 instead of 202"},
	{Kind: kindIneffective, Aim: AimVault, Only: OnlyToday,
		Summary: "a change is accepted, ends well and changes nothing; of a key vault, or with `synchronous`, it is " +
			"answered 200 with what was there before"},
	{Kind: kindBadStatus, Aim: AimVault, Only: OnlyToday, Params: []string{"answer", "for", "times", "chance", "until"},
		Needs: []string{"answer"}, Calls: []string{string(callOperation)}, Times: -1,
		Summary: "what follows a change answers, from the beginning or from `for` after the change was accepted, " +
			"what says nothing of it: as `answer` says denied (403), gone (404), no-content (204), empty (an empty " +
			"200), vault (the vault itself), page (a gateway's, 502) or wrapped (400, an error of another shape); " +
			"the change goes on"},
	{Kind: kindCreated, Aim: AimVault, Only: OnlyToday,
		Summary: "a change is answered 201 with the vault, which shows Provisioning, and Azure-AsyncOperation alone"},
	{Kind: kindBeingMade, Aim: AimVault, Only: OnlyToday, Params: []string{"for"}, Needs: []string{"for"},
		Summary: "the vault is new: for so long from the beginning it shows Provisioning and multiUserAuthorization " +
			"Invalid, or as a key vault RegisteringDns, and takes no change"},
	{Kind: kindDenyAssignment, Aim: AimVault, Only: OnlyToday, Params: []string{"times", "chance", "until"},
		Calls: []string{string(callPatch)}, Times: -1,
		Summary: "a deny assignment refuses changes with 403, whatever the identity's roles are"},
	{Kind: kindLocked, Aim: AimVault, Only: OnlyToday, Params: []string{"level", "scope", "status", "for"},
		Summary: "a lock, ReadOnly or as `level` says, on the vault or the `scope` it is in, from the beginning, for " +
			"ever or `for`; ReadOnly refuses writes with 409, or 423 where `status` says so"},
	{Kind: kindGuarded, Aim: AimVault, Only: OnlyToday, Params: []string{"auxiliary"},
		Summary: "a resource guard refuses changes with 403; with `auxiliary`, unless x-ms-authorization-auxiliary " +
			"comes along, and with what takes immutability back the guard's own resource"},
	{Kind: kindPolicy, Aim: AimVault, Only: OnlyToday, Params: []string{"times", "chance", "until"},
		Calls: []string{string(callPatch)}, Times: -1,
		Summary: "a policy refuses changes with 403"},
	{Kind: kindRolesLate, Aim: AimVault, Only: OnlyToday, Params: []string{"for"}, Needs: []string{"for"},
		Summary: "a role that is given shows in the list so long after"},
	{Kind: kindPrincipalMissing, Aim: AimVault, Only: OnlyToday, Params: []string{"times", "chance", "until"},
		Calls: []string{string(callAssign)}, Times: -1,
		Summary: "a role cannot be given: the principal is not in the directory"},
	{Kind: kindRole, Aim: AimVault, Only: OnlyToday, Params: []string{"properties", "scope"},
		Needs: []string{"properties"},
		Summary: "somebody has a role from the beginning, on the vault or the `scope` it is in: `properties` has " +
			"principalId and role, by its name, and if need be principalType, condition, assignmentType (Activated: " +
			"through Privileged Identity Management) and endDateTime"},
	{Kind: kindIndexLate, Aim: AimVault, Only: OnlyToday, Params: []string{"for"}, Needs: []string{"for"},
		Summary: "Resource Graph shows the vault as it was so long ago"},
	{Kind: kindCSP, Aim: AimSubscription,
		Summary: "the subscription belongs to a Cloud Solution Provider; starts are refused"},
	{Kind: kindDisabledSubscription, Aim: AimSubscription,
		Summary: "the subscription is disabled; starts are refused"},
	{Kind: kindProviderUnregistered, Aim: AimSubscription, Params: []string{"provider"},
		Summary: "Microsoft.RecoveryServices, or the given provider, is not registered until somebody registers it; " +
			"starts are refused"},
	{Kind: kindFeatureMissing, Aim: AimSubscription,
		Summary: "the subscription is not enabled for the upgrade; starts are refused"},
	{Kind: kindUnseen, Aim: AimSubscription, Only: OnlyToday,
		Summary: "Resource Graph leaves the subscription out and says x-ms-tenant-subscription-limit-hit: true"},
	{Kind: kindUnlicensed, Aim: AimSubscription, Only: OnlyToday,
		Summary: "the directory has no licence for Privileged Identity Management: 400 AadPremiumLicenseRequired to " +
			"the list of when role assignments end"},
	{Kind: kindNoAlertRule, Aim: AimSubscription, Only: OnlyToday,
		Summary: "the subscription has no alert processing rule, so nobody is told of alerts"},
}

// FaultKinds is the one table of faults: validation and documentation derive
// from it. What its rows hold is not to be changed.
func FaultKinds() []FaultKind { return slices.Clone(faultKinds) }

func kindOf(name string) (FaultKind, bool) {
	if i := slices.IndexFunc(faultKinds, func(k FaultKind) bool { return k.Kind == name }); i >= 0 {
		return faultKinds[i], true
	}
	return FaultKind{}, false
}
