package kql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var tables = map[string][]string{
	"resources": {"id", "name", "type", "location", "subscriptionId", "resourceGroup", "tags", "properties"},
	"others":    {"id"},
}

func vaults() []Row {
	return []Row{
		{"id": "/c", "name": "Kv-3", "type": "microsoft.keyvault/vaults", "location": "westeurope",
			"tags":       map[string]any{"env": "Prod", "cost centre": "4711"},
			"properties": map[string]any{"enableRbacAuthorization": false, "n": float64(10)}},
		{"id": "/a", "name": "rsv-1", "type": "microsoft.recoveryservices/vaults", "location": "westus",
			"tags":       map[string]any{"env": "lab"},
			"properties": map[string]any{"n": float64(9)}},
		{"id": "/b", "name": "rsv-2", "type": "microsoft.recoveryservices/vaults", "location": "westeurope",
			"tags":       nil,
			"properties": map[string]any{"list": []any{"x"}}},
	}
}

// ids are those of rows, in their order.
func ids(rows []Row) string {
	var out []string
	for _, r := range rows {
		out = append(out, strings.TrimPrefix(fmt.Sprint(r["id"]), "/"))
	}
	return strings.Join(out, "")
}

func TestQueriesSelect(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                            "cab",
		"resources":                   "cab",
		"Resources | order by id asc": "abc",
		"resources | sort by location asc, name desc":                                       "bca",
		"resources | order by name":                                                         "bac",
		"resources | order by properties.n asc":                                             "bac",
		"resources | order by id asc | take 2":                                              "ab",
		"resources | limit 0":                                                               "",
		"where location == 'westus'":                                                        "a",
		"resources | where type in~ ('Microsoft.KeyVault/vaults', \"x\")":                   "c",
		"resources | where type in ('Microsoft.KeyVault/vaults')":                           "",
		"resources | where type !in~ ('Microsoft.KeyVault/vaults')":                         "ab",
		"resources | where type !in ('microsoft.keyvault/vaults')":                          "ab",
		"resources | where tags.env =~ 'prod'":                                              "c",
		"resources | where tags['env'] == 'prod'":                                           "",
		"resources | where tags['cost centre'] == 4711":                                     "c",
		"resources | where tags.env != 'lab'":                                               "cb",
		"resources | where tags.env <> 'lab' and isnotempty(tags.env)":                      "c",
		"resources | where tags.env !~ 'LAB'":                                               "cb",
		"resources | where isempty(tags.env)":                                               "b",
		"resources | where isnull(tags) or name startswith 'KV'":                            "cb",
		"resources | where not(name contains 'RSV')":                                        "c",
		"resources | where name !contains_cs 'rsv'":                                         "c",
		"resources | where name endswith '1' or name endswith_cs '2'":                       "ab",
		"resources | where properties.enableRbacAuthorization == false":                     "c",
		"resources | where properties.n > 9":                                                "c",
		"resources | where properties.n >= 9 and properties.n <= 9":                         "a",
		"resources | where name < 'a'":                                                      "c",
		"resources | where (location =~ 'WESTUS' or location == 'x') and name != ''":        "a",
		"resources | where location == 'westus' or location == 'westeurope' and name == ''": "a",
		"resources | where tolower(name) == 'kv-3' and toupper(location) == \"WESTEUROPE\"": "c",
		"resources | where tostring(properties.list) == '[\"x\"]'":                          "b",
		"resources | where name == @'rsv-1' // a remark | where false":                      "a",
		"resources\n| filter name == 'rsv\\x2d1'\n":                                         "",
		"resources | extend env = tolower(tags.env) | where env == 'prod'":                  "c",
		"resources | project id, where1 = name | where where1 == 'rsv-2'":                   "b",
		"resources | where tobool(properties.enableRbacAuthorization)":                      "",
		"resources | where true":                                                            "cab",
		"resources | where name":                                                            "",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			q, err := Parse(text, tables)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(q.Run(vaults())); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestProjection(t *testing.T) {
	t.Parallel()
	q, err := Parse("resources | where name == 'rsv-1' | project name, env = tags.env, missing = tags.x", tables)
	if err != nil {
		t.Fatal(err)
	}
	rows := q.Run(vaults())
	if got := strings.Join(q.Columns(), " "); got != "name env missing" || len(rows) != 1 {
		t.Fatalf("%s: %v", got, rows)
	}
	if r := rows[0]; len(r) != 3 || r["name"] != "rsv-1" || r["env"] != "lab" || r["missing"] != nil {
		t.Errorf("%v", r)
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		place   string
		token   string
		unknown bool
		words   string
	}{
		"resources | summarize count() by type":      {"1:13", "summarize", true, "there are where, filter, extend"},
		"resources\n| where x == 1":                  {"2:9", "x", true, `the column "x"`},
		"vaults | where true":                        {"1:1", "vaults", true, "there are others, resources"},
		"others | where name == ''":                  {"1:16", "name", true, "there are id"},
		"resources | project id | where name == ''":  {"1:32", "name", true, "there are id"},
		"resources | where name has 'x'":             {"1:24", "has", true, "contains"},
		"resources | where strlen(name) == 3":        {"1:19", "strlen", true, "tolower"},
		"resources | where name == 'x":               {"1:27", "'", false, "left open"},
		"resources | where name == ''' ":             {"1:29", "'", false, "left open"},
		"resources | where name ==":                  {"1:26", "", false, "a value is expected, not the end"},
		"resources | where name = 'x'":               {"1:24", "=", false, "a bar, or the end"},
		"resources | where (name == 'x'":             {"1:31", "", false, "a closing bracket"},
		"resources | where name in 'x'":              {"1:27", "x", false, "a list in brackets"},
		"resources | where name in ('x' 'y')":        {"1:32", "y", false, "a comma"},
		"resources | where tags. == ''":              {"1:25", "==", false, "a name is expected after the dot"},
		"resources | where tags[name] == ''":         {"1:24", "name", false, "a name in quotes"},
		"resources |":                                {"1:12", "", false, "an operator is expected"},
		"resources resources":                        {"1:11", "resources", false, "a bar, or the end"},
		"resources || take 1":                        {"1:12", "|", false, "an operator is expected"},
		"resources | take many":                      {"1:18", "many", false, "a number is expected"},
		"resources | order id":                       {"1:19", "id", false, "by is expected"},
		"resources | project tags.env":               {"1:21", "tags", false, "needs a name"},
		"resources | project id, id":                 {"1:25", "id", false, "twice"},
		"resources | extend name":                    {"1:24", "", false, "= is expected"},
		"resources | where é == 1":                   {"1:19", "é", true, "the column"},
		"resources | where name == \"\xff\"":         {"1:1", "", false, "UTF-8"},
		"where " + strings.Repeat("(", 200) + "true": {"1:107", "(", false, "too many brackets"},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(text, tables)
			m, ok := errors.AsType[*Mistake](err)
			if !ok {
				t.Fatalf("%v", err)
			}
			if got := fmt.Sprintf("%d:%d", m.Line, m.Column); got != want.place || m.Token != want.token ||
				m.Unknown != want.unknown || !strings.Contains(m.Error(), want.words) {
				t.Errorf("%s %q unknown %v: %v", got, m.Token, m.Unknown, m)
			}
		})
	}
}

// A query is read or refused, and what is read can be run.
func FuzzParse(f *testing.F) {
	f.Add("resources\n| where type in~ ('microsoft.recoveryservices/vaults','microsoft.keyvault/vaults')\n| project " +
		"id, name, type, location, subscriptionId, resourceGroup, tags, properties | order by id asc")
	f.Add("where tags['a'] !~ @\"x\"\"y\" and not(isempty(tags.b)) or name !contains \"\\\"\" | extend n = " +
		"properties.n | order by n desc, id | take 3")
	f.Add("resources | where name == 1.2.3 // x")
	f.Add("!in~ ( ) [ ] = , . | @ '")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, tables)
		if err != nil {
			m, ok := errors.AsType[*Mistake](err)
			if !ok || m.Line < 1 || m.Column < 1 || m.Line > strings.Count(text, "\n")+1 || m.Message == "" {
				t.Errorf("%#v", err)
			}
			return
		}
		rows := vaults()
		out := q.Run(rows)
		if len(out) > len(rows) {
			t.Errorf("%d rows of %d", len(out), len(rows))
		}
		for i, r := range rows {
			if fmt.Sprint(r) != fmt.Sprint(vaults()[i]) {
				t.Error("the table's rows were changed")
			}
		}
		for _, r := range out {
			for name := range r {
				if !strings.Contains(strings.Join(q.Columns(), " "), name) {
					t.Errorf("column %q is not one of %v", name, q.Columns())
				}
			}
		}
	})
}
