package classic

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sub   = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	opOur = "4cc27b8b-0000-4000-8000-000000000001-2017-03-28 10:03:15Z-P"
	opOld = "91d0e2aa-0000-4000-8000-000000000002-2017-03-01 09:00:00Z-P"

	xmlNS = `xmlns="http://schemas.microsoft.com/windowsazure" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"`

	listURL = "GET /sm/" + sub + "/cloudservices?api-version=2015-02-10"
	pathP   = "/sm/" + sub +
		"/cloudservices/RecoveryServices-HASH-West%20US/resources/Example%2FNamespace/~/BackupVault/Vault%20Two"
	prereqURL  = "POST " + pathP + "/checkPrereqsForUpgrade"
	startURL   = "POST " + pathP + "/upgrade"
	resultURL  = "GET " + pathP + "/upgradeOperationResult"
	subURL     = "GET /rm/subscriptions/" + sub + "?api-version=2022-12-01"
	rsURL      = "GET /rm/subscriptions/" + sub + "/providers/Microsoft.RecoveryServices?api-version=2021-04-01"
	srURL      = "GET /rm/subscriptions/" + sub + "/providers/Microsoft.SiteRecovery?api-version=2021-04-01"
	featureURL = "GET /rm/subscriptions/" + sub +
		"/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade?api-version=2021-07-01"
	groupURL  = "GET /rm/subscriptions/" + sub + "/resourcegroups/Contoso%28RG%29?api-version=2021-04-01"
	targetURL = "GET /rm/subscriptions/" + sub +
		"/resourceGroups/Contoso%28RG%29/providers/Microsoft.RecoveryServices/vaults/Vault%20Two?api-version=2023-04-01"

	allMet = `<Error i:nil="true" ` + xmlNS + `/>`
)

// reply is a canned answer; err instead of one.
type reply struct {
	status int
	body   string
	header map[string]string
	err    error
}

type sentRequest struct {
	line   string // method and URI, as they went over the wire
	header http.Header
	body   string
	at     time.Time
}

// fakeCloud answers by method and URI without a network, so that it works in a
// synctest bubble. What it does not know is a test failure.
type fakeCloud struct {
	t      *testing.T
	mu     sync.Mutex
	routes map[string]reply
	sent   []sentRequest
}

// newFakeCloud returns a cloud in which the test's vault is ready to start.
func newFakeCloud(t *testing.T) *fakeCloud {
	return &fakeCloud{t: t, routes: map[string]reply{
		listURL:    {200, listing(vaultXML("")), map[string]string{"x-ms-request-id": "req-list"}, nil},
		prereqURL:  {200, allMet, nil, nil},
		subURL:     {200, `{"state":"Enabled","subscriptionPolicies":{"quotaId":"PayAsYouGo_2014-09-01"}}`, nil, nil},
		rsURL:      {200, `{"registrationState":"Registered"}`, nil, nil},
		srURL:      {200, `{"registrationState":"Registered"}`, nil, nil},
		featureURL: {200, `{"properties":{"state":"Registered"}}`, nil, nil},
		groupURL:   {200, `{"name":"Contoso(RG)"}`, nil, nil},
		targetURL:  armNotFound(),
	}}
}

func armNotFound() reply {
	return reply{404, `{"error":{"code":"ResourceNotFound","message":"none"}}`,
		map[string]string{"Content-Type": "application/json"}, nil}
}

func (f *fakeCloud) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	line := r.Method + " " + r.URL.RequestURI()
	f.mu.Lock()
	f.sent = append(f.sent, sentRequest{line, r.Header.Clone(), string(body), time.Now()})
	rep, ok := f.routes[line]
	f.mu.Unlock()
	if !ok {
		f.t.Errorf("unexpected request %s", line)
		rep = reply{status: 418}
	}
	if rep.err != nil {
		return nil, rep.err
	}
	h := http.Header{}
	for k, v := range rep.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: rep.status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(rep.body))),
		Request: r}, nil
}

func (f *fakeCloud) set(url string, status int, body string) {
	f.routes[url] = reply{status: status, body: body,
		header: map[string]string{"x-ms-request-id": "req-" + url[len(url)-6:]}}
}

// count is how often a request was sent.
func (f *fakeCloud) count(url string) int {
	n := 0
	for _, s := range f.sent {
		if s.line == url {
			n++
		}
	}
	return n
}

// last is the newest request of a URL.
func (f *fakeCloud) last(url string) sentRequest {
	f.t.Helper()
	for _, s := range slices.Backward(f.sent) {
		if s.line == url {
			return s
		}
	}
	f.t.Fatalf("never asked for %s", url)
	return sentRequest{}
}

// upgrader returns an Upgrader on the fake cloud.
func (f *fakeCloud) upgrader(change func(*Options)) *Upgrader {
	f.t.Helper()
	return newUpgrader(f.t, "http://127.0.0.1:1", f, nil, change)
}

// paced returns an Upgrader on the fake cloud that asks for its turns.
func (f *fakeCloud) paced(p azure.Pacer) *Upgrader {
	f.t.Helper()
	return newUpgrader(f.t, "http://127.0.0.1:1", f, p, nil)
}

func newUpgrader(t *testing.T, base string, rt http.RoundTripper, p azure.Pacer, change func(*Options)) *Upgrader {
	t.Helper()
	sm, rm, err := azure.NewAPIClients(azure.Options{Version: "1.2.3", Transport: rt, Pacer: p,
		Cloud: fleet.Cloud{Name: fleet.Emulator, ServiceManagement: base + "/sm", ResourceManager: base + "/rm"}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{ServiceManagement: sm, ResourceManager: rm, Subscriptions: []fleet.Subscription{{ID: sub}}}
	if change != nil {
		change(&o)
	}
	u, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

func testVault() *fleet.Vault {
	v := &fleet.Vault{Kind: fleet.KindClassic, SubscriptionID: sub, SubscriptionName: "contoso-prod", Name: "Vault Two",
		Location: "westus", ResourceType: fleet.BackupVault, TargetResourceGroup: "Contoso(RG)"}
	v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
	return v
}

// seen is the vault in a listing, with its record.
func seen(rec *fleet.Record) fleet.Sighting {
	return fleet.Sighting{Address: strings.TrimPrefix(pathP, "/sm"), Record: rec}
}

func listing(services ...string) string {
	return "\xef\xbb\xbf" + `<?xml version="1.0" encoding="utf-8"?><CloudServices ` + xmlNS + `>` +
		strings.Join(services, "") + `</CloudServices>`
}

func service(name, region, resources string) string {
	return `<CloudService><Name>` + name + `</Name><Label>x</Label><GeoRegion>` + region + `</GeoRegion><Resources>` +
		resources + `</Resources></CloudService>`
}

func resource(typ, name, settings string) string {
	return `<Resource><ResourceProviderNamespace>Example/Namespace</ResourceProviderNamespace><Type>` + typ +
		`</Type><Name>` + name +
		`</Name><Plan /><State>Started</State>` + settings +
		`<OutputItems><OutputItem><Key>Name</Key><Value>v</Value></OutputItem></OutputItems></Resource>`
}

// vaultXML is the test's vault as a listing has it.
func vaultXML(settings string) string {
	return service("RecoveryServices-HASH-West US", "West US", resource("BackupVault", "Vault Two", settings))
}

func details(op, status string) string {
	return `<ResourceUpgradeDetails ` + xmlNS + `><EndTimeUtc>9999-12-31T23:59:59.9999999</EndTimeUtc>` +
		`<LastUpdatedTimeUtc>2017-03-28T10:04:17.1234567</LastUpdatedTimeUtc><Message /><OperationId>` + op +
		`</OperationId>` +
		`<PreviousResourceId i:nil="true" /><StartTimeUtc>2017-03-28T10:03:17.9915356Z</StartTimeUtc><Status>` +
		status + `</Status>` +
		`<TriggerType>UserTriggered</TriggerType><UpgradedResourceId>/subscriptions/x</UpgradedResourceId></ResourceUpgradeDetails>`
}

func reason(typ, code, message, action string) string {
	return `<ErrorDetail><Category>Agent</Category><Code>` + code + `</Code><Type>` + typ + `</Type><Message>` +
		message +
		`</Message><Properties /><RecommendedAction>` + action + `</RecommendedAction></ErrorDetail>`
}

func errorXML(code, message, entries string) string {
	d := ""
	if entries != "" {
		d = `<Details>` + entries + `</Details>`
	}
	return `<Error ` + xmlNS + `><Code>` + code + `</Code><Message>` + message +
		`</Message><RecommendedAction></RecommendedAction>` + d + `</Error>`
}

func targetJSON(state, op, status string) string {
	up := ""
	if op != "" {
		up = `,"upgradeDetails":{"operationId":"` + op + `","status":"` + status +
			`","startTimeUtc":"2017-03-28T10:03:17.9915356Z","endTimeUtc":"2017-03-28T10:20:00Z","triggerType":"UserTriggered","upgradedResourceId":"/subscriptions/x/up"}`
	}
	return `{"id":"/subscriptions/x/vaults/Vault Two","properties":{"provisioningState":"` + state + `"` + up + `}}`
}

func codes(fs []fleet.Finding) string {
	var out []string
	for _, f := range fs {
		out = append(out, string(f.Severity)+":"+f.Code)
	}
	return strings.Join(out, " ")
}
