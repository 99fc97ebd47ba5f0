package emulator

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const dpVersion = "2026-06-01"

func softDelete(state string) string {
	return `{"properties":{"securitySettings":{"softDeleteSettings":{"state":"` + state + `","retentionDurationInDays":14.0}}}}`
}

// TestBackupVault: a Backup vault speaks as it was recorded: whole days with their decimal, no version, an operation
// with times and a word of its own, and a refusal to turn off what is on for ever (resource-manager.md#backup-vaults).
func TestBackupVault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := Resource{SubscriptionID: prod, SubscriptionName: "contoso-prod", ResourceGroup: "rg-backup",
			Type: "Microsoft.DataProtection/backupVaults", Name: "bv-1", Location: "westeurope"}
		c, err := New(Config{Resources: []Resource{v}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		cl := inMemory(t, c)
		patch := func(body string) answer {
			return cl.do(context.Background(), "PATCH", pathOf(v)+"?api-version="+dpVersion, body, jsonHeader())
		}
		read := func(words ...string) {
			t.Helper()
			a := cl.arm(pathOf(v), dpVersion)
			wantStatus(t, a, 200, words...)
			for _, none := range []string{`"etag"`, `"sku"`, `"systemData"`} {
				if strings.Contains(a.body, none) {
					t.Errorf("it shows %s: %s", none, a.body)
				}
			}
		}
		read(`"softDeleteSettings":{"retentionDurationInDays":14.0,"state":"On"}`)
		for _, refused := range []string{
			`{"properties":{"securitySettings":{"softDeleteSettings":{"state":"AlwaysON"}}}}`,
			`{"properties":{"securitySettings":{"softDeleteSettings":{"retentionDurationInDays":13}}}}`,
			`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Unlocked","configuration":{"type":"AsPerPolicy"}}}}}`,
			`{"properties":{"monitoringSettings":{"classicAlertSettings":{}}}}`,
		} {
			wantStatus(t, patch(refused), 400, "InvalidRequestContent")
		}
		started := patch(softDelete("AlwaysOn"))
		wantStatus(t, started, 202)
		if got := started.header.Get("Retry-After"); got != "10" {
			t.Errorf("Retry-After is %q", got)
		}
		wantStatus(t, cl.follow(started, "Azure-AsyncOperation"), 200, `"status":"Inprogress"`,
			`"endTime":"0001-01-01T00:00:00Z"`)
		time.Sleep(time.Hour)
		wantStatus(t, cl.follow(started, "Azure-AsyncOperation"), 200, `"status":"Succeeded"`, `"startTime"`)
		read(`"retentionDurationInDays":14.0,"state":"AlwaysOn"`)
		wantStatus(t, patch(softDelete("Off")), 400, "UserErrorDisableSoftDeleteNotAllowed",
			"Cannot disable soft delete once set to AlwaysOn")
		wantStatus(t, patch(`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Locked"}}}}`), 400,
			"UserErrorUnsupportedVaultImmutabilityStateChange")
	})
}
