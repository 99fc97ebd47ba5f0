package alertrules

import "testing"

// A rule is about what its scope names and whatever is below that, and about nothing
// else: not where the scope is none, nor where it is the beginning of another name.
func TestWithin(t *testing.T) {
	t.Parallel()
	const id = "/subscriptions/S/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/Vault1"
	for scope, want := range map[string]bool{
		id: true, id + "/": true, "/SUBSCRIPTIONS/s": true, "/subscriptions/s/resourcegroups/RG/": true,
		"": false, "/": false, id[:len(id)-1]: false, "/subscriptions/S/resourceGroups/r": false,
		id + "/backupPolicies/p": false,
	} {
		if got := within(id, scope); got != want {
			t.Errorf("in scope %q: %v", scope, got)
		}
	}
}
