package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const shippedQuery = "resources\n| where type in~ ('microsoft.recoveryservices/vaults')\n" +
	"| project id, name, type, location, subscriptionId, resourceGroup, tags, properties\n| order by id asc"

// TestRequests: what is sent is what the published API description asks for,
// byte for byte, and every page is asked for with the token before.
func TestRequests(t *testing.T) {
	t.Parallel()
	s := &service{t: t}
	for i := range 2100 {
		s.rows = append(s.rows, vaultRow(sub, "RG-One", fmt.Sprintf("vault-%04d", i)))
	}
	got, err := vaults(t, s.client(false), Scope{Subscriptions: []string{"{" + strings.ToUpper(sub) + "}", sub}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2100 || got[0].Name != "vault-0000" || got[2099].Name != "vault-2099" {
		t.Errorf("%d rows", len(got))
	}
	want := Resource{ID: "/subscriptions/" + sub +
		"/resourceGroups/RG-One/providers/Microsoft.RecoveryServices/vaults/vault-0007", Name: "vault-0007",
		Type: "microsoft.recoveryservices/vaults", Location: "westeurope", SubscriptionID: sub, ResourceGroup: "RG-One",
		Tags: map[string]string{"Env": "prod"}, Properties: json.RawMessage(`{"provisioningState":"Succeeded"}`)}
	if !reflect.DeepEqual(got[7], want) {
		t.Errorf("got %+v\nwant %+v", got[7], want)
	}
	query, _ := json.Marshal(shippedQuery)
	for i, options := range []string{`{"$top":1000,"resultFormat":"objectArray"}`,
		`{"$top":1000,"$skipToken":"from 1000","resultFormat":"objectArray"}`,
		`{"$top":1000,"$skipToken":"from 2000","resultFormat":"objectArray"}`} {
		want := fmt.Sprintf(`{"subscriptions":[%q],"query":%s,"options":%s}`, sub, query, options)
		if s.sent[i] != want {
			t.Errorf("request %d is\n%s\nwant\n%s", i, s.sent[i], want)
		}
	}
	if len(s.sent) != 3 {
		t.Errorf("%d requests", len(s.sent))
	}
	for k, want := range map[string]string{"Content-Type": "application/json", "Accept": "application/json",
		"User-Agent": "fleetup/1.2.3", "Authorization": "Bearer fleetup-emulator"} {
		if got := s.head[0].Get(k); got != want {
			t.Errorf("header %s is %q", k, got)
		}
	}
}

// TestScopes: many subscriptions go in batches, management groups together, and
// nothing is asked of a whole tenant by mistake.
func TestScopes(t *testing.T) {
	t.Parallel()
	s := &service{t: t}
	var many Scope
	for i := range 600 {
		many.Subscriptions = append(many.Subscriptions, fmt.Sprintf("%08d-0000-4000-8000-000000000000", 600-i))
	}
	if _, err := vaults(t, s.client(false), many); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	asked := map[string]bool{}
	for _, text := range s.sent {
		var b body
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(b.Subscriptions))
		for _, id := range b.Subscriptions {
			asked[id] = true
		}
	}
	if fmt.Sprint(sizes) != "[250 250 100]" || len(asked) != 600 {
		t.Errorf("batches of %v, %d subscriptions in all", sizes, len(asked))
	}
	s = &service{t: t, rows: []string{vaultRow(sub, "rg", "a"), vaultRow(subTwo, "rg", "a")}}
	if got, err := vaults(t, s.client(false),
		Scope{ManagementGroups: []string{"Production", "e927f598"}}); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if !strings.HasPrefix(s.sent[0], `{"managementGroups":["Production","e927f598"],"query":`) {
		t.Errorf("sent %s", s.sent[0])
	}
	for _, bad := range []Scope{{}, {Subscriptions: []string{sub}, ManagementGroups: []string{"g"}},
		{Subscriptions: []string{"mine"}}} {
		s := &service{t: t}
		if _, err := vaults(t, s.client(false), bad); fleet.ClassOf(err) != fleet.CallRefused || len(s.sent) != 0 {
			t.Errorf("%+v: %d requests, %v", bad, len(s.sent), err)
		}
	}
}

// TestSubscriptions: those that the identity does not see are not there, one
// among others or a whole batch; vaults of such a scope are an error.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	none := &reply{status: 400, body: refusalJSON("BadRequest",
		`{"code":"NoValidSubscriptionsInQueryRequest","message":"There must be at least one subscription"}`)}
	s := &service{t: t, rows: []string{subscriptionRow(sub, "Contoso / prod")}}
	s.answer = func(n int, _ body) *reply {
		if n == 1 {
			return none
		}
		return nil
	}
	scope := Scope{Subscriptions: []string{sub, subTwo}}
	for i := range 300 {
		scope.Subscriptions = append(scope.Subscriptions, fmt.Sprintf("f%07d-0000-4000-8000-000000000000", i))
	}
	var got []Resource
	if err := s.client(false).Subscriptions(t.Context(), scope, func(r Resource) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Name != "Contoso / prod" || got[0].SubscriptionID != sub || got[0].ResourceGroup != "" ||
		len(s.sent) != 2 {
		t.Errorf("got %+v in %d requests", got, len(s.sent))
	}
	if want :=
		`"query":"resourcecontainers\n| where type =~ 'microsoft.resources/subscriptions'\n| project id,`; !strings.Contains(s.sent[0], want) {
		t.Errorf("sent %s", s.sent[0])
	}
	s = &service{t: t, answer: func(int, body) *reply { return none }}
	if _, err := vaults(t, s.client(false), one); fleet.ClassOf(err) != fleet.CallForbidden ||
		!strings.Contains(err.Error(), "NoValidSubscriptionsInQueryRequest: There must be") {
		t.Errorf("got %v", err)
	}
}

// TestErrors: what the service refuses comes with its reasons, where they are,
// and both request IDs; what passes by itself is tried again.
func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		reply reply
		tries int
		class fleet.CallClass
		words string
	}{
		{"a query that cannot be read", reply{status: 400,
			body: refusalJSON("BadRequest", `{"code":"InvalidQuery","message":"Query is invalid."}`,
				`{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":14,"token":"\u001b|","expectedToken":"x"}`)}, 1, fleet.CallRefused,
			`InvalidQuery: Query is invalid.; ParserFailure (line 3, character 14) at "|" (HTTP 400)`},
		{"a detail without a line", reply{status: 400,
			body: refusalJSON("BadRequest", `{"code":"InvalidQuery","message":"Query is invalid."}`,
				`{"code":"DisallowedLogicalOperator","message":"Operator is disallowed","line":-1,"token":"parse"}`)},
			1, fleet.CallRefused,
			`Query is invalid.; DisallowedLogicalOperator: Operator is disallowed at "parse"`},
		{"details of another type", reply{status: 403,
			body: `{"error":{"code":"AuthorizationFailed","message":"no right","details":"none"}}`}, 1,
			fleet.CallForbidden, "AuthorizationFailed: no right"},
		{"no JSON", reply{status: 502, body: "<html>\x1b[2J"}, 3, fleet.CallUnreachable, `<html>\x1b[2J`},
		{"500", reply{status: 500, body: refusalJSON("InternalServerError",
			`{"code":"InternalServerError","message":"later"}`)}, 3, fleet.CallUnreachable,
			"InternalServerError: later"},
		{"401", reply{status: 401, body: `{"error":{"code":"InvalidAuthenticationToken","message":"expired"}}`}, 1,
			fleet.CallDenied, "expired"},
		{"redirect", reply{status: 307, header: map[string]string{"Location": "http://127.0.0.1:9/"}}, 1,
			fleet.CallGarbled, "redirect"},
		{"another 2xx", reply{status: 202, body: "{}"}, 1, fleet.CallGarbled, "202"},
		{"too large for one row", reply{status: 400,
			body: refusalJSON("BadRequest", `{"code":"ResponsePayloadTooLarge","message":"too large"}`)}, 10,
			fleet.CallRefused, "ResponsePayloadTooLarge: too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &service{t: t, answer: func(int, body) *reply { return &tt.reply }}
			got, err := vaults(t, s.client(false), one)
			ce, ok := errors.AsType[*fleet.CallError](err)
			if !ok || got != nil {
				t.Fatalf("got %v, %v", got, err)
			}
			if ce.Class != tt.class || !strings.Contains(err.Error(), tt.words) ||
				!strings.Contains(err.Error(), sub) || len(s.sent) != tt.tries {
				t.Errorf("class %s after %d requests: %v; want %s after %d and %q", ce.Class, len(s.sent), err,
					tt.class, tt.tries, tt.words)
			}
			if ce.RequestID != fmt.Sprint("req-", tt.tries-1) || ce.ClientRequestID == "" ||
				strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("got %+v", ce)
			}
		})
	}
}

// TestPageTooLarge: a page that is too large for the service is asked for
// again, smaller, and the ones behind it are smaller at once.
func TestPageTooLarge(t *testing.T) {
	t.Parallel()
	s := &service{t: t}
	for i := range 1500 {
		s.rows = append(s.rows, vaultRow(sub, "rg", fmt.Sprint("v", i)))
	}
	var asked []string
	s.answer = func(_ int, b body) *reply {
		asked = append(asked, fmt.Sprintf("%q %d", b.Options.SkipToken, b.Options.Top))
		if b.Options.Top > 300 {
			return &reply{status: 400, body: refusalJSON("BadRequest",
				`{"code":"ResponsePayloadTooLarge","message":"Response payload size is 17641186"}`)}
		}
		return nil
	}
	got, err := vaults(t, s.client(false), one)
	if want :=
		`["" 1000 "" 500 "" 250 "from 250" 250 "from 500" 250 "from 750" 250 "from 1000" 250 "from 1250" 250]`; err != nil || len(got) != 1500 || fmt.Sprint(asked) != want {
		t.Errorf("%d rows, %v, asked\n%v\nwant\n%s", len(got), err, asked, want)
	}
}

// TestRowsAreNotKept: of 5,000 large rows that a visitor drops, next to
// nothing is left when the last has come. Not parallel: what is measured is the
// whole process's.
func TestRowsAreNotKept(t *testing.T) {
	const rows = 5000
	filler := strings.Repeat("x", 2000)
	s := &service{t: t, answer: func(_ int, b body) *reply {
		from := 0
		_, _ = fmt.Sscanf(b.Options.SkipToken, "from %d", &from)
		var page []string
		for i := range b.Options.Top {
			page = append(page, strings.Replace(vaultRow(sub, "rg", fmt.Sprint("v", from+i)), "Succeeded", filler, 1))
		}
		token := ""
		if from+len(page) < rows {
			token = fmt.Sprint("from ", from+len(page))
		}
		return &reply{status: 200, body: pageJSON(rows, token, page...)}
	}, header: map[string]string{"x-ms-user-quota-remaining": "100", "x-ms-user-quota-resets-after": "00:00:05"}}
	c := s.client(true)
	c.top = 100
	var before, last runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	err := c.Vaults(t.Context(), one, VaultQuery(Filter{}, rsv), func(r Resource) {
		if n++; n == rows {
			s.sent = nil
			runtime.GC()
			runtime.ReadMemStats(&last)
		}
	})
	if err != nil || n != rows {
		t.Fatalf("%d rows, %v", n, err)
	}
	// A page is some 250 kB, twice within the process; all rows are 12 MB.
	if got := int64(last.HeapAlloc) - int64(before.HeapAlloc); got > 4<<20 {
		t.Errorf("%d MB are held while the last row is visited", got>>20)
	}
}

func TestNewNeedsASide(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("got no error")
	}
	// What the environment lacks for signing in is said with the call.
	cloud := fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "https://127.0.0.1:1",
		ResourceManager: "https://127.0.0.1:1"}
	_, rm, err := azure.NewAPIClients(azure.Options{Cloud: cloud,
		Credentials: fleet.Credentials{ResourceManager: "no-such-kind"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{ResourceManager: rm})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vaults(t, c, one); fleet.ClassOf(err) != fleet.CallDenied {
		t.Errorf("got %v", err)
	}
}
