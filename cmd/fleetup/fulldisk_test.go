package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// a run at a gate, with a vault that failed before it.
const fleetAtGate = `apiVersion: fleetup/v1
cloud: Emulator
emulator: {scenario: fails.yaml}
defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg-vaults}
subscriptions:
  - id: 53a3c692-5283-4f0a-baf6-49412f5ebefe
    name: prod
    vaults: [{name: a}, {name: b}, {name: c}]
waves: [{name: canary, size: 2, order: inventory, approval: after}, {name: rest}]
failureBudget: 3
timings: {poll: 50ms, startTimeout: 2s, reconcileGrace: 100ms}
`

// TestFullDisk: what cannot be written is an error, unlike what nobody reads. No
// command that prints exits 0 then, and each says why.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("fails.yaml", "timeScale: 20000\nfaults: [{vault: prod/a, kind: fails}]\n")
	inventory := file("fleet.yaml", fleetAtGate)
	table := file("vaults.csv",
		"subscription,name,location,resourceType\n53a3c692-5283-4f0a-baf6-49412f5ebefe,a,Australia East,BackupVault\n")
	gated := filepath.Join(dir, "gated.db")
	if code, _, errs := try(t, "run", inventory, "--yes", "--exit-when-waiting", "--state",
		gated); code != fleet.ExitInterrupted {
		t.Fatalf("to the gate: exit %d\n%s", code, errs)
	}
	data, err := os.ReadFile(gated)
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := os.ReadFile(gated + ".emulator")
	if err != nil {
		t.Fatal(err)
	}

	// By the path of each command: arguments with which it prints. LEDGER is one
	// that stands at the gate.
	prints := map[string]string{
		"plan": inventory, "validate": inventory,
		"run":    inventory + " --yes --exit-when-waiting --state " + filepath.Join(dir, "new.db"),
		"resume": "--yes --exit-when-waiting LEDGER", "status": "LEDGER", "report": "LEDGER", "show": "prod/a LEDGER",
		"runs":  "LEDGER",
		"audit": "", "audit verify": "LEDGER", "audit export": "LEDGER", "refresh": "LEDGER",
		"approve": "--reason fine LEDGER",
		"pause":   "--reason slow LEDGER", "stop": "--close --reason withdrawn LEDGER",
		"reopen": "prod/a --reason mended LEDGER",
		"hold":   "prod/c --reason freeze LEDGER", "release": "prod/c --reason freeze LEDGER",
		"limit": "upgrades=1 --reason slow LEDGER", "note": "hello LEDGER",
		"kinds": "", "preflight": inventory, "permissions": inventory, "inventory": "", "inventory lint": inventory,
		"inventory show":   inventory + " prod/a",
		"inventory schema": "", "inventory import": table + " --cloud AzurePublic", "emulate": inventory,
		"notify": "", "notify test": "--notify slack=http://127.0.0.1:9/hook",
		"completion": "bash", "version": "", "help": "",
	}
	silent := map[string]string{
		"wait": "it prints nothing but messages", "demo": "it takes long, and prints as the others do",
		"serve":              "it prints nothing but messages",
		"init":               "it needs a cloud of today, and prints as kinds does",
		"inventory discover": "it needs a cloud of today, and prints as import does",
	}
	run := func(line string) (fleet.ExitCode, string) {
		ledger := filepath.Join(t.TempDir(), "fleet.db")
		for path, data := range map[string][]byte{ledger: data, ledger + ".emulator": cloud} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(line, "release") {
			if code, _, errs := try(t, "hold", "prod/c", "--reason", "x", "--state", ledger); code != fleet.ExitOK {
				t.Fatalf("hold: exit %d: %s", code, errs)
			}
		}
		var errs bytes.Buffer
		e := &environment{stdin: strings.NewReader(""), stdout: &pipeSafeWriter{file: full}, stderr: &errs,
			interrupt: make(chan struct{})}
		return e.run(append([]string{"fleetup"},
			strings.Fields(strings.ReplaceAll(line, "LEDGER", "--state "+ledger))...)), errs.String()
	}
	app := (&environment{}).app()
	visit(app.Commands, "", func(path string, c *cli.Command) {
		path = strings.TrimSpace(path)
		args, known := prints[path]
		if c.Hidden || silent[path] != "" {
			return
		}
		if !known {
			t.Errorf("nobody says with which arguments %q prints", path)
			return
		}
		code, errs := run(path + " " + args)
		if code == fleet.ExitOK || strings.Count(errs, "standard output cannot be written: no space left") != 1 {
			t.Errorf("%s %s: exit %d\n%s", path, args, code, errs)
		}
	})
	for _, line := range []string{"", "plan --help", "--version", "audit verify -o json LEDGER", "help plan",
		"show prod/a -o json LEDGER"} {
		if code, errs := run(line); code != fleet.ExitInternal || !strings.Contains(errs, "no space left") {
			t.Errorf("%q: exit %d\n%s", line, code, errs)
		}
	}
}
