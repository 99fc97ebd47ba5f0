package inventory_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// TestLoneCarriageReturnEndsALine: a comment's line too (YAML 1.2.2, 5.4 Line Break
// Characters), though many editors show what stands behind one as a part of the comment. A
// hold or a budget that was taken for words of a comment would be none.
func TestLoneCarriageReturnEndsALine(t *testing.T) {
	t.Parallel()
	vault := minimal[:strings.Index(minimal, "      - {")] + "      - name: a\n        location: West US\n" +
		"        resourceType: BackupVault\n        targetResourceGroup: rg\n"
	held := func(p *plan.Plan) bool { return p.Vaults[0].Hold != nil && p.Vaults[0].Hold.Reason == "legal freeze" }
	none := func(p *plan.Plan) bool { return p.FailureBudget == plan.Budget{Unit: plan.UnitCount} }
	for _, c := range []struct {
		text string
		is   func(*plan.Plan) bool
		says string // that it is refused for
	}{
		{text: vault + "        # on hold:\r        hold: legal freeze\n", is: held},
		{text: vault + "        # on hold:\r        hold: legal freeze\r", is: held},
		{text: vault + "# budget\rfailureBudget: 0\n", is: none},
		{text: minimal + "# budget\rfailureBudget: 0\n", is: none},
		{text: "# budget\rfailureBudget: 0\n" + vault, is: none},
		{text: "cloud: Emulator # budget\rfailureBudget: 0\n" + strings.Replace(vault, "cloud: AzurePublic\n", "", 1),
			is: none},
		{text: vault + "        # on hold:\r        holds: legal freeze\n", says: `unknown key "holds"`},
		{text: vault + "# budget\rfailureBudgets: 0\n", says: `unknown key "failureBudgets"`},
		{text: minimal + "# budget\rfailureBudgets: 0\n", says: `unknown key "failureBudgets"`},
	} {
		path := filepath.Join(t.TempDir(), "fleet.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		switch p, err := inventory.Load(path, now); {
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%q: %v; want %s", c.text, err, c.says)
		case c.says == "" && (err != nil || !c.is(p)):
			t.Errorf("%q is read otherwise, %v", c.text, err)
		}
	}
}
