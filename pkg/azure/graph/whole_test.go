package graph

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestAnswersThatAreNotWhole: every way in which an answer with status 200 is
// not the whole of what was asked for is an error that says so, in no more
// requests than it takes to know.
func TestAnswersThatAreNotWhole(t *testing.T) {
	t.Parallel()
	a, b, c := vaultRow(sub, "rg", "a"), vaultRow(sub, "rg", "b"), vaultRow(sub, "rg", "c")
	good := pageJSON(1, "", a)
	with := func(old, put string) string { return strings.Replace(good, old, put, 1) }
	tests := []struct {
		name    string
		replies []reply // the last one for ever
		words   string
	}{
		{"the scope is too large", []reply{{200, map[string]string{"x-ms-tenant-subscription-limit-hit": "True"},
			good}}, "more subscriptions than Resource Graph looks at"},
		{"truncated, as a text", []reply{{200, nil, with(`"false"`, `"true"`)}}, "left rows out"},
		{"truncated, as a boolean", []reply{{200, nil, with(`"false"`, `true`)}}, "left rows out"},
		{"truncated or not, nobody knows", []reply{{200, nil, with(`"false"`, `"maybe"`)}}, "neither true nor false"},
		{"fewer rows than there are", []reply{{200, nil, pageJSON(3, "", a, b)}}, "the pages end after 2 of 3 rows"},
		{"more rows than there are", []reply{{200, nil, pageJSON(1, "", a, b)}}, "there are 1 rows, and then 2"},
		{"another total on the next page", []reply{{200, nil, pageJSON(3, "t", a)}, {200, nil, pageJSON(4, "u", b)}},
			"there are 3 rows, and then 4"},
		{"a smaller total on the next page", []reply{{200, nil, pageJSON(3, "t", a)}, {200, nil, pageJSON(2, "", b)}},
			"there are 3 rows, and then 2"},
		{"a page again", []reply{{200, nil, pageJSON(9, "t", a, b)}, {200, nil, pageJSON(9, "u", a, b)}},
			"vaults/a twice: a page came again"},
		{"a row again, in another spelling", []reply{{200, nil, pageJSON(2, "", a, strings.ToUpper(a[:75])+a[75:])}},
			"twice"},
		{"the same token again", []reply{{200, nil, pageJSON(9, "t", a)}, {200, nil, pageJSON(9, "t", b)},
			{200, nil, pageJSON(9, "t", c)}}, "do not go on after 2 of 9"},
		{"an empty page with a token", []reply{{200, nil, pageJSON(9, "t", a)}, {200, nil, pageJSON(9, "u")}},
			"do not go on after 1 of 9"},
		{"a count that is not the rows'", []reply{{200, nil, with(`"count":1`, `"count":2`)}},
			"it has 1 rows and says that it has 2"},
		{"no total", []reply{{200, nil, with(`"totalRecords":1,`, ``)}}, "it has no totalRecords"},
		{"no data", []reply{{200, nil, `{"totalRecords":0,"count":0,"resultTruncated":"false"}`}}, "it has no data"},
		{"no word of truncation", []reply{{200, nil, with(`,"resultTruncated":"false"`, ``)}},
			"it has no resultTruncated"},
		{"a total that is no number", []reply{{200, nil, with(`"totalRecords":1`, `"totalRecords":"1"`)}},
			"totalRecords"},
		{"a total below nothing", []reply{{200, nil, with(`"totalRecords":1`, `"totalRecords":-1`)}},
			"no number of rows"},
		{"a member twice", []reply{{200, nil, with(`"facets":[]`, `"count":1`)}}, `"count" twice`},
		{"a table", []reply{{200, nil, with(`[`+a+`]`, `{"columns":[],"rows":[]}`)}}, `"[" belongs`},
		{"a row that is null", []reply{{200, nil, with(a, `null`)}}, "row 1 is null"},
		{"a row that is a number", []reply{{200, nil, with(a, `7`)}}, "row 1"},
		{"a row without an id", []reply{{200, nil, with(`"id":`, `"notId":`)}}, "no id or no type"},
		{"a row without a type", []reply{{200, nil, with(`"type":`, `"kind":`)}}, "no id or no type"},
		{"a row without a location", []reply{{200, nil, with(`"westeurope"`, `""`)}}, "vaults/a has no location"},
		{"a row of another type", []reply{{200, nil,
			strings.ReplaceAll(strings.ReplaceAll(good, "Microsoft.Recovery", "Microsoft.Other"), "microsoft.recovery",
				"microsoft.other")}}, "type microsoft.otherservices/vaults, which was not asked for"},
		{"a row of another subscription", []reply{{200, nil, strings.ReplaceAll(good, sub, subTwo)}},
			subTwo + ", which was not asked for"},
		{"an id of another subscription", []reply{{200, nil, with(sub, subTwo)}}, "its subscription differ"},
		{"an id of another type", []reply{{200, nil, with("/vaults/", "/safes/")}}, "its type differ"},
		{"an id of a part of a vault", []reply{{200, nil, with(`vaults/a"`, `vaults/a/items/a"`)}}, "its type differ"},
		{"an id of another group", []reply{{200, nil, with("resourceGroups/rg", "resourceGroups/gr")}},
			"its resource group differ"},
		{"an id of another name", []reply{{200, nil, with(`"name":"a"`, `"name":"A1"`)}}, "its name differ"},
		{"no id at all", []reply{{200, nil, with("/subscriptions/", "subscriptions/")}}, "or it is no id"},
		{"properties that are none", []reply{{200, nil, with(`{"provisioningState":"Succeeded"}`, `[]`)}}, "no object"},
		{"tags that are none", []reply{{200, nil, with(`{"Env":"prod"}`, `{"Env":1}`)}}, "tags"},
		{"cut short", []reply{{200, nil, good[:len(good)-1]}}, "EOF"},
		{"cut in a row", []reply{{200, nil, good[:200]}}, "EOF"},
		{"two documents", []reply{{200, nil, good + "{}"}}, "more follows"},
		{"empty", []reply{{200, nil, ""}}, "EOF"},
		{"an array", []reply{{200, nil, "[]"}}, `"{" belongs`},
		{"null", []reply{{200, nil, "null"}}, `"{" belongs`},
		{"a web page", []reply{{200, map[string]string{"Content-Type": "text/html"},
			"<!DOCTYPE html><html>sign in\x1b</html>"}}, "invalid character"},
		{"bottomless", []reply{{200, nil, with(`{"provisioningState":"Succeeded"}`, strings.Repeat("[", 20_000))}},
			"depth"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &service{t: t, answer: func(n int, _ body) *reply { return &tt.replies[min(n, len(tt.replies)-1)] }}
			_, err := vaults(t, s.client(false), one)
			ce, ok := errors.AsType[*fleet.CallError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			most := len(tt.replies)
			if ce.Class != fleet.CallGarbled || !strings.Contains(err.Error(), tt.words) || len(s.sent) > most {
				t.Errorf("class %s after %d requests: %v; want %q in at most %d", ce.Class, len(s.sent), err, tt.words,
					most)
			}
			if ce.RequestID != fmt.Sprint("req-", len(s.sent)-1) || strings.ContainsAny(err.Error(), "\x1b\n") ||
				len(err.Error()) > 2000 {
				t.Errorf("got %+v", ce)
			}
		})
	}
}

// TestAnswersThatAreWhole: what may differ between answers.
func TestAnswersThatAreWhole(t *testing.T) {
	t.Parallel()
	a := vaultRow(sub, "rg", "a")
	good := pageJSON(1, "", a)
	for name, text := range map[string]string{
		"as it is":              good,
		"with a byte order":     "\ufeff" + good,
		"truncated as boolean":  strings.Replace(good, `"false"`, `false`, 1),
		"a token of null":       strings.Replace(good, `"facets":[]`, `"$skipToken":null`, 1),
		"members not yet known": strings.Replace(good, `"facets":[]`, `"new":{"a":[1,{}]}`, 1),
		"columns not yet known": strings.Replace(good, `"tags":`, `"zones":["1"],"tags":`, 1),
		"no tags":               strings.Replace(good, `{"Env":"prod"}`, `null`, 1),
		"no properties":         strings.Replace(good, `{"provisioningState":"Succeeded"}`, `null`, 1),
		"an id in capitals": strings.Replace(good, "/subscriptions/"+sub+"/resourceGroups",
			"/SUBSCRIPTIONS/"+strings.ToUpper(sub)+"/RESOURCEGROUPS", 1),
	} {
		s := &service{t: t, answer: func(int, body) *reply { return &reply{status: 200, body: text} }}
		if got, err := vaults(t, s.client(false), one); err != nil || len(got) != 1 || got[0].Name != "a" ||
			got[0].SubscriptionID != sub {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	s := &service{t: t}
	if got, err := vaults(t, s.client(false), one); err != nil || len(got) != 0 {
		t.Errorf("no vaults: got %+v, %v", got, err)
	}
}
