package web

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Texts that try to become markup, script or another direction of writing.
const (
	hostileName   = `</script><script>alert(1)</script><img src=x onerror=alert(1)> " ' & =1+1`
	hostileReason = "\u202egnp.exe \u2028 <!-- <script> javascript:alert(1) {{.}} \x1b[2J ]]> \u200b\xff"
)

var began = time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC) // 22:00 in Sydney

func after(d time.Duration) *report.Time { return &report.Time{Time: began.Add(d)} }

func ptr[T any](v T) *T { return &v }

func problem(code, message, action string, items ...string) report.Finding {
	return report.Finding{Severity: fleet.SeverityError, Code: &code, Message: &message, Action: &action, Items: items}
}

// troubledNight is the end of a night with every kind of trouble, on n vaults.
func troubledNight(n int) *report.View {
	v := &report.View{SchemaVersion: report.SchemaVersion, Totals: map[fleet.Status]int{},
		Run: report.Run{Kind: fleet.KindClassic, Permanent: true,
			ID: "20260316-110000-7f3a9c", Status: report.RunInterrupted, Verdict: "interrupted", ExitCode: 5,
			StartedAt: after(0),
			UpdatedAt: after(8 * time.Hour), GeneratedAt: after(8*time.Hour + 2*time.Minute),
			PlanFingerprint: "7f3a9c21d4e5f607",
			Inventory:       ptr("contoso.yaml"), Budget: report.Budget{Limit: 12, Used: 3, Unresolved: 1, Base: n},
			StartedBy: ptr("ops"),
			Suspended: &report.Suspension{Why: fleet.SuspendedSignal}, NextWindow: after(24 * time.Hour),
			Night: &report.Night{Number: 3, From: after(0), Until: after(8 * time.Hour), Upgraded: n / 2}},
		Proof: &report.Proof{StartsSent: n - 5}, Checklist: []string{"Check the time zone of each backup policy."},
		Evidence: &report.Evidence{JournalHead: "b81c42aa93d0f1e2", Events: 48211},
		Next:     []report.Step{{Args: []string{"resume", "--yes"}}}}
	for i, what := range []string{"run opened, 60 vaults", "wave canary opened", "wave canary done",
		"subscription hr is throttled", "told to stop"} {
		v.Timeline.Entries = append(v.Timeline.Entries,
			report.Entry{At: *after(time.Duration(i) * time.Hour),
				Kind: []string{"opened", "wave", "wave", "throttled", "suspended"}[i], Text: what, Times: 1 + i%2})
	}
	subscriptions := []string{"prod", "hr", "dev", "shop", "lab"}
	waves := []string{"canary", "pilot", "rest"}
	for i, name := range waves {
		v.Waves = append(v.Waves, report.Wave{Name: name, Status: standing.WaveFinished, Totals: map[fleet.Status]int{},
			StartedAt: after(time.Duration(i) * 150 * time.Minute),
			EndedAt:   after(time.Duration(i)*150*time.Minute + 140*time.Minute)})
	}
	v.Waves[0].Budget = &report.Budget{Limit: 0, Base: 5}
	v.Waves[2].Status, v.Waves[2].EndedAt = standing.WaveRunning, nil
	for i, name := range subscriptions {
		v.Subscriptions = append(v.Subscriptions,
			report.Subscription{ID: fmt.Sprintf("53a3c692-5283-4f0a-baf6-%012d", i), Name: name,
				Totals: map[fleet.Status]int{}})
	}
	v.Subscriptions[1].ThrottledUntil = after(9 * time.Hour)
	for i := range n {
		x := report.Vault{Name: fmt.Sprintf("vault-%05d", i), Location: "Australia East",
			ResourceType:        fleet.BackupVault,
			SubscriptionName:    subscriptions[i%len(subscriptions)],
			SubscriptionID:      fmt.Sprintf("53a3c692-5283-4f0a-baf6-%012d", i%len(subscriptions)),
			TargetResourceGroup: new("rg-vaults"), Labels: map[string]string{"env": []string{"prod", "test"}[i%2]},
			Wave:   waves[2],
			Status: fleet.Upgraded, RequestIDs: []string{}, Findings: []report.Finding{}}
		if i < n/20+4 {
			x.Wave = waves[0]
		} else if i < n/4+8 {
			x.Wave = waves[1]
		}
		x.Vault = x.SubscriptionName + "/" + x.Name
		x.OperationID = ptr(fmt.Sprintf("4cc27b8b-0000-4000-8000-%012d-2026-03-16 11:02:00Z-P", i))
		x.Attempt = 1
		start := time.Duration(i) * 7 * time.Hour / time.Duration(n)
		x.StartedAt, x.EndedAt = after(start), after(start+time.Duration(18+i%37)*time.Minute)
		x.UpgradedResourceID = ptr("/subscriptions/" + x.SubscriptionID +
			"/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/Vaults/" + x.Name)
		infect(&x, i, n)
		v.Vaults = append(v.Vaults, x)
		if f := (standing.Flight{Vault: i, Status: x.Status, Foreign: x.Foreign,
			Since: x.StartedAt.Value()}); x.Status == fleet.Upgrading || x.Unresolved {
			if x.Overdue {
				f.Late = standing.Overdue
			}
			v.InFlight = append(v.InFlight,
				report.Flight{Vault: x.Vault, Wave: x.Wave, Status: x.Status, StartedAt: x.StartedAt,
					Foreign: x.Foreign, Is: f})
		}
		v.Totals[x.Status]++
		v.Subscriptions[i%len(subscriptions)].Totals[x.Status]++
		for w := range waves {
			if waves[w] == x.Wave {
				v.Waves[w].Totals[x.Status]++
			}
		}
	}
	return tasked(v)
}

// tasked gives a view that was made by hand the tasks that its vaults want, and its run.
func tasked(v *report.View) *report.View {
	p := &plan.Plan{Kind: v.Run.Kind, Inventory: report.ValueOf(v.Run.Inventory), Waves: []plan.Wave{{Name: "all"}}}
	for i := range v.Vaults {
		x := plan.Vault{Vault: fleet.Vault{SubscriptionID: v.Vaults[i].SubscriptionID,
			SubscriptionName: v.Vaults[i].SubscriptionName, Name: v.Vaults[i].Name}}
		x.Key = fleet.KeyOf(p.Kind, x.SubscriptionID, fleet.BackupVault, "", x.Name)
		p.Vaults = append(p.Vaults, x)
	}
	st := rollout.NewState(p)
	for i := range v.Vaults {
		x, s := &v.Vaults[i], &st.Vaults[i]
		s.Status, s.Final, s.Carried, s.Reason = x.Status, !x.Unresolved, x.Carried, report.ValueOf(x.Reason)
		for _, f := range x.Findings {
			s.Findings = append(s.Findings, fleet.Finding{Severity: f.Severity, Code: report.ValueOf(f.Code),
				Message: report.ValueOf(f.Message)})
		}
	}
	st.Run.OpenedAt = v.Run.StartedAt.Value()
	if v.Run.Status == report.RunFinished {
		st.Run.Closed = &fleet.RunClosed{}
	} else if s := v.Run.Suspended; s != nil {
		st.Run.Suspended = &fleet.RunSuspended{Why: s.Why}
	}
	v.Tasks = standing.Tasks(st, standing.TaskOptions{Now: v.Run.GeneratedAt.Value(), Vaults: standing.EveryVault(st)})
	return v
}

// infect gives some vaults another fate than upgraded.
func infect(x *report.Vault, i, n int) {
	notStarted := func() {
		x.OperationID, x.StartedAt, x.EndedAt, x.UpgradedResourceID, x.Attempt = nil, nil, nil, nil, 0
	}
	switch i {
	case 3, 11:
		x.Status, x.UpgradedResourceID = fleet.Failed, nil
		x.RequestIDs = []string{"req-7751"}
		x.Findings = []report.Finding{problem("UpgradeInternalError", "The policies could not be moved.",
			"send the support message")}
	case 7:
		x.Name, x.Vault = hostileName, x.SubscriptionName+"/"+hostileName
		x.Status, x.UpgradedResourceID, x.Reason = fleet.Failed, nil, ptr(hostileReason)
		x.Labels = map[string]string{"<b>": hostileReason}
		x.Findings = []report.Finding{problem(`"><svg onload=alert(1)>`, hostileReason, hostileName, hostileName,
			hostileReason)}
	case 13:
		x.Status, x.UpgradedResourceID = fleet.Unknown, nil
		x.Reason = ptr("the answer was lost")
		x.LastReading = &report.LastReading{At: after(5*time.Hour + 30*time.Minute),
			What:    "no operation is under way on the vault, and it is not as wanted",
			Differs: []string{"alertsForCriticalOperations is Enabled, wanted Disabled"},
			Poll:    ptr("HTTP 204 with an empty body"), Action: ptr("look at its activity log")}
		for i := range 2 {
			x.Reads = append(x.Reads, report.Read{At: *after(time.Duration(5*60+14+15*i) * time.Minute),
				Reading: fleet.ReadAbsent, Detail: ptr("the vault is there without our operation")})
		}
	case 15:
		x.Status, x.UpgradedResourceID, x.EndedAt, x.Unresolved = fleet.Unknown, nil, nil, true
		x.LastReading = &report.LastReading{At: after(5 * time.Hour), What: hostileReason,
			Differs: []string{hostileName}, Poll: ptr(hostileReason), Action: ptr(hostileName)}
	case 17:
		x.Status, x.UpgradedResourceID, x.EndedAt, x.Foreign = fleet.Upgrading, nil, nil, true
	case 19:
		notStarted()
		x.Status = fleet.Already
	}
	if i > 19 && i%9 == 0 {
		notStarted()
		x.Status = fleet.Blocked
		x.Findings = []report.Finding{problem("AgentTooOld", "Machines have an agent older than 2.0.9070.0",
			"update the agent on each machine, then validate again",
			"MACHINE"+fleet.ItemDot+"AGENT",
			fmt.Sprintf("srv-%04d.contoso.example 2.0.8500.0", i),
			fmt.Sprintf("srv-%04d.contoso.example 2.0.8000.0", i+1))}
		if i%27 == 0 {
			x.Findings = append(x.Findings,
				problem(fleet.CodeGroupMissing, "resource group rg-vaults does not exist",
					"create it, or correct targetResourceGroup"))
		}
	}
	if i > 19 && i%31 == 1 {
		notStarted()
		x.Status, x.Reason = fleet.Busy, ptr("a registration is under way")
	}
	if i > n-6 {
		notStarted()
		x.Status, x.Reason = fleet.Deferred, ptr("the run was stopped before it could start")
	} else if i > n-12 && x.Status == fleet.Upgraded {
		x.Status, x.UpgradedResourceID, x.EndedAt, x.StartedAt = fleet.Upgrading, nil, nil,
			after(7*time.Hour+40*time.Minute)
		x.Overdue = i%2 == 0
	}
	if i == 21 {
		notStarted()
		x.Status, x.Reason = fleet.Excluded, ptr("legal freeze until Monday")
	}
}
