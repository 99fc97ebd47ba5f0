package graph

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What passes for a page is one: its rows are resources whose columns agree,
// there are as many as it says, and no part of it passes for a page too.
func FuzzPage(f *testing.F) {
	a, b := vaultRow(sub, "RG(1)", "a"), vaultRow(subTwo, "rg", "b")
	for _, seed := range []string{
		pageJSON(2, "", a, b), pageJSON(900, "t", a), pageJSON(0, ""),
		pageJSON(1, "", subscriptionRow(sub, "Contoso / prod")),
		strings.ReplaceAll(pageJSON(1, "", a), `"false"`, "true"),
		strings.ReplaceAll(pageJSON(1, "", a), "vaults/a", "vaults/../a"),
		strings.ReplaceAll(pageJSON(1, "", a), `"id"`, `"ID"`),
		`{"data":[null],"count":1,"totalRecords":1,"resultTruncated":"false"}`,
		`{"data":[{"id":"/subscriptions/x","type":"microsoft.resources/subscriptions","subscriptionId":"x"}],"count":1,"totalRecords":1,"resultTruncated":"false"}`,
		`{"count":1e3}`, `{"data":{"columns":[],"rows":[]}}`, strings.Repeat(`{"a":`, 100), "\ufeff{}", "[", "\xff",
		`{"a":1,}`, `{"error":{"code":"x"}}`,
	} {
		f.Add([]byte(seed), len(seed)/2)
	}
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		rows := int64(0)
		p, err := readPage(data, func(r Resource) error {
			rows++
			parts := strings.Split(r.ID, "/")
			if norm, err := fleet.NormalizeGUID(r.SubscriptionID); err != nil || norm != r.SubscriptionID ||
				!strings.EqualFold(parts[2], norm) {
				t.Errorf("%q is of subscription %q", r.ID, r.SubscriptionID)
			}
			if r.Type != strings.ToLower(r.Type) || r.Type == "" || r.Properties != nil &&
				(r.Properties[0] != '{' || !json.Valid(r.Properties)) {
				t.Errorf("got %+v", r)
			}
			whole := "/subscriptions/" + r.SubscriptionID
			if r.Type != subscriptionType {
				whole += "/resourceGroups/" + r.ResourceGroup + "/providers/" + r.Type + "/" + r.Name
			}
			if !strings.EqualFold(whole, r.ID) || (r.Location == "") != (r.Type == subscriptionType) {
				t.Errorf("%q is %+v", r.ID, r)
			}
			return nil
		})
		if err != nil {
			return
		}
		if p.count != rows || p.total < 0 {
			t.Errorf("%d rows in %+v", rows, p)
		}
		cut = int(uint(cut) % uint(len(data)+1))
		if _, err := readPage(data[:cut], func(Resource) error { return nil }); err == nil &&
			len(strings.TrimSpace(string(data[cut:]))) > 0 {
			t.Errorf("cut at %d of %d it is taken for a page", cut, len(data))
		}
	})
}

// However a filter is written, the query around it stays as it is: it begins
// with the types and ends with the columns, and the parts between are a
// filter's.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"a == 1", "| where a | extend b = 1", "(a", "'", `"\"`, "@'''", "```|```",
		"a // | b\n| where c", "x)|project id|where (1", "{{a|b}}", "a\r|where b", "where-x | where", "~~~",
		"ſearch x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		filter, err := ParseFilter(s)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		q := VaultQuery(filter, rsv).String()
		parts, err := split(q)
		if err != nil {
			t.Fatalf("%q: %v", q, err)
		}
		n := len(parts)
		if n != len(filter.parts)+4 || parts[0] != "resources" ||
			!strings.HasPrefix(parts[1], "where type in~ ('microsoft.recoveryservices/vaults')") ||
			!strings.HasPrefix(parts[n-2], "project id, name,") || parts[n-1] != "order by id asc" {
			t.Errorf("%q has the parts %q", q, parts)
		}
		for _, part := range parts[2 : n-2] {
			if !slices.Contains(allowed, strings.ToLower(firstWord(part))) {
				t.Errorf("%q has the part %q", q, part)
			}
		}
	})
}
