package report_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// bigNight is a night of n vaults in which one in a hundred fails, one in ten
// is blocked by two machines and the rest is upgraded.
func bigNight(b *testing.B, n int) (*rollout.State, *report.TimelineBuilder) {
	b.Helper()
	p := &plan.Plan{Timings: plan.DefaultTimings(), Limits: plan.DefaultLimits(), Fingerprint: "f",
		FailureBudget: plan.Budget{Unit: plan.UnitCount, Count: n},
		Waves:         []plan.Wave{{Name: "canary"}, {Name: "rest"}}}
	for i := range n {
		v := plan.Vault{Wave: min(i/5, 1)}
		v.Kind, v.ResourceType, v.Location = fleet.KindClassic, fleet.BackupVault, "Australia East"
		v.SubscriptionID = fmt.Sprintf("53a3c692-5283-4f0a-baf6-%012d", i%50)
		v.SubscriptionName, v.Name, v.TargetResourceGroup = fmt.Sprintf("customer-%02d", i%50),
			fmt.Sprintf("vault-%06d", i), "rg-vaults"
		v.Labels = map[string]string{"env": "prod"}
		v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
		p.Vaults = append(p.Vaults, v)
		p.Waves[v.Wave].Vaults = append(p.Waves[v.Wave].Vaults, i)
	}
	st, told := rollout.NewState(p), report.NewTimelineBuilder()
	fact := func(at time.Time, f fleet.Fact) {
		e := fleet.Event{At: at, Fact: f}
		if err := st.Apply(e); err != nil {
			b.Fatal(err)
		}
		told.Add(st, e)
	}
	fact(reporttest.T0, fleet.RunOpened{RunID: "r", PlanFingerprint: "f"})
	for i := range p.Vaults {
		k, op, now := p.Vaults[i].Key, fmt.Sprintf("4cc27b8b-0000-4000-8000-%012d-2026-03-16 11:02:00Z-P", i),
			reporttest.T0.Add(time.Duration(i)*time.Second)
		if i%10 == 5 {
			f := reporttest.OldAgent
			f.Items = []string{fmt.Sprintf("srv-%d · 2.0.8000.0", i), fmt.Sprintf("srv-%d · 2.0.8500.0", i+1)}
			fact(now, fleet.Validated{Vault: k, Verdict: fleet.VerdictBlocked, Findings: []fleet.Finding{f}})
			continue
		}
		fact(now, fleet.Validated{Vault: k, Verdict: fleet.VerdictReady})
		fact(now, fleet.StartIntended{Vault: k, OperationID: op, Attempt: 1})
		fact(now, fleet.StartAnswered{Vault: k, OperationID: op,
			Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, RequestID: "r"}})
		r := &fleet.Record{OperationID: op, State: fleet.RecordUpgraded, EndedAt: now.Add(20 * time.Minute)}
		if i%100 == 7 {
			r.State, r.Message = fleet.RecordFailed, "The policies could not be moved."
		}
		fact(now.Add(20*time.Minute), fleet.Observed{Vault: k, OperationID: op, Record: r})
		if r.State == fleet.RecordUpgraded {
			fact(now.Add(20*time.Minute),
				fleet.Verified{Vault: k, OperationID: op, ResourceID: p.Vaults[i].TargetPath()})
		}
	}
	return st, told
}

// BenchmarkReport makes the whole report of a state, as the command does but
// for reading the ledger.
func BenchmarkReport(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		st, told := bigNight(b, n)
		for _, f := range layout.RunFormats() {
			if n > 10_000 && (f == layout.FormatTable || f == layout.FormatMarkdown) {
				continue // pages are for people
			}
			b.Run(fmt.Sprintf("%s/%d", f, n), func(b *testing.B) {
				for b.Loop() {
					v := report.FromState(st, report.ViewOptions{Now: reporttest.T0, Timeline: told})
					if err := report.Report(io.Discard, v, report.Options{Format: f, Width: 100}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkQuery asks the JSON of a big fleet.
func BenchmarkQuery(b *testing.B) {
	st, told := bigNight(b, 10_000)
	q, err := report.ParseQuery("vaults[?status=='failed'].vault | length(@)")
	if err != nil {
		b.Fatal(err)
	}
	v := report.FromState(st, report.ViewOptions{Now: reporttest.T0, Timeline: told})
	for b.Loop() {
		var document bytes.Buffer
		if err := report.Report(&document, v, report.Options{Format: layout.FormatJSON}); err != nil {
			b.Fatal(err)
		}
		if err := q.Write(io.Discard, document.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
