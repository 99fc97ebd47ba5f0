package strictarm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

const graphQuery = "resources | where type in~ ('microsoft.recoveryservices/vaults','microsoft.keyvault/vaults') | " +
	"order by id asc"

func (c *client) query(scope, query, options string) reply {
	c.t.Helper()
	q, _ := json.Marshal(query)
	return c.do("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01",
		fmt.Sprintf(`{%s"query":%s,"options":{"resultFormat":"objectArray","$top":1000%s}}`, scope, q, options))
}

const scopeA = `"subscriptions":["` + subA + `"],`

// All pages hold all vaults, once, and the read to the end is counted.
func TestGraphPages(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	for i := range 25 {
		kind := strictarm.Alerts
		if i%3 == 0 {
			kind = strictarm.KeyVaultRBAC
		}
		cloud.AddVault(strictarm.Vault{Subscription: subA, Name: fmt.Sprintf("v%d", i), Group: "RG-Mixed", Kind: kind,
			Tags: map[string]string{"n": "x"}})
	}
	cloud.AddVault(strictarm.Vault{Subscription: subB, Name: "elsewhere"})
	cloud.Subscription(subB).In("Production")
	cloud.GraphPage(10)
	seen, options := map[string]bool{}, ""
	for {
		got := c.query(scopeA, graphQuery, options).json(t)
		for _, row := range got["data"].([]any) {
			r := row.(map[string]any)
			seen[r["id"].(string)] = true
			if r["resourceGroup"] != "rg-mixed" || r["type"] != strings.ToLower(r["type"].(string)) ||
				r["tags"] == nil || r["properties"] == nil {
				t.Fatalf("row %v", r)
			}
		}
		if got["totalRecords"] != 25.0 || got["resultTruncated"] != "false" {
			t.Fatalf("%v", got)
		}
		token, more := got["$skipToken"].(string)
		if !more {
			break
		}
		if r := cloud.Report(); r.GraphUnfinished != 1 || r.GraphFinished != 0 {
			t.Errorf("finished %d, unfinished %d", r.GraphFinished, r.GraphUnfinished)
		}
		options = `,"$skipToken":"` + token + `"`
	}
	if r := cloud.Report(); len(seen) != 25 || r.GraphUnfinished != 0 || r.GraphFinished != 1 {
		t.Errorf("%d vaults, finished %d, unfinished %d", len(seen), r.GraphFinished, r.GraphUnfinished)
	}
	for scope, want := range map[string]float64{`"managementGroups":["production"],`: 1, "": 26, scopeA: 25} {
		if got := c.query(scope, graphQuery, "").json(t); got["totalRecords"] != want {
			t.Errorf("%s: %v rows", scope, got["totalRecords"])
		}
	}
	if got := c.query(scopeA, strings.Replace(graphQuery, "keyvault", "network", 1),
		"").json(t); got["totalRecords"] != 16.0 {
		t.Errorf("of one type: %v rows", got["totalRecords"])
	}
	clean(t, cloud)
}

// Subscriptions that the identity does not see are left out without a word, until
// there is none.
func TestGraphSubscriptions(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	cloud.AddVault(strictarm.Vault{Subscription: subB, Name: "v2"})
	cloud.Subscription(subA).Named("a name", nil)
	const query = "resourcecontainers\n| where type =~ 'microsoft.resources/subscriptions'\n| order by id asc"
	both := `"subscriptions":["` + subA + `","` + subB + `"],`
	got := c.query(both, query, "").json(t)
	if last := got["data"].([]any)[1].(map[string]any); got["totalRecords"] != 2.0 || last["name"] != "a name" ||
		last["id"] != "/subscriptions/"+subA {
		t.Errorf("got %v", got)
	}
	cloud.Subscription(subB).Unseen(true)
	for _, q := range []string{query, graphQuery} {
		if got := c.query(both, q, "").json(t); got["totalRecords"] != 1.0 {
			t.Errorf("got %v", got)
		}
	}
	if got := c.query(strings.Replace(both, subA, subB, 1), query, ""); got.status != 400 ||
		!strings.Contains(got.body, "NoValidSubscriptionsInQueryRequest") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	clean(t, cloud)
}

func TestGraphLetter(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct{ scope, query, options, says string }{
		"unordered":      {scopeA, "resources", "", "not ordered by id"},
		"no query":       {scopeA, "", "", "query is"},
		"both scopes":    {scopeA + `"managementGroups":["m"],`, graphQuery, "", "at once"},
		"no GUID":        {`"subscriptions":["contoso"],`, graphQuery, "", `subscriptions holds "contoso"`},
		"empty scope":    {`"subscriptions":[],`, graphQuery, "", "want a list"},
		"facets":         {scopeA + `"facets":[],`, graphQuery, "", "facets has no business"},
		"partial scopes": {scopeA, graphQuery, `,"allowPartialScopes":true`, "allowPartialScopes is true"},
		"odd option":     {scopeA, graphQuery, `,"top":5`, "options.top"},
		"top twice":      {scopeA, graphQuery, `,"$top":5`, "given twice"},
		"made-up token":  {scopeA, graphQuery, `,"$skipToken":"bm8="`, "never handed out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
			c.query(d.scope, d.query, d.options)
			complains(t, cloud, d.says)
		})
	}
	for name, body := range map[string]string{"too many": `"$top":1001`, "none": `"$top":0`, "half": `"$top":1.5`,
		"word": `"$top":"9"`, "table": `"resultFormat":"table"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			c.do("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01",
				`{"query":"resources | order by id asc","options":{`+body+`}}`)
			complains(t, cloud, "options.")
		})
	}
	t.Run("another query's token", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		for i := range 3 {
			cloud.AddVault(strictarm.Vault{Subscription: subA, Name: fmt.Sprintf("v%d", i)})
		}
		cloud.GraphPage(2)
		token := c.query(scopeA, graphQuery, "").json(t)["$skipToken"].(string)
		clean(t, cloud)
		c.query(scopeA, graphQuery+" ", `,"$skipToken":"`+token+`"`)
		complains(t, cloud, "another query or scope")
	})
}

func TestGraphFaults(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	cloud.Graph(strictarm.GraphUnavailable, strictarm.GraphReset, strictarm.GraphGarbage, strictarm.GraphCutJSON,
		strictarm.GraphForbidden,
		strictarm.GraphCut, strictarm.GraphTooManySubscriptions, strictarm.GraphThrottle(0))
	for i, d := range []struct {
		status int
		body   string
	}{{503, ""}, {0, ""}, {200, "<html>"}, {200, ""}, {403, "AccessDenied"}, {200, `"resultTruncated":"true"`},
		{200, ""}, {429, ""}, {200, `"count":1`}} {
		got := c.query(scopeA, graphQuery, "")
		if got.status != d.status || !strings.Contains(got.body, d.body) {
			t.Errorf("query %d: %d %s", i, got.status, got.body)
		}
		if hit := got.header.Get("x-ms-tenant-subscription-limit-hit"); (hit == "true") != (i == 6) {
			t.Errorf("query %d: limit hit %q", i, hit)
		}
	}
	clean(t, cloud)
	cloud.Graph(strictarm.GraphThrottle(time.Minute))
	c.query(scopeA, graphQuery, "")
	c.query(scopeA, graphQuery, "")
	complains(t, cloud, "before Retry-After was over")
}

// A quota of queries is told of, and held against the client.
func TestGraphQuota(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	cloud.Subscription(subA)
	for i := range 15 {
		got := c.query(scopeA, graphQuery, "")
		if left := got.header.Get("x-ms-user-quota-remaining"); left != fmt.Sprint(14-i) ||
			got.header.Get("x-ms-user-quota-resets-after") > "00:00:05" {
			t.Fatalf("query %d: %v", i, got.header)
		}
	}
	clean(t, cloud)
	if got := c.query(scopeA, graphQuery, ""); got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("answered %d", got.status)
	}
	complains(t, cloud, "x-ms-user-quota-remaining was 0")
}
