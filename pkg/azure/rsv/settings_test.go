package rsv

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/privatelink"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestSoftDeleteOutAndBack: with the days that the vault has, and nothing else of it.
func TestSoftDeleteOutAndBack(t *testing.T) {
	t.Parallel()
	const off = `{"provisioningState":"Succeeded","securitySettings":{"softDeleteSettings":{"enhancedSecurityState":"Enabled","softDeleteRetentionPeriodInDays":30,"softDeleteState":"Disabled"}}}`
	f := newFake(t, off)
	s := SoftDelete()
	out, back := s.Change(), s.Back()
	before := changed(t, f.upgrader(out), testVault(out))
	v := testVault(back)
	var err error
	if v.Restore, err = back.Spec.Restore(before); err != nil {
		t.Fatal(err)
	}
	changed(t, f.upgrader(back), v)
	want := func(state string) string {
		return `{"properties":{"securitySettings":{"softDeleteSettings":{"softDeleteRetentionPeriodInDays":30,"softDeleteState":"` +
			state + `"}}}}`
	}
	if got := f.bodies(); len(got) != 2 || got[0] != want("Enabled") || got[1] != want("Disabled") ||
		f.properties != off {
		t.Errorf("sent %q; now it has %s", got, f.properties)
	}
}

// TestSoftDeleteThatIsMore: what is on for ever is left alone, there and back.
func TestSoftDeleteThatIsMore(t *testing.T) {
	t.Parallel()
	f := newFake(t, `{"provisioningState":"Succeeded","securitySettings":{"softDeleteSettings":{"softDeleteState":"AlwaysON"}}}`)
	s := SoftDelete()
	out, back := s.Change(), s.Back()
	val, _ := checked(t, f.upgrader(out), testVault(out))
	if val.Verdict != fleet.VerdictAlready ||
		!strings.Contains(val.Findings[0].Message, "AlwaysON, which is more than Enabled") {
		t.Errorf("%+v", val)
	}
	v := testVault(back)
	v.Restore = json.RawMessage(`{"properties":{"securitySettings":{"softDeleteSettings":{"softDeleteState":"Disabled"}}}}`)
	val, _ = checked(t, f.upgrader(back), v)
	if val.Verdict != fleet.VerdictBlocked ||
		val.Findings[0].Message != "soft delete is AlwaysON, and only Enabled can be taken back" {
		t.Errorf("%+v", val)
	}
	if n := len(f.bodies()); n > 0 {
		t.Errorf("%d PATCHes were sent", n)
	}
}

// TestPublicAccessNeedsConsent: a vault that private endpoints serve altogether is ready; of any other it is said what
// is cut off, and it waits for a consent.
func TestPublicAccessNeedsConsent(t *testing.T) {
	t.Parallel()
	s := PublicAccess()
	c := s.Change()
	for groups, cut := range map[string]string{
		`"AzureBackup","AzureSiteRecovery"`: "",
		`"AzureBackup"`:                     "its replication (Site Recovery)",
		`"AzureSiteRecovery"`:               "its backups",
		``:                                  "its backups and its replication (Site Recovery)",
	} {
		f := newFake(t, `{"provisioningState":"Succeeded","publicNetworkAccess":"Enabled","privateEndpointConnections":[{"properties":`+
			`{"groupIds":[`+groups+`],"privateLinkServiceConnectionState":{"status":"Approved"}}}]}`)
		v := testVault(c)
		val, _ := checked(t, f.upgrader(c), v)
		if cut == "" {
			if val.Verdict != fleet.VerdictReady || len(val.Findings) > 0 {
				t.Errorf("%s: %+v", groups, val)
			}
			continue
		}
		if val.Verdict != fleet.VerdictBlocked || val.Findings[0].Code != privatelink.CodeNone ||
			!strings.Contains(val.Findings[0].Message, "no approved private endpoint serves "+cut+":") {
			t.Errorf("%s: %+v", groups, val)
		}
		v.AcceptWarnings = true
		if val, _ := checked(t, f.upgrader(c), v); val.Verdict != fleet.VerdictReady {
			t.Errorf("%s with consent: %+v", groups, val)
		}
	}
}
