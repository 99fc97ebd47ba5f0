package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/test/handler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	prod = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	lab  = "0f8e3b52-7c1d-4b7a-9d0e-2f1a5c6b7d80"
)

// fleet is two subscriptions, three regions, both types.
func fleet() []Vault {
	return []Vault{
		{SubscriptionID: prod, SubscriptionName: "contoso-prod", Name: "alpha", Location: "West US",
			ResourceType: typeBackup, TargetResourceGroup: "rg-vaults", ProtectedItems: 40},
		{SubscriptionID: prod, SubscriptionName: "contoso-prod", Name: "beta", Location: "West US",
			ResourceType: typeSiteRecovery, TargetResourceGroup: "rg-vaults"},
		{SubscriptionID: prod, SubscriptionName: "contoso-prod", Name: "gamma ray", Location: "Australia East",
			ResourceType: typeBackup, TargetResourceGroup: "rg-new", CreateResourceGroup: true},
		{SubscriptionID: lab, SubscriptionName: "contoso-lab", Name: "delta", Location: "West US",
			ResourceType: typeBackup, TargetResourceGroup: "rg-vaults"},
	}
}

// locked is a buffer that a handler may write while a test reads.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newCloud(t *testing.T, s Scenario, vaults ...Vault) *Cloud {
	t.Helper()
	if len(vaults) == 0 {
		vaults = fleet()
	}
	c, err := New(Config{Scenario: s, Vaults: vaults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// client speaks the protocol the way classic-service.md#the-three-calls has it, without any code of
// the emulator.
type client struct {
	t    testing.TB
	http *http.Client
	base string
}

func inMemory(t testing.TB, h http.Handler) *client {
	return &client{t: t, http: &http.Client{Transport: handler.Transport(h)}, base: "http://emulator"}
}

// overLoopback serves the handler on a real connection.
func overLoopback(t *testing.T, h http.Handler) *client {
	t.Helper()
	srv := httptest.NewServer(h)
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	return &client{t: t, http: &http.Client{Transport: tr}, base: srv.URL}
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (c *client) do(ctx context.Context, method, path, body string, header http.Header) answer {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = header
	res, err := c.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: string(b), err: err}
}

func classicHeader(id string) http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer secret-token")
	h.Set("x-ms-version", "2013-03-01")
	h.Set("Accept", "application/xml")
	if id != "" {
		h.Set("x-ms-client-request-id", id)
		h["Agent-Authentication"] = []string{""}
	}
	return h
}

func postHeader(id string) http.Header {
	h := classicHeader(id)
	h.Set("Content-Type", "application/xml; charset=utf-8")
	return h
}

func (c *client) list(sub string) answer {
	return c.do(context.Background(), "GET", "/"+sub+"/cloudservices?api-version=2015-02-10", "", classicHeader(""))
}

func (c *client) arm(path, version string) answer {
	h := http.Header{"Authorization": {"Bearer secret-token"}}
	return c.do(context.Background(), "GET", path+"?api-version="+version, "", h)
}

func (c *client) target(v Vault) answer {
	return c.arm("/subscriptions/"+v.SubscriptionID+"/resourceGroups/"+v.TargetResourceGroup+
		"/providers/Microsoft.RecoveryServices/vaults/"+url.PathEscape(v.Name), "2023-04-01")
}

var idMu sync.Mutex
var idCount int

func newID() string {
	idMu.Lock()
	defer idMu.Unlock()
	idCount++
	return fmt.Sprintf("4cc27b8b-0000-4000-8000-%012d-2017-03-28 10:03:15Z-P", idCount)
}

func input(v Vault) string {
	return `<ResourceUpgradeInput xmlns="http://schemas.microsoft.com/windowsazure"><NewResourcePath>/subscriptions/` +
		v.SubscriptionID +
		`/resourceGroups/` + v.TargetResourceGroup + `/providers/Microsoft.RecoveryServices/Vaults/` + v.Name +
		`</NewResourcePath></ResourceUpgradeInput>`
}

// path builds a vault's path from a listing, as a client must; if the vault is
// not listed, from what the emulator would have said.
func (c *client) path(v Vault) string {
	p := "/" + v.SubscriptionID + "/cloudservices/" + url.PathEscape(serviceName(v.SubscriptionID, v.Location)) +
		"/resources/" + resourceProviderNamespace
	return p + "/~/" + v.ResourceType + "/" + url.PathEscape(v.Name)
}

func (c *client) prereqs(v Vault) answer {
	return c.do(context.Background(), "POST", c.path(v)+"/checkPrereqsForUpgrade", input(v), postHeader(newID()))
}

func (c *client) upgrade(v Vault, id string) answer {
	return c.upgradeCtx(context.Background(), v, id)
}

func (c *client) upgradeCtx(ctx context.Context, v Vault, id string) answer {
	return c.do(ctx, "POST", c.path(v)+"/upgrade", input(v), postHeader(id))
}

func (c *client) result(v Vault) answer {
	return c.do(context.Background(), "GET", c.path(v)+"/upgradeOperationResult", "", classicHeader(newID()))
}

// listing is what a client reads of a listing.
type listing struct {
	XMLName  xml.Name `xml:"http://schemas.microsoft.com/windowsazure CloudServices"`
	Services []struct {
		Name      string
		GeoRegion string
		Resources []listed `xml:"Resources>Resource"`
	} `xml:"CloudService"`
}

type listed struct {
	ResourceProviderNamespace, Type, Name string
	Upgrade                               *details `xml:"IntrinsicSettings>ResourceUpgradeDetails"`
}

type details struct {
	XMLName                                               xml.Name
	EndTimeUtc, LastUpdatedTimeUtc, Message, OperationId  string
	StartTimeUtc, Status, TriggerType, UpgradedResourceId string
	PreviousResourceId                                    string
}

type opInfo struct {
	XMLName                                              xml.Name `xml:"http://schemas.microsoft.com/windowsazure OperationInfo"`
	ErrorCode, Message, OperationResult, OperationStatus string
	Steps                                                []struct {
		OperationStatus, OperationResult, Message,
		Detail string
	} `xml:"JobSteps>JobStep"`
}

func decodeXML[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if a.err != nil || a.status != 200 {
		t.Fatalf("answer %d %v: %s", a.status, a.err, a.body)
	}
	if err := xml.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

func decodeJSON(t testing.TB, a answer) map[string]any {
	t.Helper()
	v := map[string]any{}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %d %q (%v)", err, a.status, a.body, a.err)
	}
	return v
}

// find returns a vault of a listing, nil if it is not there.
func (l listing) find(v Vault) *listed {
	for _, s := range l.Services {
		for _, r := range s.Resources {
			if s.GeoRegion == v.Location && r.Type == v.ResourceType && r.Name == v.Name {
				return &r
			}
		}
	}
	return nil
}

// record returns the upgrade record of a vault in its listing; it fails if the
// vault is missing, and is empty if the vault has no record.
func (c *client) record(v Vault) details {
	c.t.Helper()
	r := decodeXML[listing](c.t, c.list(v.SubscriptionID)).find(v)
	if r == nil {
		c.t.Fatalf("%s is not listed", v.Name)
	}
	if r.Upgrade == nil {
		return details{}
	}
	return *r.Upgrade
}

func wantStatus(t testing.TB, a answer, status int, words ...string) {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("answer %d %v, want %d: %s", a.status, a.err, status, a.body)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			t.Errorf("the body lacks %q: %s", w, a.body)
		}
	}
}

// newRequest is a request as a handler sees it.
func newRequest(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
}
