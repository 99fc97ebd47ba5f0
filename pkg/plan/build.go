package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Input is a decoded inventory without its places in a file. Build neither
// changes it nor copies its label maps: leave those alone afterwards.
type Input struct {
	Inventory     string // the file's name, as given
	Cloud         fleet.Cloud
	Scenario      string // with cloud Emulator
	Kind          fleet.Kind
	Upgrade       *fleet.Upgrade // nil with the classic kind
	Credentials   fleet.Credentials
	Subscriptions []SubscriptionSpec
	Waves         []WaveSpec // none: the implicit canary and the rest
	Limits        Limits
	Timings       Timings
	FailureBudget Budget
	Now           time.Time // decides which holds are over, and from when on an upgrade must fit a window

	PartBudgets
	Ceiling       Ceiling // empty: soft
	SameErrorHalt int     // 0: never
	Calendar      *Calendar
}

// SubscriptionSpec is a subscription with its vaults. Of a vault, Build fills
// in the key, the kind and the subscription; its labels are its own alone.
type SubscriptionSpec struct {
	fleet.Subscription
	Vaults []fleet.Vault
	// Calendars are those of single vaults, by their indices in Vaults; each
	// takes the place of the wave's. Vaults may share one.
	Calendars map[int]*Calendar
}

// WaveSpec is a wave as the inventory asks for it. A catch-all takes what is
// left; any other takes the vaults that its selector picks, and none when that
// is empty. With a size it takes only the first of them, in inventory order.
type WaveSpec struct {
	Name        string
	Match       map[string]string
	Expressions []Requirement
	CatchAll    bool
	Size        *Size
	MaxFailures *Budget
	Soak        time.Duration
	NotBefore   time.Time // when it opens at the earliest; zero: at once
	Approval    *Approval
	Limits      WaveLimits
	Order       Order
	Calendar    *Calendar
}

// IssueCode tells the kinds of issues apart.
type IssueCode string

// The issues of Build.
const (
	IssueIncomplete      IssueCode = "incomplete"       // a field that every vault needs is missing
	IssueDuplicate       IssueCode = "duplicate"        // the same thing twice
	IssueSameTarget      IssueCode = "same-target"      // two vaults would get one Resource Manager path
	IssueNoVaults        IssueCode = "no-vaults"        // there is nothing to do
	IssueNoWave          IssueCode = "no-wave"          // vaults that no wave takes
	IssueEmptyWave       IssueCode = "empty-wave"       // a wave that takes no vault
	IssueUnreachableWave IssueCode = "unreachable-wave" // a wave after the catch-all
	IssueLastApproval    IssueCode = "last-approval"    // a gate with nothing behind it
	IssueNoStart         IssueCode = "no-start"         // a hard budget under which nothing could start
	IssueNoWindow        IssueCode = "no-window"        // an upgrade too long for every window
	IssueInvalid         IssueCode = "invalid"          // a value that no plan may hold
)

// Subject is what an issue is about.
type Subject struct {
	Kind  SubjectKind
	Index int // of a vault: counted through all subscriptions
}

// SubjectKind says which list of the Input a Subject points into.
type SubjectKind string

// The kinds of subjects. The empty kind is the inventory as a whole.
const (
	SubjectWhole        SubjectKind = ""
	SubjectVault        SubjectKind = "vault"
	SubjectSubscription SubjectKind = "subscription"
	SubjectWave         SubjectKind = "wave"
)

// Issue is one reason why an input makes no plan.
type Issue struct {
	Code    IssueCode
	Subject Subject
	Field   string   // the part of the subject that is at fault, "" for all of it
	Other   *Subject // the first of two that collide
	Message string
	Hint    string // what to do next
}

// Build makes the plan of an input, or says everything that is wrong with it.
// It returns a plan or issues, never both. It holds on to no list of the input's vaults
// once they are in the plan.
func Build(in Input) (*Plan, []Issue) {
	in.Subscriptions = slices.Clone(in.Subscriptions)
	b := &builder{in: in}
	b.flatten()
	b.findDuplicates()
	waves := b.assign()
	b.checkGates(waves)
	b.checkHardBudgets(waves)
	b.checkWindows(waves)
	if len(b.issues) > 0 {
		return nil, b.issues
	}
	p := &Plan{
		SchemaVersion: SchemaVersion,
		// JSON would replace invalid bytes, and so change the fingerprint of a
		// plan that was saved and loaded.
		Inventory:     strings.ToValidUTF8(in.Inventory, "\uFFFD"),
		Cloud:         in.Cloud,
		Scenario:      in.Scenario,
		Kind:          in.Kind,
		Upgrade:       in.Upgrade,
		Credentials:   in.Credentials,
		Subscriptions: b.subscriptions,
		Vaults:        b.vaults,
		Waves:         waves,
		Limits:        in.Limits,
		Timings:       in.Timings,
		FailureBudget: in.FailureBudget,

		PartBudgets:   in.PartBudgets,
		Ceiling:       in.Ceiling,
		SameErrorHalt: in.SameErrorHalt,
		Calendar:      in.Calendar,
		Calendars:     b.calendars,
	}
	if faults := p.faults(); len(faults) > 0 {
		for _, f := range faults {
			b.issue(Issue{Code: IssueInvalid, Message: f})
		}
		return nil, b.issues
	}
	p.Fingerprint = p.computeFingerprint()
	return p, nil
}

type builder struct {
	in            Input
	subscriptions []fleet.Subscription
	vaults        []Vault
	specs         []int // of each wave of the plan: its index in in.Waves
	calendars     []Calendar
	numbers       map[*Calendar]int // of calendars that vaults have of their own
	same          map[string]int    // the same, by what they say
	issues        []Issue
}

func (b *builder) issue(i Issue) { b.issues = append(b.issues, i) }

// flatten puts the vaults of all subscriptions into one list, complete but for
// their waves.
func (b *builder) flatten() {
	n := 0
	for i := range b.in.Subscriptions {
		n += len(b.in.Subscriptions[i].Vaults)
	}
	b.vaults = make([]Vault, 0, n)
	b.subscriptions = make([]fleet.Subscription, 0, len(b.in.Subscriptions))
	for i := range b.in.Subscriptions {
		s := &b.in.Subscriptions[i]
		b.subscriptions = append(b.subscriptions, s.Subscription)
		for j := range s.Vaults {
			b.vaults = append(b.vaults, Vault{Vault: s.Vaults[j], Calendar: b.own(s.Calendars[j])})
			v := &b.vaults[len(b.vaults)-1]
			v.Kind = b.in.Kind
			v.SubscriptionID, v.SubscriptionName = s.ID, s.Name
			v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.QualifiedName())
			v.Labels = overlay(v.Labels, s.Labels)
			if v.Hold != nil && !v.Hold.Until.IsZero() && !v.Hold.Until.After(b.in.Now) {
				v.Hold, v.LapsedHold = nil, v.Hold
			}
			v.Predicted = b.predict(&v.Vault)
		}
		s.Vaults = nil
	}
	if n == 0 {
		b.issue(Issue{Code: IssueNoVaults, Message: "the inventory lists no vaults",
			Hint: "add at least one under subscriptions"})
	}
}

func (b *builder) predict(v *fleet.Vault) Prediction {
	if b.in.Upgrade == nil {
		return Predict(v.ProtectedItems)
	}
	return Expect(b.in.Upgrade.Options.Duration(fleet.OptionExpected))
}

// overlay lays a vault's labels over its subscription's. Vaults without labels
// of their own share the subscription's map: most do.
func overlay(own, below map[string]string) map[string]string {
	switch {
	case len(own) == 0:
		return below
	case len(below) == 0:
		return own
	}
	m := make(map[string]string, len(own)+len(below))
	maps.Copy(m, below)
	maps.Copy(m, own)
	return m
}
