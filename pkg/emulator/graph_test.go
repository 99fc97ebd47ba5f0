package emulator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A query as discover asks it (resource-manager.md#resource-graph).
const shippedQuery = `resources
| where type in~ ('microsoft.recoveryservices/vaults','microsoft.dataprotection/backupvaults','microsoft.keyvault/vaults')
| project id, name, type, location, subscriptionId, resourceGroup, tags, properties | order by id asc`

func (c *client) graph(body string) answer {
	return c.do(context.Background(), "POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01",
		body, jsonHeader())
}

func graphAsk(query, scope, options string) string {
	body := object{"query": query}
	out := strings.TrimSuffix(string(asJSON(body)), "}")
	if scope != "" {
		out += "," + scope
	}
	if options != "" {
		out += `,"options":{` + options + `}`
	}
	return out + "}"
}

const onlyProd = `"subscriptions":["` + prod + `"]`

func TestShippedQuery(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{})
	cl := overLoopback(t, c)
	a := cl.graph(graphAsk(shippedQuery, onlyProd, `"$top":1000,"resultFormat":"objectArray"`))
	wantStatus(t, a, 200)
	v := decodeJSON(t, a)
	rows := v["data"].([]any)
	if v["totalRecords"] != 2.0 || v["count"] != 2.0 || v["resultTruncated"] != "false" || v["$skipToken"] != nil ||
		len(rows) != 2 {
		t.Fatalf("%s", a.body)
	}
	row := rows[0].(object)
	if len(row) != 8 || row["id"] != pathOf(estate()[0]) || row["type"] != "microsoft.recoveryservices/vaults" ||
		row["location"] != "westeurope" ||
		row["subscriptionId"] != prod || row["resourceGroup"] != "rg-backup" || row["tags"].(object)["env"] != "prod" ||
		row["properties"].(object)["provisioningState"] != "Succeeded" {
		t.Errorf("%v", row)
	}
	if a.header.Get("x-ms-user-quota-remaining") != "14" ||
		a.header.Get("x-ms-user-quota-resets-after") != "00:00:05" ||
		a.header.Get("x-ms-tenant-subscription-limit-hit") != "" {
		t.Errorf("headers %v", a.header)
	}
	for filter, want := range map[string]float64{"tags.env =~ 'PROD'": 1, "resourceGroup == 'rg-secrets'": 1,
		"location in~ ('WestEurope') and subscriptionId == '" + prod + "'": 2, "name == 'x'": 0} {
		text := strings.Replace(shippedQuery, "| project", "| where "+filter+"\n| project", 1)
		if got := at(t, cl.graph(graphAsk(text, onlyProd, "")), "totalRecords"); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	if s := c.Summary(); s.Requests["graph"] != 5 || s.Mistakes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestGraphScopes(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{ManagementGroups: []ManagementGroup{{Name: "root"},
		{Name: "Zones", Parent: "ROOT", Subscriptions: []string{"contoso-prod"}},
		{Name: "labs", Parent: "root", Subscriptions: []string{lab}}, {Name: "none"}}})
	cl := inMemory(t, c)
	for scope, want := range map[string]string{
		"":       "rsv-1 kv-1 rsv-2",
		onlyProd: "rsv-1 kv-1",
		`"subscriptions":["` + lab + `","11111111-1111-1111-1111-111111111111"]`: "rsv-2",
		`"managementGroups":["zones"]`:                                           "rsv-1 kv-1",
		`"managementGroups":["Root"]`:                                            "rsv-1 kv-1 rsv-2",
		`"managementGroups":["labs","zones"]`:                                    "rsv-1 kv-1 rsv-2",
	} {
		var names []string
		for _, row := range at(t, cl.graph(graphAsk("resources | project name", scope, "")), "data").([]any) {
			names = append(names, row.(object)["name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s", scope, got)
		}
	}
	for _, scope := range []string{`"subscriptions":["11111111-1111-1111-1111-111111111111"]`,
		`"managementGroups":["none"]`, `"managementGroups":["nowhere"]`} {
		wantStatus(t, cl.graph(graphAsk("resources", scope, "")), 400, "NoValidSubscriptionsInQueryRequest")
	}
	a := cl.graph(graphAsk("resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | order by name "+
		"asc | project name, subscriptionId, properties.x == ''", "", ""))
	wantStatus(t, a, 400, "needs a name")
	a = cl.graph(graphAsk("resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | order by name "+
		"asc | project id, name, state = properties.state", "", ""))
	wantStatus(t, a, 200, `{"id":"/subscriptions/`+lab+`","name":"contoso-lab","state":"Enabled"}`)
	wantStatus(t, cl.graph(graphAsk("resourcecontainers | where type endswith 'resourcegroups' | project name",
		onlyProd, "")), 200, `"data":[{"name":"rg-backup"},{"name":"rg-secrets"}]`)
}

// Pages fit together; without an id to tell rows apart they end.
func TestGraphPages(t *testing.T) {
	t.Parallel()
	var many []Resource
	for i := range 2500 {
		r := estate()[0]
		r.Name = fmt.Sprintf("rsv-%04d", i)
		many = append(many, r)
	}
	c, err := New(Config{Resources: many})
	if err != nil {
		t.Fatal(err)
	}
	cl := inMemory(t, c)
	seen, token := map[any]bool{}, ""
	for _, want := range []float64{1000, 1000, 500} {
		options := ""
		if token != "" {
			options = `"$skipToken":"` + token + `"`
		}
		a := cl.graph(graphAsk(shippedQuery, onlyProd, options))
		v := decodeJSON(t, a)
		if v["count"] != want || v["totalRecords"] != 2500.0 {
			t.Fatalf("count %v of %v", v["count"], v["totalRecords"])
		}
		for _, row := range v["data"].([]any) {
			seen[row.(object)["id"]] = true
		}
		token, _ = v["$skipToken"].(string)
		if token != "" {
			wantStatus(t, cl.graph(graphAsk(shippedQuery+" | take 3", onlyProd, `"$skipToken":"`+token+`"`)), 400,
				"InvalidSkipToken")
		}
	}
	if len(seen) != 2500 || token != "" {
		t.Errorf("%d vaults, token %q", len(seen), token)
	}
	wantStatus(t, cl.graph(graphAsk("resources | project name | order by name asc", onlyProd, `"$top":2,"$skip":1`)),
		200,
		`"data":[{"name":"rsv-0001"},{"name":"rsv-0002"}]`, `"resultTruncated":"true"`)
}

func TestGraphQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, file := withStateFile(t, Scenario{}, estate()...)
		cl := inMemory(t, c)
		ask := func() answer { return cl.graph(graphAsk("resources", "", "")) }
		for i := range 15 {
			if i == 10 {
				time.Sleep(3 * time.Second)
			}
			wantStatus(t, ask(), 200)
		}
		cl = inMemory(t, reopen(t, file))
		a := ask()
		wantStatus(t, a, 429, "RateLimiting")
		if a.header.Get("Retry-After") != "2" || a.header.Get("x-ms-user-quota-remaining") != "0" ||
			a.header.Get("x-ms-user-quota-resets-after") != "00:00:02" {
			t.Errorf("headers %v", a.header)
		}
		time.Sleep(2 * time.Second)
		if a := ask(); a.status != 200 || a.header.Get("x-ms-user-quota-remaining") != "14" {
			t.Errorf("%d %v", a.status, a.header)
		}
	})
}

func TestMistakesInQueries(t *testing.T) {
	t.Parallel()
	cl := inMemory(t, todaysCloud(t, Scenario{Limits: Limits{Graph: Quota{Queries: 100}}}))
	path := "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
	for name, tt := range map[string]struct {
		a     answer
		words []string
	}{
		"an operator": {cl.graph(graphAsk("resources | summarize count() by type", "", "")),
			[]string{`"code":"InvalidQuery"`, `"code":"InvalidQueryLanguage"`, `"token":"summarize"`,
				`"characterPositionInLine":13`, "there are where"}},
		"the language": {cl.graph(graphAsk("resources\n| where name == 'x", "", "")),
			[]string{`"code":"ParserFailure"`, `"line":2`, "left open"}},
		"no query": {cl.graph(`{"subscriptions":[]}`), []string{"needs a query"}},
		"two scopes": {cl.graph(graphAsk("resources", onlyProd+`,"managementGroups":["x"]`, "")),
			[]string{"not both"}},
		"no GUID": {cl.graph(graphAsk("resources", `"subscriptions":["prod"]`, "")),
			[]string{"subscriptions[0] has not the form"}},
		"too many rows": {cl.graph(graphAsk("resources", "", `"$top":1001`)), []string{"from 1 to 1000"}},
		"a table":       {cl.graph(graphAsk("resources", "", `"resultFormat":"table"`)), []string{"objectArray"}},
		"facets":        {cl.graph(graphAsk("resources", `"facets":[]`, "")), []string{"facets is not known"}},
		"a token":       {cl.graph(graphAsk("resources", "", `"$skipToken":"x"`)), []string{"InvalidSkipToken"}},
		"a version": {cl.do(t.Context(), "POST", strings.Replace(path, "2024-04-01", "2019-04-01", 1), "{}",
			jsonHeader()), []string{"must be 2024-04-01"}},
		"content type": {cl.do(t.Context(), "POST", path, "{}", http.Header{"Authorization": {"Bearer x"}}),
			[]string{"Content-Type"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantStatus(t, tt.a, 400, tt.words...)
		})
	}
	wantStatus(t, cl.do(t.Context(), "GET", path, "", jsonHeader()), 405, "POST, not GET")
}

func TestGraphFaults(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{Faults: []Fault{
		{Kind: kindThrottled, Rate: 1, Calls: []string{"graph"}, Times: 2, RetryAfter: 3},
		{Kind: kindServerError, Rate: 1, Times: -1}, // names no calls: it is for the vaults
		{Kind: kindUnseen, Subscription: "contoso-lab"},
	}})
	cl := inMemory(t, c)
	for range 2 {
		a := cl.graph(graphAsk("resources", "", ""))
		wantStatus(t, a, 429)
		if a.header.Get("Retry-After") != "3" {
			t.Errorf("headers %v", a.header)
		}
	}
	a := cl.graph(graphAsk("resources | project name", "", ""))
	wantStatus(t, a, 200, `"totalRecords":2`)
	if a.header.Get("x-ms-tenant-subscription-limit-hit") != "true" {
		t.Errorf("headers %v", a.header)
	}
	if a := cl.graph(graphAsk("resources", onlyProd, "")); a.header.Get("x-ms-tenant-subscription-limit-hit") != "" {
		t.Errorf("headers %v", a.header)
	}
}

var graphCases = map[string][]todaysFaultCase{
	kindIndexLate: {{"", Fault{Vault: "rsv-1", For: "1h"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
		const query = "resources | where " +
			"properties.monitoringSettings.classicAlertSettings.alertsForCriticalOperations == 'Disabled' | project " +
			"name"
		wantStatus(t, cl.patch(v, alertsBody), 202)
		time.Sleep(20 * time.Minute)
		wantStatus(t, cl.read(v), 200, `"alertsForCriticalOperations":"Disabled"`)
		wantStatus(t, cl.graph(graphAsk(query, "", "")), 200, `"data":[]`)
		time.Sleep(time.Hour)
		wantStatus(t, cl.graph(graphAsk(query, "", "")), 200, `"data":[{"name":"rsv-1"}]`)
	}}},
}

func TestManagementGroupsThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, groups := range map[string][]ManagementGroup{
		"managementGroups[1].name":             {{Name: "a"}, {Name: "A"}},
		"managementGroups[0].name":             {{}},
		"managementGroups[0].parent":           {{Name: "a", Parent: "b"}},
		"managementGroups[1].parent":           {{Name: "a", Parent: "b"}, {Name: "b", Parent: "a"}},
		"managementGroups[0].subscriptions[0]": {{Name: "a", Subscriptions: []string{"x"}}},
		"managementGroups[1].subscriptions[0]": {{Name: "a", Subscriptions: []string{prod}},
			{Name: "b", Subscriptions: []string{"contoso-prod"}}},
	} {
		if _, err := New(Config{Resources: estate(), Scenario: Scenario{ManagementGroups: groups}}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
