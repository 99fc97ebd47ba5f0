package fleet

import (
	"strings"
	"testing"
)

const guid = "53a3c692-5283-4f0a-baf6-49412f5ebefe"

func TestNormalizeGUID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in string
		ok bool
	}{
		{guid, true},
		{strings.ToUpper(guid), true},
		{"{" + guid + "}", true},
		{"{" + guid, false},
		{guid + "}", false},
		{"{{" + guid + "}}", false},
		{" " + guid, false},
		{guid + "\n", false},
		{strings.ReplaceAll(guid, "-", ""), false},
		{"53a3c692-5283-4f0a-baf6-49412f5ebef", false},
		{"53a3c692-5283-4f0a-baf6-49412f5ebefg", false},
		{"", false},
		{"{}", false},
		{"{", false},
	} {
		got, err := NormalizeGUID(c.in)
		switch {
		case c.ok && (err != nil || got != guid):
			t.Errorf("%q: %q, %v", c.in, got, err)
		case !c.ok && (err == nil || !strings.Contains(err.Error(), "GUID")):
			t.Errorf("%q is taken for a GUID, or not explained: %q, %v", c.in, got, err)
		}
	}
}

func TestNormalizeLocation(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"Australia East", "australiaeast", " AUSTRALIA  east\t"} {
		if got := NormalizeLocation(s); got != "australiaeast" {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

// TestKeyOf: one vault has one key however it is spelt, and no two vaults
// share one.
func TestKeyOf(t *testing.T) {
	t.Parallel()
	want := Key("classic/" + guid + "/backupvault/australiaeast/testvault")
	for _, k := range []Key{
		KeyOf(KindClassic, guid, BackupVault, "Australia East", "TestVault"),
		KeyOf(KindClassic, "{"+strings.ToUpper(guid)+"}", "BACKUPVAULT", "australiaeast", "testvault"),
	} {
		if k != want {
			t.Errorf("got %s, want %s", k, want)
		}
	}
	different := map[Key]string{}
	for what, k := range map[string]Key{
		"the vault":         want,
		"another type":      KeyOf(KindClassic, guid, SiteRecoveryVault, "Australia East", "TestVault"),
		"another location":  KeyOf(KindClassic, guid, BackupVault, "Australia South", "TestVault"),
		"another name":      KeyOf(KindClassic, guid, BackupVault, "Australia East", "TestVault2"),
		"another kind":      KeyOf("modern", guid, BackupVault, "Australia East", "TestVault"),
		"a name and slash":  KeyOf(KindClassic, guid, BackupVault, "a", "b/c"),
		"a location of two": KeyOf(KindClassic, guid, BackupVault, "a/b", "c"),
		"a subscription":    KeyOf(KindClassic, "not-a-guid", BackupVault, "a", "c"),
		"an escaped name":   KeyOf(KindClassic, guid, BackupVault, "a", "b%2fc"),
	} {
		if other, taken := different[k]; taken {
			t.Errorf("%s and %s share the key %s", what, other, k)
		}
		if n := strings.Count(string(k), "/"); n != 4 {
			t.Errorf("%s: key %s has %d slashes", what, k, n)
		}
		different[k] = what
	}
}

func TestVaultPaths(t *testing.T) {
	t.Parallel()
	v := &Vault{SubscriptionID: guid, SubscriptionName: "contoso-prod", Name: "TestVault",
		TargetResourceGroup: "ContosoRG"}
	if got := v.Ref(); got != "contoso-prod/TestVault" {
		t.Errorf("Ref is %s", got)
	}
	// classic-service.md#the-three-calls, NewResourcePath.
	want := "/subscriptions/" + guid + "/resourceGroups/ContosoRG/providers/Microsoft.RecoveryServices/Vaults/TestVault"
	if got := v.TargetPath(); got != want {
		t.Errorf("TargetPath is %s, want %s", got, want)
	}
}

// TestKnownClouds holds the endpoints of classic-service.md#endpoints-and-headers.
func TestKnownClouds(t *testing.T) {
	t.Parallel()
	for name, ends := range map[CloudName][2]string{
		AzurePublic:     {"https://management.core.windows.net", "https://management.azure.com"},
		AzureGovernment: {"https://management.core.usgovcloudapi.net", "https://management.usgovcloudapi.net"},
		AzureChina:      {"https://management.core.chinacloudapi.cn", "https://management.chinacloudapi.cn"},
		Emulator:        {},
	} {
		c, ok := KnownCloud(name)
		if !ok || c != (Cloud{name, ends[0], ends[1]}) {
			t.Errorf("%s is %+v, %t", name, c, ok)
		}
	}
	for _, name := range []CloudName{"", "azurepublic", CustomCloud} {
		if c, ok := KnownCloud(name); ok {
			t.Errorf("%q is known as %+v", name, c)
		}
	}
}
