package kv

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/privatelink"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestRequests: to the letter, by VaultPatchProperties of the published specification.
func TestRequests(t *testing.T) {
	t.Parallel()
	want := map[fleet.Kind]string{
		"kv-purge-protection": `{"properties":{"enablePurgeProtection":true}}`,
		"kv-public-access":    `{"properties":{"publicNetworkAccess":"Disabled"}}`,
	}
	for _, s := range Settings() {
		c := s.Change()
		options, err := c.Spec.Complete(nil)
		if err != nil {
			t.Fatal(err)
		}
		up := c.Spec.Describe(options)
		forEver := c.Spec.Kind == "kv-purge-protection"
		if string(up.Request.Body) != want[c.Spec.Kind] || up.Request.Path != "{vault}?api-version=2026-02-01" ||
			up.Permanent != forEver || up.Confirm != forEver ||
			forEver && !strings.Contains(strings.Join(up.After, " "), "name again") {
			t.Errorf("%s: %+v", c.Spec.Kind, up)
		}
	}
}

// found are the findings about a vault, with their weight.
func found(c arm.Change, properties string) (out []string) {
	now := arm.State{}
	if err := json.Unmarshal([]byte(properties), &now); err != nil {
		panic(err)
	}
	for _, f := range c.Judge(nil, now) {
		out = append(out, string(f.Severity)+" "+f.Code)
	}
	return out
}

// TestPurgeProtection: what it forbids is said; without soft delete, or from a state that is none, nothing is sent.
func TestPurgeProtection(t *testing.T) {
	t.Parallel()
	s := PurgeProtection()
	c := s.Change()
	for has, want := range map[string]string{
		`{"enablePurgeProtection":null}`:                                             "info " + codeForbids,
		`{"enablePurgeProtection":false,"enableSoftDelete":true}`:                    "info " + codeForbids,
		`{"enablePurgeProtection":null,"enableSoftDelete":false}`:                    "error " + codeNoSoftDelete,
		`{"enablePurgeProtection":"false"}`:                                          "info " + codeForbids,
		`{"enablePurgeProtection":"perhaps"}`:                                        "error " + codePurgeState,
		`{"enablePurgeProtection":{}}`:                                               "error " + codePurgeState,
		`{"enablePurgeProtection":"FALSE","enableSoftDelete":true}`:                  "error " + codePurgeState,
		`{"enablePurgeProtection":null,"softDeleteRetentionInDays":7,"x":"ignored"}`: "info " + codeForbids,
	} {
		if got := found(c, has); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", has, got)
		}
	}
	f := c.Judge(nil, arm.State{sectionDays: json.RawMessage("7")})
	if len(f) != 1 || !strings.Contains(f[0].Message, "for 7 days whoever asks") {
		t.Errorf("%+v", f)
	}
}

// TestPublicAccess: who is cut off is said, as far as the vault shows it.
func TestPublicAccess(t *testing.T) {
	t.Parallel()
	s := PublicAccess()
	c := s.Change()
	const private = `"privateEndpointConnections":[{"properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}]`
	none, ruled, trusted := "warning "+privatelink.CodeNone, "warning "+codeRules, "warning "+codeTrusted
	for has, want := range map[string][]string{
		`{}`:                {none},
		`{` + private + `}`: nil,
		`{` + private + `,"networkAcls":{"bypass":"AzureServices","defaultAction":"Deny","ipRules":[]}}`: nil,
		`{` + private + `,"networkAcls":{"defaultAction":"Allow"}}`:                                      nil,
		`{` + private + `,"networkAcls":{"bypass":"None","defaultAction":"Deny"}}`:                       nil,
		`{` + private + `,"networkAcls":{"bypass":"None","defaultAction":"Allow"}}`:                      {trusted},
		`{` + private + `,"networkAcls":{"ipRules":[{"value":"198.51.100.7"}]}}`:                         {ruled},
		`{` + private + `,"networkAcls":{"virtualNetworkRules":[{"id":"/subnets/a"}]}}`:                  {ruled},
		`{` + private + `,"networkAcls":"odd"}`:                                                          {ruled},
		`{"networkAcls":{"bypass":"None","ipRules":[{"value":"198.51.100.7"}]}}`:                         {none, ruled, trusted},
	} {
		if got := found(c, has); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", has, got, want)
		}
	}
	back := s.Back()
	for was, want := range map[string]string{`"Enabled"`: "Enabled", `null`: "Enabled", `"enabled"`: "enabled"} {
		body, err := back.Spec.Restore(json.RawMessage(`{"publicNetworkAccess":` + was + `}`))
		if err != nil || string(body) != `{"properties":{"publicNetworkAccess":"`+want+`"}}` {
			t.Errorf("back from %s: %s, %v", was, body, err)
		}
	}
}
