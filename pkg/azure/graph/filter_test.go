package graph

import (
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`tags.env =~ 'prod'`:           "| where tags.env =~ 'prod'",
		`| where tags.env =~ 'prod'`:   "| where tags.env =~ 'prod'",
		"where a == 1\n| where b == 2": "| where a == 1\n| where b == 2",
		"location in~ ('a','b') | extend x = 1 | where x>0": "| where location in~ ('a','b')\n| extend x " +
			"= 1\n| where x>0",
		`not(name contains "|") and name != @'a\|''b' // | project id`: `| where not(name contains "|") and name != @'a\|''b'`,
		"// only these\nname has 'a\\'|b'":                             `| where name has 'a\'|b'`,
		"name == ```a|\n'b```":                                         "| where name == ```a|\n'b```",
		`join kind=inner (resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project subscriptionId, s = name) on subscriptionId | where s startswith 'x'`: `| join kind=inner (resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project subscriptionId, s = name) on subscriptionId` +
			"\n| where s startswith 'x'",
		`tags['top'] == 'union'`: `| where tags['top'] == 'union'`,
	} {
		f, err := ParseFilter(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got := VaultQuery(f, "Microsoft.KeyVault/vaults").String()
		if whole := "resources\n| where type in~ ('microsoft.keyvault/vaults')\n" + want + "\n" +
			columns; got != whole {
			t.Errorf("%s gives\n%s\nwant\n%s", in, got, whole)
		}
	}
	for in, words := range map[string]string{
		"":                                     "empty",
		" | ":                                  "empty",
		"a == 1 |":                             "lacks an operator",
		"a == 1 || b == 2":                     "lacks an operator",
		"// nothing":                           "empty",
		"project name":                         `"project name" is no part of a filter`,
		"where a == 1 | project-away tags":     `"project-away tags" is no part`,
		"summarize count() by location":        "is no part",
		"where a == 1 | take 10":               `"take 10" is no part`,
		"top 5 by name":                        "is no part",
		"where a == 1 | b == 2":                `"b == 2" is no part`,
		"union resourcecontainers":             "is no part",
		"Summarize count()":                    "is no part",
		"mv-expand tags":                       "is no part",
		"a == 1; resources":                    "semicolon",
		"a == 'b":                              "leaves a string open",
		"a == 'b\n'":                           "at the end of a line",
		"a == 'b\\\n'":                         "at the end of a line",
		"a == ```b":                            "leaves a string open",
		"(a == 1":                              "')' is missing",
		"a == 1)":                              "not open",
		"(a == 1]":                             "not open",
		"a == 1 | where (x | take 1":           "')' is missing",
		"a == \x00":                            "control character at byte 6",
		"a == '\xff'":                          "not valid UTF-8",
		strings.Repeat("a ", 10_000):           "20000 bytes; 16384 are allowed",
		"where a | " + strings.Repeat("b", 99): "b…\" is no part",
	} {
		if _, err := ParseFilter(in); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.60q: got %v, want %q", in, err, words)
		}
	}
}
