package fleet

import "testing"

func TestConsent(t *testing.T) {
	t.Parallel()
	warning := Finding{Severity: SeverityWarning, Category: "Billing", Code: "BillingModelChange",
		Message: "The billing model will change."}
	failed := warning
	failed.Severity = SeverityError
	info := warning
	info.Severity = SeverityInfo
	for name, c := range map[string]struct {
		vault   Vault
		finding Finding
		want    bool
	}{
		"none":                     {Vault{}, warning, false},
		"all":                      {Vault{AcceptWarnings: true}, warning, true},
		"all is not errors":        {Vault{AcceptWarnings: true}, failed, false},
		"code":                     {Vault{Consents: []Consent{{Code: "billingmodelchange"}}}, warning, true},
		"another code":             {Vault{Consents: []Consent{{Code: "Billing"}}}, warning, false},
		"category":                 {Vault{Consents: []Consent{{Category: "billing"}}}, warning, true},
		"a part":                   {Vault{Consents: []Consent{{Contains: "Model will"}}}, warning, true},
		"no part":                  {Vault{Consents: []Consent{{Contains: "model won't"}}}, warning, false},
		"all that is given":        {Vault{Consents: []Consent{{Category: "Billing", Contains: "x"}}}, warning, false},
		"the second of two":        {Vault{Consents: []Consent{{Code: "x"}, {Category: "Billing"}}}, warning, true},
		"an error is not accepted": {Vault{Consents: []Consent{{Category: "Billing"}}}, failed, false},
		"an info needs none":       {Vault{Consents: []Consent{{Category: "Billing"}}}, info, false},
		"seen before": {Vault{AcceptWarnings: true, Checked: true,
			ShownWarnings: []string{"Billing/BillingModelChange"}}, warning, true},
		"not seen before": {Vault{AcceptWarnings: true, Checked: true,
			ShownWarnings: []string{"Billing/Other"}}, warning, false},
		"seen in another category": {Vault{AcceptWarnings: true, Checked: true,
			ShownWarnings: []string{"Storage/BillingModelChange"}}, warning, false},
		"a consent to nothing": {Vault{Consents: []Consent{{Reason: "x"}}}, warning, false},
	} {
		if got := c.vault.Accepts(c.finding); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
