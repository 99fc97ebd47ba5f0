package plan

import (
	"errors"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestParseSelector(t *testing.T) {
	t.Parallel()
	v := &fleet.Vault{SubscriptionName: "contoso-prod", SubscriptionID: "53a3c692-5283-4f0a-baf6-49412f5ebefe",
		Location:     "Australia East",
		ResourceType: fleet.BackupVault, Labels: map[string]string{"env": "prod", "team": "payments", "empty": ""}}
	for text, want := range map[string]bool{
		"env=prod": true, "env==prod": true, " env = prod ": true, "env=dev": false, "env!=dev": true,
		"env!=prod":               false,
		"env=prod,team!=payments": false, "env=prod, team=payments": true, "team in (a, payments)": true,
		"team in (a,b)":    false,
		"team notin (a,b)": true, "team not in (payments)": false, "team": true, "owner": false, "!owner": true,
		"! team":   false,
		"owner!=x": true, "owner notin (x)": true, "empty=": true, "team in (payments),!owner,env": true,
		"subscription=Contoso-Prod": true, "location=australiaeast": true, "location=Australia East": true,
		"location in (West US, Australia East)": true,
		"resourceType=BackupVault":              true, "resourceType=backupvault": true,
		"resourceType!=BACKUPVAULT": false, "resourceType=Microsoft.KeyVault/Vaults": false,
		"subscription=53A3C692-5283-4F0A-BAF6-49412F5EBEFE": true,
	} {
		s, err := ParseSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := s.Picks(v); got != want {
			t.Errorf("%q picks it: %v", text, got)
		}
	}
}

func TestParseSelectorMistakes(t *testing.T) {
	t.Parallel()
	for text, column := range map[string]int{
		"": 1, ",": 1, "env=prod,": 10, "env=prod,,a": 10, "=prod": 1, "!=x": 1, "a b": 1, "team in a": 1,
		"team in (a": 9, "team in a)": 10,
		"team in ((a))": 10, "team in ()": 9, "team like (a)": 6, "größe=1,(a)": 9, "resourceType=Vault": 1,
		"a in (b) c": 1, "a>1": 1,
	} {
		_, err := ParseSelector(text)
		e, ok := errors.AsType[*SelectorError](err)
		if !ok || e.Column != column {
			t.Errorf("%q: %v, want a mistake at %d", text, err, column)
		}
	}
}
