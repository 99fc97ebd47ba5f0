package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An inventory for a cloud that is another machine cannot ask for a proof of absence
// that proves nothing.
func TestTimingsThatProveNothing(t *testing.T) {
	t.Parallel()
	const custom = "{resourceManager: %q, serviceManagement: %q}"
	for cloud, far := range map[string]bool{"AzurePublic": true, "AzureChina": true, "Emulator": false,
		fmt.Sprintf(custom, "https://arm.example", "https://asm.example"): true,
		fmt.Sprintf(custom, "http://127.0.0.1:9", "http://127.0.0.1:9"):   false} {
		for timing, short := range map[string]bool{"startTimeout: 9s": true, "startTimeout: 10s": false,
			"reconcileGrace: 29s": true, "reconcileGrace: 30s": false,
			"startTimeout: 1ms": true, "poll: 1s": false} {
			path := filepath.Join(t.TempDir(), "fleet.yaml")
			text := "apiVersion: fleetup/v1\ncloud: " + cloud +
				"\ndefaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: " +
				"rg}\ntimings: {" + timing + "}\nwaves: [{name: all}]\n" +
				"subscriptions:\n  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, name: dev, vaults: [{name: web}]}\n"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path, time.Now())
			said := err != nil && strings.Contains(err.Error(), "must be at least")
			if said != (far && short) {
				t.Errorf("%s with %s: %v", cloud, timing, err)
			}
		}
	}
}

// TestOverdueIsChosen: who writes the usual value has chosen it all the same.
func TestOverdueIsChosen(t *testing.T) {
	t.Parallel()
	for timing, usual := range map[string]bool{"poll: 1s": true, "overdue: 99m": false, "overdue: 100m": false,
		"overdue: 1h40m": false} {
		p, err := Parse("fleet.yaml", []byte("apiVersion: fleetup/v1\ncloud: Emulator\ntimings: {"+timing+"}\n"+
			"defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg}\n"+
			"subscriptions:\n  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, name: dev, vaults: [{name: web}]}\n"),
			time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Timings.UsualOverdue(); got != usual {
			t.Errorf("with %s nobody chose it: %t", timing, got)
		}
	}
}
