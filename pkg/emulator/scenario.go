package emulator

// Scenario scripts a cloud: how long upgrades take and what goes wrong. It is
// plain data: decode it strictly from YAML or JSON, then call Validate.
//
// TimeScale divides the durations of the cloud itself: of upgrades (also of
// somebody else's) and of everything said with `for`. What the wire sees is
// never scaled: `delay` and `retryAfter` are wall time.
type Scenario struct {
	// picks the vaults a rate strikes, and durations in a range
	Seed int64 `yaml:"seed" json:"seed,omitempty"`
	// 60: a 20 min upgrade takes 20 s; 0 means 1
	TimeScale float64 `yaml:"timeScale" json:"timeScale,omitempty"`
	// how today's side speaks: recorded-2026, where absent, recorded-2024 or specification
	Shape            string            `yaml:"shape" json:"shape,omitempty"`
	Duration         Duration          `yaml:"duration" json:"duration,omitzero"` // of a classic upgrade
	Changes          Changes           `yaml:"changes" json:"changes,omitzero"`   // of today's vaults
	Limits           Limits            `yaml:"limits" json:"limits,omitzero"`
	ManagementGroups []ManagementGroup `yaml:"managementGroups" json:"managementGroups,omitempty"`
	// the actions of the Resource Manager that the identity may do, with stars; absent: all
	Role   []string `yaml:"role" json:"role,omitempty"`
	Faults []Fault  `yaml:"faults" json:"faults,omitempty"` // of those that answer a call, the first that strikes does
}

// Duration is how long an upgrade takes, in one of three forms, each value
// written as "20m" or "90s":
//
//	{constant: 20m}                        always that
//	{min: 15m, max: 40m}                   between, by the seed and the vault
//	{base: 15m, perItem: 6s, max: 90m}     by the vault's protected items; max may be absent
//
// All empty means {base: 15m, perItem: 6s, max: 90m}.
type Duration struct {
	Constant string `yaml:"constant" json:"constant,omitempty"`
	Min      string `yaml:"min" json:"min,omitempty"`
	Max      string `yaml:"max" json:"max,omitempty"`
	Base     string `yaml:"base" json:"base,omitempty"`
	PerItem  string `yaml:"perItem" json:"perItem,omitempty"`
}

// Changes is how vaults of today's Azure change. What a change is and how it is
// followed is in resource-manager.md#operations.
type Changes struct {
	// of a long-running one; where absent as it was recorded, or {min: 5s, max: 2m} in the specification's shape
	Duration Duration `yaml:"duration" json:"duration,omitzero"`
	// seconds, wall time; no such header at -1 or where absent, but for 10 in the specification's shape
	RetryAfter int `yaml:"retryAfter" json:"retryAfter,omitempty"`
	// provisioningState while it is under way; Provisioning where absent
	State string `yaml:"state" json:"state,omitempty"`
	// ConfigurationCode is the code of the refusal of a state of immutability without
	// its configuration, which no source has; InvalidRestApiParameter where absent.
	ConfigurationCode string `yaml:"configurationCode" json:"configurationCode,omitempty"`
}

// Fault is one scripted trouble: whom it strikes, and what happens. Which
// parameters a kind takes is in the table that FaultKinds returns.
//
// Whom: exactly one of
//   - Vault: "subscription/name", the subscription by ID or name, without regard
//     to case, "/location" or "/resourceType" appended where that is ambiguous;
//     or the bare name where only one vault has it;
//   - Subscription, by ID or name: all its vaults and its own calls (the listing
//     and the reads of the Resource Manager); or with Rate that share of its
//     vaults, and its own calls only where Calls names them;
//   - Rate: that share of all vaults, by the seed, the fault's place and the
//     vault; for calls about a whole subscription, of all subscriptions.
type Fault struct {
	Kind         string  `yaml:"kind" json:"kind"`
	Vault        string  `yaml:"vault" json:"vault,omitempty"`
	Subscription string  `yaml:"subscription" json:"subscription,omitempty"`
	Rate         float64 `yaml:"rate" json:"rate,omitempty"` // above 0, at most 1

	// Calls are the calls it strikes: list, prereqs, upgrade, result, target
	// (the read of the new vault) or arm (every Resource Manager call, target
	// among them); of today's vaults vault, patch, operation, roles, assign, instances, locks
	// and rules, where vault is also struck as list and target, and patch as
	// upgrade; and graph, the queries of Resource Graph, which it strikes whomever
	// it is aimed at. A fault aimed at a
	// vault strikes calls about its whole subscription, such as list, only if
	// they are named here.
	Calls []string `yaml:"calls" json:"calls,omitempty"`
	// Times is how many calls it strikes, the first ones, counted for each
	// vault and call; -1 means always, 0 the kind's default.
	Times int `yaml:"times" json:"times,omitempty"`
	// Chance strikes only that share of the calls, by the seed, the fault's
	// place, the vault, the call and its number; 0 means every one.
	Chance float64 `yaml:"chance" json:"chance,omitempty"`
	// Until is how long after the cloud's beginning it strikes no more, scaled;
	// empty means never.
	Until string `yaml:"until" json:"until,omitempty"`

	Reasons    []Reason `yaml:"reasons" json:"reasons,omitempty"`
	For        string   `yaml:"for" json:"for,omitempty"`               // a duration, scaled
	Delay      string   `yaml:"delay" json:"delay,omitempty"`           // a duration, wall time
	RetryAfter int      `yaml:"retryAfter" json:"retryAfter,omitempty"` // seconds, wall time; 0: no such header
	Status     int      `yaml:"status" json:"status,omitempty"`         // HTTP status
	// of the error body: 1, 2 or 3 (classic-service.md#errors)
	Shape int `yaml:"shape" json:"shape,omitempty"`
	// which answer, or which error body, of today's side
	Answer  string `yaml:"answer" json:"answer,omitempty"`
	InText  bool   `yaml:"inText" json:"inText,omitempty"` // retryAfter is in the message, not in a header
	Code    string `yaml:"code" json:"code,omitempty"`
	Message string `yaml:"message" json:"message,omitempty"`
	// the service's own error body comes along
	ErrorBody  bool           `yaml:"errorBody" json:"errorBody,omitempty"`
	Accepted   bool           `yaml:"accepted" json:"accepted,omitempty"`     // the start is accepted all the same
	Trigger    string         `yaml:"trigger" json:"trigger,omitempty"`       // User or Forced
	Ends       string         `yaml:"ends" json:"ends,omitempty"`             // Upgraded or Failed
	After      string         `yaml:"after" json:"after,omitempty"`           // beginning, start or end
	Properties map[string]any `yaml:"properties" json:"properties,omitempty"` // of a vault of today's, or of a role
	Level      string         `yaml:"level" json:"level,omitempty"`           // of a lock: ReadOnly or CanNotDelete
	// of a lock or a role: vault, group or subscription
	Scope     string `yaml:"scope" json:"scope,omitempty"`
	Auxiliary bool   `yaml:"auxiliary" json:"auxiliary,omitempty"` // other tenants' tokens open the guard
	// Microsoft.RecoveryServices or Microsoft.SiteRecovery
	Provider string `yaml:"provider" json:"provider,omitempty"`
}

// Reason is one entry of a prerequisite check's answer (classic-service.md#errors, body 1).
// Message may be a table: rows parted by '|', columns by ';'.
type Reason struct {
	Code              string `yaml:"code" json:"code"`
	Category          string `yaml:"category" json:"category,omitempty"`
	Type              string `yaml:"type" json:"type"` // Error or Warning
	Message           string `yaml:"message" json:"message"`
	RecommendedAction string `yaml:"recommendedAction" json:"recommendedAction,omitempty"`
}

// The types of a Reason.
const (
	ReasonError   = "Error"
	ReasonWarning = "Warning"
)
