package report

import (
	"bytes"
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

// golden compares what was written with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
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
		t.Errorf("%s differs; read it and rewrite with -update if it is right\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// Names that try to steer a terminal, a spreadsheet, a table or a page.
const (
	hostileName   = "=cmd|'/c calc'!A1\x1b[2J"
	hostileReason = "line one\nline two\r\x1b]0;title\x07 \u202egnp.exe | `code` <img src=x onerror=alert(1)> \x9b2J \xff"
)

const (
	prodID = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	hrID   = "0b1f6471-1bf0-4dda-aec3-111122223333"
	devID  = "9f4ad3d1-7c1e-4c0a-8b0e-444455556666"
)

var sydney = time.FixedZone("AEDT", 11*60*60)

// t0 is when the fixture's run opens: 22:00 in Sydney.
var t0 = time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)

// fixturePlan has a vault for every outcome.
func fixturePlan() *plan.Plan {
	p := &plan.Plan{
		SchemaVersion: plan.SchemaVersion, Fingerprint: "7f3a9c21d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
		Inventory: "contoso.yaml", Cloud: fleet.Cloud{Name: fleet.AzurePublic}, Kind: fleet.KindClassic,
		Subscriptions: []fleet.Subscription{{ID: devID, Name: "dev"}, {ID: prodID, Name: "prod"}, {ID: hrID, Name: "hr"}},
		Limits:        plan.DefaultLimits(), Timings: plan.DefaultTimings(), FailureBudget: plan.Budget{Unit: plan.UnitDefault},
		Waves: []plan.Wave{{Name: "canary", MaxFailures: &plan.Budget{Unit: plan.UnitCount}}, {Name: "pilot"}, {Name: "rest"}},
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
	add(0, devID, "dev", "web-01", func(v *plan.Vault) { v.Labels = map[string]string{"env": "dev", "team": "web"} })
	add(0, devID, "dev", "web-02")
	add(0, devID, "dev", "old-01", func(v *plan.Vault) {
		v.Hold = &fleet.Hold{Reason: "legal freeze until Monday", Until: t0.Add(72 * time.Hour), By: "j.doe"}
	})
	add(1, prodID, "prod", "sql-07", func(v *plan.Vault) { v.AcceptWarnings = true })
	add(1, prodID, "prod", "sql-08")
	add(1, prodID, "prod", "sql-09")
	add(1, prodID, "prod", "files-1")
	add(1, prodID, "prod", "files-1", func(v *plan.Vault) { v.Location = "West US" })
	add(1, hrID, "hr", "files-2")
	add(1, hrID, "hr", "pay-1", func(v *plan.Vault) { v.ResourceType = fleet.SiteRecoveryVault })
	add(1, hrID, "hr", "pay-2")
	add(1, hrID, "hr", hostileName, func(v *plan.Vault) { v.Labels = map[string]string{"note": "+SUM(1)"} })
	add(1, hrID, "hr", "slow-1")
	add(1, hrID, "hr", "slow-2")
	add(2, prodID, "prod", "late-1", func(v *plan.Vault) { v.CreateResourceGroup, v.TargetResourceGroup = true, "rg-new" })
	add(2, prodID, "prod", "late-2")
	return p
}

// night replays facts over the fixture's plan.
type night struct {
	t      *testing.T
	st     *rollout.State
	events []fleet.Event
	index  map[string]fleet.Key
	told   *Chronicle
}

// view is the night as it is shown, its journal read.
func (n *night) view(o ViewOptions) *View {
	o.Chronicle = n.told
	return FromState(n.st, o)
}

func newNight(t *testing.T) *night { return nightOn(t, fixturePlan()) }

func nightOn(t *testing.T, p *plan.Plan) *night {
	n := &night{t: t, st: rollout.NewState(p), index: map[string]fleet.Key{}, told: NewChronicle()}
	names := n.st.Plan.Names()
	for i := range names {
		n.index[names[i]] = n.st.Plan.Vaults[i].Key
	}
	return n
}

// fact folds a fact that happened so many minutes after the start.
func (n *night) fact(minutes int, f fleet.Fact) {
	n.t.Helper()
	e := fleet.Event{At: t0.Add(time.Duration(minutes) * time.Minute), Fact: f}
	if err := n.st.Apply(e); err != nil {
		n.t.Fatalf("%s: %v", f.Name(), err)
	}
	n.events = append(n.events, e)
	n.told.Add(n.st, e)
}

func (n *night) key(name string) fleet.Key {
	n.t.Helper()
	k, ok := n.index[name]
	if !ok {
		n.t.Fatalf("no vault %q in %q", name, n.st.Plan.Names())
	}
	return k
}

func (n *night) validated(min int, name string, v fleet.Verdict, fs ...fleet.Finding) {
	n.t.Helper()
	n.fact(min, fleet.Validated{Vault: n.key(name), Verdict: v, Findings: fs})
}

func op(name string) string {
	return fmt.Sprintf("4cc27b8b-0000-4000-8000-%012x-2026-03-16 11:02:00Z-P", crc32.ChecksumIEEE([]byte(name)))
}

// started validates a vault and has its start accepted.
func (n *night) started(min int, name string) {
	n.t.Helper()
	n.validated(min, name, fleet.VerdictReady)
	n.fact(min, fleet.StartIntended{Vault: n.key(name), OperationID: op(name), Attempt: 1})
	n.fact(min, fleet.StartAnswered{Vault: n.key(name), OperationID: op(name),
		Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, RequestID: "req-" + name}})
}

func (n *night) upgraded(min int, name string) {
	n.t.Helper()
	k := n.key(name)
	i, _ := n.st.Lookup(k)
	id := n.st.Plan.Vaults[i].ResourceID()
	n.fact(min, fleet.Observed{Vault: k, OperationID: op(name), Record: &fleet.Record{OperationID: op(name),
		State: fleet.RecordUpgraded, EndedAt: t0.Add(time.Duration(min) * time.Minute), UpgradedResourceID: id}})
	n.fact(min, fleet.Verified{Vault: k, OperationID: op(name), ResourceID: id})
}

func (n *night) failed(min int, name, message string) {
	n.t.Helper()
	n.fact(min, fleet.Observed{Vault: n.key(name), OperationID: op(name), Record: &fleet.Record{OperationID: op(name),
		State: fleet.RecordFailed, Message: message, EndedAt: t0.Add(time.Duration(min) * time.Minute)}})
}

var oldAgent = fleet.Finding{Severity: fleet.SeverityError, Category: "prerequisite", Code: "AgentTooOld",
	Message: "2 machines have an agent older than 2.0.9070.0", Action: "update the agent on each machine, then validate again",
	Items: []string{"srv-01.contoso.example 2.0.8000.0", "srv-02.contoso.example 2.0.8500.0"}}

// busyNight is a run in the middle of its second wave in which every status
// occurs.
func busyNight(t *testing.T) *night {
	n := newNight(t)
	hostile := "hr/" + hostileName
	n.fact(0, fleet.RunOpened{RunID: "0193ab12-7e57-7000-8000-000000000001", PlanFingerprint: n.st.Plan.Fingerprint,
		By: fleet.Actor{User: "ops", Host: "bastion"}, Carried: []fleet.Carried{{Vault: n.key("prod/sql-08"), Status: fleet.Failed,
			OperationID: "91d0e2aa-0000-4000-8000-000000000001-P", StartedAt: t0.Add(-48 * time.Hour), EndedAt: t0.Add(-47 * time.Hour),
			Reason: "the upgrade failed", RequestIDs: []string{"req-old"}, Findings: []fleet.Finding{{Severity: fleet.SeverityError,
				Code: "CloudInternalError", Message: "the service met an error", Action: "contact support"}}}}})
	n.fact(0, fleet.WaveOpened{Wave: "canary"})
	n.started(1, "dev/web-01")
	n.validated(1, "dev/web-02", fleet.VerdictAlready)
	n.upgraded(19, "dev/web-01")
	n.fact(19, fleet.WaveDone{Wave: "canary"})
	n.fact(19, fleet.WaveOpened{Wave: "pilot"})
	n.started(20, "prod/sql-07")
	n.started(20, hostile)
	n.started(21, "hr/slow-1")
	n.validated(21, "prod/files-1/australiaeast", fleet.VerdictBlocked, oldAgent, fleet.Finding{Severity: fleet.SeverityError,
		Code: fleet.CodeGroupMissing, Message: "resource group rg-prod does not exist", Action: "create it, or correct targetResourceGroup"})
	n.validated(21, "prod/files-1/westus", fleet.VerdictBlocked, oldAgent)
	n.validated(21, "hr/pay-1", fleet.VerdictBusy, fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeBusy, Message: "a registration is under way"})
	n.fact(22, fleet.Validated{Vault: n.key("hr/pay-2"), Verdict: fleet.VerdictUpgrading,
		Record: &fleet.Record{OperationID: "somebody-elses-operation", State: fleet.RecordInProgress, StartedAt: t0.Add(5 * time.Minute)}})
	n.validated(22, "hr/files-2", fleet.VerdictReady)
	n.fact(22, fleet.StartIntended{Vault: n.key("hr/files-2"), OperationID: op("hr/files-2"), Attempt: 1})
	n.fact(24, fleet.StartAnswered{Vault: n.key("hr/files-2"), OperationID: op("hr/files-2"),
		Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: 503, Message: "HTTP 503", RequestID: "req-503"}})
	n.fact(26, fleet.Throttled{Subscription: hrID, Until: t0.Add(40 * time.Minute)})
	n.failed(38, "prod/sql-07", "the vault could not be moved: internal error 0x8007")
	n.failed(39, hostile, hostileReason)
	n.fact(41, fleet.DeadlinePassed{Vault: n.key("hr/files-2"), Deadline: fleet.DeadlineReconcile})
	n.validated(42, "hr/slow-2", fleet.VerdictReady)
	n.fact(121, fleet.DeadlinePassed{Vault: n.key("hr/slow-1"), Deadline: fleet.DeadlineOverdue})
	n.validated(122, "prod/sql-09", fleet.VerdictReady)
	n.fact(122, fleet.StartIntended{Vault: n.key("prod/sql-09"), OperationID: op("prod/sql-09"), Attempt: 1})
	return n
}

// haltedNight is the same run after a budget was exceeded and what was in
// flight has ended.
func haltedNight(t *testing.T) *night {
	n := busyNight(t)
	n.fact(123, fleet.StartAnswered{Vault: n.key("prod/sql-09"), OperationID: op("prod/sql-09"), Answer: fleet.StartAnswer{
		Verdict: fleet.StartFailed, HTTPStatus: 400, Code: "VaultNotSupported", Message: "this vault cannot be upgraded", RequestID: "req-400"}})
	n.fact(123, fleet.RunHalted{Scope: "run", Failures: 4, Budget: 3})
	n.upgraded(130, "hr/slow-1")
	return n
}

// finishedNight is the same run to its end, the halt accepted.
func finishedNight(t *testing.T) *night {
	n := haltedNight(t)
	n.fact(200, fleet.Resumed{By: fleet.Actor{User: "ops"}})
	n.fact(200, fleet.FailuresAccepted{By: fleet.Actor{User: "ops"}, Reason: "known fault, case 4711"})
	n.fact(201, fleet.DeadlinePassed{Vault: n.key("hr/pay-1"), Deadline: fleet.DeadlineBusy})
	n.fact(202, fleet.Observed{Vault: n.key("hr/pay-2"), OperationID: "somebody-elses-operation", Foreign: true,
		Record: &fleet.Record{OperationID: "somebody-elses-operation", State: fleet.RecordUpgraded, Trigger: fleet.TriggerForced,
			UpgradedResourceID: "/subscriptions/" + hrID + "/resourceGroups/rg-hr/providers/Microsoft.RecoveryServices/Vaults/pay-2"}})
	for i, name := range []string{"hr/slow-2", "prod/late-1", "prod/late-2"} {
		if i == 1 {
			n.fact(230, fleet.WaveDone{Wave: "pilot"})
			n.fact(230, fleet.WaveOpened{Wave: "rest"})
		}
		n.started(203+i*30, name)
		n.upgraded(225+i*30, name)
	}
	n.fact(290, fleet.WaveDone{Wave: "rest"})
	n.fact(290, fleet.RunClosed{Code: fleet.ExitFailures})
	return n
}
