package emulator

import (
	"context"
	"strings"
	"testing"
)

// TestConfigurationOfImmutability: what each version of the API takes beside each
// state, what a read shows of it, and that it is a mistake otherwise.
func TestConfigurationOfImmutability(t *testing.T) {
	t.Parallel()
	const newer, older, policy, thirty = "2026-05-01", "2026-02-01", `"type":"AsPerPolicy"`,
		`"type":"TimeBased","durationInDays":30`
	body := func(state, configuration string) string {
		var fields []string
		if state != "" {
			fields = append(fields, `"state":"`+state+`"`)
		}
		if configuration != "none" {
			fields = append(fields, `"configuration":{`+configuration+`}`)
		}
		return `{"properties":{"securitySettings":{"immutabilitySettings":{` + strings.Join(fields, ",") + `}}}}`
	}
	for _, tt := range []struct {
		was                           string // the configuration of an Unlocked vault
		version, state, configuration string
		status                        int
		words, becomes                string
	}{
		{policy, newer, "Unlocked", "none", 400, "configuration.type is required where the state is Unlocked", policy},
		{policy, newer, "Locked", "none", 400, `"InvalidRestApiParameter"`, policy},
		{policy, newer, "Unlocked", `"durationInDays":30`, 400, "type is required", policy},
		{policy, newer, "Unlocked", policy, 200, "", policy},
		{policy, newer, "Unlocked", thirty, 200, "", thirty},
		{thirty, newer, "Unlocked", policy, 200, "", policy},
		{thirty, newer, "", `"type":"TimeBased","durationInDays":31`, 200, "",
			`"type":"TimeBased","durationInDays":31`},
		{thirty, newer, "Locked", thirty, 200, "", thirty},
		{thirty, newer, "Disabled", "none", 200, "", "none"},
		{thirty, newer, "Disabled", policy, 400, "no place beside Disabled", thirty},
		{policy, newer, "Unlocked", `"type":"TimeBased"`, 400, "durationInDays is required", policy},
		{policy, newer, "Unlocked", policy + `,"durationInDays":30`, 400, "no place beside AsPerPolicy", policy},
		{policy, newer, "Unlocked", `"type":"TimeBased","durationInDays":29`, 400, "from 30 to 36135", policy},
		{policy, newer, "Unlocked", `"type":"Sometimes"`, 400, "AsPerPolicy, TimeBased", policy},
		{policy, older, "Locked", "none", 200, "", policy},
		{policy, older, "Disabled", "none", 200, "", "none"},
		{policy, older, "Unlocked", policy, 400, "not known in 2026-02-01; 2026-05-01 brought it", policy},
		{policy, older, "Disabled", policy, 400, "not known", policy},
	} {
		was,
			err :=
			plain(mustObject(`{"securitySettings":{"immutabilitySettings":{"state":"Unlocked","configuration":{` +
				tt.was + `}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		c := todaysCloud(t, Scenario{Faults: []Fault{{Kind: kindSynchronous, Rate: 1},
			{Kind: kindState, Vault: "rsv-1", Properties: was}}})
		cl, v := inMemory(t, c), estate()[0]
		name := tt.version + " " + body(tt.state, tt.configuration)
		a := cl.do(context.Background(), "PATCH", pathOf(v)+"?api-version="+tt.version,
			body(tt.state, tt.configuration), jsonHeader())
		if a.status != tt.status || !strings.Contains(a.body, tt.words) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if mistakes := c.Summary().Mistakes; (mistakes > 0) != (tt.status == 400) {
			t.Errorf("%s: %d mistakes", name, mistakes)
		}
		for version, shown := range map[string]bool{newer: tt.becomes != "none", rsvVersion: tt.becomes != "none",
			older: false, "2024-04-01": false} {
			got := cl.arm(pathOf(v), version)
			if has := strings.Contains(got.body, "configuration"); has != shown {
				t.Errorf("%s, read in %s: %s", name, version, got.body)
			}
			if is, _ := at(t, got, "properties", "securitySettings", "immutabilitySettings",
				"configuration").(map[string]any); shown &&
				string(asJSON(is)) != string(asJSON(mustObject("{"+tt.becomes+"}"))) {
				t.Errorf("%s, read in %s: it has %v", name, version, is)
			}
		}
	}
}

// TestLockedKeepsItsConfiguration, and the code of the refusal of none can be
// scripted: the service's is not known.
func TestLockedKeepsItsConfiguration(t *testing.T) {
	t.Parallel()
	locked := map[string]any{"securitySettings": map[string]any{
		"immutabilitySettings": map[string]any{"state": "Locked",
			"configuration": map[string]any{"type": "AsPerPolicy"}}}}
	c := todaysCloud(t, Scenario{Changes: Changes{ConfigurationCode: "Odd"},
		Faults: []Fault{{Kind: kindState, Vault: "rsv-1", Properties: locked}}})
	cl, v := inMemory(t, c), estate()[0]
	longer := strings.Replace(immutable("Locked"), `"type":"AsPerPolicy"`, `"type":"TimeBased","durationInDays":400`, 1)
	wantStatus(t, cl.patch(v, longer), 400, "UserErrorUnsupportedVaultImmutabilityStateChange")
	wantStatus(t, cl.patch(v, `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Locked"}}}}`), 400,
		`"code":"Odd"`)
	wantStatus(t, cl.patch(v, immutable("Locked")), 200)
}
