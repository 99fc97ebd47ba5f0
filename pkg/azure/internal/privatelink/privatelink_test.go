package privatelink

import (
	"encoding/json"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
)

// TestServes: only an approved endpoint serves, and only what it says; what cannot be read serves nothing.
func TestServes(t *testing.T) {
	t.Parallel()
	one := func(status, groups string) string {
		return `[{"id":"/x","properties":{"privateLinkServiceConnectionState":{"status":"` + status + `"}` + groups + `}}]`
	}
	for _, tt := range []struct {
		has, use string
		want     bool
	}{
		{`null`, "", false}, {`[]`, "", false}, {`{}`, "", false}, {`[7]`, "", false}, {`[{}]`, "", false},
		{one("Approved", ""), "", true}, {one("approved", ""), "", true}, {one("Pending", ""), "", false},
		{one("Rejected", ""), "", false}, {one("Disconnected", ""), "", false},
		{one("Approved", ""), "AzureBackup", false},
		{one("Approved", `,"groupIds":["AzureBackup"]`), "AzureBackup", true},
		{one("Approved", `,"groupIds":["azurebackup"]`), "AzureBackup", true},
		{one("Approved", `,"groupIds":["AzureBackup_secondary"]`), "AzureBackup", false},
		{one("Pending", `,"groupIds":["AzureBackup"]`), "AzureBackup", false},
		{one("Approved", `,"groupIds":["AzureBackup"]`), "AzureSiteRecovery", false},
	} {
		if got := Serves(arm.State{Section: json.RawMessage(tt.has)}, tt.use); got != tt.want {
			t.Errorf("%s serves %q: %v", tt.has, tt.use, got)
		}
	}
}
