package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

var keep = flag.String("keep", "", "leave the ledger of BenchmarkBigLedger, with its inventory, in this `folder`")

// bigInventory is an inventory of n vaults in n/250 subscriptions, in two waves.
func bigInventory(n int) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: fleetup/v1\ncloud: Emulator\nfailureBudget: 1%\n" +
		"defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg-vaults}\n" +
		"waves: [{name: canary, size: 50}, {name: rest}]\nsubscriptions:\n")
	for i := range n {
		if i%250 == 0 {
			fmt.Fprintf(&b, "  - id: 00000000-0000-4000-8000-%012d\n    name: sub-%03d\n    vaults:\n", i/250, i/250)
		}
		fmt.Fprintf(&b, "      - {name: vault-%06d}\n", i)
	}
	return b.Bytes()
}

// makeBigLedger writes the ledger of a run that has upgraded n vaults, each with the
// eight facts that a vault may well have: nobody waits for such a run to be measured.
func makeBigLedger(b *testing.B, dir string, n int) (ledger, inventory string) {
	b.Helper()
	ledger, inventory = filepath.Join(dir, "fleet.db"), filepath.Join(dir, "fleet.yaml")
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	must(os.WriteFile(inventory, bigInventory(n), 0o600))
	loaded, err := session.Load(inventory, false)
	must(err)
	p := loaded.Plan
	data, err := plan.Encode(p)
	must(err)
	lock, err := state.Acquire(ledger, state.Holder{Host: "bench"})
	must(err)
	defer lock.Close()
	l, err := state.Open(lock, state.Binding{Cloud: session.CloudIdentity(p.Cloud), Version: versionString()})
	must(err)
	defer l.Close()
	t0 := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	run := journal.Begin(p)
	opened := fleet.Event{At: t0, Fact: fleet.RunOpened{RunID: "20260316-110000-bench",
		PlanFingerprint: p.Fingerprint}}
	must(l.Begin(data, []fleet.Event{opened}, nil))
	must(run.Apply(opened))
	var events []fleet.Event
	var records []fleet.VaultRecord
	commit := func() {
		must(l.Commit(events, records))
		events, records = events[:0], records[:0]
	}
	for w := range p.Waves {
		at := t0.Add(time.Duration(w) * time.Hour)
		fact := func(after time.Duration, f fleet.Fact) {
			e := fleet.Event{At: at.Add(after), Fact: f}
			must(run.Apply(e))
			events = append(events, e)
		}
		fact(0, fleet.WaveOpened{Wave: p.Waves[w].Name})
		for turn, i := range p.Waves[w].Vaults {
			v := &p.Vaults[i]
			op := fmt.Sprintf("4cc27b8b-0000-4000-8000-%012d-2026-03-16 11:02:00Z-P", i)
			at = t0.Add(time.Duration(w)*time.Hour + time.Duration(turn)*time.Second)
			seen := func(s fleet.UpgradeState, message string, end time.Duration) fleet.Observed {
				r := fleet.Record{OperationID: op, State: s, Message: message, StartedAt: at}
				if end > 0 {
					r.EndedAt = at.Add(end)
				}
				return fleet.Observed{Vault: v.Key, OperationID: op, Record: &r}
			}
			took := time.Duration(15+i%40) * time.Minute
			fact(0, fleet.Validated{Vault: v.Key, Verdict: fleet.VerdictReady, RequestIDs: []string{op[:36]}})
			fact(0, fleet.StartWaits{Vault: v.Key, Reason: "the service is busy"})
			fact(0, fleet.StartIntended{Vault: v.Key, OperationID: op, Attempt: 1})
			fact(0, fleet.StartAnswered{Vault: v.Key, OperationID: op,
				Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, RequestID: op[:36]}})
			fact(time.Minute, seen(fleet.RecordInProgress, "", 0))
			fact(took/2, seen(fleet.RecordInProgress, "half-way", 0))
			fact(took, seen(fleet.RecordUpgraded, "", took))
			fact(took, fleet.Verified{Vault: v.Key, OperationID: op, ResourceID: v.TargetPath()})
			records = append(records, run.State.Record(i))
			if len(events) >= 4000 {
				commit()
			}
		}
		fact(2*time.Hour, fleet.WaveDone{Wave: p.Waves[w].Name})
		commit()
	}
	return ledger, inventory
}

// BenchmarkBigLedger has the commands read the ledger of a run of 100,000 vaults and
// 800,000 facts. What they take of memory, a process of its own tells: leave the ledger
// behind with -keep.
func BenchmarkBigLedger(b *testing.B) {
	dir := *keep
	if dir == "" {
		dir = b.TempDir()
	}
	ledger, inventory := makeBigLedger(b, dir, 100_000)
	info, err := os.Stat(ledger)
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range []string{"status", "status --query run.waitingFor", "runs", "show sub-012/vault-003021",
		"report -o html", "report -o json", "audit verify", "plan"} {
		b.Run(strings.ReplaceAll(line, " ", "_"), func(b *testing.B) {
			args := append(append([]string{"fleetup"}, strings.Fields(line)...), "--state", ledger)
			if line == "plan" {
				args = append(args, inventory)
			}
			for b.Loop() {
				var errs bytes.Buffer
				e := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs,
					interrupt: make(chan struct{})}
				if code := e.run(args); code != fleet.ExitOK {
					b.Fatalf("exit %d: %s", code, &errs)
				}
			}
			b.ReportMetric(float64(info.Size())/100_000, "B/vault-of-ledger")
		})
	}
}
