package strictarm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// A request that differs from the specification in one thing is a violation,
// and the same request without the difference is none.
func TestTheLetter(t *testing.T) {
	t.Parallel()
	type sent struct {
		method, path, body string
	}
	v1 := "/subscriptions/" + subA + "/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/v1"
	read := sent{"GET", v1 + "?api-version=2026-07-01", ""}
	patch := sent{"PATCH", v1 + "?api-version=2026-07-01", alertsBody}
	with := func(s sent, old, now string) sent {
		if !strings.Contains(s.path+s.body, old) {
			t.Fatalf("%q is not in the request", old)
		}
		return sent{s.method, strings.Replace(s.path, old, now, 1), strings.Replace(s.body, old, now, 1)}
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	without := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	for name, d := range map[string]struct {
		sent sent
		edit func(*http.Request)
		says string // empty: nothing
	}{
		"read":               {read, nil, ""},
		"patch":              {patch, nil, ""},
		"charset":            {patch, header("Content-Type", "application/json; charset=utf-8"), ""},
		"GUID in upper case": {with(read, subA, strings.ToUpper(subA)), nil, ""},
		"path's case":        {with(read, "resourceGroups", "resourcegroups"), nil, `path has "resourcegroups"`},
		"provider's case": {with(read, "Microsoft.RecoveryServices", "microsoft.recoveryservices"), nil,
			`path has "microsoft.recoveryservices"`},
		"name's case":      {with(read, "/v1", "/V1"), nil, `path has "V1"`},
		"unknown vault":    {with(read, "/v1", "/v2"), nil, "there is no vault"},
		"unknown group":    {with(read, "rg-vaults", "rg-other"), nil, "there is no vault"},
		"key vault's path": {with(read, "RecoveryServices", "KeyVault"), nil, "there is no vault"},
		"unknown path":     {with(read, "/v1", "/v1/usages"), nil, "no such path"},
		"old version":      {with(read, "2026-07-01", "2024-02-01"), nil, `api-version is ["2024-02-01"]`},
		"no version":       {with(read, "?api-version=2026-07-01", ""), nil, "api-version is []"},
		"version twice": {with(read, "?api-version=2026-07-01", "?api-version=2026-07-01&api-version=2026-07-01"),
			nil, "once"},
		"more in the query": {with(read, "?api-version=2026-07-01", "?api-version=2026-07-01&$expand=all"), nil,
			`"$expand" has no business`},
		"no token":           {read, without("Authorization"), "bearer"},
		"another client":     {read, header("User-Agent", "curl/8"), "User-Agent"},
		"read with a body":   {sent{"GET", read.path, "{}"}, nil, "with a body"},
		"wrong accept":       {read, header("Accept", "application/xml"), "Accept"},
		"put":                {sent{"PUT", patch.path, patch.body}, nil, "method PUT"},
		"no content type":    {patch, without("Content-Type"), "Content-Type"},
		"merge patch":        {patch, header("Content-Type", "application/merge-patch+json"), "Content-Type"},
		"no request ID":      {patch, without("x-ms-client-request-id"), "sent once"},
		"request ID no GUID": {patch, header("x-ms-client-request-id", "{"+subA+"}"), "is not a GUID"},
		"repeatable":         {patch, header("Repeatability-Request-ID", subA), "repeatable"},
		"second token":       {patch, header("x-ms-authorization-auxiliary", "Bearer x"), "second tenant"},
		"tags": {with(patch, `{"properties"`, `{"tags":{},"properties"`), nil,
			"the body.tags has no business"},
		"location": {with(patch, `{"properties"`, `{"location":"westus","properties"`), nil,
			"the body.location has no business"},
		"partial": {with(patch, `"alertsForAllFailoverIssues":"Enabled"`,
			`"alertsForAllFailoverIssues":"Disabled"`), nil, `is "Disabled", want "Enabled"`},
		"missing": {with(patch, `,"alertsForAllReplicationIssues":"Enabled"`, ``), nil,
			"alertsForAllReplicationIssues is missing"},
		"wrong enum":          {with(patch, `"Disabled"`, `"disabled"`), nil, `is "disabled", want "Disabled"`},
		"boolean for an enum": {with(patch, `"Disabled"`, `false`), nil, `is false, want "Disabled"`},
		"list for an object": {with(patch, `{"monitoringSettings":{`, `{"monitoringSettings":[],"x":{`), nil,
			"monitoringSettings is [], want an object"},
		"twice": {with(patch, `{"properties":{`, `{"properties":{"monitoringSettings":{},`), nil,
			`"monitoringSettings" is given twice`},
		"no JSON":    {sent{"PATCH", patch.path, "<a/>"}, nil, "no JSON"},
		"two values": {sent{"PATCH", patch.path, patch.body + "{}"}, nil, "something follows"},
		"a list":     {sent{"PATCH", patch.path, "[]"}, nil, "want an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			c.check(cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}))
			c.edit = d.edit
			if got := c.do(d.sent.method, d.sent.path, d.sent.body); d.says == "" && got.status/100 != 2 {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if d.says == "" {
				clean(t, cloud)
			} else {
				complains(t, cloud, d.says)
			}
		})
	}
}

// The body of a kind is accepted for that kind alone, and does what it says.
func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, body := range bodies {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Kind: kind,
				Tags: map[string]string{"env": "prod"}}).Takes(0)
			before := c.read(v).body
			if got := c.change(v); got.status != 200 {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			clean(t, cloud)
			r := v.Report()
			if !r.Wanted || len(r.Accepted) != 1 || r.Accepted[0].Body != body || r.Tags["env"] != "prod" ||
				r.Reads() < 2 {
				t.Fatalf("%+v", r)
			}
			if after := c.read(v).body; after == before ||
				strings.Count(after, "softDelete") != strings.Count(before, "softDelete") {
				t.Errorf("the vault changed from\n%s to\n%s", before, after)
			}
			c.change(v)
			complains(t, cloud, "as it is to be")
		})
	}
	t.Run("another's body", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Kind: strictarm.Immutability})
		c.check(v)
		c.do("PATCH", v.ID()+version(v), alertsBody)
		complains(t, cloud, "securitySettings is missing")
	})
}

// A version that the client was told to use replaces the newest.
func TestAPIVersionOverride(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{APIVersions: map[strictarm.Call]string{strictarm.CallVault: "2025-02-01"}})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	c.do("GET", v.ID()+"?api-version=2025-02-01", "")
	clean(t, cloud)
	c.read(v)
	complains(t, cloud, "api-version")
}

// A request ID is good for one PATCH.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Patch(strictarm.Conflict)
	c.edit = func(r *http.Request) {
		if r.Method == http.MethodPatch {
			r.Header.Set("x-ms-client-request-id", subB)
		}
	}
	c.change(v)
	clean(t, cloud)
	c.change(v)
	complains(t, cloud, "was used before by the patch of")
}
