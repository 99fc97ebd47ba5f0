package inventory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// TestManyVaultsLackOneThing: up to five vaults without a value are told one by one,
// more of them together, so that one mistake in the defaults is one message.
func TestManyVaultsLackOneThing(t *testing.T) {
	t.Parallel()
	for vaults, want := range map[int]string{
		1: `f.yaml:8:9: vault "prod/v1" has no location; add location here, or to defaults for all`,
		2: `f.yaml:8:9: vault "prod/v1" has no location; add location here, or to defaults for all
f.yaml:9:9: vault "prod/v2" has no location; add location here, or to defaults for all`,
		1000: `f.yaml:8:9: 1000 vaults have no location: vault "prod/v1" at f.yaml:8:9, vault "prod/v2" at f.yaml:9:9, ` +
			`vault "prod/v3" at f.yaml:10:9, vault "prod/v4" at f.yaml:11:9, vault "prod/v5" at f.yaml:12:9 and 995 more; ` +
			`add location to defaults, or to each`,
	} {
		var text strings.Builder
		text.WriteString("apiVersion: fleetup/v1\ncloud: AzurePublic\ndefaults: {resourceType: BackupVault, " +
			"targetResourceGroup: rg}\nsubscriptions:\n  - id: 11111111-1111-4111-8111-111111111111\n" +
			"    name: prod\n    vaults:\n")
		for i := range vaults {
			fmt.Fprintf(&text, "      - {name: v%d}\n", i+1)
		}
		if _, err := inventory.Parse("f.yaml", []byte(text.String()), now); err == nil || err.Error() != want {
			t.Errorf("%d vaults give\n%v\nwant\n%s", vaults, err, want)
		}
	}
}
