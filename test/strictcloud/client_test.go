package strictcloud_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

const (
	subA = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	subB = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
)

// client speaks the protocol to the letter; edit spoils a request.
type client struct {
	t    *testing.T
	base string
	http *http.Client
	edit func(*http.Request)
}

// newCloud returns a cloud on loopback and a client of it.
func newCloud(t *testing.T, cfg strictcloud.Config) (*strictcloud.Server, *client) {
	t.Helper()
	if cfg.Timings.StartTimeout == 0 {
		cfg.Timings.StartTimeout = time.Millisecond // these tests are about the rest of the proof
	}
	cloud := strictcloud.New(cfg)
	web := httptest.NewServer(cloud)
	t.Cleanup(web.Close)
	t.Cleanup(cloud.Close)
	return cloud, &client{t: t, base: web.URL, http: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var ids atomic.Int64

func newID() string {
	return fmt.Sprintf("4cc27b8b-0000-4000-8000-%012x-%s-P", ids.Add(1),
		time.Now().UTC().Format("2006-01-02 15:04:05Z"))
}

// decided is when a client of these tests decided the start of an operation.
var decided sync.Map

func decidedAt(operationID string) (time.Time, bool) {
	at, ok := decided.Load(operationID)
	if !ok {
		return time.Time{}, false
	}
	return at.(time.Time), true
}

type reply struct {
	status int // 0: no answer
	body   string
	header http.Header
}

func (c *client) do(method, path, id, body string) reply {
	c.t.Helper()
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	r.Header.Set("User-Agent", "fleetup/test")
	r.Header.Set("Authorization", "Bearer abc.def-ghi")
	if !strings.HasPrefix(path, "/subscriptions/") {
		r.Header.Set("x-ms-version", "2013-03-01")
		r.Header.Set("Accept", "application/xml")
	}
	if id != "" {
		decided.LoadOrStore(id, time.Now())
		r.Header.Set("Agent-Authentication", "")
		r.Header.Set("x-ms-client-request-id", id)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/xml; charset=utf-8")
	}
	if c.edit != nil {
		c.edit(r)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}
	}
	return reply{resp.StatusCode, string(got), resp.Header}
}

// details is a ResourceUpgradeDetails as a reader of classic-service.md#the-listing sees it.
type details struct {
	OperationId, Status, Message, TriggerType, StartTimeUtc, EndTimeUtc string
}

type listing struct {
	XMLName       xml.Name `xml:"http://schemas.microsoft.com/windowsazure CloudServices"`
	CloudServices []struct {
		Name, GeoRegion string
		Resources       []struct {
			ResourceProviderNamespace, Type, Name string
			Details                               *details `xml:"IntrinsicSettings>ResourceUpgradeDetails"`
		} `xml:"Resources>Resource"`
	} `xml:"CloudService"`
}

// seen is a vault as the listing gives it.
type seen struct {
	base    string
	details *details
}

func (c *client) list(sub string) reply {
	c.t.Helper()
	return c.do("GET", "/"+sub+"/cloudservices?api-version=2015-02-10", "", "")
}

// look lists the subscription and finds the vault; nil where it is not there.
func (c *client) look(v *strictcloud.VaultHandle) *seen {
	c.t.Helper()
	spec := v.Spec()
	got := c.list(spec.Subscription)
	var l listing
	if err := xml.NewDecoder(bytes.NewReader([]byte(got.body))).Decode(&l); got.status != 200 || err != nil {
		c.t.Fatalf("listing: %d %v\n%s", got.status, err, got.body)
	}
	for _, s := range l.CloudServices {
		for _, r := range s.Resources {
			if s.GeoRegion == spec.Region && r.Type == spec.Type && r.Name == spec.Name {
				e := url.PathEscape
				return &seen{details: r.Details,
					base: "/" + spec.Subscription + "/cloudservices/" + e(s.Name) + "/resources/" +
						e(r.ResourceProviderNamespace) + "/~/" + e(r.Type) + "/" + e(r.Name)}
			}
		}
	}
	return nil
}

func input(v *strictcloud.VaultHandle) string {
	var b strings.Builder
	b.WriteString(`<ResourceUpgradeInput xmlns="http://schemas.microsoft.com/windowsazure"><NewResourcePath>`)
	_ = xml.EscapeText(&b, []byte("/subscriptions/"+v.Spec().Subscription+"/resourceGroups/"+v.Spec().Group+
		"/providers/Microsoft.RecoveryServices/Vaults/"+v.Spec().Name))
	return b.String() + "</NewResourcePath></ResourceUpgradeInput>"
}

func (c *client) prereqs(v *strictcloud.VaultHandle) reply {
	c.t.Helper()
	return c.do("POST", c.look(v).base+"/checkPrereqsForUpgrade", newID(), input(v))
}

func (c *client) start(v *strictcloud.VaultHandle) reply {
	c.t.Helper()
	return c.do("POST", c.look(v).base+"/upgrade", newID(), input(v))
}

func (c *client) result(v *strictcloud.VaultHandle) reply {
	c.t.Helper()
	return c.do("GET", c.look(v).base+"/upgradeOperationResult", newID(), "")
}

func (c *client) target(v *strictcloud.VaultHandle) reply {
	c.t.Helper()
	return c.do("GET", "/subscriptions/"+v.Spec().Subscription+"/resourceGroups/"+url.PathEscape(v.Spec().Group)+
		"/providers/Microsoft.RecoveryServices/vaults/"+url.PathEscape(v.Spec().Name)+"?api-version=2023-04-01", "", "")
}

// armChecks makes every Resource Manager check of classic-service.md#the-resource-manager-side.
func (c *client) armChecks(v *strictcloud.VaultHandle) {
	c.t.Helper()
	s := "/subscriptions/" + v.Spec().Subscription
	c.do("GET", s+"?api-version=2022-12-01", "", "")
	c.do("GET", s+"/providers/Microsoft.RecoveryServices?api-version=2021-04-01", "", "")
	c.do("GET", s+"/providers/Microsoft.SiteRecovery?api-version=2021-04-01", "", "")
	c.do("GET",
		s+
			"/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade?api-version=2021-07-01", "", "")
	c.do("GET", s+"/resourcegroups/"+url.PathEscape(v.Spec().Group)+"?api-version=2021-04-01", "", "")
	c.target(v)
}

// validate makes every check of a vault.
func (c *client) validate(v *strictcloud.VaultHandle) reply {
	c.t.Helper()
	c.armChecks(v)
	return c.prereqs(v)
}

// clean fails the test if the cloud saw a violation.
func clean(t *testing.T, cloud *strictcloud.Server) {
	t.Helper()
	cloud.JudgeProofs(decidedAt)
	if vs := cloud.Violations(); len(vs) > 0 {
		t.Fatalf("violations:\n%s", strings.Join(vs, "\n"))
	}
}

// complains fails the test unless there is a violation with the words, and
// none without.
func complains(t *testing.T, cloud *strictcloud.Server, words string) {
	t.Helper()
	cloud.JudgeProofs(decidedAt)
	vs := cloud.Violations()
	if len(vs) == 0 {
		t.Fatalf("no violation, want one with %q", words)
	}
	for _, v := range vs {
		if strings.Contains(v, words) {
			return
		}
	}
	t.Fatalf("no violation with %q in:\n%s", words, strings.Join(vs, "\n"))
}
