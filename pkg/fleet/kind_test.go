package fleet

import (
	"encoding/json"
	"testing"
)

// TestRequestOf: what a plan shows of a vault's request is what is sent: encoded
// as a path, and as the body's own language.
func TestRequestOf(t *testing.T) {
	t.Parallel()
	today := &Vault{SubscriptionID: "53a3c692-5283-4f0a-baf6-49412f5ebefe", Name: "a b", ResourceGroup: "rg(1)",
		ResourceType: RecoveryServicesVault,
		Restore:      json.RawMessage(`{"was":1}`)}
	classic := &Vault{SubscriptionID: "53a3c692-5283-4f0a-baf6-49412f5ebefe", Name: `R&D "1"`,
		ResourceType: BackupVault, TargetResourceGroup: "rg"}
	const id = "/subscriptions/53a3c692-5283-4f0a-baf6-49412f5ebefe/resourceGroups/"
	for _, x := range []struct {
		what              string
		vault             *Vault
		path, body        string
		wantPath, wantOut string
	}{
		{"one body for all", today, "{vault}?api-version=1", `{"a":"{target}"}`,
			id + "rg%281%29/providers/Microsoft.RecoveryServices/vaults/a%20b?api-version=1", `{"a":"{target}"}`},
		{"what was recorded", today, "{vault}", PlaceholderRestore,
			id + "rg%281%29/providers/Microsoft.RecoveryServices/vaults/a%20b", `{"was":1}`},
		{"nothing recorded", classic, "", PlaceholderRestore, "", ""},
		{"a classic one", classic, "/{subscription}/x/{cloudService}/~/{type}/{name}", `"<P a=\"1\">{target}</P>"`,
			"/53a3c692-5283-4f0a-baf6-49412f5ebefe/x/{cloudService}/~/BackupVault/R&D%20%221%22",
			`"<P a=\"1\">` + id + `rg/providers/Microsoft.RecoveryServices/Vaults/R&amp;D &#34;1&#34;</P>"`},
	} {
		got := Request{Method: "PUT", Path: x.path, Body: json.RawMessage(x.body)}.Of(x.vault)
		if got.Path != x.wantPath || string(got.Body) != x.wantOut || got.Method != "PUT" {
			t.Errorf("%s: %s %s, want %s %s", x.what, got.Path, got.Body, x.wantPath, x.wantOut)
		}
	}
}
