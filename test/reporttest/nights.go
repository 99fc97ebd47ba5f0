// Package reporttest has nights with every outcome, hostile names among them, for the
// tests of all that shows runs and plans.
package reporttest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain fixes the width of ambiguous characters, which a locale may change.
func TestMain(m *testing.M) {
	flag.Parse()
	text.OverrideRuneWidthEastAsianWidth(false)
	os.Exit(m.Run())
}

// Golden compares what was written with a file under testdata.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; read it and rewrite with -update if it is right\n--- got\n%s\n--- want\n%s", path, got,
			want)
	}
}

// Names that try to steer a terminal, a spreadsheet, a table or a page.
const (
	HostileName   = "=cmd|'/c calc'!A1\x1b[2J"
	HostileReason = "line one\nline two\r\x1b]0;title\x07 \u202egnp.exe | `code` <img src=x onerror=alert(1)> \x9b2J " +
		"\xff"
)

const (
	ProdID = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	HrID   = "0b1f6471-1bf0-4dda-aec3-111122223333"
	DevID  = "9f4ad3d1-7c1e-4c0a-8b0e-444455556666"
)

var Sydney = time.FixedZone("AEDT", 11*60*60)

// T0 is when the fixture's run opens: 22:00 in Sydney.
var T0 = time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)

// FixturePlan has a vault for every outcome.
func FixturePlan() *plan.Plan {
	p := &plan.Plan{
		SchemaVersion: plan.SchemaVersion,
		Fingerprint:   "7f3a9c21d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
		Inventory:     "contoso.yaml", Cloud: fleet.Cloud{Name: fleet.AzurePublic}, Kind: fleet.KindClassic,
		Subscriptions: []fleet.Subscription{{ID: DevID, Name: "dev"}, {ID: ProdID, Name: "prod"},
			{ID: HrID, Name: "hr"}},
		Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitDefault},
		Waves: []plan.Wave{{Name: "canary", MaxFailures: &plan.Budget{Unit: plan.UnitCount}}, {Name: "pilot"},
			{Name: "rest"}},
	}
	p.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: 3}
	add := func(wave int, subID, sub, name string, more ...func(*plan.Vault)) {
		v := plan.Vault{Wave: wave}
		v.Kind, v.SubscriptionID, v.SubscriptionName, v.Name = fleet.KindClassic, subID, sub, name
		v.Location, v.ResourceType, v.TargetResourceGroup = "Australia East", fleet.BackupVault, "rg-"+sub
		v.Predicted = plan.Prediction{P50: 20 * time.Minute, P90: 25 * time.Minute}
		for _, m := range more {
			m(&v)
		}
		v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
		p.Waves[wave].Vaults = append(p.Waves[wave].Vaults, len(p.Vaults))
		p.Vaults = append(p.Vaults, v)
	}
	add(0, DevID, "dev", "web-01", func(v *plan.Vault) { v.Labels = map[string]string{"env": "dev", "team": "web"} })
	add(0, DevID, "dev", "web-02")
	add(0, DevID, "dev", "old-01", func(v *plan.Vault) {
		v.Hold = &fleet.Hold{Reason: "legal freeze until Monday", Until: T0.Add(72 * time.Hour), By: "j.doe"}
	})
	add(1, ProdID, "prod", "sql-07", func(v *plan.Vault) { v.AcceptWarnings = true })
	add(1, ProdID, "prod", "sql-08")
	add(1, ProdID, "prod", "sql-09")
	add(1, ProdID, "prod", "files-1")
	add(1, ProdID, "prod", "files-1", func(v *plan.Vault) { v.Location = "West US" })
	add(1, HrID, "hr", "files-2")
	add(1, HrID, "hr", "pay-1", func(v *plan.Vault) { v.ResourceType = fleet.SiteRecoveryVault })
	add(1, HrID, "hr", "pay-2")
	add(1, HrID, "hr", HostileName, func(v *plan.Vault) { v.Labels = map[string]string{"note": "+SUM(1)"} })
	add(1, HrID, "hr", "slow-1")
	add(1, HrID, "hr", "slow-2")
	add(2, ProdID, "prod", "late-1", func(v *plan.Vault) {
		v.CreateResourceGroup, v.TargetResourceGroup = true,
			"rg-new"
	})
	add(2, ProdID, "prod", "late-2")
	return p
}

// Night replays facts over the fixture's plan.
type Night struct {
	t      *testing.T
	St     *rollout.State
	Events []fleet.Event
	index  map[string]fleet.Key
}

func NewNight(t *testing.T) *Night { return nightOn(t, FixturePlan()) }

func nightOn(t *testing.T, p *plan.Plan) *Night {
	n := &Night{t: t, St: rollout.NewState(p), index: map[string]fleet.Key{}}
	names := n.St.Plan.Names()
	for i := range names {
		n.index[names[i]] = n.St.Plan.Vaults[i].Key
	}
	return n
}

// Fact folds a fact that happened so many minutes after the start.
func (n *Night) Fact(minutes int, f fleet.Fact) {
	n.t.Helper()
	e := fleet.Event{At: T0.Add(time.Duration(minutes) * time.Minute), Fact: f}
	if err := n.St.Apply(e); err != nil {
		n.t.Fatalf("%s: %v", f.Name(), err)
	}
	n.Events = append(n.Events, e)
}

func (n *Night) Key(name string) fleet.Key {
	n.t.Helper()
	k, ok := n.index[name]
	if !ok {
		n.t.Fatalf("no vault %q in %q", name, n.St.Plan.Names())
	}
	return k
}

func (n *Night) Validated(min int, name string, v fleet.Verdict, fs ...fleet.Finding) {
	n.t.Helper()
	n.Fact(min, fleet.Validated{Vault: n.Key(name), Verdict: v, Findings: fs})
}

func Op(name string) string {
	return fmt.Sprintf("4cc27b8b-0000-4000-8000-%012x-2026-03-16 11:02:00Z-P", crc32.ChecksumIEEE([]byte(name)))
}

// Started validates a vault and has its start accepted.
func (n *Night) Started(min int, name string) {
	n.t.Helper()
	n.Validated(min, name, fleet.VerdictReady)
	n.Fact(min, fleet.StartIntended{Vault: n.Key(name), OperationID: Op(name), Attempt: 1})
	n.Fact(min, fleet.StartAnswered{Vault: n.Key(name), OperationID: Op(name),
		Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, RequestID: "req-" + name}})
}

func (n *Night) Upgraded(min int, name string) {
	n.t.Helper()
	k := n.Key(name)
	i, _ := n.St.Lookup(k)
	id := n.St.Plan.Vaults[i].ResourceID()
	n.Fact(min, fleet.Observed{Vault: k, OperationID: Op(name), Record: &fleet.Record{OperationID: Op(name),
		State: fleet.RecordUpgraded, EndedAt: T0.Add(time.Duration(min) * time.Minute), UpgradedResourceID: id}})
	n.Fact(min, fleet.Verified{Vault: k, OperationID: Op(name), ResourceID: id})
}

func (n *Night) Failed(min int, name, message string) {
	n.t.Helper()
	n.Fact(min, fleet.Observed{Vault: n.Key(name), OperationID: Op(name), Record: &fleet.Record{OperationID: Op(name),
		State: fleet.RecordFailed, Message: message, EndedAt: T0.Add(time.Duration(min) * time.Minute)}})
}

var OldAgent = fleet.Finding{Severity: fleet.SeverityError, Category: "prerequisite", Code: "AgentTooOld",
	Message: "2 machines have an agent older than 2.0.9070.0",
	Action:  "update the agent on each machine, then validate again",
	Items:   []string{"srv-01.contoso.example 2.0.8000.0", "srv-02.contoso.example 2.0.8500.0"}}

// BusyNight is a run in the middle of its second wave in which every status
// occurs.
func BusyNight(t *testing.T) *Night {
	n := NewNight(t)
	hostile := "hr/" + HostileName
	n.Fact(0, fleet.RunOpened{RunID: "0193ab12-7e57-7000-8000-000000000001", PlanFingerprint: n.St.Plan.Fingerprint,
		By: fleet.Actor{User: "ops", Host: "bastion"},
		Carried: []fleet.Carried{{Vault: n.Key("prod/sql-08"), Status: fleet.Failed,
			OperationID: "91d0e2aa-0000-4000-8000-000000000001-P", StartedAt: T0.Add(-48 * time.Hour),
			EndedAt: T0.Add(-47 * time.Hour),
			Reason:  "the upgrade failed", RequestIDs: []string{"req-old"},
			Findings: []fleet.Finding{{Severity: fleet.SeverityError,
				Code: "CloudInternalError", Message: "the service met an error", Action: "contact support"}}}}})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Started(1, "dev/web-01")
	n.Validated(1, "dev/web-02", fleet.VerdictAlready)
	n.Upgraded(19, "dev/web-01")
	n.Fact(19, fleet.WaveDone{Wave: "canary"})
	n.Fact(19, fleet.WaveOpened{Wave: "pilot"})
	n.Started(20, "prod/sql-07")
	n.Started(20, hostile)
	n.Started(21, "hr/slow-1")
	n.Validated(21, "prod/files-1/australiaeast", fleet.VerdictBlocked, OldAgent,
		fleet.Finding{Severity: fleet.SeverityError,
			Code: fleet.CodeGroupMissing, Message: "resource group rg-prod does not exist",
			Action: "create it, or correct targetResourceGroup"})
	n.Validated(21, "prod/files-1/westus", fleet.VerdictBlocked, OldAgent)
	n.Validated(21, "hr/pay-1", fleet.VerdictBusy,
		fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeBusy, Message: "a registration is under way"})
	n.Fact(22, fleet.Validated{Vault: n.Key("hr/pay-2"), Verdict: fleet.VerdictUpgrading,
		Record: &fleet.Record{OperationID: "somebody-elses-operation", State: fleet.RecordInProgress,
			StartedAt: T0.Add(5 * time.Minute)}})
	n.Validated(22, "hr/files-2", fleet.VerdictReady)
	n.Fact(22, fleet.StartIntended{Vault: n.Key("hr/files-2"), OperationID: Op("hr/files-2"), Attempt: 1})
	n.Fact(24, fleet.StartAnswered{Vault: n.Key("hr/files-2"), OperationID: Op("hr/files-2"),
		Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: 503, Message: "HTTP 503",
			RequestID: "req-503"}})
	n.Fact(26, fleet.Throttled{Subscription: HrID, Until: T0.Add(40 * time.Minute)})
	n.Failed(38, "prod/sql-07", "the vault could not be moved: internal error 0x8007")
	n.Failed(39, hostile, HostileReason)
	n.Fact(41, fleet.DeadlinePassed{Vault: n.Key("hr/files-2"), Deadline: fleet.DeadlineReconcile})
	n.Validated(42, "hr/slow-2", fleet.VerdictReady)
	n.Fact(121, fleet.DeadlinePassed{Vault: n.Key("hr/slow-1"), Deadline: fleet.DeadlineOverdue})
	n.Validated(122, "prod/sql-09", fleet.VerdictReady)
	n.Fact(122, fleet.StartIntended{Vault: n.Key("prod/sql-09"), OperationID: Op("prod/sql-09"), Attempt: 1})
	return n
}

// HaltedNight is the same run after a budget was exceeded and what was in
// flight has ended.
func HaltedNight(t *testing.T) *Night {
	n := BusyNight(t)
	n.Fact(123, fleet.StartAnswered{Vault: n.Key("prod/sql-09"), OperationID: Op("prod/sql-09"),
		Answer: fleet.StartAnswer{
			Verdict: fleet.StartFailed, HTTPStatus: 400, Code: "VaultNotSupported",
			Message: "this vault cannot be upgraded", RequestID: "req-400"}})
	n.Fact(123, fleet.RunHalted{Scope: "run", Failures: 4, Budget: 3})
	n.Upgraded(130, "hr/slow-1")
	return n
}

// FinishedNight is the same run to its end, the halt accepted.
func FinishedNight(t *testing.T) *Night {
	n := HaltedNight(t)
	n.Fact(200, fleet.Resumed{By: fleet.Actor{User: "ops"}})
	n.Fact(200, fleet.FailuresAccepted{By: fleet.Actor{User: "ops"}, Reason: "known fault, case 4711"})
	n.Fact(201, fleet.DeadlinePassed{Vault: n.Key("hr/pay-1"), Deadline: fleet.DeadlineBusy})
	n.Fact(202, fleet.Observed{Vault: n.Key("hr/pay-2"), OperationID: "somebody-elses-operation", Foreign: true,
		Record: &fleet.Record{OperationID: "somebody-elses-operation", State: fleet.RecordUpgraded,
			Trigger: fleet.TriggerForced,
			UpgradedResourceID: "/subscriptions/" + HrID +
				"/resourceGroups/rg-hr/providers/Microsoft.RecoveryServices/Vaults/pay-2"}})
	for i, name := range []string{"hr/slow-2", "prod/late-1", "prod/late-2"} {
		if i == 1 {
			n.Fact(230, fleet.WaveDone{Wave: "pilot"})
			n.Fact(230, fleet.WaveOpened{Wave: "rest"})
		}
		n.Started(203+i*30, name)
		n.Upgraded(225+i*30, name)
	}
	n.Fact(290, fleet.WaveDone{Wave: "rest"})
	n.Fact(290, fleet.RunClosed{Code: fleet.ExitFailures})
	return n
}

// FixtureValidations is a result of every verdict.
func FixtureValidations(p *plan.Plan) map[fleet.Key]fleet.Validation {
	names := p.Names()
	out := map[fleet.Key]fleet.Validation{}
	for i := range p.Vaults {
		v := fleet.Validation{Verdict: fleet.VerdictReady}
		one := func(verdict fleet.Verdict, code, message, action string) {
			v = fleet.Validation{Verdict: verdict,
				Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: code, Message: message,
					Action: action}}}
		}
		switch names[i] {
		case "prod/sql-07":
			v.Findings = []fleet.Finding{{Severity: fleet.SeverityWarning, Category: "billing",
				Code:    "BillingConversion",
				Message: "billing becomes instance-based", Action: "nothing: acceptWarnings consents"}}
		case "prod/files-1/australiaeast":
			v = fleet.Validation{Verdict: fleet.VerdictBlocked, RequestIDs: []string{"req-1"},
				Findings: []fleet.Finding{OldAgent,
					{Severity: fleet.SeverityError, Code: fleet.CodeGroupMissing,
						Message: "resource group rg-prod does not exist", Action: "create it"}}}
		case "prod/files-1/westus":
			v = fleet.Validation{Verdict: fleet.VerdictBlocked, Findings: []fleet.Finding{OldAgent}}
		case "hr/files-2":
			one(fleet.VerdictBusy, fleet.CodeUnreachable, "the check gave no answer (HTTP 503)",
				"nothing: it is tried again")
		case "hr/pay-1":
			v = fleet.Validation{Verdict: fleet.VerdictAlready,
				Record: &fleet.Record{OperationID: "op-old", State: fleet.RecordUpgraded,
					UpgradedResourceID: "/new/pay-1"}}
		case "hr/pay-2":
			v = fleet.Validation{Verdict: fleet.VerdictUpgrading,
				Record: &fleet.Record{OperationID: "op-theirs", State: fleet.RecordInProgress}}
		case "hr/slow-1":
			v = fleet.Validation{Verdict: fleet.VerdictFailed,
				Record: &fleet.Record{OperationID: "op-failed", State: fleet.RecordFailed,
					Message: "it failed in June"}}
		case "hr/slow-2":
			one(fleet.VerdictDenied, fleet.CodeNotSignedIn, "no co-administrator of the subscription",
				"become one, then validate again")
		case "hr/" + HostileName:
			one(fleet.VerdictBlocked, "=EVIL()", HostileReason, "<b>do</b> | nothing")
		case "dev/old-01", "prod/late-2":
			continue
		}
		out[p.Vaults[i].Key] = v
	}
	return out
}

// BigState is a run of n vaults of which the first flying are in flight, the
// last of those the oldest.
func BigState(n, flying int) *rollout.State {
	p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitDefault},
		Waves:         []plan.Wave{{Name: "all"}}}
	for i := range n {
		v := plan.Vault{}
		v.Name, v.SubscriptionID, v.SubscriptionName = fmt.Sprintf("v%04d", i), ProdID, "prod"
		v.Key = fleet.KeyOf(fleet.KindClassic, ProdID, fleet.BackupVault, "x", v.Name)
		p.Vaults, p.Waves[0].Vaults = append(p.Vaults, v), append(p.Waves[0].Vaults, i)
	}
	st := rollout.NewState(p)
	events := []fleet.Event{{At: T0, Fact: fleet.RunOpened{RunID: "big"}},
		{At: T0, Fact: fleet.WaveOpened{Wave: "all"}}}
	for i := flying - 1; i >= 0; i-- {
		k, now := p.Vaults[i].Key, T0.Add(time.Duration(flying-i)*time.Minute)
		events = append(events, fleet.Event{At: now, Fact: fleet.Validated{Vault: k, Verdict: fleet.VerdictReady}},
			fleet.Event{At: now, Fact: fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1}},
			fleet.Event{At: now, Fact: fleet.StartAnswered{Vault: k, OperationID: "op",
				Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}})
	}
	if err := st.Replay(events); err != nil {
		panic(err)
	}
	return st
}

const KindAlerts fleet.Kind = "rsv-alerts"

// TodayPlan is of vaults that stay where they are and are changed by a kind: two
// have one name, in groups of their own.
func TodayPlan(k fleet.Kind) *plan.Plan {
	p := &plan.Plan{
		SchemaVersion: plan.SchemaVersion,
		Fingerprint:   "c0ffee11d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
		Inventory:     "alerts.yaml", Cloud: fleet.Cloud{Name: fleet.AzurePublic}, Kind: k,
		Upgrade: &fleet.Upgrade{Title: "Azure Monitor alerts in place of classic ones",
			Options: fleet.Options{"apiVersion": "2026-07-01", "expected": "2m0s"},
			Type:    string(fleet.RecoveryServicesVault),
			Actions: []string{"Microsoft.RecoveryServices/vaults/read", "Microsoft.RecoveryServices/vaults/write"},
			Request: fleet.Request{Method: "PATCH", Path: "{vault}?api-version=2026-07-01",
				Body: json.RawMessage(
					`{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled"}}}}`)}},
		Subscriptions: []fleet.Subscription{{ID: DevID, Name: "dev"}, {ID: ProdID, Name: "prod"}},
		Limits:        plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitCount, Count: 1},
		Waves:         []plan.Wave{{Name: "canary"}, {Name: "rest"}},
	}
	add := func(wave int, subID, sub, group, name string, more ...func(*plan.Vault)) {
		v := plan.Vault{Wave: wave, Predicted: plan.Prediction{P50: 2 * time.Minute, P90: 4 * time.Minute}}
		v.Kind, v.SubscriptionID, v.SubscriptionName, v.Name, v.ResourceGroup = k, subID, sub, name, group
		v.Location, v.ResourceType = "Australia East", fleet.RecoveryServicesVault
		for _, m := range more {
			m(&v)
		}
		v.Key = fleet.KeyOf(k, subID, v.ResourceType, v.Location, v.QualifiedName())
		p.Waves[wave].Vaults = append(p.Waves[wave].Vaults, len(p.Vaults))
		p.Vaults = append(p.Vaults, v)
	}
	add(0, DevID, "dev", "rg-dev", "web-01")
	add(1, ProdID, "prod", "rg-sql", "sql-07", func(v *plan.Vault) { v.AcceptWarnings = true })
	add(1, ProdID, "prod", "rg-files", "files-1")
	add(1, ProdID, "prod", "rg-old", "files-1")
	add(1, ProdID, "prod", "rg-old", "pay-1",
		func(v *plan.Vault) { v.Hold = &fleet.Hold{Reason: "nothing to put back"} })
	if _, undoes := k.Undoes(); undoes {
		p.Upgrade.Title, p.Upgrade.Request.Body = "back to what was before rsv-alerts",
			json.RawMessage(fleet.PlaceholderRestore)
		for i := range p.Vaults[:4] {
			p.Vaults[i].Restore = json.RawMessage(
				`{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Disabled"}}}}`)
		}
	}
	return p
}

// ChangedNight is a run of a today's kind to its end: two vaults changed, one that
// needed nothing, one failed, one held.
func ChangedNight(t *testing.T, k fleet.Kind) *Night {
	n := nightOn(t, TodayPlan(k))
	n.Fact(0, fleet.RunOpened{RunID: "20260316-220000-c0ffee", PlanFingerprint: n.St.Plan.Fingerprint,
		By: fleet.Actor{User: "ops"}})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Started(0, "dev/web-01")
	n.Upgraded(2, "dev/web-01")
	n.Fact(2, fleet.WaveDone{Wave: "canary"})
	n.Fact(2, fleet.WaveOpened{Wave: "rest"})
	n.Validated(2, "prod/files-1/rg-files", fleet.VerdictAlready,
		fleet.Finding{Severity: fleet.SeverityInfo, Code: fleet.CodeAlready,
			Message: "the vault is as the upgrade would make it: nothing is sent"})
	n.Started(2, "prod/files-1/rg-old")
	n.Started(3, "prod/sql-07")
	n.Upgraded(5, "prod/files-1/rg-old")
	n.Failed(6, "prod/sql-07", "UserErrorLocked: the vault could not be updated")
	n.Fact(6, fleet.Observed{Vault: n.Key("prod/sql-07"), OperationID: Op("prod/sql-07"), Explained: true,
		Findings: []fleet.Finding{{Severity: fleet.SeverityError,
			Category: "upgrade", Code: "UserErrorLocked", Message: "the vault could not be updated",
			Action: "Mend what it names; fleetup reopen permits another try."}}})
	n.Fact(6, fleet.WaveDone{Wave: "rest"})
	n.Fact(6, fleet.RunClosed{Code: fleet.ExitFailures})
	return n
}

// Planned is a night of a plan that was changed before.
func Planned(t *testing.T, change func(*plan.Plan)) *Night {
	n := NewNight(t)
	change(n.St.Plan)
	n.St = rollout.NewState(n.St.Plan)
	n.Fact(0, fleet.RunOpened{RunID: "0193ab12-7e57-7000-8000-000000000001", PlanFingerprint: n.St.Plan.Fingerprint,
		By: Ops})
	return n
}

var Ops = fleet.Actor{User: "ops", Host: "bastion"}

// CanaryDone is a night whose first wave has just ended.
func CanaryDone(t *testing.T) *Night {
	n := Planned(t, func(p *plan.Plan) {
		p.Waves[0].Soak = 90 * time.Minute
		p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter, Expiry: time.Hour}
	})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Started(1, "dev/web-01")
	n.Validated(1, "dev/web-02", fleet.VerdictAlready)
	n.Upgraded(19, "dev/web-01")
	n.Fact(19, fleet.WaveDone{Wave: "canary"})
	return n
}

// MeddledNight is the busy night in which people have their say.
func MeddledNight(t *testing.T) *Night {
	n := BusyNight(t)
	n.Fact(123, fleet.LimitsChanged{Upgrades: 4, By: Ops, Reason: "the storage team asks"})
	n.Fact(123, fleet.Noted{By: Ops, Text: "handing over to anna, hr is slow tonight"})
	n.Fact(124, fleet.Paused{By: Ops, Reason: "a customer needs a restore"})
	n.Fact(124, fleet.Throttled{Subscription: ProdID, Until: T0.Add(140 * time.Minute)})
	return n
}

// moment is one of a night, with the plan changed to bring it about.
type moment struct {
	Name    string
	Minutes int
	Night   func(t *testing.T) *Night
}

func Moments() []moment {
	return []moment{
		{"busy", 125, BusyNight},
		{"meddled", 125, MeddledNight},
		{"halted", 131, HaltedNight},
		{"finished", 291, FinishedNight},
		{"soaking", 40, CanaryDone},
		{"approval", 110, CanaryDone},
		{"late", 58, func(t *testing.T) *Night { // beyond the 90th percentile, not yet flagged
			n := NewNight(t)
			n.Fact(0, fleet.RunOpened{RunID: "r-late", By: Ops})
			n.Fact(0, fleet.WaveOpened{Wave: "canary"})
			n.Started(32, "dev/web-01")
			n.Started(36, "dev/web-02")
			return n
		}},
		{"window-closed", 26 * 60, func(t *testing.T) *Night {
			n := Planned(t, func(p *plan.Plan) {
				p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{time.Monday, time.Wednesday},
					Start: 22 * 60, End: 6 * 60, Zone: "Australia/Sydney"}}}
			})
			n.Fact(0, fleet.WaveOpened{Wave: "canary"})
			n.Validated(1, "dev/web-01", fleet.VerdictReady)
			return n
		}},
		{"closing", 125, func(t *testing.T) *Night {
			n := BusyNight(t)
			n.Fact(124, fleet.Stopped{Close: true, By: Ops, Reason: "the change is withdrawn"})
			return n
		}},
		{"stopping", 125, func(t *testing.T) *Night {
			n := BusyNight(t)
			n.Fact(124, fleet.Stopped{By: Ops, Reason: "the machine goes down"})
			return n
		}},
	}
}

// Replay hands every fact of the night over once more, folded one after the other.
func (n *Night) Replay(each func(*rollout.State, fleet.Event)) {
	n.t.Helper()
	st := rollout.NewState(n.St.Plan)
	for _, e := range n.Events {
		if err := st.Apply(e); err != nil {
			n.t.Fatal(err)
		}
		each(st, e)
	}
}
